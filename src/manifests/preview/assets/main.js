"use strict";

/* Follows the address: `#/source`, `#/source/words/of/a/list`, and `?id` for one model of it. */
(() => {
  const { h, icon } = parts;
  const main = document.getElementById("main");
  const sections = preview.sections();
  const view = { pictures: false };
  let shown = null;
  let models = [];
  let came = false;
  let visit = 0;

  const decoded = (text) => {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  };

  function place() {
    const [path, id] = location.hash.replace(/^#\/?/, "").split("?", 2);
    const [name, ...rest] = path.split("/").map(decoded);
    const section = sections.find((each) => each.name === name) ?? sections[0];
    const short = rest.join("/");
    return { section, short, listing: section.byPath.get(short), id: id === undefined ? undefined : decoded(id) };
  }

  /* Puts a page in place; whoever works with a menu keeps it, all others start at the heading. */
  function draw(nodes, title, first) {
    const held = document.activeElement?.id;
    main.replaceChildren(...nodes.filter(Boolean));
    document.title = `${title} - catalogue preview`;
    const back = held?.startsWith("menu-") && document.getElementById(held);
    if (back) back.focus();
    else if (!first) document.getElementById("name")?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }

  async function open(section, listing, first) {
    const mine = visit += 1;
    const title = `${listing.label} - ${section.title}`;
    models = [];
    const slow = setTimeout(() => { if (mine === visit) draw(pages.waiting(section, listing), title, first); }, 150);
    let found = null;
    try {
      found = listing.count === null ? [] : await preview.models(section, listing);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
    }
    clearTimeout(slow);
    if (mine !== visit) return;
    models = found ?? [];
    draw(found ? pages.list(section, listing, models, view) : pages.failed(section, listing), title, first);
    if (!first) pages.told(`${listing.label}: ${words.counted(models.length, "model")}, ${listing.state}`);
  }

  function dialog({ section, listing, id }) {
    const number = models.findIndex((model) => model.id === id);
    if (number < 0) {
      details.hide();
      return;
    }
    const to = (model) => pages.address(section, listing, model?.id);
    details.show({
      model: models[number], of: models.length, title: section.title, pictures: view.pictures,
      before: models[number - 1], after: models[number + 1],
      // At once, as the next press of a key may come before the address is followed.
      go: (model) => {
        history.replaceState(null, "", to(model));
        dialog(place());
      },
      leave: () => { if (came) history.back(); else location.replace(to()); },
    });
  }

  async function follow(event) {
    const there = place();
    const key = `${there.section.name}/${there.short}`;
    const first = !event;
    if (key !== shown) {
      details.hide();
      shown = key;
      for (const link of document.querySelectorAll("#sources a")) {
        if (link.dataset.name === there.section.name) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
      }
      if (there.listing) await open(there.section, there.listing, first);
      else {
        visit += 1;
        draw(there.short ? pages.lost(there.section) : pages.overview(there.section), there.short ? "No such list" : there.section.title, first);
      }
      if (shown !== key) return;
    }
    if (there.id === undefined) came = false;
    dialog(place());
  }

  function theme() {
    const root = document.documentElement;
    const names = ["auto", "light", "dark"];
    const button = document.getElementById("theme");
    const apply = (name) => {
      root.dataset.theme = name;
      button.replaceChildren(icon(name), h("span", { class: "unseen" }, `Colours: ${name}`));
      button.title = `Colours: ${name}`;
    };
    const kept = () => {
      try {
        return localStorage.getItem("theme");
      } catch {
        return null;
      }
    };
    button.addEventListener("click", () => {
      const next = names[(names.indexOf(root.dataset.theme) + 1) % names.length];
      apply(next);
      try {
        localStorage.setItem("theme", next);
      } catch {
        /* Where nothing may be kept, the choice lasts as long as the page. */
      }
    });
    apply(names.includes(kept()) ? kept() : "auto");
  }

  theme();
  document.getElementById("sources").append(...sections.map((section) =>
    h("a", { href: pages.address(section), "data-name": section.name }, section.title)));
  const updated = preview.index().updated;
  document.getElementById("foot").append(h("p", {}, "A preview of the published set", updated ? [", as of ", parts.time(updated)] : "", "."));
  document.getElementById("skip").addEventListener("click", (event) => {
    event.preventDefault();
    document.getElementById("name")?.focus();
  });
  document.addEventListener("click", (event) => { if (event.target.closest?.(".card a")) came = true; });
  document.addEventListener("keydown", (event) => {
    const search = document.getElementById("search");
    const typing = event.target.closest?.("input, select, dialog");
    if (event.key !== "/" || typing || !search || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    search.focus();
  });
  addEventListener("hashchange", follow);
  follow(null);
})();
