/* The graphs of a TCP connection: time-sequence in tcptrace's manner, window and bytes in flight over time. */
const graphs = [];
const TICKS = { size: 11 };
const FEWEST = 5;      // segments, SYN and FIN among them, below which a direction has no shape

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function showGraphs(one) {
  for (const graph of graphs.splice(0)) graph.plot.destroy();
  byId("graph").replaceChildren();
  const points = page.data.points[one.number];
  const figures = [];
  for (const side of ["forward", "backward"]) {
    if (points && points[side] && points[side].segments.length >= FEWEST) figures.push([sequenceFigure, points[side], side, one]);
  }
  for (const [title, unit, series] of seriesOf(one)) figures.push([seriesFigure, title, unit, series, one]);
  if (!figures.length) {
    byId("graph").append(make("p", { class: "hint" }, "There is nothing to draw: too few segments carried data, or it is not TCP."));
    return;
  }
  graphs.waiting = figures;
  if (!byId("graph").hidden) drawGraphs();
}

/* Drawn when they are first looked at: a hidden element has no width. */
function drawGraphs() {
  for (const [draws, ...rest] of graphs.waiting || []) draws(...rest);
  graphs.waiting = [];
}

function frameOf(title, hint) {
  const holder = make("div", {});
  byId("graph").append(make("figure", {}, make("figcaption", {}, title), hint ? make("p", { class: "hint" }, hint) : null, holder));
  return holder;
}

function plot(holder, options, data) {
  const axis = { stroke: colour("dim"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line") }, font: `${TICKS.size}px system-ui` };
  const all = {
    width: Math.max(holder.clientWidth, 300), height: 320, cursor: { drag: { x: true, y: true, uni: 30 } },
    scales: { x: { time: false } }, ...options,
    axes: [{ ...axis, values: (_plot, ticks) => ticks.map((tick) => duration(Math.round(tick))), space: 70 },
      { ...axis, size: 80, values: (_plot, ticks) => ticks.map((tick) => options.unit === "ns" ? duration(Math.round(tick)) : size(Math.round(tick))) }],
  };
  const made = new uPlot(all, data, holder);
  graphs.push({ plot: made, holder });
  return made;
}

/* segments: [time, start, end, kind, frame] with kind 0 data, 1 resent, 2 SYN or FIN; acks: [time, ack, edge];
   sacks: [time, left, right]. Everything is relative to the start of the stream. */
function sequenceFigure(points, side, one) {
  const arrow = side === "forward" ? "→" : "←";
  const holder = frameOf(`Time and sequence ${arrow}`,
    "Each stroke is a segment, red where it was sent again. The lower line is what was acknowledged, the upper one what the "
    + "receiver allows; purple are selective acknowledgments. Drag to zoom, double-click for the whole."
    + (points.left_out ? ` The first ${grouped(points.segments.length)} segments are drawn, ${grouped(points.left_out)} are not.` : ""));
  const rows = [...points.segments.map((segment) => segment[0]), ...points.acks.map((ack) => ack[0])];
  const times = [...new Set(rows)].sort((a, b) => a - b);
  const ackAt = new Map(points.acks.map((ack) => [ack[0], ack]));
  const top = new Map();
  for (const [time, , end] of points.segments) top.set(time, Math.max(top.get(time) || 0, end));
  const column = (of) => times.map(of);
  const data = [times, column((time) => (top.has(time) ? top.get(time) : null)),
    column((time) => (ackAt.has(time) ? ackAt.get(time)[1] : null)), column((time) => (ackAt.has(time) && ackAt.get(time)[2] > 0 ? ackAt.get(time)[2] : null))];
  const strokes = (made) => {
    const context = made.ctx;
    const x = (value) => made.valToPos(value, "x", true);
    const y = (value) => made.valToPos(value, "y", true);
    const box = made.bbox;
    context.save();
    context.beginPath();
    context.rect(box.left, box.top, box.width, box.height);
    context.clip();
    const paint = (rows_, stroke, width) => {
      context.beginPath();
      context.strokeStyle = stroke;
      context.lineWidth = width * devicePixelRatio;
      for (const [time, from, to] of rows_) {
        const at = x(time);
        if (at < box.left - 2 || at > box.left + box.width + 2) continue;
        context.moveTo(at, y(from));
        context.lineTo(at, Math.min(y(to), y(from) - 1));
      }
      context.stroke();
    };
    paint(points.sacks, "#a35bb5", 1.5);
    paint(points.segments.filter((segment) => segment[3] === 0), colour("text"), 1.5);
    paint(points.segments.filter((segment) => segment[3] === 2), "#d9822b", 3);
    paint(points.segments.filter((segment) => segment[3] === 1), colour("error"), 2.5);
    markOn(made);
    context.restore();
  };
  const stepped = uPlot.paths.stepped({ align: 1 });
  // The data decide the scale: a window far above them would press them flat.
  const highest = Math.max(...points.segments.map((segment) => segment[2])) * 1.15;
  const range = (_plot, least, most) => [least, Math.min(Math.max(most, 1), highest)];
  plot(holder, { scales: { x: { time: false }, y: { range } }, hooks: { draw: [strokes] }, series: [{ label: "time", value: (_plot, value) => (value === null ? "" : duration(value)) },
    { label: "data up to", stroke: "transparent", points: { show: false }, value: (_plot, value) => (value === null ? "" : grouped(value)) },
    { label: "acknowledged", stroke: "#2f9e44", width: 1.5, paths: stepped, spanGaps: true, points: { show: false }, value: (_plot, value) => (value === null ? "" : grouped(value)) },
    { label: "allowed", stroke: "#c9a100", width: 1.5, paths: stepped, spanGaps: true, points: { show: false }, value: (_plot, value) => (value === null ? "" : grouped(value)) }] }, data);
}

/* [title, unit, [[name, times, values]]]: what the conversation's series hold, those of one unit and direction together. */
function seriesOf(one) {
  return (page.data.series[one.number] || []).map((figure) => [figure.title, figure.unit, figure.series]);
}

function seriesFigure(title, unit, series, one) {
  const holder = frameOf(title, "");
  const times = [...new Set(series.flatMap(([, at]) => at))].sort((a, b) => a - b);
  const columns = series.map(([, at, values]) => {
    const known = new Map(at.map((time, index) => [time, values[index]]));
    return times.map((time) => (known.has(time) ? known.get(time) : null));
  });
  const colours = [colour("bar0"), colour("error"), colour("bar3")];
  plot(holder, { unit, hooks: { draw: [markOn] }, series: [{ label: "time", value: (_plot, value) => (value === null ? "" : duration(value)) },
    ...series.map(([name], index) => ({ label: name, stroke: colours[index % 3], width: 1.5, spanGaps: true, points: { show: false },
      paths: uPlot.paths.stepped({ align: 1 }), value: (_plot, value) => (value === null ? "" : unit === "ns" ? duration(value) : size(value)) }))] },
  [times, ...columns]);
}

/* The event that is marked elsewhere, as a line at its time. */
function markOn(made) {
  const one = conversationOf(page.conversation);
  if (!page.event || !one) return;
  const at = made.valToPos(page.event.time - one.start, "x", true);
  made.ctx.save();
  made.ctx.strokeStyle = colour("accent");
  made.ctx.setLineDash([4, 4]);
  made.ctx.beginPath();
  made.ctx.moveTo(at, made.bbox.top);
  made.ctx.lineTo(at, made.bbox.top + made.bbox.height);
  made.ctx.stroke();
  made.ctx.restore();
}

function markGraphs() {
  for (const graph of graphs) graph.plot.redraw(false);
}

window.addEventListener("resize", () => {
  for (const { plot: made, holder } of graphs) made.setSize({ width: Math.max(holder.clientWidth, 300), height: 320 });
});
