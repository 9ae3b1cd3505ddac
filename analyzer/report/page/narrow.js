/* What is looked at: a stretch of time, and what the box at the top asks for, a filter or words. Every view keeps to it. */
const narrow = { span: null, query: "", conversations: null, events: null, rows: null, words: [], kept: null, problem: null,
  as: "", count: 0, turn: 0, listeners: [] };
const SIGNS = /[=!<>~&|{]|\b(?:contains|matches|in|eq|ne|gt|ge|lt|le)\b/;

const within = (start, end) => !narrow.span || (start <= narrow.span[1] && end >= narrow.span[0]);
const showsConversation = (one) => within(one.start, one.end) && (!narrow.conversations || narrow.conversations.has(one.number));
const showsEvent = (event) => event === narrow.kept
  || (within(event.time, event.time) && (!narrow.events || narrow.events.has(event)));
const isNarrowed = () => Boolean(narrow.span || narrow.conversations);

/* A filter where the first name is a field, or it has a field and a sign of the language; words otherwise. */
function isFilter(text) {
  if (!listing.head || !listing.head.known.length || text.startsWith('"')) return false;
  const [first] = /[A-Za-z0-9_.:]+/.exec(text.replace(/^(?:[\s(!]|not\b|any\b|all\b|(?:lower|upper|len|count)\s*\()+/i, "")) || [""];
  const { known } = filterNames();
  return known.has(first) || known.has(first.toLowerCase()) || (first.includes(".") && SIGNS.test(text));
}

/* Ask for it; the views follow when it is answered. */
async function ask(query) {
  const turn = narrow.turn += 1;
  const current = () => turn === narrow.turn;
  const text = query.trim();
  const found = { query, conversations: null, events: null, rows: null, words: [], problem: null, as: "", kept: null, count: 0 };
  if (text) {
    await openListing();
    if (isFilter(text)) {
      try {
        await askFilter(text, found, current);
      } catch (error) {
        if (!(error instanceof FilterError)) throw error;
        Object.assign(found, { as: "filter", problem: error });
      }
    } else {
      askWords(text, found);
    }
  }
  if (!current()) return;
  if (found.problem) Object.assign(found, { conversations: narrow.conversations, events: narrow.events, rows: narrow.rows });
  Object.assign(narrow, found);
  tellNarrowed();
}

function setSpan(span) {
  const [first, last] = [page.data.start, page.data.end];
  const whole = !span || (span[0] <= first && span[1] >= last);
  narrow.span = whole ? null : [Math.max(Math.round(span[0]), first), Math.min(Math.round(span[1]), last)];
  tellNarrowed();
}

function tellNarrowed() {
  for (const listener of narrow.listeners) listener();
}

async function askFilter(text, found, current) {
  const rows = await matchingRows(parseFilter(text, filterNames()), current);
  if (!rows) return;
  const [numbers, conversations] = [columnOf("frame.number").numbers, columnOf("conversation").numbers];
  const frames = new Set();
  found.conversations = new Set();
  rows.forEach((holds, row) => {
    if (!holds) return;
    frames.add(numbers[row]);
    if (conversations[row]) found.conversations.add(conversations[row]);
  });
  found.events = new Set(page.data.conversations.flatMap((one) => one.phases.flatMap((phase) =>
    phase.events.filter((event) => event.frames.some((frame) => frames.has(frame))))));
  Object.assign(found, { rows, as: "filter", count: found.events.size });
}

/* Words: conversations that have all of them, and of these the events that have all of them. */
function askWords(text, found) {
  const words = text.toLowerCase().split(/[\s"]+/).filter(Boolean);
  const has = (said) => words.every((word) => said.includes(word));
  Object.assign(found, { words, as: "words", conversations: new Set(), events: new Set() });
  for (const one of page.data.conversations) {
    one.words = one.words || [endpoint(one.originator), endpoint(one.responder), one.originator.name, one.responder.name, one.protocol,
      one.transport, one.state, one.scope, ...one.phases.flatMap((phase) => [phase.title, ...phase.facts,
        ...phase.events.map(wordsOf)])].join(" ").toLowerCase();
    if (!has(one.words)) continue;
    found.conversations.add(one.number);
    const every = one.phases.flatMap((phase) => phase.events);
    const those = every.filter((event) => has(wordsOf(event).toLowerCase()));
    found.count += those.length;
    for (const event of those.length ? those : every) found.events.add(event);
  }
}

const wordsOf = (event) => `${event.label} ${event.detail} ${event.text}`;

/* A text with the words that are searched marked, as pieces for `make`. */
function marked(text) {
  if (!narrow.words.length || !text) return [text];
  const escaped = narrow.words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return String(text).split(new RegExp(`(${escaped.join("|")})`, "gi")).map((piece, place) => (place % 2 ? make("mark", {}, piece) : piece));
}

/* What came of it, below the box. */
function showNarrowed() {
  const line = byId("found");
  const parts = [];
  if (narrow.problem) {
    parts.push(...problemLines(narrow.query, narrow.problem));
  } else if (narrow.as) {
    const shown = narrow.rows ? [`${plural(narrow.rows.reduce((sum, one) => sum + one, 0), "frame")} of ${grouped(listing.head.count)}${listing.head.every ? "" : " that are listed"}`] : [];
    const drawn = page.data.conversations.filter((one) => narrow.conversations.has(one.number)).length;
    shown.push(`${grouped(drawn)} of ${plural(page.data.conversations.length, "conversation")}`, plural(narrow.count, "event"));
    parts.push(make("span", {}, `${narrow.as === "filter" ? "Filter" : "Words"}: ${shown.join(" · ")}`));
    if (narrow.as === "filter") parts.push(copyButton("Copy the filter", () => narrow.query.trim(), "for Wireshark and wiretale -Y"));
  }
  if (narrow.span) {
    parts.push(make("span", {}, `Time: ${since(narrow.span[0], 0)} to ${since(narrow.span[1], 0)}`),
      make("button", { type: "button", onclick: () => setSpan(null) }, "Whole capture"));
  }
  line.replaceChildren(...parts);
  byId("search").setAttribute("aria-invalid", String(Boolean(narrow.problem)));
  if (byId("search").value !== narrow.query && document.activeElement !== byId("search")) byId("search").value = narrow.query;
}

/* The reason with its column, the filter and a mark below the place, as the command shows them. */
function problemLines(text, { message, at, length }) {
  if (!text.trim()) return [`the filter cannot be used: ${message}`];
  const lead = text.length - text.trimStart().length;
  const before = [...text.slice(0, at + lead)];
  const start = Math.max(before.length - 60, 0);
  const shown = [...text].slice(start, before.length + 60).join("");
  const mark = " ".repeat(before.length - start) + "^".repeat(Math.max(Math.min(length, shown.length - (before.length - start)), 1));
  return [make("span", { class: "problem" }, `The filter is wrong at column ${before.length + 1}: ${message}`), make("pre", {}, `${shown}\n${mark}`)];
}

narrow.listeners.push(showNarrowed);
