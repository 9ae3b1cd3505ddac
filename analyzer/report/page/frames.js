/* The frames of the capture as a list: only the rows in sight are elements, whatever their number. */
const frameList = { rows: null, chosen: -1, high: 22, open: false, said: null, drawn: [-1, -1] };
const SPARE = 10;       // rows beyond what is in sight
const MOST_HIGH = 8e6;  // pixels of an element that browsers still place exactly
const FRAME_COLUMNS = ["number", "time", "source", "destination", "protocol", "length", "what it says"];

/* The list is made when its section is opened or comes into view. */
function showFrameList() {
  if (!narrowable()) return;
  byId("frames").hidden = false;
  const watch = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    watch.disconnect();
    openFrameList();
  }, { rootMargin: "300px" });
  watch.observe(byId("frames"));
}

async function openFrameList() {
  if (frameList.open || !await openListing()) return;
  frameList.open = true;
  byId("frames-head").append(...FRAME_COLUMNS.map((title) => make("span", {}, title)));
  const list = byId("frames-list");
  list.setAttribute("role", "grid");
  list.addEventListener("scroll", drawFrames, { passive: true });
  list.addEventListener("keydown", (event) => {
    const page_rows = Math.floor(list.clientHeight / frameList.high) - 1;
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: page_rows, PageUp: -page_rows, Home: -1e9, End: 1e9 }[event.key];
    if (!step || event.target !== list) return;
    event.preventDefault();
    const place = placeOfRow(frameList.chosen);
    chooseRow(rowAt(Math.min(Math.max((place < 0 ? -1 : place) + step, 0), countOfFrames() - 1)));
  });
  list.addEventListener("click", (event) => {
    const row = event.target.closest("[data-row]");
    if (row) chooseRow(Number(row.dataset.row));
  });
  narrowFrames();
}

const countOfFrames = () => (frameList.rows ? frameList.rows.length : listing.head.count);
const rowAt = (place) => (frameList.rows ? frameList.rows[place] : place);

function placeOfRow(row) {
  return !frameList.rows ? row : frameList.rows.indexOf(row);
}

/* Which rows are listed: those that the filter holds of, of the conversations that words ask for, in the stretch of time. */
function narrowFrames() {
  if (!frameList.open) return;
  const { count } = listing.head;
  const [times, conversations] = [columnOf("frame.time_relative").numbers, columnOf("conversation").numbers];
  const keep = (row) => within(times[row], times[row]) && (narrow.rows ? narrow.rows[row] === 1 : !narrow.conversations || narrow.conversations.has(conversations[row]));
  if (!isNarrowed()) {
    frameList.rows = null;
  } else {
    const rows = new Int32Array(count);
    let filled = 0;
    for (let row = 0; row < count; row += 1) if (keep(row)) rows[filled++] = row;
    frameList.rows = rows.subarray(0, filled);
  }
  const shown = countOfFrames();
  const all = listing.head.every ? count : page.data.capture.frames;
  byId("frames-count").textContent = `· ${shown === all ? grouped(all) : `${grouped(shown)} of ${grouped(all)}`}`;
  byId("frames-list").setAttribute("aria-rowcount", String(shown));
  byId("frames-space").style.height = `${Math.min(shown * frameList.high, MOST_HIGH)}px`;
  frameList.drawn = [-1, -1];
  drawFrames();
}

/* The rows in sight. Beyond MOST_HIGH a pixel stands for more than one. */
function drawFrames() {
  const list = byId("frames-list");
  const count = countOfFrames();
  const fits = Math.ceil(list.clientHeight / frameList.high);
  const high = Math.min(count * frameList.high, MOST_HIGH);
  const top = list.scrollTop * (high < count * frameList.high ? (count - fits) / Math.max(high - list.clientHeight, 1) : 1 / frameList.high);
  const first = Math.max(Math.floor(top) - SPARE, 0);
  const last = Math.min(first + fits + 2 * SPARE, count);
  if (first === frameList.drawn[0] && last === frameList.drawn[1]) return;
  frameList.drawn = [first, last];
  const rows = byId("frames-rows");
  rows.style.top = `${list.scrollTop - (top - first) * frameList.high}px`;
  rows.replaceChildren(...Array.from({ length: Math.max(last - first, 0) }, (_one, place) => frameRow(rowAt(first + place), first + place)));
}

function frameRow(row, place) {
  const cells = cellsOfFrame(row);
  const marks = valueAt("tcp.analysis", row);
  const chosen = row === frameList.chosen;
  return make("div", { role: "row", "data-row": String(row), "aria-rowindex": String(place + 1), id: chosen ? "frame-row" : null,
    "aria-selected": String(chosen), class: `frame-row${chosen ? " chosen" : ""}${marks ? " marked" : ""}${(valueAt("tcp.flags", row) || 0) & 4 ? " reset" : ""}` },
  ...cells.map((text) => make("span", { role: "gridcell" }, ...marked(text))));
}

function cellsOfFrame(row) {
  const number = columnOf("frame.number").numbers[row];
  const layers = columnOf("layers").at(row);
  const [from, to] = endsOf(row);
  return [String(number), since(columnOf("frame.time_relative").numbers[row], 0), from, to, layers[layers.length - 1] || "",
    String(valueAt("frame.len", row)), saidOfFrame(number, row)];
}

const spelled = (digits) => (digits.length === 8 ? ipv4Text(digits) : digits.length === 32 ? ipv6Text(digits) : macText(digits));

/* Source and destination, as far down as they are known. */
function endsOf(row) {
  for (const [from, to] of [["ip.src", "ip.dst"], ["ipv6.src", "ipv6.dst"], ["eth.src", "eth.dst"]]) {
    const ends = [valueAt(from, row), valueAt(to, row)];
    if (ends[0] !== null) return ends.map(spelled);
  }
  return ["", ""];
}

/* What is told of it; else its ports and what its header says. */
function saidOfFrame(number, row) {
  if (!frameList.said) {
    frameList.said = new Map();
    for (const one of page.data.conversations) {
      for (const phase of one.phases) {
        for (const event of phase.events) {
          const last = event.frames[event.frames.length - 1];
          const words = `${event.label} ${event.detail}`.trim();
          if (last && event.label && !(frameList.said.get(last) || "").includes(words)) frameList.said.set(last, [frameList.said.get(last), words].filter(Boolean).join(" · "));
        }
      }
    }
  }
  const said = frameList.said.get(number);
  const flags = valueAt("tcp.flags", row);
  const kind = flags === null ? "udp" : "tcp";
  const port = valueAt(`${kind}.srcport`, row);
  if (port === null) return said || "";
  const ports = `${port} → ${valueAt(`${kind}.dstport`, row)}`;
  if (flags === null || said) return [ports, said].filter(Boolean).join("  ");
  const length = valueAt("tcp.len", row);
  const marks = valueAt("tcp.analysis", row) ? Object.entries(listing.head.marks).filter(([, bit]) => valueAt("tcp.analysis", row) & bit).map(([name]) => name.slice(13)) : [];
  return `${ports}  ${FLAG_NAMES.filter((_name, bit) => flags & (1 << bit)).join(" ")} seq ${valueAt("tcp.seq", row)} ack ${valueAt("tcp.ack", row)}`
    + `${length ? ` len ${length}` : ""}${marks.length ? ` [${marks.join(", ")}]` : ""}`;
}

/* A frame is chosen here: its conversation and event are marked elsewhere, and its octets are shown. */
function chooseRow(row) {
  if (row === undefined || row < 0) return;
  const number = columnOf("frame.number").numbers[row];
  const conversation = columnOf("conversation").numbers[row];
  const event = eventOfFrame(conversation, number);
  if (conversationOf(conversation)) select(conversation, event, false);
  showFrame(event || { frames: [number], bytes: null, fields: {} }, number);
}

/* It was chosen, here or elsewhere. */
async function markFrame(number) {
  if (!narrowable() || !await openListing()) return;
  const row = rowOfFrame(number);
  frameList.chosen = row;
  if (!frameList.open) return;
  const [list, place] = [byId("frames-list"), placeOfRow(row)];
  const top = place * frameList.high;
  if (place >= 0 && countOfFrames() * frameList.high <= MOST_HIGH && (top < list.scrollTop || top + frameList.high > list.scrollTop + list.clientHeight)) {
    list.scrollTop = Math.max(top - list.clientHeight / 2, 0);
  }
  if (row >= 0) list.setAttribute("aria-activedescendant", "frame-row");
  frameList.drawn = [-1, -1];
  drawFrames();
}

/* The fields of the frame beside its octets: those that stand at a place, then what a filter may ask for. */
async function showFrameFields(number) {
  const holder = byId("frame-fields");
  holder.replaceChildren();
  const listed = narrowable() && await openListing();
  if (state.frame !== number) return;
  const row = listed ? rowOfFrame(number) : -1;
  const octets = page.data.octets[number];
  const { links } = page.data.capture;
  const link = row >= 0 ? valueAt("link", row) : links.length === 1 && links[0] === "Ethernet" ? LINK_ETHERNET : 0;
  const layers = octets ? layersOf(octets.hex, link) : [];
  holder.append(...layers.map((layer) => make("details", { open: layer.fields.length > 0 }, make("summary", { "data-start": layer.start, "data-end": layer.end }, layer.name),
    make("dl", {}, ...layer.fields.flatMap((field) => {
      const places = { "data-start": field.start, "data-end": field.end };
      return [make("dt", places, field.name), make("dd", {}, make("button", { type: "button", class: "plain", ...places, onclick: () => markOctets(field.start, field.end) }, field.value))];
    })))));
  for (const summary of holder.querySelectorAll("summary")) {
    summary.addEventListener("click", () => markOctets(Number(summary.dataset.start), Number(summary.dataset.end)));
  }
  if (row < 0) return;
  const known = new Map(listing.head.known);
  const rows = Object.keys(listing.head.columns).filter((name) => known.has(name) && columnOf(name).at(row).length).flatMap((name) =>
    [make("dt", {}, make("code", {}, name)), make("dd", {}, make("button", { type: "button", class: "plain", title: "Filter by this value", onclick: () => askFor(filterFor(name, known.get(name), columnOf(name).at(row)[0])) },
      columnOf(name).at(row).map((value) => shownField(known.get(name), value)).join(", ")))]);
  holder.append(make("details", { open: !layers.length }, make("summary", {}, plural(rows.length / 2, "field") + " that a filter may ask for"), make("dl", {}, ...rows)));
}

function shownField(kind, value) {
  if (kind.endsWith("address")) return spelled(value);
  return kind === "time in seconds" ? duration(value) : kind === "boolean" ? (value ? "true" : "false") : String(value);
}

function filterFor(name, kind, value) {
  if (kind === "mark") return name;
  if (kind === "text") return `${name} == "${String(value).replace(/["\\]/g, "\\$&")}"`;
  if (kind === "time in seconds") return `${name} == ${Math.floor(value / 1e9)}.${String(value % 1e9).padStart(9, "0")}`;
  return `${name} == ${kind.endsWith("address") ? spelled(value) : value}`;
}

/* The octets of a field, and the field that an octet stands in. */
function markOctets(start, end) {
  const octets = page.data.octets[state.frame];
  if (octets) byId("hex").replaceChildren(...hexLines(octets.hex, [start, end]));
  for (const field of byId("frame-fields").querySelectorAll("button[data-start]")) {
    field.classList.toggle("chosen", Number(field.dataset.start) === start && Number(field.dataset.end) === end);
  }
}

/* A click on the octets: the narrowest field around it. */
function fieldAtClick(event) {
  const at = octetAt(event);
  const fields = [...byId("frame-fields").querySelectorAll("button[data-start]")].filter(({ dataset }) => Number(dataset.start) <= at && at < Number(dataset.end));
  const [field] = fields.sort((a, b) => (a.dataset.end - a.dataset.start) - (b.dataset.end - b.dataset.start));
  if (!field) return;
  markOctets(Number(field.dataset.start), Number(field.dataset.end));
  field.closest("details").open = true;
  field.scrollIntoView({ block: "nearest" });
}

/* Which octet lies under the pointer; -1 for none. */
function octetAt(event) {
  const range = document.caretPositionFromPoint ? document.caretPositionFromPoint(event.clientX, event.clientY) : null;
  const place = range ? [range.offsetNode, range.offset] : rangeAt(event);
  if (!place) return -1;
  const before = document.createRange();
  before.selectNodeContents(byId("hex"));
  before.setEnd(...place);
  const lines = before.toString().split("\n");
  const column = lines[lines.length - 1].length - 6;      // behind the offset
  const cell = column < 0 ? -1 : column < 25 ? Math.floor(column / 3) : Math.floor((column - 1) / 3);
  return cell < 0 || cell > 15 ? -1 : 16 * (lines.length - 1) + cell;
}

function rangeAt(event) {
  const range = document.caretRangeFromPoint(event.clientX, event.clientY);
  return range ? [range.startContainer, range.startOffset] : null;
}

narrow.listeners.push(narrowFrames);
