/* Starts the page: unpacks the data, wires the controls. */
function showTab(name) {
  for (const tab of document.querySelectorAll("[role=tab]")) {
    const on = tab.id === `tab-${name}`;
    tab.setAttribute("aria-selected", String(on));
    tab.tabIndex = on ? 0 : -1;
    byId(tab.getAttribute("aria-controls")).hidden = !on;
  }
  state.view = name;
  writeState();
  if (name === "graph") drawGraphs();
  playerShown(name === "player");
  markEvent(Boolean(page.event));
}

function wire() {
  byId("level").addEventListener("change", () => {
    page.level = byId("level").value;
    showDetail(true, false);
    showPlayer();
    writeState();
  });
  let waiting = 0;
  byId("search").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(() => ask(byId("search").value), 150); });
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
  byId("hex").addEventListener("click", fieldAtClick);
  byId("close").addEventListener("click", closeFrame);
  const tabs = [...document.querySelectorAll("[role=tab]")];
  tabs.forEach((tab) => {
    tab.addEventListener("click", () => showTab(tab.id.slice(4)));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const there = tabs.filter((one) => !one.hidden);
      const next = there[(there.indexOf(tab) + step + there.length) % there.length];
      next.focus();
      showTab(next.id.slice(4));
    });
  });
  document.addEventListener("keydown", (event) => {
    if (event.target.matches("input, select") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") closeFrame();
    if (event.key === "/") { event.preventDefault(); byId("search").focus(); }
    if (event.key === "n" || event.key === "p") stepEvent(event.key === "n" ? 1 : -1);
  });
}

/* n and p: the next and the previous event of the conversation. */
function stepEvent(step) {
  const one = conversationOf(page.conversation);
  if (!one) return;
  const events = one.phases.flatMap((phase) => phase.events.filter(told));
  const index = events.indexOf(page.event);
  const next = events[Math.min(Math.max(index + step, 0), events.length - 1)];
  if (!next) return;
  select(one.number, next, true);
  const focused = byId("ladder").hidden ? next.element && next.element.querySelector(".frames") : next.arrow;
  if (focused && focused.checkVisibility()) focused.focus({ preventScroll: true });
}

function closeFrame() {
  byId("frame").hidden = true;
  state.frame = 0;
  writeState();
}

/* When the capture begins and ends, as far as anything is told of it. */
function measure() {
  const { conversations, story, traffic } = page.data;
  page.data.start = Math.min(0, ...conversations.map((one) => one.start));
  const ends = [...conversations.map((one) => one.end), ...story.map((row) => row.end)];
  page.data.end = ends.reduce((last, end) => Math.max(last, end), traffic ? traffic.step * traffic.octets.length : 1);
}

function showAbout() {
  const items = [...page.data.left_out, ...page.data.about, "Keys: / searches and filters, n and p go from event to event, arrows change the view, Escape closes the bytes."];
  byId("totals").nextElementSibling.append(...items.map((text) => make("li", {}, text)));
  byId("about").hidden = false;
}

async function start() {
  page.data = await inflate(byId("data").textContent.trim());
  measure();
  byId("loading").remove();
  byId("totals").append(...page.data.totals.map((text) => make("li", {}, text)));
  showVerdict();
  showFindings();
  showTime();
  showTraffic();
  showStory();
  showTable();
  showFrameList();
  showAbout();
  wire();
  const causes = page.data.verdict.causes.map((cause) => findingOf(cause.finding));
  const first = [...causes, ...page.data.findings].find((finding) => finding.conversation && conversationOf(finding.conversation));
  const one = page.data.conversations[0];
  if (!await readState() && (first || one)) select(first ? first.conversation : one.number, null, false);
  playFromAddress();
  document.body.dataset.ready = "true";
}

start().catch((error) => {
  const line = byId("loading") || byId("about");
  line.hidden = false;
  line.textContent = `The report could not be shown: ${error.message}`;
});
