/* Findings, the story across conversations, and the table of conversations. */
function showFindings() {
  const list = byId("findings").querySelector("ol");
  for (const finding of page.data.findings) {
    const choose = () => {
      const number = finding.conversation || page.conversation;
      select(number, finding.frames.length ? eventOfFrame(number, finding.frames[0]) : null, true);
    };
    const where = finding.conversation ? ` · conversation ${finding.conversation}` : "";
    list.append(make("li", {}, make("button", { type: "button", class: `finding ${finding.severity}`, onclick: choose },
      make("span", { class: "severity" }, { error: "Error", warn: "Warning", note: "Note", chat: "Remark" }[finding.severity]),
      ` ${finding.sentence} `, make("span", { class: "dim" }, framesText(finding.frames) + where),
      make("span", { class: "more" }, `Next: ${finding.next_step}`),
      make("span", { class: "more" }, `Would prove it wrong: ${finding.refute}`),
      make("span", { class: "more" }, "In Wireshark: ", make("code", {}, finding.display_filter),
        ` · ${finding.confidence}${finding.basis ? ": " + finding.basis : ""} · `, make("code", {}, finding.code)))));
  }
  byId("findings").hidden = page.data.findings.length === 0;
}

const story = { start: 0, end: 1, rows: [] };

function showStory() {
  const all = page.data.story;
  if (!all.length) return;
  byId("story").hidden = false;
  const rows = byId("story").querySelector(".rows");
  const colours = new Map();
  for (const row of all) {
    const kind = row.label.split(" ")[0];
    if (!colours.has(kind)) colours.set(kind, `var(--bar${colours.size % 6})`);
    const bar = make("span", { class: "bar" });
    bar.style.background = colours.get(kind);
    const track = make("span", { class: "track" }, bar);
    const element = make("button", { type: "button", class: "row", role: "listitem", title: row.text,
      onclick: () => { if (!drag.moved) select(row.conversation, null, true); } },
      make("span", { class: "number" }, row.conversation ? String(row.conversation) : ""),
      make("span", { class: "label" }, row.label), make("span", { class: "text" }, row.text),
      make("span", { class: "took" }, row.end > row.start ? duration(row.end - row.start) : ""), track);
    rows.append(element);
    story.rows.push({ row, element, bar, track });
  }
  byId("whole").addEventListener("click", () => zoomStory(null));
  dragToZoom(rows);
  zoomStory(null);
}

function zoomStory(range) {
  const all = page.data.story;
  const whole = [Math.min(...all.map((row) => row.start)), Math.max(...all.map((row) => row.end))];
  [story.start, story.end] = range || whole;
  const span = Math.max(story.end - story.start, 1);
  byId("whole").hidden = !range;
  for (const { row, bar } of story.rows) {
    const from = Math.max(row.start, story.start);
    const to = Math.min(row.end, story.end);
    bar.style.display = to < from ? "none" : "";
    bar.style.left = `${100 * (from - story.start) / span}%`;
    bar.style.width = `${100 * Math.max(to - from, 0) / span}%`;
  }
  const axis = byId("story").querySelector(".axis");
  axis.replaceChildren();
  const step = roundStep(span / 6);
  for (let at = 0; at <= span; at += step) {
    const tick = make("span", {}, at ? duration(at) : range ? since(story.start, 0) : "0");
    tick.style.left = `${100 * at / span}%`;
    if (at / span < 0.93) axis.append(tick);
  }
}

function roundStep(least) {
  const decade = 10 ** Math.floor(Math.log10(Math.max(least, 1)));
  return [1, 2, 5, 10].map((factor) => factor * decade).find((step) => step >= least) || 10 * decade;
}

const drag = { from: -1, track: null, mark: null, moved: false };
function dragToZoom(rows) {
  const place = (event, track) => {
    const box = track.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
  };
  rows.addEventListener("pointerdown", (event) => {
    drag.moved = false;
    drag.track = event.target.closest(".track");
    if (drag.track) drag.from = place(event, drag.track);
  });
  rows.addEventListener("pointermove", (event) => {
    if (!drag.track) return;
    const now = place(event, drag.track);
    if (Math.abs(now - drag.from) < 0.01 && !drag.moved) return;
    drag.moved = true;
    drag.mark = drag.mark || make("span", { class: "zoom" });
    drag.mark.style.left = `${100 * Math.min(now, drag.from)}%`;
    drag.mark.style.width = `${100 * Math.abs(now - drag.from)}%`;
    drag.track.append(drag.mark);
  });
  window.addEventListener("pointerup", (event) => {
    if (!drag.track) return;
    if (drag.moved) {
      const span = story.end - story.start;
      const places = [drag.from, place(event, drag.track)].sort((a, b) => a - b);
      zoomStory(places.map((at) => Math.round(story.start + at * span)));
      drag.mark.remove();
    }
    drag.track = null;
  });
}

const COLUMNS = [
  ["#", true, (one) => one.number, String],
  ["start", true, (one) => one.start, (value) => since(value, 0)],
  ["protocol", false, (one) => one.protocol || one.transport, String],
  ["originator", false, (one) => endpoint(one.originator), String],
  ["responder", false, (one) => endpoint(one.responder), String],
  ["name", false, (one) => one.responder.name || one.originator.name, String],
  ["frames", true, (one) => one.frames[0] + one.frames[1], grouped],
  ["bytes", true, (one) => one.octets[0] + one.octets[1], size],
  ["duration", true, (one) => one.end - one.start, duration],
  ["round trip", true, (one) => (one.tcp && one.tcp.handshake_rtt_ns !== null ? one.tcp.handshake_rtt_ns : -1),
    (value) => (value < 0 ? "" : duration(value))],
  ["state", false, (one) => one.state, String],
];
const table = { by: 0, down: false, rows: [] };
const MOST_ROWS = 2000;

function showTable() {
  byId("conversations").hidden = false;
  const head = byId("conversations").querySelector("thead tr");
  COLUMNS.forEach(([title, right], index) => {
    head.append(make("th", { class: right ? "right" : "", scope: "col" },
      make("button", { type: "button", onclick: () => sortTable(index) }, title)));
  });
  fillTable();
}

function sortTable(index) {
  table.down = table.by === index ? !table.down : COLUMNS[index][1] && index > 1;
  table.by = index;
  fillTable();
}

function matches(one, words) {
  if (!words.length) return true;
  const text = [endpoint(one.originator), endpoint(one.responder), one.originator.name, one.responder.name, one.protocol,
    one.transport, one.state, one.scope, ...one.phases.flatMap((phase) => [phase.title, ...phase.facts,
      ...phase.events.map((event) => `${event.label} ${event.detail} ${event.text}`)])].join(" ").toLowerCase();
  return words.every((word) => text.includes(word));
}

function fillTable() {
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const value = COLUMNS[table.by][2];
  const found = page.data.conversations.filter((one) => matches(one, words));
  found.sort((a, b) => {
    const [left, right] = [value(a), value(b)];
    const order = typeof left === "number" ? left - right : String(left).localeCompare(String(right), "en", { numeric: true });
    return table.down ? -order : order;
  });
  const body = byId("conversations").querySelector("tbody");
  body.replaceChildren(...found.slice(0, MOST_ROWS).map((one) => {
    const row = make("tr", { tabindex: "0", "data-number": one.number, class: one.number === page.conversation ? "chosen" : "",
      onclick: () => select(one.number, null, true),
      onkeydown: (event) => { if (event.key === "Enter") select(one.number, null, true); } });
    for (const [title, right, of, shown] of COLUMNS) {
      row.append(make("td", { class: right ? "right" : title === "name" ? "wide" : "" }, shown(of(one) || (right ? of(one) : ""))));
    }
    return row;
  }));
  byId("conversations").querySelectorAll("th").forEach((cell, index) => {
    cell.setAttribute("aria-sort", index === table.by ? (table.down ? "descending" : "ascending") : "none");
  });
  const all = page.data.capture.conversations;
  const shown = found.length > MOST_ROWS ? `, the first ${grouped(MOST_ROWS)} are listed` : "";
  byId("count").textContent = words.length || all !== found.length
    ? `· ${grouped(found.length)} of ${grouped(all)}${shown}` : `· ${grouped(all)}${shown}`;
}

page.listeners.push(() => {
  for (const row of byId("conversations").querySelectorAll("tbody tr")) {
    row.classList.toggle("chosen", Number(row.dataset.number) === page.conversation);
  }
  for (const { row, element } of story.rows) element.classList.toggle("chosen", row.conversation === page.conversation);
});
