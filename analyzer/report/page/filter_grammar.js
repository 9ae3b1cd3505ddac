/* From the text of a filter to its tree, with types checked on the way: the language of `wiretale -Y`. */
const MAX_BRACKETS = 60;
const [ANY, ALL] = ["any", "all"];
const RELATIONS = { "==": ["==", ANY], eq: ["==", ANY], any_eq: ["==", ANY], "===": ["==", ALL], all_eq: ["==", ALL],
  "!=": ["!=", ALL], ne: ["!=", ALL], all_ne: ["!=", ALL], "!==": ["!=", ANY], "~=": ["!=", ANY], any_ne: ["!=", ANY],
  "<": ["<", ANY], lt: ["<", ANY], "<=": ["<=", ANY], le: ["<=", ANY], ">": [">", ANY], gt: [">", ANY], ">=": [">=", ANY],
  ge: [">=", ANY], contains: ["contains", ANY], matches: ["matches", ANY], "~": ["matches", ANY] };
const FUNCTIONS = ["lower", "upper", "len", "count"];
const KEYWORDS = new Set(["and", "or", "not", "in", "any", "all", ...Object.keys(RELATIONS).filter((word) => /^[a-z]+$/.test(word))]);
// What is Wireshark's and cannot be given as it has it: what to ask for instead.
const STREAMS = "wiretale numbers the conversations of all transports together, from 1: `conversation == 3`";
const INSTEAD = { "tcp.stream": STREAMS, "udp.stream": STREAMS,
  "frame.time": "absolute times are asked for with --from and --to, and relative ones with `frame.time_relative`",
  "_ws.expert": 'findings are asked for by their code: `finding == "tcp.timeout"`' };

/* known: Map of names to { kind, each, header, searched }.   names: what `event` and `finding` may be compared with.   instead: of protocols. */
function parseFilter(text, { known, names, instead }) {
  const words = filterWords(text);
  return new FilterParser(words, known, names, { ...INSTEAD, ...instead }).tree();
}

class FilterParser {
  constructor(words, known, names, instead) {
    Object.assign(this, { words, known, names, instead, at: 0, depth: 0 });
  }

  tree() {
    if (this.word.kind === W_END) throw new FilterError("it is empty", 0);
    const tree = this.any();
    const word = this.word;
    if (word.kind === W_END) return tree;
    if ([")", "}", "]"].includes(word.text)) throw this.wrong(word, `\`${word.text}\` closes nothing`);
    if (["[", "#"].includes(word.text)) throw this.wrong(word, `\`${word.text}\` stands behind a field: eth.src[0:3], ip.src#1`);
    throw this.wrong(word, `${saidWord(word)} stands where \`and\`, \`or\` or the end was expected`);
  }

  get word() { return this.words[this.at]; }

  is(...choices) { return this.word.kind !== W_TEXT && choices.includes(this.word.text.toLowerCase()); }

  take() {
    const word = this.word;
    if (word.kind !== W_END) this.at += 1;
    return word;
  }

  wrong(word, reason) { return new FilterError(reason, word.at, word.length); }

  any() { return this.joined("some", () => this.every(), "or", "||"); }

  every() { return this.joined("every", () => this.factor(), "and", "&&"); }

  joined(is, next, ...signs) {
    const parts = [next()];
    while (this.is(...signs)) { this.take(); parts.push(next()); }
    return parts.length === 1 ? parts[0] : { is, parts };
  }

  factor() {
    const word = this.word;
    if (this.depth > MAX_BRACKETS) throw this.wrong(word, `more than ${MAX_BRACKETS} brackets are open here`);
    this.depth += 1;
    try {
      if (this.is("not", "!")) { this.take(); return { is: "not", of: this.factor() }; }
      if (!this.is("(")) return this.test();
      this.take();
      const inside = this.any();
      this.close(word, ")");
      return inside;
    } finally {
      this.depth -= 1;
    }
  }

  close(opened, bracket) {
    const word = this.take();
    if (word.kind === W_OPERATOR && word.text === bracket) return;
    if (word.kind === W_END) throw this.wrong(opened, `\`${opened.text}\` is not closed`);
    throw this.wrong(word, `${saidWord(word)} stands where \`${bracket}\` or \`and\` was expected`);
  }

  test() {
    let quantity = "";
    if (this.is(ANY, ALL) && this.words[this.at + 1].kind === W_NAME) quantity = this.take().text.toLowerCase();
    const operand = this.operand();
    const within = () => ({ is: "in", operand, quantity: quantity || ANY, ranges: this.set(operand) });
    if (this.is("in")) { this.take(); return within(); }
    if (this.is("not") && this.words[this.at + 1].text.toLowerCase() === "in") { this.at += 2; return { is: "not", of: within() }; }
    const word = this.word;
    const found = word.kind !== W_TEXT && Object.hasOwn(RELATIONS, word.text.toLowerCase()) ? RELATIONS[word.text.toLowerCase()] : null;
    if (found) { this.take(); return this.compared(operand, word, found[0], quantity || found[1]); }
    if (quantity) throw this.wrong(word, `\`${quantity}\` needs a comparison: ${quantity} tcp.port > 1024`);
    if (operand.function) throw this.wrong(word, `${operand.function}(…) needs a comparison`);
    return { is: "there", operand };
  }

  operand() {
    const word = this.take();
    if (word.kind === W_NAME && FUNCTIONS.includes(word.text.toLowerCase()) && this.is("(")) return this.applied(word);
    const operand = this.plain(word);
    if (!this.is("&", "bitand", "bitwise_and")) return operand;
    const sign = this.take();
    if (operand.kind !== "number" && !operand.parts) throw this.wrong(sign, `\`${operand.name}\` is ${ARTICLES[operand.kind]}; & looks at bits of a number`);
    return { ...operand, mask: valueOf(operand, this.take()).low };
  }

  plain(word) {
    if (word.kind === W_END) throw this.wrong(word, "it ends where a field was expected");
    if (word.kind !== W_NAME || (KEYWORDS.has(word.text.toLowerCase()) && !this.known.has(word.text))) {
      throw this.wrong(word, `${saidWord(word)} stands where a field was expected, such as tcp.port`);
    }
    const name = this.field(word.text);
    if (!name) throw this.unknown(word);
    return this.part(name, word);
  }

  /* The field with what stands behind it: which of its headers, which of its octets. */
  part(name, word) {
    const { kind, each, header, searched } = this.known.get(name);
    const operand = { name, kind, field: kind, each, header, searched, function: "", mask: -1, layers: null, parts: null, at: word.at, length: word.length };
    if (this.is("#")) {
      const sign = this.take();
      if (!each) throw this.wrong(sign, `the headers that have \`${name}\` are not told apart; ${LAYERS_OF}`);
      operand.layers = this.layers(sign);
    }
    if (this.is("[")) {
      if (!SLICED.includes(kind) || (kind === "protocol" && !header)) {
        const what = kind === "protocol" ? "; of TCP, `tcp.payload` has octets, and every frame has `frame`" : "";
        throw this.wrong(this.word, `\`${name}\` is ${ARTICLES[kind]}, whose octets cannot be asked for${what}`);
      }
      Object.assign(operand, { kind: "bytes", parts: this.brackets() });
    }
    return operand;
  }

  layers(sign) {
    if (this.is("[")) return this.brackets();
    const word = this.take();
    if (word.kind !== W_NAME || !/^[0-9]{1,9}$/.test(word.text)) {
      throw this.wrong(word, `the number of a header was expected behind \`${sign.text}\`: ip.src#1`);
    }
    return [{ first: Number(word.text), length: 1 }];
  }

  brackets() {
    const [parts, length] = bracketedParts(this.words.slice(this.at));
    this.at += length;
    return parts;
  }

  field(name) { return [name, name.toLowerCase()].find((one) => this.known.has(one)) || ""; }

  unknown(word) {
    const name = word.text;
    if (Object.hasOwn(this.instead, name)) return this.wrong(word, `\`${name}\` cannot be asked for here; ${this.instead[name]}`);
    if (/^[\d:-]/.test(name)) return this.wrong(word, `\`${name}\` is a value, and a test begins with a field: ip.addr == 10.0.0.1`);
    return this.wrong(word, `no field \`${name}\`${meantBy(name, [...this.known.keys()]) || "; `wiretale fields` lists them"}`);
  }

  applied(called) {
    const opened = this.take();
    const word = this.take();
    const operand = this.plain(word);
    this.close(opened, ")");
    const name = called.text.toLowerCase();
    if (name === "count") return { ...operand, kind: "number", function: name };
    if (operand.kind === "protocol" && !operand.header) throw this.wrong(word, `the octets of \`${operand.name}\` cannot be asked for`);
    if (!(name === "len" ? ["text", "bytes", "protocol"] : ["text"]).includes(operand.kind)) {
      throw this.wrong(word, `${name}() takes a text; \`${operand.name}\` is ${ARTICLES[operand.kind]}`);
    }
    return { ...operand, kind: name === "len" ? "number" : operand.kind, function: name };
  }

  compared(operand, sign, how, quantity) {
    const word = this.word;
    if (word.kind === W_END || word.kind === W_OPERATOR) throw this.wrong(word, `a value was expected behind \`${sign.text}\``);
    const test = { is: "compared", operand, how, quantity };
    if (how === "contains") return { ...test, value: this.searched(operand, sign) };
    if (how === "matches") return { ...test, value: this.pattern(operand, sign) };
    if (operand.kind === "protocol" && !operand.function) {
      throw this.wrong(sign, `\`${operand.name}\` is a protocol: write it alone, or search it with \`contains\``);
    }
    const other = this.other(word, operand);
    if (other) {
      if (other.kind !== operand.kind) {
        throw this.wrong(word, `\`${operand.name}\` is ${ARTICLES[operand.kind]}, and \`${word.text}\` is ${ARTICLES[other.kind]}`);
      }
      return { ...test, is: "pair", other };
    }
    const value = this.value(operand);
    if (how === "==" || how === "!=") return { ...test, value };
    if (operand.kind === "boolean") throw this.wrong(sign, `\`${operand.name}\` is true or false, which have no order`);
    if (value.low !== value.high) throw this.wrong(word, `\`${sign.text}\` compares with one address; a network is asked for with ==`);
    return { ...test, value };
  }

  /* A field of the same frame, to compare with; numbers and addresses are none. */
  other(word, operand) {
    const name = word.kind === W_NAME ? this.field(word.text) : "";
    if (!name) return null;
    const { kind } = this.known.get(name);
    const behind = this.words[this.at + 1];
    const parted = behind.kind === W_OPERATOR && ["[", "#"].includes(behind.text);
    if (kind === "mark" || (kind === "protocol" && !parted) || (operand.kind === "text" && kind !== "text")) return null;
    this.take();
    return this.part(name, word);
  }

  value(operand) {
    const word = this.take();
    if (word.kind === W_OPERATOR || word.kind === W_END) throw this.wrong(word, "a value was expected here");
    const value = valueOf(operand, word);
    const names = this.names[operand.name];
    if (names && names.length && !names.includes(value.low) && !operand.function) {
      const hint = meantBy(word.text, names) || `; \`wiretale explain\` knows them: ${names.slice(0, 3).join(", ")} …`;
      throw this.wrong(word, `there is no ${operand.name} \`${word.text}\`${hint}`);
    }
    return value;
  }

  searched(operand, sign) {
    const word = this.take();
    if (operand.kind === "bytes" || operand.kind === "protocol") {
      this.octetsSearchable(operand, sign);
      const octets = octetsOf(word);
      if (octets === null) throw wrongValue({ ...operand, kind: "bytes", function: "" }, word);
      return octets;
    }
    this.searchable(operand, sign, "contains", ["text"]);
    return word.text;
  }

  pattern(operand, sign) {
    const word = this.take();
    this.searchable(operand, sign, "matches", ["text", "bytes", "protocol"]);
    this.octetsSearchable(operand, sign);
    if (word.kind !== W_TEXT) throw this.wrong(word, `a regular expression stands in double quotes: "${word.text}"`);
    try {
      return new Pattern(word.text);
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      throw this.wrong(word, error.message);
    }
  }

  searchable(operand, sign, how, kinds) {
    if (kinds.includes(operand.kind)) return;
    throw this.wrong(sign, `\`${how}\` searches texts and bytes; \`${operand.name}\` is ${ARTICLES[operand.kind]}`);
  }

  octetsSearchable(operand, sign) {
    if (operand.kind !== "protocol" || (operand.searched && !operand.layers)) return;
    throw this.wrong(sign, `the octets of \`${operand.name}\` cannot be searched; those of \`frame\`, \`tcp.payload\` and \`udp.payload\` can, and so can every text`);
  }

  set(operand) {
    const opened = this.take();
    if (opened.text !== "{" || opened.kind === W_TEXT) throw this.wrong(opened, "a set was expected behind `in`: {80, 443, 8000..8080}");
    if (operand.kind === "protocol" && !operand.function) throw this.wrong(opened, `\`${operand.name}\` is a protocol, which is in no set`);
    const ranges = [];
    for (;;) {
      const first = this.word;
      let value = this.value(operand);
      if (this.is("..")) {
        this.take();
        const last = this.value(operand);
        if (last.low < value.low) throw this.wrong(first, "this range ends before it begins");
        value = { low: value.low, high: last.high };
      }
      ranges.push(value);
      const word = this.take();
      if (word.kind === W_OPERATOR && word.text === "}") return ranges;
      if (word.kind === W_END) throw this.wrong(opened, "`{` is not closed");
      if (word.text !== "," || word.kind === W_TEXT) throw this.wrong(word, `${saidWord(word)} stands where \`,\` or \`}\` was expected`);
    }
  }
}

const saidWord = (word) => (word.kind === W_END ? "the end" : word.kind === W_TEXT ? `"${word.text}"` : `\`${word.text}\``);
