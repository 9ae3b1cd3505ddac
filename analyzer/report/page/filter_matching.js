/* Whether a filter holds of a frame of the page. */
const BOTH_ENDS = { "eth.addr": ["eth.src", "eth.dst"], "ip.addr": ["ip.src", "ip.dst"], "ipv6.addr": ["ipv6.src", "ipv6.dst"],
  "tcp.port": ["tcp.srcport", "tcp.dstport"], "udp.port": ["udp.srcport", "udp.dstport"] };
const CONTROL_BITS = { fin: 1, syn: 2, reset: 4, push: 8, ack: 16, urg: 32, ece: 64, cwr: 128, ae: 256 };
// Wireshark marks what was resent fast or in vain as resent besides.
const ALSO_RESENT = 2048 | 4096;
const RESENT = 16384;

/* A function from the row of a frame to the values of a field. Throws FilterError where the page does not hold it. */
function valuesOf(name, kind) {
  if (kind === "protocol" || kind === "bytes") return null;
  const ends = BOTH_ENDS[name];
  if (ends) {
    const [one, other] = ends.map(columnOf);
    return (row) => {      // of each header its two
      const [from, to] = one ? [one.at(row), other.at(row)] : [[], []];
      return from.flatMap((value, place) => [value, to[place]]);
    };
  }
  if (name.startsWith("tcp.flags.")) {
    const [flags, bit] = [columnOf("tcp.flags"), CONTROL_BITS[name.slice(10)]];
    return (row) => (flags ? flags.at(row).map((value) => Number((value & bit) !== 0)) : []);
  }
  if (kind === "mark" && name.startsWith("tcp.analysis.")) return marksOf(name);
  if (name === "frame.time_epoch") return (row) => [valueAt("frame.time_relative", row) + page.data.capture.start];
  if (name === "frame.time_delta" && listing.head.every) {
    const { numbers } = columnOf("frame.time_relative");
    return (row) => [row ? numbers[row] - numbers[row - 1] : 0];
  }
  const column = columnOf(name);
  if (!column) return () => [];
  return name === "conversation" ? (row) => column.at(row).filter(Boolean) : column.at;
}

function marksOf(name) {
  const column = columnOf("tcp.analysis");
  const mask = name === "tcp.analysis.flags" ? -1 : listing.head.marks[name];
  return (row) => {
    const bits = column ? column.at(row)[0] || 0 : 0;
    return (bits & ALSO_RESENT ? bits | RESENT : bits) & mask ? [1] : [];
  };
}

function operandValues(operand) {
  const { parts, layers, mask } = operand;
  let values = headerValues(operand);
  if (!values) throw new FilterError("the page does not hold the octets of every frame; `wiretale -Y` searches them", operand.at, operand.length);
  if (layers) values = layeredValues(values, layers, operand.each);
  if (parts) values = slicedValues(values, parts, operand.field === "text");
  const plain = values;
  if (typeof mask === "string") return (row) => plain(row).map((value) => maskedOctets(value, mask));
  if (mask !== -1) return (row) => plain(row).map((value) => Number(BigInt(value) & BigInt(mask)));
  if (operand.function === "count") return (row) => { const { length } = plain(row); return length ? [length] : []; };
  if (operand.function === "len") return (row) => plain(row).map((value) => (operand.parts ? value.length / 2 : [...value].length));
  if (operand.function) return (row) => plain(row).map((value) => (operand.function === "lower" ? value.toLowerCase() : value.toUpperCase()));
  return plain;
}

// Of protocols whose headers are counted, a field that each of them has.
const STANDS_FOR = { ip: "ip.version", ipv6: "ipv6.hlim", tcp: "tcp.srcport", udp: "udp.srcport", eth: "frame.number", frame: "frame.number" };
function headerValues({ name, field, parts, layers, function: called }) {
  if (field !== "protocol") return valuesOf(name, field);
  return !parts && (layers || called === "count") && called !== "len" && STANDS_FOR[name] ? valuesOf(STANDS_FOR[name], "number") : null;
}

const ORDER = { "==": (one, other) => one === other, "!=": (one, other) => one !== other, "<": (one, other) => one < other,
  "<=": (one, other) => one <= other, ">": (one, other) => one > other, ">=": (one, other) => one >= other };

/* A function from the row of a frame to whether the tree holds of it. */
function matcherOf(tree) {
  if (tree.is === "not") {
    const of = matcherOf(tree.of);
    return (row) => !of(row);
  }
  if (tree.parts) {
    const parts = tree.parts.map(matcherOf);
    return tree.is === "every" ? (row) => parts.every((part) => part(row)) : (row) => parts.some((part) => part(row));
  }
  if (tree.is === "there") return presenceOf(tree.operand);
  const values = operandValues(tree.operand);
  const of = tree.quantity === ALL ? (fits) => (row) => { const found = values(row); return found.length > 0 && found.every(fits); }
    : (fits) => (row) => values(row).some(fits);
  if (tree.is === "in") return of((value) => tree.ranges.some(({ low, high }) => value >= low && value <= high));
  if (tree.is === "pair") return pairOf(tree, values);
  const { value, how } = tree;
  const octets = tree.operand.kind === "bytes";
  if (how === "contains") return of((one) => (octets ? octetsInclude(one, value) : one.includes(value)));
  if (how === "matches") return of((one) => value.search(octets ? latinOf(one) : one));
  if (how === "==") return of((one) => one >= value.low && one <= value.high);
  if (how === "!=") return of((one) => one < value.low || one > value.high);
  return of((one) => ORDER[how](one, value.low));
}

const latinOf = (digits) => (digits.match(/../g) || []).map((pair) => String.fromCharCode(parseInt(pair, 16))).join("");

function octetsInclude(digits, part) {
  for (let at = digits.indexOf(part); at >= 0; at = digits.indexOf(part, at + 1)) if (at % 2 === 0) return true;
  return false;
}

function presenceOf(operand) {
  if (operand.mask !== -1) {
    const masked = operandValues(operand);
    return (row) => masked(row).some((value) => (typeof value === "string" ? /[^0]/.test(value) : value));
  }
  if (operand.parts || operand.layers) {
    const values = operandValues(operand);
    return (row) => values(row).length > 0;
  }
  if (operand.name === "frame") return () => true;
  if (operand.kind === "protocol") {
    const layers = columnOf("layers");
    return (row) => layers.at(row).includes(operand.name);
  }
  if (operand.kind === "bytes") {      // there where there is some
    const length = operand.name === "tcp.payload" ? ["tcp.len", 0] : ["udp.length", 8];
    const values = valuesOf(length[0], "number");
    return (row) => values(row).some((value) => value > length[1]);
  }
  const values = valuesOf(operand.name, operand.kind);
  return (row) => values(row).length > 0;
}

function pairOf({ operand, how, quantity, other }, values) {
  const others = operandValues(other);
  const holds = ORDER[how];
  return (row) => {
    const [left, right] = [values(row), others(row)];
    if (quantity !== ALL) return left.some((one) => right.some((two) => holds(one, two)));
    return left.length > 0 && right.length > 0 && left.every((one) => right.every((two) => holds(one, two)));
  };
}

/* The rows of which a filter holds, as octets of 0 and 1. Opens in steps, so that the page answers in between. */
async function matchingRows(tree, current) {
  const holds = matcherOf(tree);
  const { count } = listing.head;
  const found = new Uint8Array(count);
  for (let from = 0; from < count; from += 8192) {
    if (!current()) return null;
    for (let row = from; row < Math.min(from + 8192, count); row += 1) if (holds(row)) found[row] = 1;
    await new Promise((done) => { setTimeout(done); });
  }
  return found;
}

function filterNames() {
  const { known, events, findings, instead } = listing.head;
  const fields = known.map(([name, kind, each, header, searched]) => [name, { kind, each, header: Boolean(header), searched: Boolean(searched) }]);
  return { known: new Map(fields), names: { event: events, finding: findings }, instead };
}
