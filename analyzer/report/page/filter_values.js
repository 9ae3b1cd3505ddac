/* What a value means for a field of some kind. Addresses and octets are hexadecimal digits, which order as octets do. */
const ARTICLES = { number: "a number", text: "a text", boolean: "true or false", "IPv4 address": "an IPv4 address",
  "IPv6 address": "an IPv6 address", "MAC address": "a MAC address", "time in seconds": "a time in seconds", mark: "a mark",
  bytes: "bytes", protocol: "a protocol" };
const SUCH = { number: "443", boolean: "1", "IPv4 address": "10.0.0.0/8", "IPv6 address": "fe80::/10",
  "MAC address": "00:1b:21:00:00:01", "time in seconds": "0.25", bytes: '"GET" or 47:45:54' };
const INTEGERS = [[/^-?0[xX][0-9A-Fa-f]+$/, 16], [/^-?0[bB][01]+$/, 2], [/^-?0[0-7]+$/, 8], [/^-?(?:0|[1-9][0-9]*)$/, 10]];

function wrongValue(operand, word) {
  const plain = `\`${operand.name}${operand.parts ? "[…]" : ""}\``;
  const name = operand.function ? `${operand.function}(${plain})` : plain;
  const such = SUCH[operand.kind] ? `, such as ${SUCH[operand.kind]}` : "";
  const said = word.kind === W_TEXT ? `"${word.text}"` : `\`${word.text}\``;
  return new FilterError(`${name} is ${ARTICLES[operand.kind]}${such}; ${said} is not`, word.at, word.length);
}

/* {low, high}: the same, or a network of addresses. Numbers beyond 2^53 are as near as a browser holds them. */
function valueOf(operand, word) {
  const { kind, name } = operand;
  if (kind === "mark") {
    throw new FilterError(`\`${name}\` is a mark, which a frame has or has not: write \`${name}\` or \`not ${name}\``, word.at, word.length);
  }
  const quoted = word.kind === W_TEXT;
  if ((kind === "IPv4 address" || kind === "IPv6 address") && !quoted) {
    const found = networkOf(word.text, kind === "IPv4 address" ? 4 : 16);
    if (found) return found;
  } else {
    const value = singleValue(kind, word, quoted);
    if (value !== null) return { low: value, high: value };
  }
  throw wrongValue(operand, word);
}

function singleValue(kind, word, quoted) {
  if (kind === "text") return word.text;
  if (kind === "bytes" || kind === "protocol") return octetsOf(word);
  if (quoted) return null;
  if (kind === "number") return integerOf(word.text);
  if (kind === "boolean") {
    const named = { true: 1, false: 0 }[word.text.toLowerCase()];
    const number = named === undefined ? integerOf(word.text) : named;
    return number === null ? null : Number(number !== 0);
  }
  if (kind === "time in seconds") return secondsOf(word.text);
  return /^[0-9A-Fa-f]{2}(?:[:.-][0-9A-Fa-f]{2}){5}$/.test(word.text) ? word.text.replace(/[:.-]/g, "").toLowerCase() : null;
}

function octetsOf(word) {
  if (word.kind === W_TEXT) {
    const latin = [...word.text].every((one) => one.codePointAt(0) < 256) && word.raw.includes("\\");
    const octets = latin ? [...word.text].map((one) => one.codePointAt(0)) : [...new TextEncoder().encode(word.text)];
    return octets.map((octet) => octet.toString(16).padStart(2, "0")).join("");
  }
  const one = /^(?:0[xX])?([0-9A-Fa-f]{1,2})$/.exec(word.text);
  if (one) return one[1].padStart(2, "0").toLowerCase();
  return /^[0-9A-Fa-f]{2}(?:[:.-]?[0-9A-Fa-f]{2})*$/.test(word.text) ? word.text.replace(/[:.-]/g, "").toLowerCase() : null;
}

function integerOf(text) {
  if (text.length > 40) return null;
  const form = INTEGERS.find(([pattern]) => pattern.test(text));
  if (!form) return null;
  const digits = text.replace(/^-/, "").replace(/^0[xXbB]/, "");
  return (text[0] === "-" ? -1 : 1) * (form[1] === 10 ? Number(digits) : parseInt(digits, form[1])) || 0;
}

/* In nanoseconds. */
function secondsOf(text) {
  const found = /^(-?)([0-9]{1,12})(?:\.([0-9]{1,9}))?$/.exec(text);
  if (!found) return null;
  return (found[1] ? -1 : 1) * (Number(found[2]) * 1e9 + Number((found[3] || "").padEnd(9, "0")));
}

function networkOf(text, size) {
  const [address, length, ...more] = text.split("/");
  const octets = size === 4 ? ipv4Octets(address) : ipv6Octets(address);
  if (!octets || more.length) return null;
  const bits = length === undefined ? 8 * size : prefixOf(length, size);
  if (bits === null) return null;
  const edge = (fill) => octets.map((octet, place) => {
    const free = Math.min(Math.max(8 * (place + 1) - bits, 0), 8);
    const mask = (1 << free) - 1;
    return (fill ? octet | mask : octet & ~mask & 255).toString(16).padStart(2, "0");
  }).join("");
  return { low: edge(false), high: edge(true) };
}

/* /24, or for IPv4 also /255.255.255.0 and /0.0.0.255. */
function prefixOf(text, size) {
  if (/^[0-9]+$/.test(text)) return Number(text) <= 8 * size ? Number(text) : null;
  const mask = size === 4 ? ipv4Octets(text) : null;
  if (!mask) return null;
  const bits = mask.map((octet) => octet.toString(2).padStart(8, "0")).join("");
  if (/^1*0*$/.test(bits)) return bits.indexOf("0") < 0 ? 32 : bits.indexOf("0");
  return /^0+1*$/.test(bits) ? bits.lastIndexOf("0") + 1 : null;
}

function ipv4Octets(text) {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9][0-9]{0,2})$/.test(part) && Number(part) < 256)) return null;
  return parts.map(Number);
}

function ipv6Octets(text) {
  const last = text.slice(text.lastIndexOf(":") + 1);
  const four = last.includes(".") ? ipv4Octets(last) : null;
  if (last.includes(".") && !four) return null;
  const hex = (octets) => ((octets[0] << 8) | octets[1]).toString(16);
  const plain = four ? text.slice(0, -last.length) + hex(four) + ":" + hex(four.slice(2)) : text;
  const halves = plain.split("::");
  if (halves.length > 2) return null;
  const groups = halves.map((half) => (half ? half.split(":") : []));
  const count = groups.flat().length;
  if (!groups.flat().every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group)) || (halves.length === 2 ? count > 7 : count !== 8)) return null;
  const zeros = halves.length === 2 ? new Array(8 - count).fill("0") : [];
  return [...groups[0], ...zeros, ...(groups[1] || [])].flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 255]);
}
