/* The values of an event as lists of names and values: header fields, certificates, messages, whatever it holds.
   Nothing here knows a protocol; the shape of a value decides how it is set. */
const MOST_VALUES = 40;      // of one list, before "and 12 more"
const ABSOLUTE = 1e15;       // nanoseconds beyond this are a point in time, not a length

const fieldName = (key) => key.replace(/_ns$/, "").replaceAll("_", " ");
const isPair = (value) => Array.isArray(value) && value.length === 2 && typeof value[0] === "string" && typeof value[1] === "string";
const isEmpty = (value) => value === null || value === "" || (typeof value === "object" && !Object.keys(value).length);

function scalarText(key, value) {
  if (value === true) return "yes";
  if (value === false) return "no";
  if (typeof value !== "number") return String(value);
  if (!key.endsWith("_ns")) return Number.isInteger(value) ? grouped(value) : String(value);
  if (value >= ABSOLUTE) return since(value - page.data.capture.start, 0);
  return value < 0 ? "not seen" : duration(value);
}

function pairsElement(pairs) {
  return make("table", { class: "pairs" }, make("tbody", {}, ...pairs.map(([name, value]) =>
    make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, value)))));
}

function valueElement(key, value) {
  if (typeof value !== "object") return make("span", {}, scalarText(key, value));
  if (!Array.isArray(value)) return fieldsElement(value);
  if (value.every(isPair)) return pairsElement(value);
  const shown = value.slice(0, MOST_VALUES);
  const rest = value.length - shown.length;
  const more = rest > 0 ? make("span", { class: "dim" }, ` and ${grouped(rest)} more`) : null;
  if (shown.every((one) => one === null || typeof one !== "object")) {
    return make("span", {}, shown.map((one) => scalarText(key, one)).join(", "), more);
  }
  return make("ol", { class: "items" }, ...shown.map((one) => make("li", {}, valueElement(key, one))),
    more && make("li", {}, more));
}

function fieldsElement(fields) {
  const rows = [];
  for (const [key, value] of Object.entries(fields)) {
    if (isEmpty(value)) continue;
    rows.push(make("dt", {}, fieldName(key)), make("dd", {}, valueElement(key, value)));
  }
  return make("dl", { class: "fields" }, ...rows);
}

/* What is folded up, in a word or two: "7 fields", "2 certificates", "values". */
function fieldsTitle(fields) {
  const lists = Object.entries(fields).filter(([, value]) => Array.isArray(value) && value.length && typeof value[0] === "object" && value[0] !== null);
  if (!lists.length) return "values";
  return lists.map(([key, value]) => `${grouped(value.length)} ${fieldName(value.length === 1 ? key.replace(/s$/, "") : key)}`).join(", ");
}

/* Filled when it is opened for the first time: a timeline of thousands of events stays light. What is no more than
   a few numbers, which the sentence says already, is there at the deepest level only. */
function foldedFields(event) {
  if (isEmpty(event.fields) || (page.level !== "teach" && fieldsTitle(event.fields) === "values")) return null;
  const folded = make("details", { class: "values", onclick: (click) => click.stopPropagation() },
    make("summary", {}, fieldsTitle(event.fields)));
  folded.addEventListener("toggle", () => {
    if (folded.open && folded.childElementCount === 1) folded.append(fieldsElement(event.fields));
  });
  return folded;
}
