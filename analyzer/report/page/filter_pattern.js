/* Regular expressions that take time in proportion to the text, whatever they are: a set of states goes over it once.
   A browser's own go back and try again, and both expression and text come from strangers here. Letters match in either
   case unless the expression says (?-i); what RE2 refuses (references, looking around) is refused. */
class PatternError extends Error {}
const MAX_PATTERN = 1000;
const MAX_STATES = 5000;
const CLASSES = { d: [[48, 57]], w: [[48, 57], [65, 90], [95, 95], [97, 122]], s: [[9, 10], [12, 13], [32, 32]] };
const CONTROLS = { n: 10, t: 9, r: 13, f: 12, v: 11, a: 7 };

class Pattern {
  constructor(text) {
    if (text.length > MAX_PATTERN) throw new PatternError(`a regular expression of ${text.length} characters; ${MAX_PATTERN} at most are taken`);
    Object.assign(this, { text: [...text], at: 0, flags: { i: true, s: false, m: false, U: false }, states: [] });
    const tree = this.choice();
    if (this.at < this.text.length) this.refuse(`unexpected ): ${text}`);
    this.start = this.build(tree, this.state("match"));
  }

  refuse(why) { throw new PatternError(`the regular expression cannot be taken: ${why}`); }

  next(sign) {
    if (this.text[this.at] !== sign) return false;
    this.at += 1;
    return true;
  }

  choice() {
    const parts = [this.sequence()];
    while (this.next("|")) parts.push(this.sequence());
    return parts.length === 1 ? parts[0] : ["or", parts];
  }

  sequence() {
    const parts = [];
    while (this.at < this.text.length && this.text[this.at] !== "|" && this.text[this.at] !== ")") {
      const atom = this.atom();
      if (atom) parts.push(this.repeated(atom));
    }
    return ["and", parts];
  }

  repeated(atom) {
    let found = atom;
    for (let times = 0; ; times += 1) {
      const rest = this.text.slice(this.at, this.at + 12).join("");
      const counted = /^\{(\d{1,4})(?:(,)(\d{0,4}))?\}/.exec(rest);
      const sign = counted ? counted[0] : "*+?".includes(rest[0] || " ") ? rest[0] : "";
      if (!sign) return found;
      if (times) this.refuse(`bad repetition operator: ${sign}`);
      this.at += sign.length;
      this.next("?");      // fewest first: whether it matches is the same
      const least = counted ? Number(counted[1]) : sign === "+" ? 1 : 0;
      const most = !counted ? (sign === "?" ? 1 : Infinity) : !counted[2] ? least : counted[3] ? Number(counted[3]) : Infinity;
      if (least > 1000 || (most > 1000 && most < Infinity) || least > most) this.refuse(`invalid repetition size: ${sign}`);
      found = ["repeat", found, least, most];
    }
  }

  atom() {
    const sign = this.text[this.at];
    this.at += 1;
    if (sign === "(") return this.group();
    if (sign === "[") return this.set();
    if (sign === ".") return ["set", this.flags.s ? [[0, 0x10ffff]] : [[0, 9], [11, 0x10ffff]], false];
    if (sign === "^") return ["edge", this.flags.m ? "line" : "begin"];
    if (sign === "$") return ["edge", this.flags.m ? "lineEnd" : "end"];
    if (sign === "\\") return this.escape();
    if ("*+?".includes(sign)) this.refuse(`no argument for repetition operator: ${sign}`);
    return this.letter(sign.codePointAt(0));
  }

  letter(code) { return ["set", [[code, code]], this.flags.i]; }

  group() {
    const flags = { ...this.flags };
    if (this.next("?")) {
      const rest = this.text.slice(this.at).join("");
      const named = /^(?:P?<[A-Za-z_]\w*>|:)/.exec(rest);
      const set = /^([imsU]*)(?:-([imsU]+))?([:)])/.exec(rest);
      if (!named && !set) this.refuse(`invalid perl operator: (?${rest.slice(0, 2)}`);
      this.at += (named || set)[0].length;
      if (!named) {
        for (const flag of set[1]) this.flags[flag] = true;
        for (const flag of set[2] || "") this.flags[flag] = false;
        if (set[3] === ")") return null;
      }
    }
    const inside = this.choice();
    if (!this.next(")")) this.refuse(`missing ): ${this.text.join("")}`);
    this.flags = flags;
    return inside;
  }

  escape() {
    const sign = this.text[this.at];
    if (sign === undefined) this.refuse("trailing \\");
    this.at += 1;
    if (sign === "b" || sign === "B") return ["edge", sign === "b" ? "word" : "inside"];
    if (sign === "A" || sign === "z") return ["edge", sign === "A" ? "begin" : "end"];
    const ranges = classOf(sign);
    if (ranges) return ["set", ranges, false];
    return this.letter(this.code(sign));
  }

  /* The character that an escape stands for. */
  code(sign) {
    if (Object.hasOwn(CONTROLS, sign)) return CONTROLS[sign];
    if (sign === "x") {
      const found = /^(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\})/.exec(this.text.slice(this.at, this.at + 8).join(""));
      if (!found) this.refuse("invalid escape sequence: \\x");
      this.at += found[0].length;
      return parseInt(found[1] || found[2], 16);
    }
    if (/[A-Za-z0-9]/.test(sign)) this.refuse(`invalid escape sequence: \\${sign}`);
    return sign.codePointAt(0);
  }

  set() {
    const ranges = [];
    const other = this.next("^");
    for (let first = true; first || this.text[this.at] !== "]"; first = false) {
      if (this.at >= this.text.length) this.refuse(`missing ]: ${this.text.join("")}`);
      if (this.text[this.at] === "[" && this.text[this.at + 1] === ":") this.refuse("classes by name are not taken on the page");
      const [from, several] = this.member();
      if (several) { ranges.push(...several); continue; }
      let to = from;
      if (this.text[this.at] === "-" && this.text[this.at + 1] !== "]" && this.at + 1 < this.text.length) {
        this.at += 1;
        to = this.member()[0];
        if (to === null || to < from) this.refuse("invalid character class range");
      }
      ranges.push([from, to]);
    }
    this.at += 1;
    const folded = this.flags.i ? bothCases(ranges) : ranges;
    return ["set", other ? without(folded) : folded, false];
  }

  member() {
    const sign = this.text[this.at];
    this.at += 1;
    if (sign !== "\\") return [sign.codePointAt(0), null];
    const escaped = this.text[this.at];
    if (escaped === undefined) this.refuse("trailing \\");
    this.at += 1;
    const several = classOf(escaped);
    return several ? [null, several] : [this.code(escaped), null];
  }

  /* From the tree to states, from the end to the start. */
  state(kind, value, next, other) {
    if (this.states.length >= MAX_STATES) this.refuse("it is too large");
    this.states.push({ kind, value, next, other });
    return this.states.length - 1;
  }

  build(tree, next) {
    const [kind, of, least, most] = tree;
    if (kind === "set") return this.state("set", least ? bothCases(of) : of, next);
    if (kind === "edge") return this.state("edge", of, next);
    if (kind === "and") return of.reduceRight((behind, part) => this.build(part, behind), next);
    if (kind === "or") return of.map((part) => this.build(part, next)).reduceRight((behind, one) => this.state("split", null, one, behind));
    let found = next;
    if (most === Infinity) {
      const loop = this.state("split", null, -1, next);
      this.states[loop].next = this.build(of, loop);
      found = loop;
    } else {
      for (let time = least; time < most; time += 1) found = this.state("split", null, this.build(of, found), next);
    }
    for (let time = 0; time < least; time += 1) found = this.build(of, found);
    return found;
  }

  /* Whether it matches anywhere. */
  search(text) {
    const codes = Array.from(text, (one) => one.codePointAt(0));
    const seen = new Int32Array(this.states.length).fill(-1);
    let live = [];
    for (let place = 0; place <= codes.length; place += 1) {
      const there = [];
      const waiting = [...live.reverse(), this.start].reverse();
      while (waiting.length) {
        const number = waiting.pop();
        if (seen[number] === place) continue;
        seen[number] = place;
        const { kind, value, next, other } = this.states[number];
        if (kind === "match") return true;
        if (kind === "split") waiting.push(other, next);
        else if (kind === "edge") { if (EDGES[value](codes, place)) waiting.push(next); }
        else there.push(this.states[number]);
      }
      live = there.filter(({ value }) => value.some(([low, high]) => codes[place] >= low && codes[place] <= high)).map(({ next }) => next);
    }
    return false;
  }
}

const isWord = (code) => code !== undefined && CLASSES.w.some(([low, high]) => code >= low && code <= high);
const EDGES = {
  begin: (_codes, place) => place === 0, end: (codes, place) => place === codes.length,
  line: (codes, place) => place === 0 || codes[place - 1] === 10, lineEnd: (codes, place) => place === codes.length || codes[place] === 10,
  word: (codes, place) => isWord(codes[place - 1]) !== isWord(codes[place]),
  inside: (codes, place) => isWord(codes[place - 1]) === isWord(codes[place]),
};

function classOf(sign) {
  const ranges = Object.hasOwn(CLASSES, sign.toLowerCase()) ? CLASSES[sign.toLowerCase()] : null;
  return ranges && sign !== sign.toLowerCase() ? without(ranges) : ranges;
}

function without(ranges) {
  const found = [];
  let from = 0;
  for (const [low, high] of [...ranges].sort((a, b) => a[0] - b[0])) {
    if (low > from) found.push([from, low - 1]);
    from = Math.max(from, high + 1);
  }
  if (from <= 0x10ffff) found.push([from, 0x10ffff]);
  return found;
}

/* With the other case of each letter; of long ranges that of ASCII letters. */
function bothCases(ranges) {
  const found = [...ranges];
  for (const [low, high] of ranges) {
    const codes = high - low < 512 ? Array.from({ length: high - low + 1 }, (_one, place) => low + place)
      : Array.from({ length: 128 }, (_one, code) => code).filter((code) => code >= low && code <= high);
    for (const code of codes) {
      const letter = String.fromCodePoint(code);
      for (const other of [letter.toLowerCase(), letter.toUpperCase()]) {
        if ([...other].length === 1 && other !== letter) found.push([other.codePointAt(0), other.codePointAt(0)]);
      }
    }
  }
  return found;
}
