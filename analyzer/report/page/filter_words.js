/* The words of a filter, as `wiretale -Y` reads them. Each part of the language says what is wrong in the same words and
   at the same place as the command. */
class FilterError extends Error {
  constructor(reason, at, length = 1) {
    super(reason);
    Object.assign(this, { at, length });
  }
}

const MAX_WORDS = 20000;
const MAX_FILTER = 65536;
const [W_NAME, W_TEXT, W_OPERATOR, W_END] = ["name", "text", "operator", "end"];
const FORMS = [[/\s+/y, ""], [/-?[A-Za-z0-9_:](?:[A-Za-z0-9_:/-]|\.(?!\.))*/y, W_NAME],
  [/===|!==|&&|\|\||==|!=|<=|>=|~=|\.\.|[<>!&~(){},[\]#]/y, W_OPERATOR]];
const ESCAPED = { n: "\n", r: "\r", t: "\t", a: "\x07", b: "\b", f: "\f", v: "\v" };
const HINTS = { "'": "; texts stand in double quotes", "=": "; equality is written ==", "|": "; `or` is written || or or" };

function filterWords(text) {
  if (text.length > MAX_FILTER) throw new FilterError(`it has ${text.length} characters, and ${MAX_FILTER} at most are read`, MAX_FILTER);
  const found = [];
  let at = 0;
  while (at < text.length) {
    if (!/\s/.test(text[at]) && found.length === MAX_WORDS) throw new FilterError(`it has more than ${MAX_WORDS} words`, at);
    const plain = /^r"/i.test(text.slice(at, at + 2));
    if (plain || text[at] === '"') {
      found.push(quotedWord(text, at, plain));
      at += found[found.length - 1].length;
      continue;
    }
    const [match, kind] = formAt(text, at);
    if (!match) throw new FilterError(`${shownCharacter(text, at)} means nothing here${HINTS[text[at]] || ""}`, at);
    if (kind) found.push({ kind, text: match, at, length: match.length, raw: "" });
    at += match.length;
  }
  found.push({ kind: W_END, text: "", at: text.length, length: 1, raw: "" });
  return found;
}

function formAt(text, at) {
  for (const [form, kind] of FORMS) {
    form.lastIndex = at;
    const match = form.exec(text);
    if (match) return [match[0], kind];
  }
  return ["", ""];
}

function quotedWord(text, at, plain) {
  const start = at + (plain ? 2 : 1);
  let end = start;
  while (end < text.length && text[end] !== '"') end += text[end] === "\\" ? 2 : 1;
  if (end >= text.length) throw new FilterError("the text that begins here has no closing quote", at);
  const raw = text.slice(start, end);
  const said = plain ? raw : raw.replace(/\\(x[0-9A-Fa-f]{1,2}|[0-7]{1,3}|[^])/g, (whole, code) => {
    if (code[0] === "x" && code.length > 1) return String.fromCharCode(parseInt(code.slice(1), 16));
    if (code[0] >= "0" && code[0] <= "7") return String.fromCharCode(parseInt(code, 8) & 255);
    return "\"'\\".includes(code) ? code : ESCAPED[code] || whole;
  });
  return { kind: W_TEXT, text: said, at, length: end + 1 - at, raw };
}

function shownCharacter(text, at) {
  const code = text.codePointAt(at);
  const character = String.fromCodePoint(code);
  const printable = character === " " || !/[\p{C}\p{Z}]/u.test(character);
  return printable ? `\`${character}\`` : `character U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}

/* `; did you mean `tcp.port`?` where a name is near: those that Python's difflib calls close matches. */
function meantBy(word, known) {
  if (word.length > 200) return "";      // no name is long enough to be near
  const near = known.map((name) => [likeness(word.toLowerCase(), name), name]).filter(([score]) => score >= 0.7)
    .sort((a, b) => b[0] - a[0] || (a[1] < b[1] ? 1 : -1)).slice(0, 3);
  return near.length ? "; did you mean " + near.map(([, name]) => `\`${name}\``).join(" or ") + "?" : "";
}

/* Twice the letters in common, in the longest stretches that are alike, over all letters (Ratcliff and Obershelp). */
function likeness(one, other) {
  const common = (from, to, low, high) => {
    let [best, first, second] = [0, from, low];
    for (let a = from; a < to; a += 1) {
      for (let b = low; b < high; b += 1) {
        let run = 0;
        while (a + run < to && b + run < high && other[a + run] === one[b + run]) run += 1;
        if (run > best) [best, first, second] = [run, a, b];
      }
    }
    return best ? best + common(from, first, low, second) + common(first + best, to, second + best, high) : 0;
  };
  return 2 * common(0, other.length, 0, one.length) / (one.length + other.length || 1);
}
