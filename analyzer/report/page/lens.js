/* The head-of-line lens: of each loss, which streams waited for its repair, how many bytes of them, and how long. */
function lensSection(played) {
  const one = played.one;
  const list = make("ul", { class: "lens-list" }, ...played.waits.map((wait, index) => make("li", {},
    make("button", { type: "button", class: "plain", "aria-expanded": "false", onclick: () => openLens(wait.loss || wait) },
      wait.loss ? `${wait.loss.event.label}, ${wait.loss.resent.length ? `repair ${framesText(wait.loss.resent.map((packet) => packet.frame))}` : framesText(wait.loss.event.frames)} at ${since(wait.time, 0)}`
        : `something was missing until ${since(wait.time, 0)}`))));
  return make("section", { class: "lens", "aria-label": "Who waited for whom" }, make("h3", {}, "Losses: who waited for whom"), list,
    make("div", { id: "play-lens", "aria-live": "polite", "data-of": String(one.number) }));
}

function openLens(of) {
  const index = player.played.waits.findIndex((wait) => wait.loss === of || wait === of);
  const wait = player.played.waits[index];
  if (!wait) return;
  player.lens = wait;
  byId("player").querySelectorAll(".lens-list button").forEach((button, place) => button.setAttribute("aria-expanded", String(place === index)));
  byId("play-lens").replaceChildren(...lensText(wait));
  pausePlaying();
  const step = wait.loss ? player.played.steps.findIndex((other) => other.event === wait.loss.event) : -1;
  if (step >= 0) goTo(step);
  else seek(wait.time);
}

function lensText(wait) {
  const parts = [];
  if (wait.loss) parts.push(make("p", {}, wait.loss.event.text));
  const others = wait.streams.filter(({ stream }) => !wait.own || !wait.own.has(stream.number));
  const own = wait.streams.filter((row) => !others.includes(row));
  if (wait.streams.length) {
    const longest = (a, b) => b.longest - a.longest;
    const rows = [...others.sort(longest), ...own.sort(longest)].map(({ stream, octets, longest }) => make("tr", {},
      make("th", { scope: "row" }, `${stream.number}${stream.text ? " " + stream.text : ""}`,
      wait.own && wait.own.has(stream.number) ? make("span", { class: "dim" }, " (was in the missing segment itself)") : null),
    make("td", {}, size(octets)), make("td", {}, duration(longest))));
    parts.push(make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Streams that waited" }, make("table", { class: "pairs" }, make("thead", {}, make("tr", {},
      ...["stream", "bytes that had come", "waited at most"].map((name) => make("th", { scope: "col" }, name)))), make("tbody", {}, ...rows))));
    return parts;
  }
  const waiting = wait.loss && wait.loss.fields.waiting_octets;
  parts.push(make("p", {}, waiting ? `${size(waiting)} had arrived behind it and could not be handed on before it was repaired.`
    : "How much had arrived behind it and had to wait is not in the capture."));
  if (waiting) {
    parts.push(make("p", { class: "dim" }, player.played.streams.length ? "Which streams they were of shows only where the capture was taken at their receiver."
      : "Which streams they belonged to cannot be told, or it carries only one."));
  }
  return parts;
}

/* The repair that goes on is marked. */
function drawLens() {
  const { played, time } = player;
  const now = played.waits.findIndex((wait) => wait.since <= time && time <= (wait.loss ? wait.loss.until ?? wait.time : wait.time));
  if (player.lensAt === now && player.lensOf === played) return;
  Object.assign(player, { lensAt: now, lensOf: played });
  byId("player").querySelectorAll(".lens-list li").forEach((item, place) => item.classList.toggle("now", place === now));
}
