/* Buttons that put something on the clipboard: a filter, frame numbers, a request as a command, a link. */
function copyButton(words, text, title) {
  const button = make("button", { type: "button", class: "copy", title, onclick: async (event) => {
    event.stopPropagation();
    const said = await copyText(text());
    button.textContent = said ? "Copied" : "Not copied";
    byId("spoken").textContent = said ? `Copied: ${text()}` : "The browser did not allow it.";
    setTimeout(() => { button.textContent = words; }, 1500);
  } }, words);
  return button;
}

/* A file of its own may not use the clipboard's interface in every browser; then what is selected is copied. */
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = make("textarea", { readonly: true, class: "beyond", "aria-hidden": "true" });
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}

const linkTo = () => location.href.split("#")[0] + fragment.with(stateNow());
const framesFilter = (frames) => (frames.length === 1 ? `frame.number == ${frames[0]}` : `frame.number in {${frames.join(", ")}}`);

/* What a shell takes as one word, whatever it holds. */
const shellWord = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;
const NOT_SENT = new Set(["host", "content-length", "connection", "transfer-encoding", "accept-encoding"]);

/* The command that makes the request of an event again; "" where it has none. Nothing of it is run here. */
function curlOf(one, event) {
  const { exchange } = event.fields;
  if (!exchange) return "";
  const same = one.phases.flatMap((phase) => phase.events.filter((other) => other.fields.exchange === exchange && other.stream === event.stream));
  const request = same.find(({ fields }) => fields.method && Array.isArray(fields.fields));
  const { url } = (same.find(({ fields }) => fields.url) || { fields: {} }).fields;
  if (!request || !/^https?:\/\//i.test(url || "")) return "";
  const { method, fields } = request.fields;
  const words = ["curl", "-i", ...(method === "HEAD" ? ["-I"] : method === "GET" ? [] : ["-X", shellWord(method)])];
  for (const [name, value] of fields) {
    if (!NOT_SENT.has(name.toLowerCase()) && !name.startsWith(":")) words.push("-H", shellWord(`${name}: ${value}`));
  }
  return [...words, "--", shellWord(url)].join(" ");
}

/* What can be copied of an event. */
function copyButtons(one, event) {
  const buttons = [copyButton("Link", linkTo, "a link to this place of the report")];
  if (event.frames.length) {
    buttons.push(copyButton("Frame numbers", () => event.frames.join(", "), "the frames that show it"),
      copyButton("Filter", () => framesFilter(event.frames), "a display filter for these frames"));
  }
  const command = one && event.fields ? curlOf(one, event) : "";
  if (command) buttons.push(copyButton("curl", () => command, "the request as a command; what was redacted is missing"));
  return buttons;
}
