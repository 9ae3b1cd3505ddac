/* Where the time went: a stacked bar with its legend, and the single bookings of a conversation. */

function stackedBar(totals, words) {
  const whole = totals.reduce((sum, [, ns]) => sum + ns, 0) || 1;
  const bar = make("div", { class: "stack", role: "img", "aria-label": words });
  const legend = make("ul", { class: "time-legend" });
  for (const [index, ns] of totals) {
    const cause = page.data.time.causes[index];
    const share = `${(100 * ns / whole).toFixed(1)} %`;
    const part = make("span", { title: `${cause.word}: ${duration(ns)}, ${share}. ${cause.means}` });
    part.style.flexGrow = String(ns / whole);
    part.style.background = cause.colour;
    const patch = make("span", { class: "patch" });
    patch.style.background = cause.colour;
    bar.append(part);
    legend.append(make("li", { title: cause.means }, patch, `${cause.word} `, make("b", {}, duration(ns)), ` ${share}`));
  }
  return make("div", {}, bar, legend);
}

function showTime() {
  const time = page.data.time;
  if (!time.totals.length) return;
  byId("time").hidden = false;
  const words = time.conversations > 1 ? `${plural(time.conversations, "conversation")} together` : "";
  byId("time-of").textContent = words;
  byId("time").querySelector(".holder").replaceChildren(stackedBar(time.totals, "Where the time of all conversations went"));
  showTimeBars();
}

const MOST_TIMES = 8;      // conversations with a bar of their own

/* A bar for each conversation that matters: those with the gravest findings, then the longest. Each leads to its own. */
function showTimeBars() {
  const grave = new Map();
  for (const { conversation, severity } of page.data.findings) {
    grave.set(conversation, Math.max(grave.get(conversation) || 0, Object.keys(SEVERITY).reverse().indexOf(severity)));
  }
  const every = page.data.conversations.filter((one) => one.time.totals.length > 1 && showsConversation(one));
  const shown = every.sort((a, b) => (grave.get(b.number) || 0) - (grave.get(a.number) || 0) || b.end - b.start - (a.end - a.start)).slice(0, MOST_TIMES);
  const longest = Math.max(...shown.map((one) => one.end - one.start), 1);
  byId("time-bars").replaceChildren(...(page.data.conversations.length > 1 ? shown : []).map((one) => {
    const bar = make("span", { class: "stack" }, ...one.time.totals.map(([index, ns]) => {
      const part = make("span", {});
      part.style.flexGrow = String(ns);
      part.style.background = page.data.time.causes[index].colour;
      return part;
    }));
    bar.style.width = `${100 * (one.end - one.start) / longest}%`;
    const [index, most] = one.time.totals.reduce((best, total) => (total[1] > best[1] ? total : best));
    const says = `${duration(one.end - one.start)}, most of it ${page.data.time.causes[index].word} ${duration(most)}`;
    return make("button", { type: "button", class: "time-bar", "data-number": one.number, onclick: () => select(one.number, null, true) },
      make("span", { class: "who" }, `${one.number}  ${one.responder.name || endpoint(one.responder)}`), make("span", { class: "holds" }, bar), make("span", { class: "dim" }, says));
  }));
  const rest = every.length - shown.length;
  if (rest > 0) byId("time-bars").append(make("p", { class: "dim" }, `… ${plural(rest, "more conversation")} in the table`));
}

narrow.listeners.push(() => { if (page.data.time.totals.length) showTimeBars(); });

function showConversationTime(one) {
  const holder = byId("detail-time");
  holder.replaceChildren();
  if (one.time.totals.length < 2) return;
  holder.append(stackedBar(one.time.totals, "Where the time of this conversation went"));
  const rows = one.time.bookings.map(([index, from, until, frames, confidence, basis]) =>
    make("li", {}, make("span", { class: "time" }, since(from, one.start)), make("span", { class: "time" }, duration(until - from)),
      make("b", {}, page.data.time.causes[index].word), make("span", {}, framesText(frames)), make("span", { class: "dim" }, `${confidence}: ${basis}`)));
  const more = one.time.count - rows.length;
  holder.append(make("details", { class: "values" }, make("summary", {}, plural(one.time.count, "booking")),
    make("ol", { class: "bookings" }, ...rows),
    more > 0 ? make("p", { class: "dim" }, `${plural(more, "more")} in the JSON report`) : null));
}
