"use strict";

/* Builds the two kinds of pages: all lists of a source, and one list. */
const pages = (() => {
  const { STATES, card, complete, date, grown, h, icon, mark, own, time } = parts;
  const MOST_IN_A_MENU = 100;

  const address = (section, listing, id) => "#/" + [section.name, ...(listing ? listing.short.split("/") : [])]
    .map(encodeURIComponent).join("/") + (id === undefined ? "" : "?" + encodeURIComponent(id));

  function menus(section, listing) {
    const now = listing?.choice ?? section.facets.map(() => 0);
    const others = section.listings.filter((each) => !each.choice);
    const menu = (id, title, options) => h("label", { for: id }, h("span", {}, title),
      h("select", { id, on: { change: (event) => { location.hash = event.target.value; } } }, options));
    const option = (there, text, selected) => there === section
      ? h("option", { value: address(section), selected }, text)
      : h("option", { value: there ? address(section, there) : "", selected, disabled: !there }, selected ? text : `${text} · ${amount(there)}`);
    const amount = (there) => !there ? "none" : there.count === null ? "missing" : words.whole(there.count);
    const choices = section.facets.map((facet, place) => menu(`menu-${place}`, facet.title,
      facet.slugs.map((slug, number) => {
        const choice = now.with(place, number);
        const there = choice.some(Boolean) ? section.byChoice.get(choice.join()) : section;
        return option(there, slug, !(listing && !listing.choice) && now[place] === number);
      })));
    const more = others.length && others.length <= MOST_IN_A_MENU
      ? [menu("menu-more", section.facets.length ? "More lists" : "List", [
        h("option", { value: address(section), selected: !listing || Boolean(listing.choice) }, "choose…"),
        ...others.map((each) => option(each, each.label, each === listing)),
      ])] : [];
    return h("form", { class: "menus", "aria-label": "Lists", on: { submit: (event) => event.preventDefault() } }, choices, more);
  }

  const search = (label, act) => h("label", { class: "search" },
    h("span", { class: "unseen" }, label),
    h("input", { id: "search", type: "search", placeholder: label, autocomplete: "off", spellcheck: "false",
      "aria-keyshortcuts": "/", on: { input: (event) => act(wanted(event.target.value)) } }),
    h("kbd", { "aria-hidden": "true" }, "/"));

  const wanted = (typed) => typed.toLocaleLowerCase("en").split(/\s+/).filter(Boolean);

  const fits = (texts, sought) => {
    const all = texts.flat().filter(Boolean).join("\n").toLocaleLowerCase("en");
    return sought.every((word) => all.includes(word));
  };

  const heading = (...words_) => h("h1", { id: "name", tabindex: "-1", dir: "auto" }, ...words_);

  /* How much a search has found, for eyes; `told` says it to ears. */
  const tally = () => h("p", { class: "found", "aria-hidden": "true" });

  const told = (text) => { document.getElementById("told").textContent = text; };

  function overview(section) {
    let sought = [];
    let state = null;
    const states = Object.keys(STATES).map((name) => [name, section.listings.filter((each) => each.state === name).length]).filter(([, count]) => count);
    const results = h("div", { class: "results" });
    const fitting = tally();
    const draw = (aloud) => {
      const found = section.listings.filter((each) => (!state || each.state === state) && fits([each.label, each.path, each.code], sought));
      const list = h("ul", { class: "lists" });
      results.replaceChildren(list, grown(list, found, (each) => row(section, each), 120), found.length ? "" : h("p", { class: "nothing" }, "No list fits."));
      if (aloud) told(words.counted(found.length, "list"));
      fitting.textContent = sought.length ? words.counted(found.length, "list") : "";
    };
    const chip = (name, count) => h("button", { type: "button", class: "chip", "aria-pressed": String(name === state), on: { click: (event) => {
      state = name;
      for (const each of event.currentTarget.parentNode.children) each.setAttribute("aria-pressed", String(each === event.currentTarget));
      draw(true);
    } } }, name ? mark(name) : "all", " ", h("b", {}, words.whole(count)));
    draw(false);
    return [
      menus(section, null),
      h("div", { class: "intro" },
        heading(section.title),
        h("p", { class: "sub" }, `${words.counted(section.listings.length, "list")} of ${words.counted(section.models, "model")}. Choose from the menus, or pick one here.`)),
      damage(),
      h("div", { class: "tools" }, search("Find a list", (typed) => { sought = typed; draw(true); }),
        states.length > 1 ? h("div", { class: "chips", role: "group", "aria-label": "How fresh" }, chip(null, section.listings.length), states.map(([name, count]) => chip(name, count))) : null,
        fitting),
      results,
    ];
  }

  const row = (section, listing) => h("li", {}, h("a", { href: address(section, listing) }, own(listing.label)),
    listing.state === "fresh" ? null : mark(listing.state),
    h("span", { class: "count" }, listing.count === null ? "–" : words.whole(listing.count), h("span", { class: "unseen" }, " models")));

  const damage = () => {
    const lines = preview.index().damaged;
    return lines.length ? h("div", { class: "notice stale" }, h("p", {}, `${words.counted(lines.length, "file")} could not be read and count as absent:`), h("ul", {}, lines.map((line) => h("li", {}, own(line))))) : null;
  };

  function notice(section, listing) {
    const since = listing.since ? [" since ", date(listing.since), " (", time(listing.since), ")"] : "";
    const why = [listing.code ? ["The last run ended with ", h("code", {}, listing.code), listing.failures > 1 ? `, as one of ${words.whole(listing.failures)} failures in a row. ` : ". "] : ""].flat(2);
    const last = listing.made ? ["Here is the last good list, made ", time(listing.made), ". "] : "";
    const next = (command) => ["Next: ", h("code", {}, own(command))];
    const name = `${section.name}:${listing.path}`;
    const texts = {
      stale: ["Stale", since, ". ", why, last, next("manifests retry")],
      quarantined: ["Held back", since, ": a new list did not pass the publish gate. ", last, next(`manifests accept ${name}`)],
      missing: ["Nothing is published here", since, ". ", why, next("manifests generate")],
    };
    return texts[listing.state] ? h("div", { class: `notice ${listing.state}` }, icon(STATES[listing.state].icon), h("p", {}, texts[listing.state].flat(2))) : null;
  }

  function list(section, listing, models, view) {
    const results = h("div", { class: "results" });
    const fitting = tally();
    let found = models;
    const draw = () => {
      const cards = h("ol", { class: "cards" });
      const more = grown(cards, found, (model) => card(model, address(section, listing, model.id), view.pictures));
      const none = listing.count === 0 ? "Upstream lists no model here." : "No model fits. Try fewer letters.";
      results.replaceChildren(cards, more, found.length || listing.count === null ? "" : h("p", { class: "nothing" }, none));
    };
    const find = (sought) => {
      found = models.filter((model) => fits([model.name, model.author, model.id, model.type, model.task, model.license, model.bases, model.tags, model.description], sought));
      draw();
      told(words.counted(found.length, "model"));
      fitting.textContent = sought.length ? `${words.whole(found.length)} of ${words.counted(models.length, "model")}` : "";
    };
    const pictured = models.some((model) => model.image);
    draw();
    return [
      menus(section, listing),
      h("div", { class: "intro" },
        heading(listing.label),
        h("p", { class: "sub" },
          h("span", {}, listing.count === null ? "no list" : words.counted(listing.count, "model")), mark(listing.state),
          listing.complete ? complete() : null, listing.made && listing.state !== "missing" ? h("span", {}, "made ", time(listing.made)) : null,
          h("code", {}, own(listing.file)))),
      notice(section, listing),
      models.length ? h("div", { class: "tools" }, search("Search this list", find),
        pictured ? h("button", { type: "button", class: "chip", id: "pictures", "aria-pressed": String(view.pictures), on: { click: (event) => {
          view.pictures = !view.pictures;
          event.currentTarget.setAttribute("aria-pressed", String(view.pictures));
          draw();
        } } }, "Show images") : null, fitting) : null,
      results,
    ];
  }

  const waiting = (section, listing) => [menus(section, listing), h("div", { class: "intro" }, heading(listing.label), h("p", { class: "sub" }, "loading…"))];

  const failed = (section, listing) => [menus(section, listing), h("div", { class: "intro" }, heading(listing.label)),
    h("div", { class: "notice stale" }, icon("alert"), h("p", {}, "The data of this page can’t be loaded: the preview was rewritten or moved. ",
      h("button", { type: "button", class: "more", on: { click: () => location.reload() } }, "Load it anew")))];

  const lost = (section) => [menus(section, null), h("div", { class: "intro" }, heading("No such list"),
    h("p", { class: "sub" }, "It may have been removed or renamed. ", h("a", { href: address(section) }, `All lists of ${section.title}`)))];

  return { address, failed, list, lost, overview, told, waiting };
})();
