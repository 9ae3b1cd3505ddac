/* One conversation: its phases as an annotated timeline, its ladder, and the bytes of a frame. */
const MOST_EVENTS = 400;    // of one phase drawn at once; the rest follows on demand
const MOST_ARROWS = 200;    // of the ladder

function showDetail(changed, scroll) {
  const one = conversationOf(page.conversation);
  if (!one) return;
  byId("detail").hidden = false;
  if (changed) {
    const names = [one.originator.name, one.responder.name].filter(Boolean).join(" ⇄ ");
    byId("detail-title").textContent = `Conversation ${one.number} · ${one.protocol ? one.protocol + " over " : ""}${one.transport} `
      + `${endpoint(one.originator)} ⇄ ${endpoint(one.responder)}${names ? " · " + names : ""}`;
    byId("detail-numbers").textContent = [
      `${plural(one.frames[0], "frame")} →, ${grouped(one.frames[1])} ←`,
      `payload ${size(one.payload[0])} →, ${size(one.payload[1])} ←`, duration(one.end - one.start), one.state,
      one.history && `history ${one.history}`, one.community_id, one.scope,
    ].filter(Boolean).join(" · ");
    byId("frame").hidden = true;
    showTimeline(one);
    showLadder(one);
    showGraphs(one);
  }
  markEvent(scroll);
  if (scroll && !page.event) byId("detail").scrollIntoView({ block: "start" });
}

function showTimeline(one) {
  const said = new Set();
  byId("timeline").replaceChildren(...one.phases.map((phase, index) => {
    const shown = phase.events.filter(told);
    const element = make("section", { class: "phase" }, make("h3", {}, `${index + 1}  ${phase.title}`),
      make("p", { class: "facts" }, [duration(phase.end - phase.start), ...phase.facts].join(" · ")));
    const add = (from) => {
      for (const event of shown.slice(from, from + MOST_EVENTS)) element.append(eventElement(one, event, said));
      if (shown.length > from + MOST_EVENTS) {
        const more = make("button", { type: "button", onclick: () => { more.remove(); add(from + MOST_EVENTS); } },
          `${plural(shown.length - from - MOST_EVENTS, "more event")}`);
        element.append(more);
      }
    };
    add(0);
    for (const text of phase.left_out) element.append(make("p", { class: "left-out" }, "… " + text));
    return element;
  }));
}

function eventElement(one, event, said) {
  const arrow = { forward: "→", backward: "←" }[event.direction] || "·";
  const why = page.level === "teach" && page.data.reasons[event.name] && !said.has(event.name);
  if (why) said.add(event.name);
  const element = make("div", { class: "event" + (ALARMING.has(event.name) ? " alarming" : ""), onclick: () => select(one.number, event) },
    make("button", { type: "button", class: "frames", "aria-label": `frames ${framesText(event.frames)}`,
      onclick: (click) => { click.stopPropagation(); select(one.number, event); showFrame(event); } }, framesText(event.frames)),
    make("span", { class: "time" }, since(event.time, one.start)), make("span", { class: event.direction || "" }, arrow),
    make("span", { class: "label" }, event.label),
    make("span", { class: "said" }, event.spec ? make("span", { class: "spec" }, event.spec) : null,
      event.detail ? make("span", { class: "detail" }, event.detail) : null, event.text,
      why ? make("span", { class: "why" }, `Why: ${page.data.reasons[event.name]}`) : null));
  event.element = element;
  return element;
}

function markEvent(scroll) {
  for (const chosen of document.querySelectorAll(".event.chosen, .arrow.chosen")) chosen.classList.remove("chosen");
  if (!page.event) return;
  if (page.event.element) page.event.element.classList.add("chosen");
  if (page.event.arrow) page.event.arrow.classList.add("chosen");
  const visible = byId("ladder").hidden ? page.event.element : page.event.arrow;
  if (scroll && visible) visible.scrollIntoView({ block: "center" });
  markGraphs();
}

function showLadder(one) {
  const events = one.phases.flatMap((phase) => phase.events.filter((event) => told(event) && event.direction && event.label)
    .map((event) => [phase, event]));
  const shown = events.slice(0, MOST_ARROWS);
  const [left, right, step] = [230, 770, 30];
  const parts = [];
  let y = 40;
  let before = null;
  for (const [phase, event] of shown) {
    if (phase !== before) {
      parts.push(draw("rect", { x: 90, y: y - 4, width: 820, height: 22, rx: 4, class: "band" }));
      const title = draw("text", { x: 500, y: y + 12, "text-anchor": "middle" });
      title.textContent = phase.title;
      parts.push(title);
      before = phase;
      y += step + 4;
    }
    parts.push(arrowOf(one, event, y, left, right, step));
    y += step;
  }
  const ends = [[left, one.originator], [right, one.responder]].map(([x, end]) => {
    const text = draw("text", { x, y: 18, "text-anchor": "middle" });
    text.textContent = end.name ? `${end.name} (${endpoint(end)})` : endpoint(end);
    return text;
  });
  const lines = [left, right].map((x) => draw("line", { x1: x, x2: x, y1: 26, y2: y, class: "life" }));
  const svg = draw("svg", { viewBox: `0 0 1000 ${y + 10}`, role: "img", "aria-label": "Sequence diagram" }, ...lines, ...ends, ...parts);
  const rest = events.length - shown.length;
  byId("ladder").replaceChildren(svg, make("p", { class: "left-out" }, rest > 0 ? `… ${plural(rest, "more event")} in the timeline` : ""));
}

function arrowOf(one, event, y, left, right, step) {
  const forward = event.direction === "forward";
  const [from, to] = forward ? [left, right] : [right, left];
  const tip = forward ? -1 : 1;
  const colour = forward ? "f" : "b";
  const text = draw("text", { x: 500, y: y + 11, "text-anchor": "middle" });
  const label = `${event.label}  ${event.detail}`;
  text.textContent = label.length > 78 ? label.slice(0, 77) + "…" : label;
  const time = draw("text", { x: left - 12, y: y + 20, "text-anchor": "end", class: "small" });
  time.textContent = since(event.time, one.start);
  const frames = draw("text", { x: right + 12, y: y + 20, class: "small" });
  frames.textContent = framesText(event.frames);
  const group = draw("g", { class: "arrow", tabindex: "0", role: "button" },
    draw("rect", { x: 60, y, width: 880, height: step - 2, rx: 4 }),
    draw("path", { d: `M${from} ${y + 17} H${to} m${tip * 9} -4 L${to} ${y + 17} l${tip * 9} 4`, class: colour, "stroke-width": 1.6 }),
    text, time, frames);
  const choose = () => { select(one.number, event); showFrame(event); };
  group.addEventListener("click", choose);
  group.addEventListener("keydown", (key) => { if (key.key === "Enter") choose(); });
  event.arrow = group;
  return group;
}

/* The bytes of the frames of an event, its range marked in the last one. */
function showFrame(event, frame) {
  const number = frame || event.frames[event.frames.length - 1];
  byId("frame").hidden = false;
  byId("frame-title").textContent = `Frame ${number}`;
  byId("frame-links").replaceChildren(...event.frames.slice(-40).map((other) =>
    make("button", { type: "button", onclick: () => showFrame(event, other) }, `#${other}`)));
  const octets = page.data.octets[number];
  if (!octets) {
    byId("hex").textContent = "The bytes of this frame are not in the report (the frames of the first statements are).";
    return;
  }
  const range = event.bytes && number === event.frames[event.frames.length - 1] ? event.bytes : [-1, -1];
  byId("hex").replaceChildren(...hexLines(octets.hex, range));
  if (octets.more) byId("hex").append(`… ${plural(octets.more, "more byte")} of this frame\n`);
}

function hexLines(hex, [start, end]) {
  const parts = [];
  for (let at = 0; at < hex.length / 2; at += 16) {
    parts.push(at.toString(16).padStart(4, "0") + "  ");
    let text = "";
    for (let index = at; index < at + 16; index += 1) {
      const octet = hex.substr(2 * index, 2);
      const cell = (octet || "  ") + (index % 8 === 7 ? "  " : " ");
      parts.push(octet && index >= start && index < end ? make("mark", {}, cell) : cell);
      const code = parseInt(octet, 16);
      text += octet ? (code > 31 && code < 127 ? String.fromCharCode(code) : ".") : "";
    }
    parts.push(text + "\n");
  }
  return parts;
}

page.listeners.push(showDetail);
