/* One conversation: its phases as an annotated timeline, its ladder, and the bytes of a frame. */
const MOST_EVENTS = 200;    // of one phase made at once; the rest follows as it comes into view
const MOST_ARROWS = 200;    // of the ladder
const MOST_LINKS = 40;      // frames of an event, events of a frame

function showDetail(changed, scroll) {
  const one = conversationOf(page.conversation);
  if (!one) return;
  byId("detail").hidden = false;
  if (changed) {
    const names = [one.originator.name, one.responder.name].filter(Boolean).join(" ⇄ ");
    byId("detail-title").textContent = `Conversation ${one.number} · ${one.protocol && one.protocol !== one.transport ? one.protocol + " over " : ""}${one.transport} `
      + `${endpoint(one.originator)} ⇄ ${endpoint(one.responder)}${names ? " · " + names : ""}`;
    const sent = one.as_sent || { frames: one.frames, payload: one.payload, copies: 0 };
    byId("detail-numbers").textContent = [
      `${plural(sent.frames[0], "frame")} →, ${grouped(sent.frames[1])} ←`,
      sent.copies && `beside ${plural(sent.copies, "frame")} that ${sent.copies === 1 ? "shows a packet" : "show packets"} once more`,
      `payload ${size(sent.payload[0])} →, ${size(sent.payload[1])} ←`, one.end > one.start && duration(one.end - one.start),
      one.state && (one.state_means ? `${one.state}: ${one.state_means}` : one.state),
      one.history && `history ${one.history}`, one.community_id && `community id ${one.community_id}`, one.scope,
    ].filter(Boolean).join(" · ");
    if (page.shown !== one.number) [byId("frame").hidden, state.frame, page.shown] = [true, 0, one.number];
    byId("detail-copy").replaceChildren(copyButton("Copy filter", () => one.display_filter, one.display_filter),
      copyButton("Copy link", linkTo, "a link to what is shown now"));
    showConversationTime(one);
    showTimeline(one);
    showLadder(one);
    showStreams(one);
    showGraphs(one);
  }
  markEvent(scroll);
  if (scroll && !page.event) byId("detail").scrollIntoView({ block: "start" });
}

/* Phases with their events. Many are made in pieces, as they come into view; `reach` makes all up to an event. */
const timeline = { reach: () => {}, all: () => {}, more: new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) entry.target.click();
}, { rootMargin: "600px" }) };

function showTimeline(one) {
  const said = new Set();
  for (const phase of one.phases) for (const event of phase.events) event.element = null;
  const phases = one.phases.map((phase, index) => {
    const shown = phase.events.filter(told);
    const beside = isNarrowed() ? phase.events.filter(inLevel).length - shown.length : 0;
    const list = make("div", { role: "list" });
    const more = make("button", { type: "button", hidden: true });
    let drawn = 0;
    const add = (until) => {
      list.append(...shown.slice(drawn, until).map((event) => eventElement(one, event, said)));
      drawn = Math.min(Math.max(until, drawn), shown.length);
      more.hidden = drawn === shown.length;
      more.textContent = plural(shown.length - drawn, "more event");
    };
    more.addEventListener("click", () => add(drawn + MOST_EVENTS));
    add(MOST_EVENTS);
    timeline.more.observe(more);
    const element = make("section", { class: "phase" }, make("h3", {}, `${index + 1}  ${phase.title}`),
      make("p", { class: "facts" }, [duration(phase.end - phase.start), ...phase.facts].join(" · ")), list, more,
      beside ? make("p", { class: "left-out" }, `… ${plural(beside, "event")} that ${beside === 1 ? "is" : "are"} not asked for`) : null,
      ...phase.left_out.map((text) => make("p", { class: "left-out" }, "… " + text)));
    return { element, shown, add };
  });
  timeline.reach = (event) => {
    for (const { shown, add } of phases) {
      const place = shown.indexOf(event);
      if (place >= 0 && !event.element) add(place + 1);
    }
  };
  timeline.all = () => { for (const { shown, add } of phases) add(shown.length); };
  byId("timeline").replaceChildren(...phases.map((phase) => phase.element));
}

function eventElement(one, event, said) {
  const arrow = { forward: "→", backward: "←" }[event.direction] || "·";
  const why = page.level === "teach" && page.data.reasons[event.name] && !said.has(event.name);
  if (why) said.add(event.name);
  const frames = framesText(event.frames);
  const element = make("div", { role: "listitem", class: "event" + (ALARMING.has(event.name) ? " alarming" : ""), onclick: () => select(one.number, event) },
    make("button", { type: "button", class: "frames", "aria-label": `frames ${frames}: ${event.label || event.name}, show the bytes`,
      onclick: (click) => { click.stopPropagation(); select(one.number, event); showFrame(event); } }, frames),
    make("span", { class: "time" }, since(event.time, one.start)),
    make("span", { class: event.direction || "", role: "img", "aria-label": event.direction || "both ways" }, arrow),
    make("span", { class: "label" }, ...marked(event.label)),
    make("div", { class: "said" }, event.spec ? make("span", { class: "spec" }, event.spec) : null,
      event.detail ? make("span", { class: "detail" }, ...marked(event.detail)) : null, ...marked(event.text), foldedFields(event),
      why ? make("span", { class: "why" }, `Why: ${page.data.reasons[event.name]}`) : null));
  event.element = element;
  return element;
}

function markEvent(scroll) {
  for (const chosen of document.querySelectorAll(".event.chosen, .arrow.chosen")) {
    chosen.classList.remove("chosen");
    chosen.removeAttribute("aria-current");
  }
  if (!page.event) return;
  timeline.reach(page.event);
  for (const element of [page.event.element, page.event.arrow]) {
    if (!element) continue;
    element.classList.add("chosen");
    element.setAttribute("aria-current", "true");
  }
  const visible = byId("ladder").hidden ? page.event.element : page.event.arrow;
  if (scroll && visible) visible.scrollIntoView({ block: "center" });
  markGraphs();
}

/* One bar a stream, or an exchange where one follows another; the tab is there where there are any. */
function showStreams(one) {
  const numbered = one.streams.some((span) => span.stream);
  byId("tab-streams").hidden = !one.streams.length;
  byId("tab-streams").textContent = numbered ? "Streams" : "Exchanges";
  const old = charts.findIndex((chart) => chart.holder.id === "streams");
  if (old >= 0) charts.splice(old, 1);
  byId("streams").replaceChildren();
  if (!one.streams.length) {
    if (!byId("streams").hidden) showTab("timeline");
    return;
  }
  const rows = one.streams.map((span, index) => {
    const event = one.phases[span.event[0]].events[span.event[1]];
    return { ...span, number: span.stream || index + 1, slices: span.parts.map(([kind, start, end]) => ({ kind: PART_KINDS[kind], start, end })), choose: () => { select(one.number, event); showFrame(event); },
      chosen: () => page.event === event || Boolean(page.event && span.stream && page.event.stream === span.stream) };
  });
  barChart(byId("streams"), rows, numbered ? "Streams, one bar each" : "Exchanges, one bar each");
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
  const svg = draw("svg", { viewBox: `0 0 1000 ${y + 10}`, role: "group", "aria-label": "Sequence diagram" }, ...lines, ...ends, ...parts);
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
  text.textContent = label.length > 68 ? label.slice(0, 67) + "…" : label;
  const time = draw("text", { x: left - 12, y: y + 20, "text-anchor": "end", class: "small" });
  time.textContent = since(event.time, one.start);
  const frames = draw("text", { x: right + 12, y: y + 20, class: "small" });
  frames.textContent = framesText(event.frames);
  const group = draw("g", { class: "arrow", tabindex: "0", role: "button",
      "aria-label": `${framesText(event.frames)} ${forward ? "to the right" : "to the left"}: ${event.label}. ${event.text}` },
    draw("rect", { x: 60, y, width: 880, height: step - 2, rx: 4 }),
    draw("path", { d: `M${from} ${y + 17} H${to} m${tip * 9} -4 L${to} ${y + 17} l${tip * 9} 4`, class: colour, "stroke-width": 1.6 }),
    text, time, frames);
  const choose = () => { select(one.number, event); showFrame(event); };
  group.addEventListener("click", choose);
  group.addEventListener("keydown", (key) => { if (key.key === "Enter" || key.key === " ") { key.preventDefault(); choose(); } });
  event.arrow = group;
  return group;
}

/* The bytes of the frames of an event, its range marked in the last one, and what else is told of the frame. */
function showFrame(event, frame) {
  const number = frame || event.frames[event.frames.length - 1];
  if (!number) return;
  byId("frame").hidden = false;
  byId("frame-title").textContent = `Frame ${number}`;
  state.frame = number;
  writeState();
  byId("frame-copy").replaceChildren(...copyButtons(conversationOf(page.conversation), event));
  const one = conversationOf(page.conversation);
  const others = one ? one.phases.flatMap((phase) => phase.events.filter((other) => told(other) && other.frames.includes(number))).slice(0, MOST_LINKS) : [];
  markFrame(number);
  showFrameFields(number);
  byId("frame-links").replaceChildren(
    make("span", { class: "dim" }, event.frames.length > 1 ? "Frames: " : ""),
    ...(event.frames.length > 1 ? event.frames.slice(-MOST_LINKS) : []).map((other) =>
      make("button", { type: "button", class: "plain", "aria-current": other === number && "true", onclick: () => showFrame(event, other) }, `#${other}`)),
    make("span", { class: "dim" }, " Told of it: "),
    ...others.map((other) => make("button", { type: "button", class: "plain", "aria-current": other === event && "true",
      onclick: () => { select(one.number, other, true); showFrame(other, number); } }, other.label || other.name)));
  const octets = page.data.octets[number];
  if (!octets) {
    byId("hex").textContent = "The bytes of this frame are not in the report (see “About this report”).";
    return;
  }
  const range = event.bytes && number === event.frames[event.frames.length - 1] ? event.bytes : [-1, -1];
  byId("hex").replaceChildren(...hexLines(octets.hex, range));
  if (octets.hex.includes("·")) byId("hex").append("Octets shown as ·· are redacted.\n");
  if (octets.more) byId("hex").append(`… ${plural(octets.more, "more byte")} of this frame\n`);
  keepInView(byId("ladder").hidden ? event.element : event.arrow);
}

/* The bytes lie over the lower part of the page: what they belong to is kept above them. */
function keepInView(element) {
  if (!element || !element.checkVisibility()) return;
  const covered = element.getBoundingClientRect().bottom - byId("frame").getBoundingClientRect().top;
  if (covered > 0 && element.getBoundingClientRect().top < innerHeight) scrollBy({ top: covered + 8 });
}

function hexLines(hex, [start, end]) {
  const parts = [];
  for (let at = 0; at < hex.length / 2; at += 16) {
    let [line, marked, text] = [at.toString(16).padStart(4, "0") + "  ", false, ""];
    const flush = (mark) => { if (line) parts.push(mark ? make("mark", {}, line) : line); line = ""; };
    for (let index = at; index < at + 16; index += 1) {
      const octet = hex.substr(2 * index, 2);
      const inside = Boolean(octet) && index >= start && index < end;
      if (inside !== marked) { flush(marked); marked = inside; }
      line += (octet || "  ") + (index % 8 === 7 ? "  " : " ");
      const code = parseInt(octet, 16);
      text += octet ? (code > 31 && code < 127 ? String.fromCharCode(code) : ".") : "";
    }
    flush(marked);
    parts.push(text + "\n");
  }
  return parts;
}

page.listeners.push(showDetail);
narrow.listeners.push(() => { if (page.conversation) showDetail(true, false); });
window.addEventListener("beforeprint", () => timeline.all());      // paper has all events
