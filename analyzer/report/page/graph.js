/* The graphs of a TCP connection: time-sequence in tcptrace's manner, the sliding window, rates and ACK times over time. */
const graphs = [];
const TICKS = { size: 11 };
const ARROW = { forward: "→", backward: "←" };
const DENSE = 20000;    // points beyond which steps cannot be told from lines
const FAR = 4;      // a window so many times what is outstanding goes on above the picture
const FEWEST = 5;      // segments, SYN and FIN among them, below which a direction has no shape

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/* A column holds how far each number is from the one before it. */
function totals(column) {
  let total = 0;
  return column.map((step) => (total += step));
}

function rowsOf(columns) {
  const [first, ...rest] = columns.map(totals);
  return first ? first.map((number, row) => [number, ...rest.map((column) => column[row])]) : [];
}

function pointsOf({ segments, acks, sacks, left_out }) {
  return { segments: rowsOf(segments), acks: rowsOf(acks), sacks: rowsOf(sacks), left_out };
}

/* The columns of how one direction went; -1 is not known. */
function courseOf(steps) {
  return Object.fromEntries(Object.entries(steps).map(([name, column]) => [name, totals(column)]));
}

/* A line each of what is known; of the window, which may close between two rows, the least. */
function windowLines(course) {
  const names = [["outstanding", "outstanding_most"], ["SACKed", "sacked"], ["window", "window_least"], ["congestion window, inferred", "congestion"]];
  return names.filter(([, column]) => course[column].some((value) => value > 0)).map(([name, column]) => {
    const rows = course.time_ns.map((time, row) => [time, course[column][row]]).filter(([, value]) => value >= 0);
    return [name, rows.map(([time]) => time), rows.map(([, value]) => value)];
  });
}

function showGraphs(one) {
  for (const graph of graphs.splice(0)) graph.plot.destroy();
  byId("graph").replaceChildren();
  const points = page.data.points[one.number];
  const figures = [];
  for (const side of ["forward", "backward"]) {
    const drawn = points ? pointsOf(points[side]) : { segments: [] };
    if (drawn.segments.length >= FEWEST) figures.push([sequenceFigure, drawn, side, one]);
  }
  for (const [side, steps] of Object.entries(page.data.courses[one.number] || {})) {
    const course = courseOf(steps);
    figures.push([seriesFigure, { title: `The window ${ARROW[side]}`, unit: "B", shaded: true, near: Math.max(...course.outstanding_most) * FAR,
      hint: "Sent and not acknowledged, how much of that the receiver has beyond a hole (SACK), and how much it has room for. The colours behind are those of where the time went." },
    windowLines(course), one]);
    figures.push([seriesFigure, { title: `Throughput and goodput ${ARROW[side]}`, unit: "bit/s", shaded: true,
      hint: "All that was sent, and what the receiver has got, over a round trip." },
    [["throughput", course.time_ns, course.throughput_bps], ["goodput", course.time_ns, course.goodput_bps]], one]);
  }
  const trips = points ? ["forward", "backward"].filter((side) => points[side].trips.length).map((side) =>
    [`data ${ARROW[side]} until its ACK`, ...points[side].trips.map(totals)]) : [];
  if (trips.length) {
    figures.push([seriesFigure, { title: "From data to its ACK, as seen where the capture was taken", unit: "ns", dots: true, hint: "A dot a measure. It is the round trip only where the sender was captured." }, trips, one]);
  }
  if (!figures.length) {
    byId("graph").append(make("p", { class: "hint" }, "There is nothing to draw: too few segments carried data, or it is not TCP."));
  }
  graphs.waiting = figures;
  if (!byId("graph").hidden) drawGraphs();
}

/* Drawn when they are first looked at: a hidden element has no width. */
function drawGraphs() {
  const next = () => {
    const [draws, ...rest] = (graphs.waiting || []).shift() || [];
    if (!draws) return;
    const finish = draws(...rest);      // in steps, so that the page answers in between
    setTimeout(() => { finish(); setTimeout(next); });
  };
  next();
}

function frameOf(title, hint, said) {
  const holder = make("div", { role: "img", "aria-label": said });
  byId("graph").append(make("figure", {}, make("figcaption", {}, title), hint ? make("p", { class: "hint" }, hint) : null, holder));
  return holder;
}

const UNITS = { ns: duration, B: size, "bit/s": (value) => rateOf(value) };

function inUnit(unit, value) {
  return (UNITS[unit] || size)(Math.round(value));
}

function rateOf(bits) {
  const [name, by] = [["Gbit/s", 1e9], ["Mbit/s", 1e6], ["kbit/s", 1e3]].find(([, least]) => bits >= least) || ["bit/s", 1];
  return `${Number((bits / by).toPrecision(3))} ${name}`;
}

function plot(holder, one, options, data) {
  const axis = { stroke: colour("dim"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line") }, font: `${TICKS.size}px system-ui` };
  const all = {
    width: Math.max(holder.clientWidth, 300), height: 320, cursor: { drag: { x: true, y: true, uni: 30 } },
    scales: { x: { time: false } }, ...options,
    axes: [{ ...axis, values: (_plot, ticks) => ticks.map((tick) => duration(Math.round(tick))), space: 70 },
      { ...axis, size: 80, values: (_plot, ticks) => ticks.map((tick) => inUnit(options.unit, tick)) }],
  };
  if (!holder.isConnected) return;      // another conversation was chosen meanwhile
  const made = new uPlot(all, data, holder);
  let pressed = 0;
  made.over.addEventListener("pointerdown", (event) => { pressed = event.clientX; });
  made.over.addEventListener("click", (event) => {
    if (Math.abs(event.clientX - pressed) < 4) selectNear(one, one.start + made.posToVal(event.offsetX, "x"));
  });
  graphs.push({ plot: made, holder });
}

/* The told event that is nearest in time. */
function selectNear(one, time) {
  let [near, least] = [null, Infinity];
  for (const phase of one.phases) {
    for (const event of phase.events) {
      if (!told(event)) continue;
      const distance = Math.abs(event.time - time);
      if (distance < least) [near, least] = [event, distance];
    }
  }
  if (near) { select(one.number, near); showFrame(near); }
}

/* Columns of one time axis from several series of [time, ...values]; null where a series says nothing. */
function merged(serieses) {
  const every = new Float64Array(serieses.reduce((sum, rows) => sum + rows.length, 0));
  let filled = 0;
  for (const rows of serieses) for (const row of rows) every[filled++] = row[0];
  const times = [];
  for (const time of every.sort()) if (time !== times[times.length - 1]) times.push(time);
  const columns = serieses.map((rows) => {
    const column = new Array(times.length).fill(null);
    const sorted = rows.every((row, index) => !index || rows[index - 1][0] <= row[0]) ? rows : [...rows].sort((a, b) => a[0] - b[0]);
    let at = 0;
    for (const [time, value] of sorted) {
      while (times[at] < time) at += 1;
      column[at] = value;
    }
    return column;
  });
  return [times, ...columns];
}

const steps = (count) => (count > DENSE ? {} : { paths: uPlot.paths.stepped({ align: 1 }) });

/* segments: [time, start, end, kind, frame] with kind 0 data, 1 resent, 2 SYN or FIN; acks: [time, ack, edge];
   sacks: [time, left, right]. Everything is relative to the start of the stream. */
function sequenceFigure(points, side, one) {
  const kinds = [0, 1, 2].map((kind) => points.segments.filter((segment) => segment[3] === kind));
  const highest = points.segments.reduce((most, segment) => Math.max(most, segment[2]), 0) * 1.15;
  const holder = frameOf(`Time and sequence ${ARROW[side]}`,
    "Each stroke is a segment, red where it was sent again. The lower line is what was acknowledged, the upper one what the "
    + "receiver allows; purple are selective acknowledgments. Drag to zoom, double-click for the whole, click for the nearest event."
    + (points.left_out ? ` ${grouped(points.left_out)} segments are drawn as one with their neighbours.` : ""),
    `${plural(points.segments.length + points.left_out, "segment")}, ${grouped(Math.max(points.resent, kinds[1].length))} sent again, up to ${size(Math.round(highest / 1.15))}`);
  const tops = [];
  for (const [time, , end] of points.segments) {
    if (tops.length && tops[tops.length - 1][0] === time) tops[tops.length - 1][1] = Math.max(tops[tops.length - 1][1], end);
    else tops.push([time, end]);
  }
  const data = merged([tops, points.acks, points.acks.filter((ack) => ack[2] > 0).map((ack) => [ack[0], ack[2]])]);
  const strokes = (made) => {
    const context = made.ctx;
    const box = made.bbox;
    context.save();
    context.beginPath();
    context.rect(box.left, box.top, box.width, box.height);
    context.clip();
    paintStrokes(made, points.sacks, "#a35bb5", 1.5);
    paintStrokes(made, kinds[0], colour("text"), 1.5);
    paintStrokes(made, kinds[2], "#d9822b", 3);
    paintStrokes(made, kinds[1], colour("error"), 2.5);
    markOn(made);
    context.restore();
  };
  const value = (_plot, number) => (number === null ? "" : grouped(Math.round(number)));
  const line = { width: 1.5, spanGaps: true, points: { show: false }, value, ...steps(points.acks.length) };
  // The data decide the scale: a window far above them would press them flat.
  const range = (_plot, least, most) => [least, Math.min(Math.max(most, 1), highest)];
  return () => plot(holder, one, { scales: { x: { time: false }, y: { range } }, hooks: { draw: [strokes] }, series: [
    { label: "time", value: (_plot, time) => (time === null ? "" : duration(Math.round(time))) },
    { label: "data up to", stroke: "transparent", points: { show: false }, value },
    { label: "acknowledged", stroke: "#2f9e44", ...line }, { label: "allowed", stroke: "#c9a100", ...line }] }, data);
}

/* Strokes that fall on one column of pixels and touch are drawn as one: a hundred thousand stay quick. */
function paintStrokes(made, rows, stroke, width) {
  const context = made.ctx;
  const box = made.bbox;
  const left = made.valToPos(0, "x", true);
  const perTime = made.valToPos(1e6, "x", true) - left;
  const bottom = made.valToPos(0, "y", true);
  const perOctet = made.valToPos(1e6, "y", true) - bottom;
  context.beginPath();
  context.strokeStyle = stroke;
  context.lineWidth = width * devicePixelRatio;
  let [column, low, high] = [-1, 0, 0];
  const flush = () => { if (column >= 0) { context.moveTo(column + 0.5, low); context.lineTo(column + 0.5, Math.min(high, low - 1)); } };
  for (const [time, from, to] of rows) {
    const at = Math.round(left + perTime * time / 1e6);
    if (at < box.left - 2 || at > box.left + box.width + 2) continue;
    const [down, up] = [bottom + perOctet * from / 1e6, bottom + perOctet * to / 1e6];
    if (at === column && down >= high - 1 && up <= low + 1) {
      low = Math.max(low, down);
      high = Math.min(high, up);
      continue;
    }
    flush();
    [column, low, high] = [at, down, up];
  }
  flush();
  context.stroke();
}

/* series: [[name, times, values]] of one unit. dots: points and no line. shaded: over the colours of the account of the time.
   near: what lies above this does not decide the scale. */
function seriesFigure({ title, unit, hint, dots, shaded, near }, series, one) {
  const count = series.reduce((sum, [, times]) => sum + times.length, 0);
  const tops = series.map(([, , values]) => values.reduce((high, value) => Math.max(high, value), 0));
  const said = series.map(([name], index) => `${name}: at most ${inUnit(unit, tops[index])}`);
  const holder = frameOf(title, hint, said.join(", "));
  const data = merged(series.map(([, times, values]) => times.map((time, index) => [time, values[index]])));
  const colours = [colour("bar0"), colour("error"), colour("bar3"), colour("bar4")];
  const shown = (_plot, value) => (value === null ? "" : inUnit(unit, value));
  const look = dots ? { paths: () => null, points: { show: true, size: 4 } } : { points: { show: false }, ...steps(count) };
  const highest = Math.min(Math.max(...tops, 1), near || Infinity) * 1.05;
  const range = () => [0, highest];
  return () => plot(holder, one, { unit, scales: { x: { time: false }, y: { range } },
    hooks: { drawClear: shaded ? [(made) => shade(made, one)] : [], draw: [markOn] }, series: [
      { label: "time", value: (_plot, time) => (time === null ? "" : duration(Math.round(time))) },
      ...series.map(([name], index) => ({ label: name, stroke: colours[index % 4], width: 1.5, spanGaps: true, value: shown, ...look }))] }, data);
}

/* What the time went to, as a pale ground. */
function shade(made, one) {
  const { ctx: context, bbox: box } = made;
  context.save();
  context.beginPath();
  context.rect(box.left, box.top, box.width, box.height);
  context.clip();
  context.globalAlpha = 0.16;
  for (const [cause, since, until] of one.time.bookings) {
    const [left, right] = [since, until].map((time) => made.valToPos(time - one.start, "x", true));
    if (right < box.left || left > box.left + box.width) continue;
    context.fillStyle = page.data.time.causes[cause].colour;
    context.fillRect(left, box.top, Math.max(right - left, 0.5), box.height);
  }
  context.restore();
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
