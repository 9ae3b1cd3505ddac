/* What all parts of the page share: making elements, numbers as words, the selection. No string of the capture is
   ever taken for markup: everything is set as text. */
const page = {
  data: null,
  level: "normal",
  conversation: 0,   // the one whose detail is shown
  event: null,       // the one that is marked
  listeners: [],
};

function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

function draw(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const byId = (id) => document.getElementById(id);
const plural = (number, one, many) => `${grouped(number)} ${number === 1 ? one : many || one + "s"}`;
const grouped = (number) => String(number).replace(/\B(?=(\d{3})+(?!\d))/g, number >= 10000 ? "\u202f" : "");

function three(value) {
  return value >= 99.95 ? value.toFixed(0) : value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}

/* Nanoseconds as a person reads them: 24.1 ms. */
function duration(ns) {
  if (ns < 0) return "-" + duration(-ns);
  if (ns < 1e3) return `${ns} ns`;
  if (ns < 1e6) return `${three(ns / 1e3)} µs`;
  if (ns < 1e9) return `${three(ns / 1e6)} ms`;
  if (ns < 12e10) return `${three(ns / 1e9)} s`;
  const seconds = Math.floor(ns / 1e9);
  return seconds < 7200 ? `${Math.floor(seconds / 60)} min ${seconds % 60} s`
    : `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

function size(octets) {
  if (octets < 1e4) return plural(octets, "byte");
  for (const [limit, divisor, unit] of [[1e6, 1e3, "kB"], [1e9, 1e6, "MB"], [1e12, 1e9, "GB"]]) {
    if (octets < limit) return `${three(octets / divisor)} ${unit}`;
  }
  return `${three(octets / 1e12)} TB`;
}

/* Times in the data are nanoseconds since the capture began, so that they are exact in a browser's numbers. */
const since = (ns, start) => "+" + (ns === start ? "0.000" : duration(ns - start));
const endpoint = (end) => (end.port ? (end.address.includes(":") ? `[${end.address}]:${end.port}` : `${end.address}:${end.port}`) : end.address);
const framesText = (frames) => frames.length === 0 ? ""
  : frames.length === 1 ? `#${frames[0]}`
  : frames.length === 2 && frames[1] - frames[0] > 1 ? `#${frames[0]},#${frames[1]}`
  : frames[frames.length - 1] - frames[0] === frames.length - 1 ? `#${frames[0]}–#${frames[frames.length - 1]}`
  : `#${frames[0]}…#${frames[frames.length - 1]}`;

const ALARMING = new Set(["malformed", "limit_reached", "dissector_fault"]);
function told(event) {
  return showsEvent(event) && inLevel(event);
}

function inLevel(event) {
  if (page.level === "teach") return true;
  if (page.level === "brief") return ALARMING.has(event.name);
  return event.importance !== "extra";
}

/* Select a conversation, and an event of it where one is given. Every view marks what is selected. */
function select(number, event, scroll) {
  if (!conversationOf(number)) return;      // it was read, and is not drawn
  const hidden = Boolean(event) && !showsEvent(event);
  if (hidden) narrow.kept = event;      // it is shown all the same
  const changed = hidden || number !== page.conversation;
  page.conversation = number;
  page.event = event || null;
  for (const listener of page.listeners) listener(changed, scroll);
}

function conversationOf(number) {
  return page.data.conversations.find((one) => one.number === number);
}

function eventOfFrame(number, frame) {
  const one = conversationOf(number);
  if (!one) return null;
  let near = null;
  for (const phase of one.phases) {
    for (const event of phase.events) {
      if (event.frames.includes(frame)) {
        if (told(event)) return event;
        near = near || event;
      }
    }
  }
  return near;
}

async function unpacked(text) {
  const binary = atob(text);
  const packed = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) packed[at] = binary.charCodeAt(at);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

async function inflate(text) {
  return JSON.parse(new TextDecoder().decode(await unpacked(text)));
}
