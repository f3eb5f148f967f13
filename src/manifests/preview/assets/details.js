"use strict";

/* Shows one model whole, in a dialog over its list. */
const details = (() => {
  const { date, h, icon, own, picture, tile } = parts;
  const dialog = document.getElementById("details");
  let leave = () => {};
  let turn = () => {};

  const row = (name, value) => value === null || value === undefined
    ? [] : [h("div", {}, h("dt", {}, name), h("dd", {}, value))];

  const several = (texts) => texts && texts.map((text, place) => [place ? ", " : "", own(text)]).flat();

  const text = (value) => value && own(value);

  const when = (value) => value && date(value);

  const rows = (model) => [
    row("Downloads", model.downloads === null ? null : words.whole(model.downloads)),
    row("Likes", model.likes === null ? null : words.whole(model.likes)),
    row("Type", text(model.type)),
    row("Base models", several(model.bases)),
    row("Task", text(model.task)),
    row("Library", text(model.library)),
    row("Licence", text(model.license)),
    row("Access", model.gated && ["on request (", own(model.gated), ")"]),
    row("Weights", model.weights === null ? null : words.brief(model.weights)),
    row("Size", model.size === null ? null : words.size(model.size)),
    row("Formats", several(model.formats)),
    row("Updated", when(model.updated)),
    row("Published", when(model.created)),
    row("Id", h("code", {}, own(model.id))),
  ].flat();

  function show(view) {
    const { model, title, pictures } = view;
    const arrow = (name, label, way, step) => h("button", {
      class: "quiet", type: "button", id: `turn-${way}`, disabled: !view[way], "aria-label": label, on: { click: () => turn(step) },
    }, icon(name));
    leave = view.leave;
    turn = (step) => { const there = step < 0 ? view.before : view.after; if (there) view.go(there); };
    const held = document.activeElement?.id;
    dialog.replaceChildren(
      h("div", { class: "bar" },
        h("span", { class: "rank" }, `${words.whole(model.rank)} of ${words.whole(view.of)}`),
        arrow("left", "Previous model", "before", -1),
        arrow("right", "Next model", "after", 1),
        h("button", { class: "quiet", type: "button", id: "close", "aria-label": "Close", on: { click: () => dialog.close() } }, icon("close")),
      ),
      h("div", { class: "body" },
        h("div", { class: "head" }, tile(model), h("div", {},
          h("h2", { id: "details-name", dir: "auto", tabindex: "-1" }, model.name),
          h("p", { class: "by" }, model.author ? ["by ", own(model.author)] : "author unknown"),
        )),
        model.mode ? h("div", { class: "notice stale" }, h("p", {}, "Upstream says of it: ", own(model.mode))) : null,
        pictures && model.image ? picture(model) : null,
        model.description ? own(model.description, "p") : null,
        h("dl", {}, rows(model)),
        model.tags ? h("ul", { class: "facts", "aria-label": "Tags" }, model.tags.map((each) => h("li", {}, own(each)))) : null,
        link(model, title),
      ),
    );
    if (!dialog.open) dialog.showModal();
    const back = held && document.getElementById(held);
    (back && dialog.contains(back) && !back.disabled ? back : document.getElementById("close")).focus();
    document.querySelector("#details .body").scrollTop = 0;
  }

  /* The only way out of the site; anything but https was dropped when the data were made. */
  const link = (model, title) => model.url && model.url.startsWith("https://")
    ? h("a", { class: "out", href: model.url, target: "_blank", rel: "noopener noreferrer" }, `Open at ${title}`, icon("open"))
    : null;

  const hide = () => { leave = () => {}; if (dialog.open) dialog.close(); };

  dialog.addEventListener("close", () => {
    // It comes late: another model may be shown by now.
    if (!dialog.open) leave();
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.key === "ArrowLeft") turn(-1);
    if (event.key === "ArrowRight") turn(1);
  });

  return { hide, show };
})();
