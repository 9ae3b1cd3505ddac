/* The headers of a frame as fields with the octets that each stands in: Ethernet, VLAN, ARP, IPv4, IPv6, TCP, UDP, ICMP. What is
   behind them is shown as octets, and what is told of it as events. A header that is cut off ends the list. */
const LINK_ETHERNET = 1;
const PROTOCOLS = { 1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPv6" };
const FLAG_NAMES = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "AE"];

/* hex: two digits an octet, of which some may be hidden (··).   link: the LINKTYPE of the frame. Gives layers:
   { name, start, end, fields: [{ name, value, start, end }] }. */
function layersOf(hex, link) {
  const frame = { hex, size: hex.length / 2, layers: [] };
  if (link === LINK_ETHERNET) ethernetLayer(frame);
  else if (/^[46]/.test(hex) && (link === 101 || link === 228 || link === 229)) networkLayer(frame, 0, hex[0] === "4" ? 0x0800 : 0x86dd);
  return frame.layers;
}

/* Takes fields one after another; gives null where an octet is missing or hidden. */
class Fields {
  constructor(frame, name, start) {
    Object.assign(this, { frame, name, start, at: start, fields: [], whole: true });
  }

  number(octets, name, shown = String) {
    const digits = this.frame.hex.slice(2 * this.at, 2 * (this.at + octets));
    if (digits.length < 2 * octets || digits.includes("·")) { this.whole = false; return null; }
    const value = Number(`0x${digits}`);
    if (name) this.fields.push({ name, value: shown(value, digits), start: this.at, end: this.at + octets });
    this.at += octets;
    return value;
  }

  text(octets, name, shown) {
    const digits = this.frame.hex.slice(2 * this.at, 2 * (this.at + octets));
    if (digits.length < 2 * octets || digits.includes("·")) { this.whole = false; return; }
    this.fields.push({ name, value: shown(digits), start: this.at, end: this.at + octets });
    this.at += octets;
  }

  done() {
    if (this.fields.length) this.frame.layers.push({ name: this.name, start: this.start, end: this.at, fields: this.fields });
    return this.at;
  }
}

const hexed = (value, digits) => `0x${digits}`;
const macText = (digits) => digits.match(/../g).join(":");
const ipv4Text = (digits) => digits.match(/../g).map((pair) => parseInt(pair, 16)).join(".");
function ipv6Text(digits) {
  const groups = digits.match(/.{4}/g).map((group) => group.replace(/^0{1,3}/, ""));
  const runs = groups.join(":").match(/(?:^|:)0(?::0)+(?=:|$)/g) || [];
  const longest = runs.sort((a, b) => b.length - a.length)[0];
  return longest ? groups.join(":").replace(longest, ":").replace(/^:(?!:)/, "::").replace(/(^|[^:]):$/, "$1::") : groups.join(":");
}

function ethernetLayer(frame) {
  const head = new Fields(frame, "Ethernet", 0);
  head.text(6, "destination", macText);
  head.text(6, "source", macText);
  let type = head.number(2, "type", hexed);
  let at = head.done();
  while (type === 0x8100 || type === 0x88a8) {
    const tag = new Fields(frame, "VLAN", at);
    tag.number(2, "VLAN", (value) => String(value & 0xfff));
    type = tag.number(2, "type", hexed);
    at = tag.done();
  }
  if (type !== null) networkLayer(frame, at, type);
}

function networkLayer(frame, at, type) {
  if (type === 0x0800) ipv4Layer(frame, at);
  if (type === 0x86dd) ipv6Layer(frame, at);
  if (type === 0x0806) arpLayer(frame, at);
}

function arpLayer(frame, at) {
  const head = new Fields(frame, "ARP", at);
  head.number(2, "hardware type");
  head.number(2, "protocol type", hexed);
  head.number(1, "hardware address length");
  head.number(1, "protocol address length");
  head.number(2, "operation", (value) => ({ 1: "1 request", 2: "2 reply" }[value] || String(value)));
  for (const end of ["sender", "target"]) {
    head.text(6, `${end} MAC address`, macText);
    head.text(4, `${end} IP address`, ipv4Text);
  }
  head.done();
}

/* RFC 791 §3.1. */
function ipv4Layer(frame, at) {
  const head = new Fields(frame, "IPv4", at);
  const first = head.number(1, "version, header length", (value) => `${value >> 4}, ${4 * (value & 15)} octets`);
  head.number(1, "DSCP, ECN", (value) => `${value >> 2}, ${value & 3}`);
  head.number(2, "total length");
  head.number(2, "identification", hexed);
  const place = head.number(2, "flags, offset", (value) => `${[value & 0x4000 && "do not fragment", value & 0x2000 && "more fragments"].filter(Boolean).join(", ") || "none"}, ${8 * (value & 0x1fff)}`);
  head.number(1, "time to live");
  const inside = head.number(1, "protocol", (value) => `${value} ${PROTOCOLS[value] || ""}`.trim());
  head.number(2, "checksum", hexed);
  head.text(4, "source", ipv4Text);
  head.text(4, "destination", ipv4Text);
  const length = 4 * (first & 15);
  if (head.whole && length > 20) head.text(length - 20, "options", (digits) => digits);
  const next = head.done();
  if (head.whole && !(place & 0x1fff)) transportLayer(frame, next, inside);
}

/* RFC 8200 §3. Extension headers end what is decoded here. */
function ipv6Layer(frame, at) {
  const head = new Fields(frame, "IPv6", at);
  head.number(4, "version, traffic class, flow label", (value) => `${value >>> 28}, ${(value >>> 20) & 255}, 0x${(value & 0xfffff).toString(16)}`);
  head.number(2, "payload length");
  const inside = head.number(1, "next header", (value) => `${value} ${PROTOCOLS[value] || ""}`.trim());
  head.number(1, "hop limit");
  head.text(16, "source", ipv6Text);
  head.text(16, "destination", ipv6Text);
  const next = head.done();
  if (head.whole) transportLayer(frame, next, inside);
}

function transportLayer(frame, at, kind) {
  if (kind === 6) return tcpLayer(frame, at);
  const head = new Fields(frame, PROTOCOLS[kind] || "", at);
  if (kind === 17) {      // RFC 768
    head.number(2, "source port");
    head.number(2, "destination port");
    head.number(2, "length");
    head.number(2, "checksum", hexed);
  } else if (kind === 1 || kind === 58) {      // RFC 792, RFC 4443 §2.1
    head.number(1, "type");
    head.number(1, "code");
    head.number(2, "checksum", hexed);
  } else return undefined;
  return payloadLayer(frame, head.done());
}

/* RFC 9293 §3.1. */
function tcpLayer(frame, at) {
  const head = new Fields(frame, "TCP", at);
  head.number(2, "source port");
  head.number(2, "destination port");
  head.number(4, "sequence number");
  head.number(4, "acknowledgment number");
  const flags = head.number(2, "header length, flags", (value) =>
    `${4 * (value >> 12)} octets, ${FLAG_NAMES.filter((_name, bit) => value & (1 << bit)).join(" ") || "none"}`);
  head.number(2, "window, as it stands there");
  head.number(2, "checksum", hexed);
  head.number(2, "urgent pointer");
  const length = 4 * (flags >> 12);
  if (head.whole && length > 20) head.text(length - 20, "options", optionsText);
  payloadLayer(frame, head.done());
}

/* RFC 9293 §3.2, RFC 7323 §2 and §3, RFC 2018 §2 and §3. */
const OPTION_NAMES = { 2: "MSS", 3: "window scale", 4: "SACK permitted", 5: "SACK", 8: "timestamps" };
function optionsText(digits) {
  const octets = digits.match(/../g).map((pair) => parseInt(pair, 16));
  const found = [];
  for (let at = 0; at < octets.length && octets[at] !== 0;) {
    if (octets[at] === 1) { at += 1; continue; }
    const length = octets[at + 1];
    if (!(length >= 2) || at + length > octets.length) { found.push("damaged"); break; }
    const words = octets.slice(at + 2, at + length);
    const long = (from, size) => words.slice(from, from + size).reduce((sum, octet) => sum * 256 + octet, 0);
    const numbers = { 2: () => [long(0, 2)], 3: () => [words[0]], 5: () => words.flatMap((_one, place) => (place % 4 ? [] : [long(place, 4)])),
      8: () => [long(0, 4), long(4, 4)] }[octets[at]];
    found.push([OPTION_NAMES[octets[at]] || `option ${octets[at]}`, ...(numbers ? numbers() : [])].join(" "));
    at += length;
  }
  return found.join(", ") || "none";
}

function payloadLayer(frame, at) {
  if (at < frame.size) frame.layers.push({ name: `Payload, ${plural(frame.size - at, "byte")} here`, start: at, end: frame.size, fields: [] });
}
