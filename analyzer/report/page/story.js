/* The story across conversations, as the network panel of a browser shows it: what came of each thing, and where its time went. */
const story = { group: "time" };
const GROUPS = { time: "in order of time", host: "by host", page: "by page" };
// What the parts of a bar are booked to where a conversation has no account of its own.
const PART_KINDS = { send: "request", wait: "server", receive: "data_path", connect: "connecting", close: "closing", open: "open", blocked: "blocked" };
const FAILED = 400;      // from this status on it is an error (RFC 9110 §15)

function showStory() {
  if (!page.data.story.length) return;
  byId("story").hidden = false;
  const choice = make("select", { id: "story-group", onchange: () => { story.group = choice.value; drawStory(); } },
    ...Object.entries(GROUPS).map(([key, words]) => make("option", { value: key }, words)));
  byId("story").querySelector(".holder").before(make("p", { class: "hint" }, make("label", {}, "Shown ", choice)));
  drawStory();
}

function drawStory() {
  const holder = byId("story").querySelector(".holder");
  const old = charts.findIndex((chart) => chart.holder === holder);
  if (old >= 0) charts.splice(old, 1);
  const rows = page.data.story.filter(showsRow).map(storyRow);
  const chart = barChart(holder, story.group === "time" ? rows : underHeadings(rows), "The story, one bar for each thing that happened", ["status", "type", "size"]);
  if (narrow.span) zoomBars(chart, narrow.span);
  const rest = page.data.story.length - rows.length;
  if (rest) holder.append(make("p", { class: "left-out" }, `… ${plural(rest, "bar")} that ${rest === 1 ? "is" : "are"} not asked for`));
  markBars();
}

function showsRow(row) {
  const end = row.parts.reduce((last, part) => Math.max(last, part[2]), row.end);
  return within(row.start, end) && (!narrow.conversations || narrow.conversations.has(row.conversation));
}

function storyRow(row) {
  const event = eventAt(row);
  return { ...row, number: row.conversation, slices: slicesOf(row), cells: cellsOf(event), event,
    choose: () => select(row.conversation, event, true), chosen: () => row.conversation === page.conversation && (!page.event || !event || page.event === event) };
}

/* Status, type and size, where the event has them. */
function cellsOf(event) {
  const fields = event ? event.fields : {};
  const body = fields.response_body || {};
  const octets = [body.octets, fields.response_wire_octets].find((one) => typeof one === "number");
  return [["status", fields.status ? String(fields.status) : "", fields.status >= FAILED],
    ["type", String(body.media_type || "").split(";")[0]], ["size", octets === undefined ? "" : size(octets).replace(/ bytes?$/, " B")]];
}

/* The bookings of its conversation in the time of a row; beside them how long a connection was open. */
function slicesOf(row) {
  const one = conversationOf(row.conversation);
  const { bookings, count } = one ? one.time : { bookings: [], count: 1 };
  const opens = row.parts.filter(([kind]) => kind === "open");
  const spans = [[row.start, row.end], ...row.parts.filter(([kind]) => kind === "close").map(([, start, end]) => [start, end])];
  const slices = opens.map(([, start, end]) => ({ kind: "open", start, end }));
  for (const [start, end] of spans) slices.push(...booked(bookings, start, end));
  for (const [, start, end] of opens) slices.push(...booked(bookings, start, end).filter(({ kind }) => kind === "idle"));
  const known = bookings.length ? bookings[bookings.length - 1][2] : row.start;
  if (count > bookings.length && row.end > known) slices.push({ kind: "plain", start: Math.max(known, row.start), end: row.end });
  if (slices.some(({ kind }) => kind !== "open")) return slices;
  const parts = row.parts.length ? row.parts.map(([kind, start, end]) => ({ kind: PART_KINDS[kind], start, end })) : [];
  return parts.length ? parts : [{ kind: "plain", start: row.start, end: row.end }];
}

function booked(bookings, start, end) {
  const found = [];
  for (const [cause, since, until] of bookings) {
    if (until <= start || since >= end) continue;
    const kind = page.data.time.causes[cause].key;
    const last = found[found.length - 1];
    if (last && last.kind === kind && last.end === since) last.end = Math.min(until, end);
    else found.push({ kind, start: Math.max(since, start), end: Math.min(until, end) });
  }
  return found;
}

/* The same rows below headings, the group that began first at the top. */
function underHeadings(rows) {
  const groups = new Map();
  for (const row of rows) {
    const key = story.group === "host" ? hostOf(row) : pageOf(row);
    groups.set(key, [...(groups.get(key) || []), row]);
  }
  return [...groups].flatMap(([key, members]) => [{ heading: `${key} · ${plural(members.length, "bar")}` }, ...members]);
}

function hostOf(row) {
  const one = conversationOf(row.conversation);
  return one ? one.responder.name || one.responder.address : "conversations that are not drawn";
}

/* The page that a request belongs to: the one that it was asked from, else itself. */
function pageOf(row) {
  const one = conversationOf(row.conversation);
  const { exchange, url } = row.event ? row.event.fields : {};
  if (!url) return hostOf(row);
  const request = one.phases.flatMap((phase) => phase.events).find((event) => event.fields.exchange === exchange
    && event.stream === row.event.stream && event.fields.method && Array.isArray(event.fields.fields));
  const from = request && request.fields.fields.find(([name]) => name.toLowerCase() === "referer");
  return from ? from[1] : url;
}

/* The event that a bar stands for, where it stands for one. */
function eventAt(row) {
  const one = conversationOf(row.conversation);
  return one && row.event ? one.phases[row.event[0]].events[row.event[1]] : null;
}

narrow.listeners.push(() => { if (page.data.story.length) drawStory(); });
