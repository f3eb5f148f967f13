"use strict";

// Data and tools: all text goes in as text nodes, never as markup.
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const fill = (node, attributes = {}, children = []) => {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
};
const html = (name, attributes, ...children) => fill(document.createElement(name), attributes, children);
const svg = (name, attributes, ...children) => fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
const mark = (state) => svg("svg", { class: `mark ${state}`, viewBox: "0 0 12 12", "aria-hidden": "true" }, svg("use", { href: `#mark-${state}` }));
const text = (number) => (number === null || number === undefined ? "" : data.texts[number]);
const whole = (number) => Math.round(number).toLocaleString("en");
const counted = (count, noun) => `${whole(count)} ${count === 1 ? noun : `${noun}s`}`;
const seconds = (value) => {
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  if (value < 60) return `${value < 10 ? value.toFixed(1) : Math.round(value)} s`;
  const rounded = Math.round(value);
  return rounded < 3600 ? `${Math.floor(rounded / 60)} min ${rounded % 60} s` : `${Math.floor(rounded / 3600)} h ${Math.floor(rounded / 60) % 60} min`;
};
const r1 = (number) => Math.round(number * 10) / 10;

// Theme: the system's until somebody chooses; the choice is kept where the browser allows it.
const themes = ["system", "light", "dark"];
const remembered = () => { try { return localStorage.getItem("manifests-theme"); } catch { return null; } };
const dress = (theme) => {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  $("theme").textContent = `Theme: ${theme}`;
};
let theme = themes.includes(remembered()) ? remembered() : "system";
dress(theme);
$("theme").addEventListener("click", () => {
  theme = themes[(themes.indexOf(theme) + 1) % themes.length];
  dress(theme);
  try { localStorage.setItem("manifests-theme", theme); } catch { /* it lasts for this visit */ }
});

// Copy buttons: where the clipboard is out of reach, the command is selected for Ctrl+C.
const copy = async (button) => {
  const code = button.previousElementSibling;
  let said = "Copied";
  try {
    await navigator.clipboard.writeText(code.textContent);
  } catch {
    getSelection().selectAllChildren(code);
    said = "Press Ctrl+C";
  }
  button.textContent = said;
  setTimeout(() => { button.textContent = "Copy"; }, 1600);
};
document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.hasAttribute("data-copy")) copy(button);
  if (button?.dataset.find) find(button.dataset.find);
});

// Columns: an empty one is null all the way down.
const { filters, attempts, queries } = data;
const total = filters.source?.length ?? 0;
const of = (name, row) => filters[name]?.[row] ?? null;
const own = (name, row) => text(of(name, row)).replaceAll("\u0000", filters.path[row]);
const stateOf = (row) => data.states[filters.state[row]];
const tries = (attempts.query ?? []).map((query, row) => ({
  query,
  number: attempts.number[row],
  start: attempts.start[row] / 1000,
  took: attempts.took[row] / 1000,
  end: (attempts.start[row] + attempts.took[row]) / 1000,
  status: attempts.status[row] ?? null,
  code: text(attempts.code[row]),
  wait: (attempts.wait[row] ?? 0) / 1000,
}));
const kind = (one) => (one.code === "RATE_LIMIT" ? "refused" : one.code ? "failed" : one.number > 1 ? "again" : "ok");
const kinds = { ok: "answered", again: "answered after a retry", refused: "refused (429)", failed: "failed otherwise" };

// Scales: round steps for an axis, in seconds or plain numbers.
const steps = (limit, most, bases) => {
  for (let power = 1e-3; power < 1e7; power *= 10) {
    for (const base of bases) if (limit / (base * power) <= most) return base * power;
  }
  return limit;
};
const timeStep = (limit, most) => [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200].find((step) => limit / step <= most) ?? steps(limit, most, [1, 2, 5]);
const ticks = (limit, step) => Array.from({ length: Math.floor(limit / step + 1e-9) + 1 }, (_, index) => index * step);
const clock = (value, limit) => {
  if (value === 0 || limit < 60) return value === 0 ? "0" : seconds(value).replace(".0 ", " ");
  return limit < 7200 ? `${Math.floor(value / 60)}:${String(Math.round(value % 60)).padStart(2, "0")}` : `${Math.round(value / 360) / 10} h`;
};

// Requests: a line for each listing from top to bottom, so that the slope is the pace. Each kind is
// one path, and what would fall on the same pixel is drawn once: thousands cost no more than tens.
const lineOf = (list) => {
  const lines = new Map();
  for (const one of [...list].sort((a, b) => a.start - b.start)) if (!lines.has(one.query)) lines.set(one.query, lines.size);
  return lines;
};
const waterfall = (list, lines, x, tall) => {
  const step = tall / lines.size;
  const height = Math.max(1, Math.min(7, step * 0.72));
  const parts = { wait: new Set(), ok: new Set(), again: new Set(), refused: new Set(), failed: new Set() };
  const fine = step < 1 ? Math.ceil(1 / step) : 1;
  for (const one of list) {
    const y = r1((Math.floor(lines.get(one.query) / fine) * fine + 0.5) * step);
    const [from, to] = [Math.round(x(one.start) * 2) / 2, Math.round(x(one.end) * 2) / 2];
    parts[kind(one)].add(`M${from} ${y}H${Math.max(to, from + 1.5)}`);
    if (kind(one) === "failed" && height > 2) parts.failed.add(`M${to} ${r1(y - height / 2 - 1)}v${r1(height + 2)}`);
    if (one.wait) parts.wait.add(`M${to} ${y}H${Math.round(x(Math.min(one.end + one.wait, data.seconds)) * 2) / 2}`);
  }
  return Object.entries(parts).map(([name, shapes]) => svg("path", {
    class: name,
    d: [...shapes].join(""),
    "stroke-width": name === "wait" ? 1 : r1(height),
    "stroke-dasharray": name === "refused" ? "2 1.5" : null,
  }));
};

// Pace: what was in flight under the window, and what started under the rate.
const flightOf = (list) => {
  const turns = list.flatMap((one) => [[one.start, 1], [one.end, -1]]).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let now = 0;
  return turns.map(([at, turn]) => [at, (now += turn)]);
};
const stairs = (points, x, y, floor) => {
  let path = "", last = null;
  for (const [at, value] of points) {
    const px = Math.round(x(at) * 2) / 2;
    if (value === null) { last = null; continue; }
    path += last === null ? `M${px} ${floor ?? r1(y(value))}${floor === undefined ? "" : `V${r1(y(value))}`}` : `H${px}V${r1(y(value))}`;
    last = px;
  }
  return path;
};
const bands = (notes, x, tall) => notes.flatMap(([at, what, lasts, why], index) => {
  if (what === "closed") return [];
  const next = notes.slice(index + 1).find((note) => (note[1] === "hold") === (what === "hold"));
  const end = Math.min(what === "hold" ? at + lasts : data.seconds, next ? next[0] : data.seconds);
  const wide = Math.max(2, x(Math.min(end, data.seconds)) - x(at));
  const words = what === "hold" ? "hold" : what === "open" ? "circuit open" : "probe";
  return [
    svg("rect", { x: r1(x(at)), width: r1(wide), y: 0, height: tall, fill: `url(#hatch-${what === "half-open" ? "half" : what})` },
      svg("title", {}, `${words}, ${seconds(end - at)}: ${why}`)),
    wide > words.length * 6 ? svg("text", { x: r1(x(at)) + 3, y: -3, class: "name" }, words) : null,
  ].filter(Boolean);
});
const hostFigure = (source, width) => {
  const list = tries.filter((one) => queries.source[one.query] === source);
  if (!list.length) return null;
  const host = data.hosts.find((each) => each.source === source);
  const [left, right, top] = [34, 6, 32];
  const lines = lineOf(list);
  const tall = Math.round(Math.max(48, Math.min(lines.size * 7, 300)));
  const [low, slow] = [64, 48];
  const paceTop = top + tall + 28, rateTop = paceTop + low + 24, bottom = rateTop + slow;
  const limit = Math.max(data.seconds, ...list.map((one) => one.end), 0.1);
  const x = (at) => left + (at / limit) * (width - left - right);
  const step = timeStep(limit, Math.max(3, width / 110));
  const sampled = host?.at.length > 1;
  const flight = sampled ? host.at.map((at, index) => [at, host.inFlight[index]]) : flightOf(list);
  const windows = sampled ? host.at.map((at, index) => [at, host.window[index]]) : [];
  const most = Math.max(2, ...flight.map((point) => point[1]), ...windows.map((point) => point[1]));
  const yFlight = (value) => low - (value / most) * low;
  const bucket = Math.max(limit / Math.max(30, Math.floor((width - left) / 9)), 0.05);
  const starts = new Array(Math.ceil(limit / bucket) + 1).fill(0);
  for (const one of list) starts[Math.floor(one.start / bucket)] += 1 / bucket;
  const rates = sampled ? host.at.map((at, index) => [at, host.rate[index]]) : [];
  const fastest = Math.max(1, ...starts);
  const ySlow = (value) => slow - (Math.min(value, fastest) / fastest) * slow;
  const refused = list.filter((one) => kind(one) === "refused").length;
  const failed = list.filter((one) => kind(one) === "failed").length;
  const name = data.sources[source];
  const summary = `${counted(list.length, "request")} for ${counted(lines.size, "listing")}, ${whole(refused)} refused, ${whole(failed)} failed otherwise`;
  const cursor = svg("line", { class: "cursor", y1: top, y2: bottom, visibility: "hidden" });
  const last = flight.length ? [[limit, flight[flight.length - 1][1]]] : [];
  const end = (points) => (points.length ? [...points, [limit, points[points.length - 1][1]]] : points);
  const chart = svg("svg", { class: "chart", viewBox: `0 0 ${width} ${bottom + 20}`, height: bottom + 20, role: "img", "aria-label": `Requests to ${name} over time: ${summary}. The tables below say the same.` },
    svg("title", {}, `Requests to ${name} over time`),
    svg("desc", {}, summary),
    svg("path", { class: "grid", d: ticks(limit, step).map((at) => `M${r1(x(at))} ${top}V${bottom}`).join("") }),
    svg("text", { class: "name", x: left, y: 12 }, "listings, a line each, by their first request"),
    svg("g", { transform: `translate(0 ${top})` }, ...bands(host?.notes ?? [], x, bottom - top), ...waterfall(list, lines, x, tall)),
    svg("g", { transform: `translate(0 ${paceTop})` },
      svg("text", { class: "name", x: left, y: -5 }, windows.length ? "in flight, and the window that allows it" : "in flight"),
      svg("text", { x: left - 5, y: 9, "text-anchor": "end" }, whole(most)),
      svg("path", { class: "flight", d: `${stairs([...flight, ...last], x, yFlight, low)}V${low}Z` }),
      svg("path", { class: "window", d: stairs(end(windows), x, yFlight) }),
      svg("path", { class: "axis", d: `M${left} ${low}H${width - right}` })),
    svg("g", { transform: `translate(0 ${rateTop})` },
      svg("text", { class: "name", x: left, y: -5 }, rates.some((point) => point[1] !== null) ? "starts a second, and the rate that allows them" : "starts a second"),
      svg("text", { x: left - 5, y: 9, "text-anchor": "end" }, fastest < 10 ? r1(fastest) : whole(fastest)),
      svg("path", { class: "starts", d: starts.map((value, index) => (value ? `M${r1(x(index * bucket))} ${slow}V${r1(ySlow(value))}H${r1(x(Math.min((index + 1) * bucket, limit)) - 0.8)}V${slow}Z` : "")).join("") }),
      svg("path", { class: "rate", d: stairs(end(rates), x, ySlow) }),
      svg("path", { class: "axis", d: `M${left} ${slow}H${width - right}` })),
    ...ticks(limit, step).map((at) => svg("text", { x: r1(x(at)), y: bottom + 14, "text-anchor": at === 0 ? "start" : x(at) > width - 24 ? "end" : "middle" }, clock(at, limit))),
    cursor);
  const readout = html("p", { class: "readout" });
  chart.addEventListener("pointermove", (event) => {
    const box = chart.getBoundingClientRect();
    const scale = width / box.width;
    const at = (((event.clientX - box.left) * scale - left) / (width - left - right)) * limit;
    if (at < 0 || at > limit) return;
    const line = (((event.clientY - box.top) * scale - top) / tall) * lines.size;
    cursor.setAttribute("x1", x(at)); cursor.setAttribute("x2", x(at)); cursor.setAttribute("visibility", "visible");
    readout.textContent = telling(list, lines, at, line, limit / width);
  });
  chart.addEventListener("pointerleave", () => { cursor.setAttribute("visibility", "hidden"); readout.textContent = ""; });
  return html("figure", {}, html("figcaption", {}, html("b", {}, name), html("span", {}, summary)), chart, readout);
};
const telling = (list, lines, at, line, pixel) => {
  const near = Math.max(1.5, lines.size / 100);
  const away = (one) => Math.max(one.start - at, at - one.end - one.wait, 0) / pixel + 8 * Math.abs(lines.get(one.query) + 0.5 - line) / near;
  const here = list.filter((one) => Math.abs(lines.get(one.query) + 0.5 - line) < near && away(one) < 16);
  if (!here.length) return `${seconds(at)}: ${counted(list.filter((one) => one.start <= at && at <= one.end).length, "request")} in flight`;
  const one = here.reduce((best, other) => (away(other) < away(best) ? other : best));
  const told = [text(queries.first[one.query]), `try ${one.number}`, `from ${seconds(one.start)}, took ${seconds(one.took)}`];
  told.push(one.code ? `${one.status ?? "no answer"} ${one.code}` : `${one.status ?? ""}`, one.wait ? `then a wait of ${seconds(one.wait)}` : "");
  return told.filter(Boolean).join(" · ");
};
const swatch = (name, words, draw) => html("span", {}, svg("svg", { viewBox: "0 0 20 10", "aria-hidden": "true" }, draw), words);
const legend = () => html("p", { class: "legend" },
  ...Object.entries(kinds).map(([name, words]) => swatch(name, words, svg("path", { class: name, "stroke-width": 5, "stroke-dasharray": name === "refused" ? "2 1.5" : null, d: name === "failed" ? "M1 5H18M18 1v8" : "M1 5H19" }))),
  swatch("wait", "waiting for a retry", svg("path", { class: "wait", d: "M1 5H19" })),
  swatch("hold", "hold", svg("rect", { width: 20, height: 10, fill: "url(#hatch-hold)" })),
  swatch("open", "circuit open", svg("rect", { width: 20, height: 10, fill: "url(#hatch-open)" })),
  swatch("half", "single probes", svg("rect", { width: 20, height: 10, fill: "url(#hatch-half)" })));

// Latency: logarithmic buckets, an eighth of a decade each; the marks are the nearest rank.
const quantile = (ordered, share) => ordered[Math.max(0, Math.ceil(share * ordered.length) - 1)];
const histogram = (source, width, range) => {
  const list = tries.filter((one) => queries.source[one.query] === source);
  if (!list.length) return null;
  const [left, right, top, tall] = [34, 30, 22, 110];
  const [from, to] = range;
  const places = (to - from) * 8;
  const place = (value) => (Math.log10(Math.max(value, 0.001)) - from) * 8;
  const x = (value) => left + (place(value) / places) * (width - left - right);
  const good = new Array(places).fill(0), bad = new Array(places).fill(0);
  for (const one of list) (one.code ? bad : good)[Math.max(0, Math.min(places - 1, Math.floor(place(one.took) + 1e-9)))] += 1;
  const most = Math.max(1, ...good.map((count, index) => count + bad[index]));
  const wide = (width - left - right) / places;
  const bar = (counts, floor, name) => svg("path", { class: name, d: counts.map((count, index) => {
    if (!count) return "";
    const base = top + tall - (floor[index] / most) * tall;
    return `M${r1(left + index * wide + 0.5)} ${r1(base)}v${r1(-(count / most) * tall)}h${r1(wide - 1)}v${r1((count / most) * tall)}z`;
  }).join("") });
  const ordered = list.map((one) => one.took).sort((a, b) => a - b);
  const marks = [["p50", "median", quantile(ordered, 0.5)], ["p95", "95 %", quantile(ordered, 0.95)]];
  const name = data.sources[source];
  const failed = bad.reduce((sum, count) => sum + count, 0);
  const told = `median ${seconds(marks[0][2])}, 95 % within ${seconds(marks[1][2])}, slowest ${seconds(ordered[ordered.length - 1])}`;
  const decades = Array.from({ length: to - from + 1 }, (_, index) => 10 ** (from + index));
  return html("figure", {},
    html("figcaption", {}, html("b", {}, name), html("span", {}, told)),
    svg("svg", { class: "chart", viewBox: `0 0 ${width} ${top + tall + 20}`, height: top + tall + 20, role: "img", "aria-label": `Latency of ${name}: ${told}; ${whole(failed)} of ${counted(list.length, "request")} failed` },
      svg("title", {}, `Latency of ${name}`), svg("desc", {}, told),
      svg("path", { class: "grid", d: decades.map((value) => `M${r1(x(value))} ${top}v${tall}`).join("") }),
      svg("text", { x: left - 5, y: top + 9, "text-anchor": "end" }, whole(most)),
      bar(good, new Array(places).fill(0), "good-bar"), bar(bad, good, "bad-bar"),
      svg("path", { class: "axis", d: `M${left} ${top + tall}H${width - right}` }),
      ...decades.map((value, index) => svg("text", { x: r1(x(value)), y: top + tall + 14, "text-anchor": index === decades.length - 1 ? "end" : "middle" }, value < 1 ? `${value * 1000} ms` : `${whole(value)} s`)),
      ...marks.flatMap(([style, words, value], index) => [
        svg("line", { class: style, x1: r1(x(value)), x2: r1(x(value)), y1: top - 14, y2: top + tall }),
        svg("text", { class: "name", x: r1(x(value)) + (index ? 4 : -4), y: top - 5, "text-anchor": index ? "start" : "end" }, words)])));
};

// Outcome by facet: two facets of one source; a cell counts, and shows the worst of its states.
const rowsOf = data.sources.map((_, source) => (filters.source ?? []).flatMap((each, row) => (each === source ? [row] : [])));
const facetsOf = (source) => data.facets.filter((facet) => facet.source === source);
const chosen = { source: 0, down: "", across: "" };
const select = (words, options, value, change) => {
  const box = html("select", {}, ...options.map(([key, name]) => html("option", { value: key }, name)));
  box.value = value;
  box.addEventListener("change", () => change(box.value));
  return html("label", {}, `${words} `, box);
};
const startFacets = (source) => {
  const names = facetsOf(source).map((facet) => facet.name);
  chosen.source = source;
  chosen.down = names.includes("period") ? "period" : names[0];
  chosen.across = names.includes("base_model") ? "base_model" : names[1];
};
const drawHeat = () => {
  const facets = facetsOf(chosen.source);
  const named = (name) => facets.find((facet) => facet.name === name);
  const options = facets.map((facet) => [facet.name, facet.name.replaceAll("_", " ")]);
  const swap = (side, other) => (name) => { if (chosen[other] === name) chosen[other] = chosen[side]; chosen[side] = name; drawHeat(); };
  const sources = data.sources.flatMap((name, source) => (facetsOf(source).length > 1 ? [[String(source), name]] : []));
  const held = document.activeElement?.closest("#facet-controls") ? [...$("facet-controls").querySelectorAll("select")].indexOf(document.activeElement) : -1;
  $("facet-controls").replaceChildren(
    ...(sources.length > 1 ? [select("Source", sources, String(chosen.source), (value) => { startFacets(Number(value)); drawHeat(); })] : []),
    select("Down", options, chosen.down, swap("down", "across")),
    select("Across", options, chosen.across, swap("across", "down")));
  if (held >= 0) $("facet-controls").querySelectorAll("select")[held]?.focus();
  const [down, across] = [named(chosen.down), named(chosen.across)];
  const cells = new Map();
  let alone = 0;
  rowsOf[chosen.source].forEach((row, index) => {
    const [a, b] = [down.at[index], across.at[index]];
    if (a === null || b === null) { alone += 1; return; }
    const cell = cells.get(`${a} ${b}`) ?? { count: 0, current: 0, worst: 0 };
    cell.count += 1;
    cell.current += filters.state[row] < 2 ? 1 : 0;
    cell.worst = Math.max(cell.worst, filters.state[row]);
    cells.set(`${a} ${b}`, cell);
  });
  const cell = (a, b) => {
    const one = cells.get(`${a} ${b}`);
    if (!one) return html("td", { class: "none" }, "–");
    const state = data.states[one.worst];
    const shown = one.current === one.count ? whole(one.count) : `${whole(one.current)} / ${whole(one.count)}`;
    const words = `${down.slugs[a]}, ${across.slugs[b]}: ${shown} current, worst ${state}. Show in the table`;
    const share = one.current / one.count;
    return html("td", {}, html("button", { type: "button", class: `tint-${state} tint${share < 0.5 ? " worse" : ""}`, "aria-label": words, "data-find": `source:${data.sources[chosen.source]} ${down.name}:${down.slugs[a]} ${across.name}:${across.slugs[b]}` },
      mark(state), html("span", {}, shown)));
  };
  $("heat").replaceChildren(
    html("div", { class: "frame", role: "group", "aria-label": "Outcomes by facet", tabindex: 0 },
      html("table", { class: "heat" },
        html("caption", {}, "Current of all filters in each cell; sign and tint are those of the worst"),
        html("thead", {}, html("tr", {}, html("td", {}), ...across.slugs.map((slug) => html("th", { scope: "col" }, slug)))),
        html("tbody", {}, ...down.slugs.map((slug, a) => html("tr", {}, html("th", { scope: "row" }, slug), ...across.slugs.map((_, b) => cell(a, b))))))),
    html("p", { class: "legend" }, ...data.states.map((state) => html("span", {}, mark(state), ` ${state}`)),
      alone ? html("span", {}, `${counted(alone, "filter")} without these facets left out`) : null));
};

// History: a column for each run, oldest first; its height is its share of filters, its dot its time.
const drawHistory = (width) => {
  const runs = data.past;
  const [left, right, top, tall, low] = [34, 6, 6, 84, 34];
  const wide = Math.min(30, (width - left - right) / Math.max(runs.length, 8));
  const longest = Math.max(0.1, ...runs.map((run) => run.seconds ?? 0));
  const shapes = runs.flatMap((run, index) => {
    const all = run.states.reduce((sum, count) => sum + count, 0);
    const x = r1(left + index * wide + 1);
    let y = top + tall;
    const told = `${run.started.replace("T", " ").slice(0, 16)} · ${data.states.map((state, place) => (run.states[place] ? `${run.states[place]} ${state}` : "")).filter(Boolean).join(", ") || "nothing is known"} · ${run.seconds === null ? "killed" : seconds(run.seconds)} · ${run.endedBy}${run.dryRun ? ", dry run" : ""}`;
    const group = svg("g", {}, svg("title", {}, told), svg("rect", { x, y: top, width: r1(wide - 2), height: tall, fill: "var(--sunk)" }));
    data.states.forEach((state, place) => {
      const part = all ? (run.states[place] / all) * tall : 0;
      y -= part;
      if (part) group.append(svg("rect", { class: state, x, y: r1(y), width: r1(wide - 2), height: r1(Math.max(part, 1)) }));
    });
    if (!all) group.append(svg("path", { class: "failed", "stroke-width": 1.5, d: `M${x + wide / 2 - 4} ${top + tall / 2 - 3}l6 6m0-6l-6 6` }));
    if (run.seconds !== null) {
      const part = Math.max(1.5, (run.seconds / longest) * low);
      group.append(svg("rect", { x, y: r1(top + tall + 26 + low - part), width: r1(wide - 2), height: r1(part), class: "good-bar" }));
    }
    return group;
  });
  const bottom = top + tall + 26 + low;
  const now = runs[runs.length - 1];
  $("history").replaceChildren(
    html("p", { class: "legend" }, ...data.states.map((state) => html("span", {}, mark(state), ` ${state}`))),
    svg("svg", { class: "chart", viewBox: `0 0 ${width} ${bottom + 18}`, height: bottom + 18, role: "img", "aria-label": `${counted(runs.length, "run")}, oldest first: states of the filters and duration. The table below says the same.` },
      svg("title", {}, "The last runs"), svg("desc", {}, `This run ended by ${now.endedBy} after ${seconds(now.seconds)}.`),
      svg("text", { x: left - 5, y: top + 9, "text-anchor": "end" }, "100 %"), svg("text", { x: left - 5, y: top + tall, "text-anchor": "end" }, "0"),
      svg("path", { class: "axis", d: `M${left} ${top + tall}H${r1(left + wide * runs.length)}M${left} ${bottom}H${r1(left + wide * runs.length)}` }),
      svg("text", { class: "name", x: left, y: top + tall + 19 }, `duration, at most ${seconds(longest)}`),
      ...shapes,
      svg("text", { x: r1(left + wide * (runs.length - 0.5)), y: bottom + 14, "text-anchor": runs.length < 4 ? "start" : "end", class: "name" }, "this run")));
};

// Search: words all of which a row must hold; `facet:slug`, `state:…`, `code:…` mean the whole word.
const stays = new Set();
const known = new Set();
const hay = new Array(total);
const prepare = () => {
  const facets = new Array(total).fill("");
  for (const facet of data.facets) {
    const words = facet.slugs.map((slug) => `${facet.name}:${slug}`.toLowerCase());
    words.forEach((word) => known.add(word));
    rowsOf[facet.source].forEach((row, index) => { if (facet.at[index] !== null) facets[row] += ` ${words[facet.at[index]]}`; });
  }
  for (let row = 0; row < total; row += 1) {
    const words = [`source:${data.sources[filters.source[row]]}`, `state:${stateOf(row)}`];
    if (of("code", row) !== null) words.push(`code:${text(of("code", row))}`);
    if (of("last", row) !== null) words.push(`code:${text(of("last", row))}`);
    for (const word of words) known.add(word.toLowerCase());
    hay[row] = ` ${words.join(" ")} ${filters.path[row]} ${of("label", row) ?? ""} ${own("cause", row)}`.toLowerCase() + `${facets[row]} `;
  }
};
const matches = (words) => {
  const rows = [];
  const needles = words.toLowerCase().split(/\s+/).filter(Boolean).map((word) => (known.has(word) ? ` ${word} ` : word));
  for (let row = 0; row < total; row += 1) {
    if ((!stays.size || stays.has(filters.state[row])) && needles.every((needle) => hay[row].includes(needle))) rows.push(row);
  }
  return rows;
};

// The table of filters: sorted numbers of rows, of which only those in sight become elements.
const columns = [
  { key: "state", name: "State", first: -1, value: (row) => filters.state[row], show: (row) => [mark(stateOf(row)), html("span", { class: "word" }, ` ${stateOf(row)}`)] },
  { key: "source", name: "Source", wide: true, value: (row) => data.sources[filters.source[row]] },
  { key: "filter", name: "Filter", value: (row) => filters.path[row] },
  { key: "count", name: "Models", number: true, value: (row) => of("count", row) },
  { key: "previous", name: "Before", number: true, wide: true, value: (row) => of("previous", row) },
  { key: "attempts", name: "Requests", number: true, wide: true, value: (row) => of("attempts", row) ?? 0 },
  { key: "waited", name: "Waited", number: true, wide: true, value: (row) => of("waited", row) ?? 0, show: (row) => [of("waited", row) ? seconds(of("waited", row)) : "–"] },
  { key: "cause", name: "Cause", wide: true, value: (row) => (of("code", row) === null ? own("accepted", row) : `${text(of("code", row))}: ${own("cause", row)}`) },
];
const order = { key: "state", way: -1 };
const view = { rows: [], active: 0, first: -1, last: -1 };
const rowHeight = () => (matchMedia("(max-width: 640px)").matches ? 40 : 30);
const plain = (value) => (value === null || value === "" ? "–" : typeof value === "number" ? whole(value) : value);
const style = (column) => `c-${column.key}${column.number ? " number" : ""}${column.wide ? " wide" : ""}`;
const sorted = (rows) => {
  const column = columns.find((each) => each.key === order.key);
  const values = new Map(rows.map((row) => [row, column.value(row)]));
  const compare = (a, b) => {
    const [x, y] = [values.get(a), values.get(b)];
    if (x === y) return a - b;
    if (x === null || x === "") return 1;
    if (y === null || y === "") return -1;
    return order.way * (x < y ? -1 : 1);
  };
  return rows.sort(compare);
};
const drawHead = () => {
  $("table").tHead.replaceChildren(html("tr", { "aria-rowindex": 1 }, ...columns.map((column) => {
    const way = order.key === column.key ? (order.way < 0 ? "descending" : "ascending") : null;
    return html("th", { scope: "col", class: style(column), "aria-sort": way }, html("button", { type: "button", "data-sort": column.key }, column.name));
  })));
};
const drawRows = (force) => {
  const height = rowHeight();
  const scroller = $("scroller");
  const first = Math.max(0, Math.floor(scroller.scrollTop / height) - 8);
  const last = Math.min(view.rows.length, Math.ceil((scroller.scrollTop + scroller.clientHeight) / height) + 8);
  if (!force && first === view.first && last === view.last) return;
  Object.assign(view, { first, last });
  const gap = (rows) => {
    const cell = html("td");
    cell.style.height = `${rows * height}px`;
    return html("tr", { class: "gap", role: "presentation" }, cell);
  };
  const line = (row, index) => html("tr", { id: `row-${index}`, "aria-rowindex": index + 2, "aria-selected": String(index === view.active), class: index === view.active ? "active" : null },
    ...columns.map((column) => {
      const shown = column.show ? column.show(row) : [plain(column.value(row))];
      return html("td", { class: style(column), title: column.show ? null : shown[0] }, ...shown);
    }));
  $("table").tBodies[0].replaceChildren(gap(first), ...view.rows.slice(first, last).map((row, index) => line(row, first + index)), gap(view.rows.length - last));
  if (view.rows.length) $("table").setAttribute("aria-activedescendant", `row-${view.active}`);
  else $("table").removeAttribute("aria-activedescendant");
};
const refresh = () => {
  view.rows = sorted(matches($("search").value));
  view.active = 0;
  $("scroller").scrollTop = 0;
  $("table").setAttribute("aria-rowcount", view.rows.length + 1);
  $("found").textContent = view.rows.length === total ? counted(total, "filter") : `${whole(view.rows.length)} of ${counted(total, "filter")}`;
  drawRows(true);
};
const sortBy = (key) => {
  const column = columns.find((each) => each.key === key);
  Object.assign(order, { key, way: order.key === key ? -order.way : column.first ?? (column.number ? -1 : 1) });
  drawHead();
  refresh();
  $("sort").value = key;
};
const find = (words) => {
  $("search").value = words;
  stays.clear();
  drawChips();
  refresh();
  $("filters").scrollIntoView();
  $("search").focus({ preventScroll: true });
};
const drawChips = () => {
  const counts = data.states.map((_, state) => (filters.state ?? []).filter((each) => each === state).length);
  $("states").replaceChildren(...data.states.flatMap((name, state) => (counts[state]
    ? [html("button", { type: "button", "aria-pressed": String(stays.has(state)), "data-state": state }, mark(name), `${name} ${whole(counts[state])}`)]
    : [])));
};
const move = (to) => {
  view.active = Math.max(0, Math.min(view.rows.length - 1, to));
  const height = rowHeight();
  const scroller = $("scroller");
  const head = $("table").tHead.offsetHeight;
  const at = view.active * height;
  if (at < scroller.scrollTop) scroller.scrollTop = at;
  else if (at + height + head > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = at + height + head - scroller.clientHeight;
  drawRows(true);
};

// One filter in full: everything that is known of it, with its command and its requests.
const show = (row) => {
  const name = `${data.sources[filters.source[row]]}:${filters.path[row]}`;
  const safe = /^[\w .:/@%+=,-]+$/.test(name);
  const pairs = [
    ["State", stateOf(row)], ["Models", plain(of("count", row))], ["Before", plain(of("previous", row))], ["Looked at", plain(of("fetched", row))],
    ["Requests", plain(of("attempts", row) ?? 0)], ["Waited", of("waited", row) ? seconds(of("waited", row)) : "–"], ["HTTP status", of("status", row) ?? ""],
    ["Stale since", own("staleSince", row)], ["Last made", own("lastSuccess", row)], ["Pages of", own("asOf", row)],
    ["Label", of("label", row) ?? "", true], ["Why", [text(of("code", row)), text(of("last", row)), own("cause", row)].filter(Boolean).join(" · "), true],
    ["Next", own("next", row), true], ["Published all the same", own("accepted", row), true],
  ];
  const mine = tries.filter((one) => one.query === of("query", row)).slice(0, 60);
  $("one-title").textContent = filters.path[row];
  $("one-body").replaceChildren(
    html("dl", {}, ...pairs.filter((pair) => pair[1] !== "").map(([name, value, long]) => html("div", { class: long ? "long" : null }, html("dt", {}, name), html("dd", {}, String(value))))),
    safe ? html("div", { class: "command" }, html("code", { tabindex: 0 }, data.command.replace("{}", name)), html("button", { type: "button", "data-copy": true }, "Copy")) : "",
    mine.length ? html("div", { class: "frame", role: "group", "aria-label": "Requests for its listing", tabindex: 0 }, html("table", {},
      html("caption", {}, "Requests for its listing, shared ones among them"),
      html("thead", {}, html("tr", {}, ...["At", "Try", "Took", "Answer", "Then waited"].map((name) => html("th", { scope: "col" }, name)))),
      html("tbody", {}, ...mine.map((one) => html("tr", {}, ...[seconds(one.start), one.number, seconds(one.took), [one.status, one.code].filter(Boolean).join(" ") || "–", one.wait ? seconds(one.wait) : "–"].map((value) => html("td", {}, String(value)))))))) : "");
  $("one").showModal();
};

// Events of the table: the mouse, the keys of a grid, the boxes above it.
const listen = () => {
  let timer = 0;
  $("search").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(refresh, 60); });
  $("search").addEventListener("keydown", (event) => { if (event.key === "ArrowDown") { event.preventDefault(); $("table").focus(); } });
  $("sort").append(...columns.map((column) => html("option", { value: column.key }, column.name)));
  $("sort").addEventListener("change", () => sortBy($("sort").value));
  $("states").addEventListener("click", (event) => {
    const state = event.target.closest("button")?.dataset.state;
    if (state === undefined) return;
    if (!stays.delete(Number(state))) stays.add(Number(state));
    drawChips();
    refresh();
    $("states").querySelector(`[data-state="${state}"]`).focus();
  });
  $("scroller").addEventListener("scroll", () => requestAnimationFrame(() => drawRows(false)), { passive: true });
  $("table").tHead.addEventListener("click", (event) => {
    const key = event.target.closest("button")?.dataset.sort;
    if (!key) return;
    sortBy(key);
    $("table").querySelector(`[data-sort="${key}"]`).focus();
  });
  $("table").tBodies[0].addEventListener("click", (event) => {
    const row = event.target.closest("tr[id]");
    if (!row) return;
    move(Number(row.id.slice(4)));
    show(view.rows[view.active]);
  });
  $("table").addEventListener("keydown", (event) => {
    if (event.target !== $("table")) return;
    const page = Math.max(1, Math.floor($("scroller").clientHeight / rowHeight()) - 2);
    const to = { ArrowDown: view.active + 1, ArrowUp: view.active - 1, PageDown: view.active + page, PageUp: view.active - page, Home: 0, End: view.rows.length - 1 }[event.key];
    if (event.key === "Enter" && view.rows.length) show(view.rows[view.active]);
    else if (to === undefined) return;
    else move(to);
    event.preventDefault();
  });
};

// Drawing: once now, and charts again whenever their room changes.
const drawCharts = () => {
  const width = Math.max(260, Math.floor($("hosts").clientWidth));
  const figures = data.sources.map((_, source) => hostFigure(source, width)).filter(Boolean);
  $("hosts").replaceChildren(...(figures.length ? [legend(), ...figures] : [html("p", { class: "quiet" }, "No request was sent.")]));
  $("latency-part").hidden = !tries.length;
  if (tries.length) {
    const half = Math.max(260, width >= 920 && data.sources.length > 1 ? Math.floor((width - 40) / 2) : width);
    const took = tries.map((one) => Math.max(one.took, 0.001));
    const low = took.reduce((a, b) => Math.min(a, b)), high = took.reduce((a, b) => Math.max(a, b));
    const range = [Math.floor(Math.log10(low)), Math.max(Math.floor(Math.log10(low)) + 1, Math.ceil(Math.log10(high)))];
    $("histograms").replaceChildren(...data.sources.map((_, source) => histogram(source, half, range)).filter(Boolean));
  }
  drawHistory(width);
};
for (const button of document.querySelectorAll("button[hidden]")) button.hidden = false;
const faceted = data.sources.findIndex((_, source) => facetsOf(source).length > 1);
if (faceted >= 0) {
  $("facets-part").hidden = false;
  startFacets(faceted);
  drawHeat();
}
if (total) {
  $("filters-part").hidden = false;
  prepare();
  listen();
  drawHead();
  drawChips();
  refresh();
}
drawCharts();
let drawn = $("hosts").clientWidth;
new ResizeObserver(() => {
  if ($("hosts").clientWidth === drawn) return;
  drawn = $("hosts").clientWidth;
  requestAnimationFrame(() => { drawCharts(); drawRows(true); });
}).observe($("hosts"));
