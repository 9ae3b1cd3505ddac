/* The player of a conversation: its packets travel on the ladder, the sender's window slides, streams fill, and each
   step has its sentence and its link. What the capture does not show is drawn as not seen. */
const SPEEDS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];    // times as slow
const WANTED = 25e9;        // ns that playing all of a conversation should take, when the speed is chosen for it
const HOPS = 14;            // packets on the ladder at once
const LONG_PAUSE = 1.5e9;   // ns of the watcher's time in which nothing happens, from which a pause is skipped
const LEAD = 0.3e9;         // ... but for this much of it
const player = { played: null, number: 0, time: 0, step: -1, shown: -2, slow: 1, playing: false, last: 0, edges: {}, side: "" };
const still = matchMedia("(prefers-reduced-motion: reduce)");

/* Of the conversation that is chosen; made when it is first looked at. */
function showPlayer() {
  const one = conversationOf(page.conversation);
  if (!one || byId("player").hidden) return;
  if (player.number === one.number && player.level === page.level) return;
  pausePlaying();
  Object.assign(player, { number: one.number, level: page.level, played: playedOf(one), step: -1, shown: -2, time: 0, edges: {} });
  const { played } = player;
  const asSlow = SPEEDS.findLast((slow) => played.end * slow <= WANTED) || 1;
  player.slow = asSlow;
  const senders = Object.values(played.senders).filter(Boolean).sort((a, b) => b.octets - a.octets);
  player.side = senders.length ? senders[0].side : "";
  byId("player").replaceChildren(playerControls(one, asSlow), playerSays(), playerStage(one, senders));
  goTo(page.event ? Math.max(played.steps.findIndex((step) => step.event === page.event), 0) : 0, true);
}

/* The tab came or went. */
function playerShown(on) {
  if (on) { showPlayer(); return; }
  pausePlaying();
  if (fragment.read().has("play")) fragment.write({ play: null, at: null });
}

function playerControls(one, asSlow) {
  const button = (sign, label, act, id) => make("button", { type: "button", id, "aria-label": label, title: label, onclick: act }, sign);
  const steps = player.played.steps;
  const speed = make("select", { id: "play-speed", onchange: (event) => { player.slow = Number(event.target.value); } },
    ...SPEEDS.map((slow) => make("option", { value: slow, selected: slow === asSlow }, slow === 1 ? "1×" : `1/${slow}`)));
  const scrub = make("input", { type: "range", id: "play-time", min: 0, max: 1000, value: 0, step: 1, "aria-label": "Time in the conversation",
    oninput: (event) => { pausePlaying(); seek(Math.round(event.target.value / 1000 * player.played.end)); } });
  const marks = make("div", { class: "play-marks", "aria-hidden": "true" });
  for (const { time, loss } of player.played.waits) {
    const mark = make("span", { class: loss ? "loss" : "" });
    mark.style.left = `${100 * time / Math.max(player.played.end, 1)}%`;
    marks.append(mark);
  }
  return make("div", { class: "play-controls", role: "group", "aria-label": `Player of conversation ${one.number}` },
    button("|◂", "First step (Home)", () => goTo(0)), button("◂", "Step back (arrow left)", () => stepBy(-1)),
    button("Play", "Play (space)", togglePlaying, "play-pause"), button("▸", "Step on (arrow right)", () => stepBy(1)),
    button("▸|", "Last step (End)", () => goTo(steps.length - 1)),
    make("label", {}, "Speed ", speed), make("label", {}, make("input", { type: "checkbox", id: "play-skip", checked: true }), " skip pauses"),
    make("div", { class: "play-scrub" }, scrub, marks), make("output", { id: "play-clock", for: "play-time" }));
}

function playerSays() {
  return make("div", { class: "play-says" }, make("p", { id: "play-place", class: "dim" }),
    make("p", { id: "play-said", "aria-live": "polite" }), make("p", { id: "play-why", class: "why" }),
    make("p", { class: "play-links" },
      make("button", { type: "button", class: "plain", id: "play-bytes", onclick: () => withEvent((event) => showFrame(event)) }, "Bytes"),
      make("button", { type: "button", class: "plain", id: "play-event", onclick: () => withEvent((event) => {
        showTab("timeline");
        select(player.number, event, true);
      }) }, "In the timeline"),
      make("a", { id: "play-link", href: "#" }, "Link to this moment"),
      make("button", { type: "button", class: "plain", onclick: copyMoment }, "Copy it"), make("span", { id: "play-copied", role: "status" })));
}

function playerStage(one, senders) {
  const names = [one.originator, one.responder].map((end) => make("b", {}, end.name || endpoint(end)));
  const left = Math.max(one.frames[0], 0) ? "" : " nothing of this side is in the capture";
  const right = Math.max(one.frames[1], 0) ? "" : " nothing of this side is in the capture";
  const ladder = make("section", { class: "play-ladder", "aria-label": "Packets, the latest at the bottom" },
    make("div", { class: "play-ends" }, make("span", {}, names[0], make("span", { class: "dim" }, left)), make("span", {}, names[1], make("span", { class: "dim" }, right))),
    make("ul", { id: "play-unseen", class: "left-out" }), ...player.played.data.left_out.map((text) => make("p", { class: "left-out" }, `… ${text}`)), make("ol", { id: "play-hops" }), make("p", { class: "hint" }, "How long an arrow travels here says nothing: a capture from one place shows when a packet "
      + "passed it, not when it left or arrived."));
  const beside = make("div", { class: "play-beside" });
  if (senders.length) {
    const choose = make("select", { "aria-label": "Whose window", onchange: (event) => { player.side = event.target.value; player.shown = -2; drawPlayer(); } },
      ...senders.map((sender) => make("option", { value: sender.side }, `${ARROW[sender.side]} ${size(sender.octets)} of ${sender.view ? sender.view.sender : endpoint(sender.side === "forward" ? one.originator : one.responder)}`)));
    beside.append(make("section", { "aria-label": "The sender's window" }, make("h3", {}, "The window ", choose), make("div", { id: "play-window" })));
  }
  if (player.played.streams.length) beside.append(make("section", { "aria-label": "Streams" }, make("h3", {}, "Streams"), make("ul", { id: "play-streams" })));
  if (player.played.waits.length) beside.append(lensSection(player.played));
  return make("div", { class: "play-stage" }, ladder, beside);
}

/* -- moving ---------------------------------------------------------------------------------------- */

function goTo(index, quiet) {
  const { steps } = player.played;
  pausePlaying();
  const step = steps[Math.min(Math.max(index, 0), steps.length - 1)];
  if (step) Object.assign(player, { step: steps.indexOf(step), time: step.time });
  drawPlayer();
  remember(quiet);
}

function stepBy(by) {
  const { stepTimes } = player.played;
  const here = player.step >= 0 && stepTimes[player.step] === player.time ? player.step : lastUpTo(stepTimes, player.time) + (by < 0 ? 1 : 0);
  goTo(here + by);
}

function seek(time) {
  player.time = Math.min(Math.max(time, 0), player.played.end);
  player.step = lastUpTo(player.played.stepTimes, player.time);
  drawPlayer();
  if (!player.playing) remember();
}

function togglePlaying() {
  if (player.playing) { pausePlaying(); remember(); return; }
  if (player.time >= player.played.end) seek(0);
  Object.assign(player, { playing: true, last: performance.now() });
  sayPlaying();
  requestAnimationFrame(playOn);
}

function pausePlaying() {
  if (!player.playing) return;
  player.playing = false;
  sayPlaying();
}

function sayPlaying() {
  const button = byId("play-pause");
  button.textContent = player.playing ? "Pause" : "Play";
  button.title = player.playing ? "Pause (space)" : "Play (space)";
  button.setAttribute("aria-label", button.title);
  byId("play-said").setAttribute("aria-live", player.playing ? "off" : "polite");    // nobody can listen so fast
}

function playOn(now) {
  if (!player.playing) return;
  const { played, slow } = player;
  let time = player.time + (now - player.last) * 1e6 / slow;
  player.last = now;
  const next = Math.min(played.times[lastUpTo(played.times, player.time) + 1] ?? played.end, played.stepTimes[lastUpTo(played.stepTimes, player.time) + 1] ?? played.end);
  if (byId("play-skip").checked && (next - time) * slow > LONG_PAUSE) time = next - LEAD / slow;
  if (time >= played.end) pausePlaying();
  seek(Math.round(time));
  if (player.playing) requestAnimationFrame(playOn);
}

/* The moment in the address and in the link, and for the other views the event that is told. A step of several at one
   time is named by its place among them. */
function momentOf() {
  const { stepTimes, end } = player.played;
  const time = Math.min(player.time, end);
  const among = player.step >= 0 && stepTimes[player.step] === time ? player.step - stepTimes.indexOf(time) : 0;
  return { play: player.number, at: `${time / 1e6}ms${among > 0 ? "~" + among : ""}` };
}

function remember(quiet) {
  byId("play-link").setAttribute("href", fragment.with(momentOf()));
  byId("play-copied").textContent = "";
  if (quiet) return;
  fragment.write(momentOf());
  const step = player.played.steps[player.step];
  if (step && step.event && step.event !== page.event) select(player.number, step.event);
}

function withEvent(act) {
  const step = player.played.steps[player.step];
  if (step && step.event) act(step.event);
}

async function copyMoment() {
  const link = location.href.replace(/#.*/, "") + fragment.with(momentOf());
  try {
    await navigator.clipboard.writeText(link);
    byId("play-copied").textContent = "copied";
  } catch {
    byId("play-copied").textContent = "not allowed here: copy the link beside it";
  }
}

/* play=CONVERSATION&at=TIME, a number with ns, µs, ms or s, the conversation's first frame being 0. */
function playFromAddress() {
  const asked = fragment.read();
  if (!asked.has("play")) return;
  const one = conversationOf(Number(asked.get("play")));
  byId("asked").textContent = one ? "" : `Conversation ${asked.get("play")}, which the address asks for, is not in this report.`;
  if (!one) return;
  const [, number, unit, among] = /^([\d.]+)(ns|us|µs|ms|s)?(?:~(\d+))?$/.exec(asked.get("at") || "") || [];
  select(one.number, null, false);
  showTab("player");
  const time = Math.round((Number(number) || 0) * { ns: 1, us: 1e3, "µs": 1e3, ms: 1e6, s: 1e9 }[unit || "s"]);
  const first = player.played.stepTimes.indexOf(time);
  if (first >= 0) goTo(first + Number(among || 0), true);
  else seek(time);
  byId("player").scrollIntoView({ block: "start" });
}

/* Space, arrows, Home and End, where no other control that knows them has the focus. */
function playerKeys(event) {
  if (byId("player").hidden || !player.played || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  const inside = event.target === document.body || byId("player").contains(event.target);
  const own = event.target.matches("select, button, a, input:not([type=range])");
  const act = { " ": togglePlaying, ArrowLeft: () => stepBy(-1), ArrowRight: () => stepBy(1), Home: () => goTo(0), End: () => goTo(Infinity) }[event.key];
  if (!inside || !act || (own && (event.key === " " || event.target.matches("select")))) return;
  event.preventDefault();
  act();
}

document.addEventListener("keydown", playerKeys);
window.addEventListener("hashchange", () => { if (page.data) playFromAddress(); });
page.listeners.push((changed) => {
  if (byId("player").hidden) return;
  if (changed) showPlayer();
  else if (page.event && !player.playing && player.played && (player.played.steps[player.step] || {}).event !== page.event) {
    const index = player.played.steps.findIndex((step) => step.event === page.event);
    if (index >= 0) goTo(index);
  }
});
