/* Charts with bars over time: the story across conversations, the streams of one. Drag or buttons zoom. The colours of bars
   are those of the account of the time. */
const MOST_BARS = 400;       // drawn at once; the rest follows on demand
const charts = [];

/* rows: { number, label, text, start, end, slices, cells, choose, chosen: () => boolean }, or { heading } above others.
   slices: [{ kind, start, end }], kind of `kindOf`.   columns: the titles of the cells of each row. */
function barChart(holder, rows, words, columns = []) {
  const chart = { rows: [], start: 0, end: 1, zoomed: false, holder };
  const bars = rows.filter((row) => !row.heading);
  chart.ends = [bars.reduce((least, row) => Math.min(least, row.start), Infinity),
    bars.reduce((most, row) => row.slices.reduce((last, slice) => Math.max(last, slice.end), Math.max(most, row.end)), 0)];
  if (!bars.length) chart.ends = [0, 1];
  chart.axis = make("div", { class: "axis", "aria-hidden": "true" });
  chart.body = make("div", { class: "rows", role: "group", "aria-label": words });
  const add = (from) => {
    for (const row of rows.slice(from, from + MOST_BARS)) {
      chart.body.append(row.heading ? make("div", { class: "group" }, ...marked(row.heading)) : barRow(chart, row));
    }
    const rest = rows.length - from - MOST_BARS;
    if (rest > 0) {
      const more = make("button", { type: "button", onclick: () => { more.remove(); add(from + MOST_BARS); placeBars(chart); } }, plural(rest, "more bar"));
      chart.body.append(more);
    }
  };
  add(0);
  const box = make("div", { class: columns.length ? "chart celled" : "chart" }, chart.axis, chart.body);
  box.style.setProperty("--digits", String(Math.max(...bars.map((row) => String(row.number || "").length), 2)));
  chart.axis.before(make("div", { class: "row head", "aria-hidden": "true" }, make("span", { class: "number" }, "#"), make("span", { class: "label" }),
    make("span", { class: "text" }), ...columns.map((title) => make("span", { class: `cell ${title}` }, title)), make("span", { class: "took" }, "time"), make("span", { class: "track" })));
  holder.replaceChildren(barControls(chart, bars), box);
  dragToZoom(chart);
  zoomBars(chart, null);
  charts.push(chart);
  return chart;
}

/* What a slice is, in words and colour: a cause of the account, or one of the ways to be without one. */
const OTHER_KINDS = { open: "connection open", blocked: "waits for another one", plain: "not drawn in detail" };
function kindOf(kind) {
  const cause = page.data.time.causes.find((one) => one.key === kind);
  return cause ? { word: cause.word, colour: cause.colour, means: cause.means } : { word: OTHER_KINDS[kind], colour: "", means: "" };
}

function paintSlice(element, kind) {
  const { colour } = kindOf(kind);
  if (colour) element.style.background = colour;
  return element;
}

function barRow(chart, row) {
  const bars = row.slices.map(({ kind, start, end }) => ({ start, end, element: paintSlice(make("span", { class: `bar ${kind}` }), kind) }));
  const took = row.end > row.start ? duration(row.end - row.start) : "";
  const sums = new Map();
  for (const { kind, start, end } of row.slices) if (kind !== "open" && kind !== "plain") sums.set(kind, (sums.get(kind) || 0) + end - start);
  const parts = [...sums].map(([kind, ns]) => `${kindOf(kind).word} ${duration(ns)}`).join(", ");
  const cells = row.cells || [];
  const element = make("button", { type: "button", class: "row", title: [row.text, parts].filter(Boolean).join(" · "),
    "aria-label": [row.number ? `${row.number}` : "", row.label, row.text, ...cells.map(([, text]) => text), `at ${since(row.start, 0)}`, took && `took ${took}`, parts].filter(Boolean).join(", "),
    onclick: () => { if (!drag.moved) row.choose(); } },
    make("span", { class: "number" }, row.number ? String(row.number) : ""),
    make("span", { class: "label" }, ...marked(row.label)), make("span", { class: "text" }, ...marked(row.text)),
    ...cells.map(([title, text, alarming]) => make("span", { class: `cell ${title}${alarming ? " alarming" : ""}` }, text)),
    make("span", { class: "took" }, took), make("span", { class: "track" }, ...bars.map((bar) => bar.element)));
  chart.rows.push({ row, element, bars });
  return element;
}

function barControls(chart, rows) {
  const button = (sign, label, change) => make("button", { type: "button", "aria-label": label, title: label, onclick: () => zoomBars(chart, change()) }, sign);
  const span = () => chart.end - chart.start;
  chart.whole = make("button", { type: "button", class: "whole", hidden: true, onclick: () => zoomBars(chart, null) }, "Whole");
  const kinds = [...new Set(rows.flatMap((row) => row.slices.map((slice) => slice.kind)))];
  const legend = kinds.map((kind) => make("span", { class: "key", title: kindOf(kind).means }, paintSlice(make("span", { class: `bar ${kind}` }), kind), kindOf(kind).word));
  return make("div", { class: "bar-controls" }, make("span", { class: "legend" }, ...legend),
    make("span", { class: "zooms" }, make("span", { class: "hint" }, "Drag over the bars to zoom "),
      button("+", "Zoom in", () => [chart.start + span() / 4, chart.end - span() / 4]),
      button("−", "Zoom out", () => [chart.start - span() / 2, chart.end + span() / 2]),
      button("◂", "Earlier", () => [chart.start - span() / 2, chart.end - span() / 2]),
      button("▸", "Later", () => [chart.start + span() / 2, chart.end + span() / 2]), chart.whole));
}

/* Show from range[0] to range[1], within what there is; null is the whole. */
function zoomBars(chart, range) {
  const [first, last] = chart.ends;
  const length = range ? Math.min(Math.max(range[1] - range[0], 1000), last - first) : last - first;
  chart.start = range ? Math.min(Math.max(range[0], first), last - length) : first;
  chart.end = chart.start + Math.max(length, 1);
  chart.zoomed = chart.end - chart.start < last - first;
  chart.whole.hidden = !chart.zoomed;
  placeBars(chart);
}

function placeBars(chart) {
  const span = chart.end - chart.start;
  for (const { bars } of chart.rows) {
    for (const { start, end, element } of bars) {
      const from = Math.max(start, chart.start);
      const to = Math.min(end, chart.end);
      element.style.display = to < from ? "none" : "";
      element.style.left = `${100 * (from - chart.start) / span}%`;
      element.style.width = `${100 * Math.max(to - from, 0) / span}%`;
    }
  }
  const step = roundStep(span / 6);
  const ticks = [];
  for (let at = 0; at <= span && at / span < 0.93; at += step) {
    const tick = make("span", {}, at ? duration(Math.round(at)) : chart.start > chart.ends[0] ? since(Math.round(chart.start), 0) : "0");
    tick.style.left = `${100 * at / span}%`;
    ticks.push(tick);
  }
  chart.axis.replaceChildren(...ticks);
}

function roundStep(least) {
  const decade = 10 ** Math.floor(Math.log10(Math.max(least, 1)));
  return [1, 2, 5, 10].map((factor) => factor * decade).find((step) => step >= least) || 10 * decade;
}

const drag = { from: -1, track: null, mark: null, moved: false, chart: null };

function dragPlace(event) {
  const box = drag.track.getBoundingClientRect();
  return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
}

function dragToZoom(chart) {
  chart.body.addEventListener("pointerdown", (event) => {
    drag.moved = false;
    drag.track = event.pointerType === "touch" ? null : event.target.closest(".track");
    drag.chart = chart;
    if (drag.track) drag.from = dragPlace(event);
  });
  chart.body.addEventListener("pointermove", (event) => {
    if (!drag.track || drag.chart !== chart) return;
    const now = dragPlace(event);
    if (Math.abs(now - drag.from) < 0.01 && !drag.moved) return;
    drag.moved = true;
    drag.mark = drag.mark || make("span", { class: "zoom" });
    drag.mark.style.left = `${100 * Math.min(now, drag.from)}%`;
    drag.mark.style.width = `${100 * Math.abs(now - drag.from)}%`;
    drag.track.append(drag.mark);
  });
}

window.addEventListener("pointerup", (event) => {
  if (!drag.track) return;
  if (drag.moved) {
    const { chart, from } = drag;
    const span = chart.end - chart.start;
    const places = [from, dragPlace(event)].sort((a, b) => a - b);
    zoomBars(chart, places.map((at) => Math.round(chart.start + at * span)));
    drag.mark.remove();
  }
  drag.track = null;
});

/* Every view marks what is selected. */
function markBars() {
  for (const chart of charts) {
    for (const { row, element } of chart.rows) {
      const chosen = row.chosen();
      element.classList.toggle("chosen", chosen);
      if (chosen) element.setAttribute("aria-current", "true");
      else element.removeAttribute("aria-current");
    }
  }
}

page.listeners.push(markBars);
