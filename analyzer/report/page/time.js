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
}

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
