/* What the player draws at its time: packets on the ladder, the sender's window, streams, and the step in words. */
function drawPlayer() {
  const { played, time } = player;
  const share = Math.round(1000 * time / Math.max(played.end, 1));
  const scrub = byId("play-time");
  if (Number(scrub.value) !== share) scrub.value = share;
  const clock = `${exactly(time)} of ${duration(played.end)}`;
  scrub.setAttribute("aria-valuetext", clock);
  byId("play-clock").textContent = clock;
  drawStep();
  drawHops();
  if (player.side) drawWindow(played.senders[player.side]);
  if (played.streams.length) drawStreams();
  if (played.waits.length) drawLens();
}

function drawStep() {
  const step = player.played.steps[player.step];
  const key = step ? step.order : -1;
  if (player.told === key && player.toldOf === player.played) return;
  Object.assign(player, { told: key, toldOf: player.played });
  byId("play-place").textContent = step ? `Step ${grouped(player.step + 1)} of ${grouped(player.played.steps.length)} · ${exactly(step.time)}`
    + (step.frame ? ` · ${framesText(step.event ? step.event.frames : [step.frame])}` : "") + (step.event && step.event.spec ? ` · ${step.event.spec}` : "") : "Before the first step";
  byId("play-said").replaceChildren(...(step ? [make("b", {}, step.title), ` ${step.text}`] : []));
  const why = step && step.event && page.level === "teach" && page.data.reasons[step.event.name];
  byId("play-why").textContent = why ? `Why: ${why}` : "";
  for (const id of ["play-bytes", "play-event"]) byId(id).hidden = !step || !step.event;
}

/* To the microsecond, in one unit throughout. */
function exactly(ns) {
  return player.played.end < 10e9 ? `${(ns / 1e6).toFixed(3)} ms` : `${(ns / 1e9).toFixed(4)} s`;
}

/* -- the ladder ------------------------------------------------------------------------------------ */

function drawHops() {
  const { played, time } = player;
  const last = lastUpTo(played.times, time);
  if (last === player.shown) return;
  const list = byId("play-hops");
  const first = Math.max(last - HOPS + 1, 0);
  const onward = last > player.shown && last - player.shown < HOPS && player.shown >= -1;
  if (!onward) list.replaceChildren();
  for (let index = onward ? Math.max(player.shown + 1, first) : first; index <= last; index += 1) {
    list.append(...hopsOf(played.packets[index], index, onward && !still.matches));
  }
  if (onward) for (const row of [...list.children]) if (Number(row.dataset.index) < first) row.remove();
  player.shown = last;
  markHops();
  byId("play-unseen").replaceChildren(...[...unseenAt(played, time)].map(([why, sides]) =>
    make("li", {}, `Not seen ${sides.length > 1 ? "of both sides" : ARROW[sides[0]]}: ${why}.`)));
}

/* A row for a packet; before it one for what should have come and was not seen, which is no arrow. */
function hopsOf(packet, index, travels) {
  const rows = [];
  if (packet.gap) {
    rows.push(make("li", { class: `hop ${packet.side} unseen${travels ? " travels" : ""}`, "data-index": index },
      make("span", { class: "at" }, "not seen"), make("span", { class: "lane" }, make("span", { class: "what" }, `${size(packet.gap[1] - packet.gap[0])} before the next did not come by`),
        make("span", { class: "line" })), make("span", { class: "note" })));
  }
  const what = packet.label || { ack: "ACK", ends: packet.start ? "FIN" : "SYN", reset: "RST", resent: size(packet.octets), data: packet.octets ? size(packet.octets) : "" }[packet.kind];
  const more = [packet.label && packet.octets > 1 && packet.kind !== "ends" && size(packet.octets), packet.kind === "resent" && "sent again",
    packet.ack !== undefined && packet.ack > 0 && (packet.kind === "ack" && !packet.label ? grouped(packet.ack) : `ACK ${grouped(packet.ack)}`), packet.again && "again", packet.sack && "SACK"].filter(Boolean).join(" · ");
  const fate = packet.lost ? make("button", { type: "button", class: "plain fate", onclick: () => openLens(packet.lost) }, "✕ lost") : null;
  const repair = packet.loss && packet.kind === "resent" ? make("button", { type: "button", class: "plain fate", onclick: () => openLens(packet.loss) }, "repair") : null;
  const row = make("li", { class: `hop ${packet.side} ${packet.kind}${packet.lost ? " lost" : ""}${travels ? " travels" : ""}`, "data-index": index },
    make("span", { class: "at" }, exactly(packet.time), packet.frame ? ` #${packet.frame}` : ""),
    make("span", { class: "lane" }, make("span", { class: "what" }, `${packet.side === "forward" ? "→" : "←"} ${what}${more ? " " + more : ""}`),
      make("span", { class: "line" })), make("span", { class: "note" }, fate, repair, ...notesOf(index)));
  rows.push(row);
  return rows;
}

/* What is told between this packet and the next one, and is not the packet itself: an observation at its side. */
function notesOf(index) {
  const { played } = player;
  const packet = played.packets[index];
  const from = played.times[index];
  const next = played.times[index + 1] ?? Infinity;
  if (next === from) return [];
  const notes = [];
  for (let at = lastUpTo(played.stepTimes, from - 1) + 1; at < played.steps.length && played.stepTimes[at] < next && notes.length < 3; at += 1) {
    const step = played.steps[at];
    if (step.event && step.event.frames.length === 1 && step.event.label && (packet.label || packet.kind.toUpperCase()).includes(step.event.label)) continue;
    notes.push(make("button", { type: "button", class: "plain", title: step.text, onclick: () => goTo(at) }, step.title));
  }
  return notes;
}

function markHops() {
  for (const row of byId("play-hops").children) row.classList.toggle("now", Number(row.dataset.index) === player.shown);
}

/* -- the sender's window --------------------------------------------------------------------------- */

const STRETCHES = [["acked", "acknowledged"], ["flight", "in flight"], ["sacked", "arrived beyond a hole (SACK)"], ["may", "may be sent"], ["wait", "must wait"]];

function drawWindow(sender) {
  const holder = byId("play-window");
  const key = `${sender.side} ${lastUpTo(sender.times, player.time)} ${Math.floor(player.time / Math.max(player.played.end / 500, 1))}`;
  if (holder.dataset.drawn === key && holder.childElementCount) return;
  holder.dataset.drawn = key;
  const now = senderAt(sender, player.time);
  if (!now) { holder.replaceChildren(make("p", { class: "dim" }, "It has not sent anything yet.")); return; }
  if (holder.dataset.side !== sender.side || !holder.querySelector(".play-bar")) makeWindow(holder, sender);
  const behind = 0.08;
  const place = (position) => behind + (1 - behind) * (position - now.acked) / sender.scale;
  const [flight, window] = [now.sent - now.acked, now.allowed - now.acked];
  const parts = { acked: [0, place(now.acked)], flight: [place(now.acked), place(now.sent)], may: [place(now.sent), place(Math.max(now.allowed, now.sent))] };
  for (const [name, [from, to]] of Object.entries(parts)) stretch(holder.querySelector(`.play-bar .${name}`), from, to);
  holder.querySelector(".play-blocks").replaceChildren(...now.sacked.map(([from, to]) => stretch(make("span", { class: "sacked" }), place(from), place(to))));
  placeTicks(holder.querySelector(".play-ruler"), sender, now, place);
  const beyond = now.sacked.reduce((sum, [from, to]) => sum + to - from, 0);
  const room = now.allowed < 0 ? "not known" : size(Math.max(now.allowed - now.sent, 0));
  const said = [`acknowledged ${size(Math.max(now.acked - sender.base, 0))}`, `in flight ${size(flight)}`, beyond && `of it ${size(beyond)} arrived beyond a hole`, `may be sent ${room}`].filter(Boolean);
  holder.querySelector(".play-bar").setAttribute("aria-label", `The window: ${said.join(", ")}`);
  holder.querySelector(".play-numbers").textContent = said.join(" · ");
  const widths = [["in flight", flight], ["congestion window, inferred", now.congestion], ["receiver's window", now.allowed < 0 ? -1 : Math.max(window, 0)]];
  holder.querySelectorAll(".play-gauge").forEach((row, index) => {
    const [, value] = widths[index];
    stretch(row.querySelector(".fill"), 0, value < 0 ? 0 : value / sender.scale);
    row.querySelector(".value").textContent = value < 0 ? (index === 1 ? "not shown by anything" : "not known") : size(value) + (value > sender.scale ? " ›" : "");
  });
  const { phase, cause } = phaseAt(player.played, sender, player.time);
  holder.querySelector(".play-phase").replaceChildren("Congestion phase: ", make("b", {}, phase || "not shown by anything"),
    phase ? " (inferred)" : "", cause ? " · the time goes to: " : "", cause ? make("b", {}, cause) : "");
}

function makeWindow(holder, sender) {
  holder.dataset.side = sender.side;
  holder.replaceChildren(
    make("div", { class: "play-bar", role: "img" }, make("span", { class: "acked" }), make("span", { class: "flight" }), make("span", { class: "may" }), make("span", { class: "play-blocks" })),
    make("div", { class: "play-ruler", "aria-hidden": "true" }), make("p", { class: "play-numbers" }),
    make("p", { class: "legend" }, ...STRETCHES.map(([name, means]) => make("span", { class: "key" }, make("span", { class: `swatch ${name}` }), means))),
    ...["in flight", "congestion window, inferred", "receiver's window"].map((name) =>
      make("div", { class: "play-gauge" }, make("span", {}, name), make("span", { class: "track" }, make("span", { class: "fill" })), make("span", { class: "value" }))),
    make("p", { class: "play-phase" }), sender.view ? make("p", { class: "hint" }, sender.view.where) : null);
}

function stretch(element, from, to) {
  const [left, right] = [Math.min(Math.max(from, 0), 1), Math.min(Math.max(to, 0), 1)];
  element.style.left = `${100 * left}%`;
  element.style.width = `${100 * Math.max(right - left, 0)}%`;
  return element;
}

/* Positions in the stream, which pass to the left as it is acknowledged. */
function placeTicks(ruler, sender, now, place) {
  const step = [1, 2, 5].map((first) => first * 10 ** Math.floor(Math.log10(sender.scale))).find((one) => sender.scale / one <= 5) || 10 ** Math.ceil(Math.log10(sender.scale));
  const ticks = [];
  for (let at = Math.ceil((now.acked - sender.base) / step) * step; place(at + sender.base) < 0.92; at += step) {
    const tick = make("span", {}, size(at));
    tick.style.left = `${100 * place(at + sender.base)}%`;
    ticks.push(tick);
  }
  ruler.replaceChildren(...ticks);
}

/* -- streams --------------------------------------------------------------------------------------- */

const MOST_STREAMS = 40;

function drawStreams() {
  const { played, time } = player;
  const list = byId("play-streams");
  if (player.streamsOf !== played || !list.childElementCount) {
    player.streamsOf = played;
    const shown = played.streams.slice(0, MOST_STREAMS);
    list.replaceChildren(...shown.map((stream) => make("li", { class: "play-stream" },
      make("span", { class: "name" }, `${ARROW[stream.side]} ${stream.number}`, stream.text ? ` ${stream.text}` : ""),
      make("span", { class: "track" }, make("span", { class: "handed" }), make("span", { class: "held" })), make("span", { class: "value" }))));
    if (played.streams.length > shown.length) list.append(make("li", { class: "left-out" }, `${plural(played.streams.length - shown.length, "more stream")} not drawn`));
  }
  played.streams.slice(0, MOST_STREAMS).forEach((stream, index) => {
    const { came, handed } = streamAt(stream, time);
    const row = list.children[index];
    const said = `${size(handed)} handed on${came > handed ? ` · ${size(came - handed)} came and wait` : ""} · of ${size(stream.total)} that were seen`;
    if (row.lastChild.textContent === said) return;
    stretch(row.querySelector(".handed"), 0, handed / stream.total);
    stretch(row.querySelector(".held"), handed / stream.total, came / stream.total);
    row.lastChild.textContent = said;
    row.classList.toggle("held-up", came > handed);
  });
}
