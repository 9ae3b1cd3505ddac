/* What is looked at stands in the URL's fragment, so that it survives a reload and can be passed on with the file:
   c conversation, e event (phase.place), f frame, t stretch of time (ns), q what was asked for, v view, l level. Other keys are
   left as they are. */
const state = { frame: 0, view: "timeline", reading: true };

function placeOfEvent(one, event) {
  for (const [index, phase] of one.phases.entries()) {
    const place = phase.events.indexOf(event);
    if (place >= 0) return `${index}.${place}`;
  }
  return "";
}

/* Its keys in the fragment, null for those that are not needed. */
function stateNow() {
  const one = conversationOf(page.conversation);
  const values = { c: page.conversation, e: one && page.event ? placeOfEvent(one, page.event) : "", f: state.frame,
    t: narrow.span ? narrow.span.join("-") : "", q: narrow.query.trim(), v: ["timeline", "player"].includes(state.view) ? "" : state.view,
    l: page.level === "normal" ? "" : page.level };
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, value || null]));
}

function writeState() {
  if (!state.reading) fragment.write(stateNow());
}

/* Take over what the fragment says; what it says wrongly is left out. */
async function readState() {
  const said = fragment.read();
  state.reading = true;
  if (["brief", "normal", "teach"].includes(said.get("l"))) {
    page.level = byId("level").value = said.get("l");
  }
  const span = /^(\d{1,17})-(\d{1,17})$/.exec(said.get("t") || "");
  narrow.span = span ? [Number(span[1]), Number(span[2])].sort((a, b) => a - b) : null;
  byId("search").value = said.get("q") || "";
  await ask(said.get("q") || "");
  const one = conversationOf(Number(said.get("c")));
  if (one) {
    const [phase, place] = (said.get("e") || "").split(".").map(Number);
    const event = said.get("e") && one.phases[phase] ? one.phases[phase].events[place] || null : null;
    select(one.number, event, true);
  }
  const tab = byId(`tab-${said.get("v") || "timeline"}`);
  const shown = tab && tab.getAttribute("role") === "tab" && !tab.hidden && !byId("detail").hidden;
  if (shown && !said.has("play")) showTab(tab.id.slice(4));
  const frame = Number(said.get("f"));
  if (one && frame > 0) showFrame(page.event || eventOfFrame(one.number, frame) || { frames: [frame], bytes: null, fields: {} }, frame);
  state.reading = false;
  return Boolean(one);
}

page.listeners.push(writeState);
narrow.listeners.push(writeState);
window.addEventListener("hashchange", () => { if (fragment.with(stateNow()) !== (location.hash || "#")) readState(); });
