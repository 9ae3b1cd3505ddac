/* Parts of a field: octets of its value (eth.src[0:3]), and its headers of one layer (ip.src#1). */
const MAX_PARTS = 64;
const PART_NUMBER = "(-?[0-9]{1,9})";
const PART_FORMS = [[`${PART_NUMBER}:${PART_NUMBER}`, (first, length) => ({ first, length })],
  [`${PART_NUMBER}-${PART_NUMBER}`, (first, last) => ({ first, last })], [`:${PART_NUMBER}`, (length) => ({ first: 0, length })],
  [`${PART_NUMBER}:`, (first) => ({ first, length: 0 })], [PART_NUMBER, (first) => ({ first, length: 1 })]];
const SLICED = ["text", "bytes", "protocol", "MAC address", "IPv4 address", "IPv6 address"];
const LAYERS_OF = "those of ip, ipv6, icmp, icmpv6 and of ports are: ip.src#1";

/* What stands between brackets, and how many words that is. words: from `[` on. */
function bracketedParts(words) {
  const [opened] = words;
  const said = [[]];
  for (let at = 1; at < words.length; at += 1) {
    const word = words[at];
    if (word.kind === W_END || word.kind === W_TEXT) break;
    if (word.text === "]") {
      if (said.length > MAX_PARTS) throw new FilterError(`more than ${MAX_PARTS} parts of one field`, opened.at);
      return [said.map((one) => partOf(one, word)), at + 1];
    }
    if (word.text === ",") said.push([]);
    else if (word.kind === W_NAME) said[said.length - 1].push(word.text);
    else throw new FilterError(`\`${word.text}\` stands where a number or \`]\` was expected`, word.at, word.length);
  }
  throw new FilterError("`[` is not closed", opened.at);
}

function partOf(said, behind) {
  const whole = said.join("");
  const [at, length] = [Math.max(behind.at - whole.length, 0), Math.max(whole.length, 1)];
  const form = PART_FORMS.find(([pattern]) => new RegExp(`^${pattern}$`).test(whole));
  if (!form || (said.length > 1 && !said.some((one) => one.includes(":")))) {
    throw new FilterError("a part is written [offset:length], [first-last], [offset] or [offset:]", at, length);
  }
  const part = form[1](...new RegExp(`^${form[0]}$`).exec(whole).slice(1).map(Number));
  if (part.last !== undefined && (part.first < 0) === (part.last < 0) && part.last < part.first) {
    throw new FilterError("this part ends before it begins", at, length);
  }
  if (part.length !== undefined && part.length <= 0 && !/:$/.test(whole)) throw new FilterError("a part has a length of 1 or more", at, length);
  return part;
}

/* Begin and end of it in what has so many. base: what the first one is called. */
function boundsOf({ first, last, length }, size, base) {
  const begin = first < 0 ? first + size : first - base;
  if (last !== undefined) return [begin, (last < 0 ? last + size : last - base) + 1];
  return [begin, length ? begin + length : size];
}

/* Octets of each value, as hexadecimal digits; texts are taken as UTF-8. */
function slicedValues(values, parts, isText) {
  return (row) => values(row).map((value) => {
    const digits = isText ? [...new TextEncoder().encode(value)].map((octet) => octet.toString(16).padStart(2, "0")).join("") : value;
    return parts.map((part) => boundsOf(part, digits.length / 2, 0)).filter(([begin, end]) => begin >= 0 && begin < end && end <= digits.length / 2)
      .map(([begin, end]) => digits.slice(2 * begin, 2 * end)).join("");
  }).filter(Boolean);
}

/* The values of some headers, counted from 1. each: how many values one header has. */
function layeredValues(values, parts, each) {
  return (row) => {
    const every = values(row);
    const bounds = parts.map((part) => boundsOf(part, Math.floor(every.length / each), 1));
    return every.filter((_value, at) => bounds.some(([begin, end]) => begin <= Math.floor(at / each) && Math.floor(at / each) < end));
  };
}

/* As many octets as both have, those bits of them that both have. */
function maskedOctets(value, mask) {
  return (value.match(/../g) || []).slice(0, mask.length / 2).map((pair, at) =>
    (parseInt(pair, 16) & parseInt(mask.slice(2 * at, 2 * at + 2), 16)).toString(16).padStart(2, "0")).join("");
}
