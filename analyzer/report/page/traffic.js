/* The overview: how much went over the wire when, of what, in how many conversations, with which troubles. Dragging over it
   narrows everything else to that stretch. */
const traffic = { by: "protocol", plots: [] };
const BY = { protocol: "protocol", host: "host", conversation: "conversation" };
const WIDE = 1000;       // of the drawings, in units of their own
const KEY_STEP = 0.05;   // of the whole that an arrow key moves by

function showTraffic() {
  const data = page.data.traffic;
  if (!data || data.octets.length < 2) return;
  byId("traffic").hidden = false;
  const choice = make("select", { id: "traffic-by", onchange: () => { traffic.by = choice.value; drawTraffic(); } },
    ...Object.entries(BY).map(([key, words]) => make("option", { value: key }, words)));
  byId("traffic").querySelector(".holder").append(
    make("p", { class: "bar-controls" }, make("label", { class: "hint" }, "Throughput by ", choice),
      make("span", { class: "hint" }, "Drag over a graph to look at that stretch alone; arrows move it, + and − change it.")),
    make("div", { id: "traffic-plots" }), make("div", { id: "traffic-tops" }));
  drawTraffic();
  showTops();
}

function drawTraffic() {
  const data = page.data.traffic;
  const perSecond = (octets) => octets.map((value) => value * 8e9 / data.step);
  const parts = traffic.by === "host" ? hostParts(data) : data[traffic.by];
  const throughput = parts.map(({ key, octets }, index) => ({ words: wordsOfPart(key), query: queryOfPart(key), index: key === "" || key === null ? -1 : index, values: perSecond(octets) }));
  const troubles = Object.entries(data.troubles).map(([words, values], index) => ({ words, values, index: TROUBLE_COLOURS[index % 5], query: TROUBLE_FILTERS[words] }));
  traffic.plots = [];
  byId("traffic-plots").replaceChildren(
    trafficPlot("Throughput", throughput, rateOf, 110),
    trafficPlot("Conversations", [{ words: "with a frame", values: data.active, index: 0 }], grouped, 44),
    ...(troubles.length ? [trafficPlot("Troubles, in frames", troubles, grouped, 44)] : []),
    timeAxis());
  markSpan();
}

const TROUBLE_COLOURS = ["error", "warn", "note", "backward", "bar2"];
const TROUBLE_FILTERS = { resent: "tcp.analysis.retransmission || tcp.analysis.fast_retransmission || tcp.analysis.spurious_retransmission",
  "lost before the capture": "tcp.analysis.lost_segment", resets: "tcp.flags.reset == 1", "windows closed": "tcp.analysis.zero_window" };

/* Each frame has two hosts, so that hosts are not stacked: each is half of what it takes part in. */
function hostParts(data) {
  return data.host.map(({ key, octets }) => ({ key, octets: octets.map((value) => value / 2) }));
}

function wordsOfPart(key) {
  if (key === "") return "the rest";
  if (traffic.by !== "conversation") return key;
  const one = conversationOf(Number(key));
  return one ? `${key} ${one.responder.name || one.responder.address}` : key;
}

function queryOfPart(key) {
  if (key === "") return "";
  if (traffic.by === "conversation") return `conversation == ${key}`;
  if (traffic.by === "host") return `${key.includes(":") ? "ipv6" : "ip"}.addr == ${key}`;
  return key;
}

const colourOfPart = (index) => (typeof index === "string" ? `var(--${index})` : index < 0 ? "var(--rest)" : `var(--part${index})`);

/* Series stacked upon one another, as steps. */
function trafficPlot(title, series, shown, high) {
  const count = page.data.traffic.octets.length;
  const base = new Array(count).fill(0);
  const tops = series.map(({ values }) => values.map((value, place) => (base[place] += value)));
  const most = Math.max(...base, 1e-9);
  const y = (value) => (high - 2) * (1 - value / most) + 1;
  const x = (place) => (WIDE * place / count).toFixed(1);
  const paths = tops.map((top, layer) => {
    const below = layer ? tops[layer - 1] : new Array(count).fill(0);
    const up = top.map((value, place) => `L${x(place)} ${y(value).toFixed(1)}H${x(place + 1)}`).join("");
    const down = [...below].reverse().map((value, back) => `L${x(count - back)} ${y(value).toFixed(1)}H${x(count - back - 1)}`).join("");
    const path = draw("path", { d: `M0 ${y(0)}${up}${down}Z` });
    path.style.fill = colourOfPart(series[layer].index);
    return path;
  });
  const svg = draw("svg", { viewBox: `0 0 ${WIDE} ${high}`, preserveAspectRatio: "none", role: "img",
    "aria-label": `${title}: ${series.map(({ words, values }) => `${words} at most ${shown(Math.round(Math.max(...values)))}`).join(", ")}` }, ...paths);
  svg.style.height = `${high}px`;
  const mark = make("div", { class: "span" });
  const field = make("div", { class: "field", tabindex: "0", role: "group", "aria-label": `${title} over time; arrow keys choose a stretch` }, svg, mark);
  traffic.plots.push({ field, mark });
  dragToNarrow(field);
  const legend = make("span", { class: "legend" }, ...series.map(partKey));
  return make("figure", {}, make("figcaption", {}, `${title} `, make("span", { class: "dim" }, `at most ${shown(Math.round(most))}`), legend), field);
}

/* A key of the legend; it asks for its part. */
function partKey({ words, index, query }) {
  const patch = make("span", { class: "patch" });
  patch.style.background = colourOfPart(index);
  if (!query || !narrowable()) return make("span", { class: "key" }, patch, words);
  return make("button", { type: "button", class: "key plain", title: query, onclick: () => askFor(query) }, patch, words);
}

const narrowable = () => Boolean(byId("frames-data").textContent.trim());

function askFor(query) {
  byId("search").value = query;
  ask(query);
}

function timeAxis() {
  const whole = lengthOfTraffic();
  const step = roundStep(whole / Math.max(Math.min(byId("traffic").clientWidth / 130, 10), 2));
  const axis = make("div", { class: "axis plain-axis", "aria-hidden": "true" });
  for (let at = 0; at < 0.95 * whole; at += step) {
    const tick = make("span", {}, at ? duration(Math.round(at)) : "0");
    tick.style.left = `${100 * at / whole}%`;
    axis.append(tick);
  }
  return axis;
}

const lengthOfTraffic = () => page.data.traffic.step * page.data.traffic.octets.length;

function dragToNarrow(field) {
  let from = -1;
  const place = (event) => {
    const box = field.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * lengthOfTraffic();
  };
  field.addEventListener("pointerdown", (event) => { from = place(event); field.setPointerCapture(event.pointerId); });
  field.addEventListener("pointermove", (event) => { if (from >= 0) for (const { mark } of traffic.plots) placeSpan(mark, [from, place(event)].sort((a, b) => a - b)); });
  field.addEventListener("pointercancel", () => { from = -1; markSpan(); });
  field.addEventListener("pointerup", (event) => {
    const ends = [from, place(event)].sort((a, b) => a - b);
    from = -1;
    setSpan(ends[1] - ends[0] < lengthOfTraffic() / 200 ? null : ends);
  });
  field.addEventListener("keydown", (event) => {
    const whole = lengthOfTraffic();
    const [start, end] = narrow.span || [0, whole];
    const step = KEY_STEP * whole;
    const moved = { ArrowLeft: [start - step, end - step], ArrowRight: [start + step, end + step], "+": [start + (end - start) / 4, end - (end - start) / 4],
      "-": [start - (end - start) / 2, end + (end - start) / 2], Escape: null }[event.key];
    if (moved === undefined) return;
    event.preventDefault();
    setSpan(moved && moved[0] < 0 ? [0, moved[1] - moved[0]] : moved);
  });
}

function placeSpan(mark, span) {
  const whole = lengthOfTraffic();
  mark.hidden = !span;
  if (!span) return;
  mark.style.left = `${100 * span[0] / whole}%`;
  mark.style.width = `${100 * (span[1] - span[0]) / whole}%`;
}

function markSpan() {
  for (const { mark } of traffic.plots) placeSpan(mark, narrow.span);
}

/* Who sent and answered most, of the conversations that are looked at. */
const MOST_TOPS = 5;
function showTops() {
  const shown = page.data.conversations.filter(showsConversation);
  const [hosts, services, clients] = [new Map(), new Map(), new Map()];
  const add = (where, key, query, one) => {
    const sum = where.get(key) || { key, query, octets: 0, count: 0 };
    sum.octets += one.octets[0] + one.octets[1];
    sum.count += 1;
    where.set(key, sum);
  };
  for (const one of shown) {
    for (const end of [one.originator, one.responder]) add(hosts, end.name || end.address, addressQuery(end), one);
    const port = one.responder.port ? ` && ${one.transport}.port == ${one.responder.port}` : "";
    add(services, `${one.responder.name || one.responder.address}${one.responder.port ? ":" + one.responder.port : ""} ${one.protocol || one.transport}`, addressQuery(one.responder) + port, one);
    add(clients, one.originator.name || one.originator.address, addressQuery(one.originator), one);
  }
  const all = page.data.capture.conversations;
  const of = shown.length < all ? `, of the ${plural(shown.length, "conversation")} that ${shown.length === 1 ? "is" : "are"} shown` : "";
  byId("traffic-tops").replaceChildren(...[["Hosts", hosts], ["Services", services], ["Clients", clients]].map(([title, found]) => {
    const top = [...found.values()].sort((a, b) => b.octets - a.octets);
    const most = top.length ? top[0].octets : 1;
    return make("section", {}, make("h3", {}, title, make("span", { class: "dim" }, ` ${grouped(top.length)}${of}`)), make("ol", { class: "tops" }, ...top.slice(0, MOST_TOPS).map((one) => {
      const bar = make("span", { class: "share" });
      bar.style.width = `${100 * one.octets / most}%`;
      const inside = [bar, make("span", { class: "who" }, one.key), make("span", { class: "dim" }, `${size(one.octets)} · ${grouped(one.count)}`)];
      return make("li", {}, one.query && narrowable() ? make("button", { type: "button", title: one.query, onclick: () => askFor(one.query) }, ...inside) : make("span", {}, ...inside));
    })));
  }));
}

function addressQuery({ address }) {
  return /^[\d.]+$/.test(address) ? `ip.addr == ${address}` : /^[0-9a-f:]+$/i.test(address) && address.split(":").length > 2 && !/^(..:){5}..$/.test(address) ? `ipv6.addr == ${address}` : "";
}

narrow.listeners.push(() => { if (traffic.plots.length) { markSpan(); showTops(); } });
