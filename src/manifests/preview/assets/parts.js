"use strict";

/* Makes the small parts of pages. Text only ever becomes text nodes and attributes of our own. */
const parts = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  const ICONS = {
    alert: "M8 1.8 15 14H1zM8 6v4M8 12v.2",
    check: "m3 8.5 3.2 3.2L13 5",
    clock: "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13M8 4.5V8l2.5 1.5",
    close: "m3.5 3.5 9 9m0-9-9 9",
    down: "M8 2v8.5M4.5 7.5 8 11l3.5-3.5M3 14h10",
    dark: "M13.5 9.5A6 6 0 0 1 6.5 2.5a6 6 0 1 0 7 7",
    gone: "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13M3.5 12.5l9-9",
    held: "M8 1.5 13.5 4v4c0 3.5-2.5 5.5-5.5 6.5C5 13.5 2.5 11.5 2.5 8V4zM6.5 6v4M9.5 6v4",
    left: "M10 3 5 8l5 5",
    light: "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6M8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M3 13l1-1M12 4l1-1",
    list: "M2.5 4h11M2.5 8h11M2.5 12h6",
    like: "M8 13.5S1.8 10 1.8 5.8A3.2 3.2 0 0 1 8 4.6a3.2 3.2 0 0 1 6.2 1.2C14.2 10 8 13.5 8 13.5",
    auto: "M8 1.5a6.5 6.5 0 1 0 0 13zM8 1.5a6.5 6.5 0 0 1 0 13",
    open: "M9 2h5v5M14 2 7.5 8.5M6 3H2.5v10.5H13V10",
    right: "m6 3 5 5-5 5",
    unknown: "M5.5 6a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 .7-1 1.4M8 12.2v.2",
  };
  const STATES = {
    fresh: { icon: "check", text: "fresh" },
    stale: { icon: "clock", text: "stale" },
    quarantined: { icon: "held", text: "quarantined" },
    missing: { icon: "gone", text: "missing" },
    unknown: { icon: "unknown", text: "age unknown" },
  };

  function h(name, attributes = {}, ...children) {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key === "on") for (const [event, act] of Object.entries(value)) node.addEventListener(event, act);
      else if (value === true) node.setAttribute(key, "");
      else if (value !== false && value !== null) node.setAttribute(key, value);
    }
    node.append(...children.flat().filter((child) => child !== null && child !== false));
    return node;
  }

  function icon(name) {
    const picture = document.createElementNS(SVG, "svg");
    const line = document.createElementNS(SVG, "path");
    picture.setAttribute("viewBox", "0 0 16 16");
    picture.setAttribute("class", "icon");
    picture.setAttribute("aria-hidden", "true");
    line.setAttribute("d", ICONS[name]);
    picture.append(line);
    return picture;
  }

  const mark = (state) =>
    h("span", { class: `mark ${state}` }, icon(STATES[state].icon), STATES[state].text);

  const complete = () =>
    h("span", { class: "mark whole", title: "The listing ended before the limit" }, icon("list"), "complete");

  const time = (text) => words.valid(text)
    ? h("time", { datetime: text, title: words.moment(text) }, words.ago(text))
    : h("span", {}, text);

  const date = (text) => h("time", { datetime: text, title: words.moment(text) }, words.day(text));

  const own = (text, name = "bdi") => h(name, { dir: "auto" }, text);

  const hue = (text) => [...text].reduce((sum, letter) => (sum * 47 + letter.codePointAt(0) * 151) % 360, 11);

  function tile(model) {
    const letter = /[\p{L}\p{N}]/u.exec(model.name)?.[0] ?? "·";
    const node = h("span", { class: "tile", "aria-hidden": "true" }, letter.toUpperCase());
    node.style.setProperty("--hue", hue(model.type ?? model.task ?? model.author ?? model.id));
    return node;
  }

  const picture = (model) => h("img", {
    alt: "", class: "picture", decoding: "async", loading: "lazy",
    referrerpolicy: "no-referrer", src: model.image,
    on: { error: (event) => event.target.remove() },
  });

  const counter = (name, count, noun) => count === null ? null : h(
    "span", { title: words.counted(count, noun) }, icon(name), words.brief(count),
    h("span", { class: "unseen" }, ` ${noun}s`),
  );

  const facts = (model) => [
    model.mode, model.type ?? model.task, ...(model.bases ?? []).slice(0, 2), model.library,
    model.weights && `${words.brief(model.weights)} weights`, model.license,
  ].filter(Boolean)
    .map((text) => h("li", text === model.mode ? { class: "warn" } : {}, own(text)));

  function card(model, address, pictures) {
    const known = facts(model);
    return h("li", { class: "card" },
      pictures && model.image ? picture(model) : null,
      h("div", { class: "head" },
        tile(model),
        h("div", {},
          h("h2", {}, h("a", { href: address, dir: "auto" }, model.name)),
          h("p", { class: "by" }, model.author ? ["by ", own(model.author)] : "author unknown"),
        ),
        h("span", { class: "rank" }, h("span", { class: "unseen" }, "number "), words.whole(model.rank)),
      ),
      model.description ? own(model.description, "p") : null,
      known.length ? h("ul", { class: "facts" }, known) : null,
      h("p", { class: "counts" },
        counter("down", model.downloads, "download"), counter("like", model.likes, "like")),
    );
  }

  /* A long list comes in parts, so that the first ones are there at once. */
  function grown(list, items, make, step = 60) {
    const more = h("button", { class: "more", type: "button" }, "Show more");
    let shown = 0;
    const grow = () => {
      list.append(...items.slice(shown, shown + step).map(make));
      shown += step;
      more.hidden = shown >= items.length;
    };
    more.addEventListener("click", grow);
    new IntersectionObserver((seen) => { if (seen.at(-1).isIntersecting) grow(); },
      { rootMargin: "600px" }).observe(more);
    grow();
    return more;
  }

  return { STATES, card, complete, date, grown, h, icon, mark, own, picture, tile, time };
})();
