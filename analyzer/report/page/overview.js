/* The verdict, the findings, the story across conversations, and the table of conversations. */
const SEVERITY = { error: "Error", warn: "Warning", note: "Note", chat: "Remark" };

/* The verdict: each root cause with what follows from it, which has no card of its own. */
function showVerdict() {
  const verdict = page.data.verdict;
  const part = byId("verdict");
  part.querySelector(".said").textContent = verdict.sentence;
  verdict.causes.forEach((cause, place) => {
    const finding = findingOf(cause.finding);
    const rest = [...cause.also, ...cause.explains].map(findingOf);
    const item = make("li", {}, findingCard({ ...finding, severity: cause.severity,
      sentence: `${finding.sentence} ${cause.more}`.trim() }));
    if (rest.length) {
      item.append(make("details", {}, make("summary", {}, verdict.explained[place] || cause.more),
        make("ul", {}, ...rest.map((one) => make("li", {}, findingLine(one))))));
    }
    part.querySelector("ol").append(item);
  });
  const doubts = [...verdict.doubts, ...page.data.doubts, verdict.known].filter(Boolean);
  byId("doubts").append(...doubts.map((text) => make("li", {}, text)));
  part.hidden = !verdict.sentence && !verdict.causes.length && !byId("doubts").children.length;
}

const findingOf = (number) => page.data.findings.find((finding) => finding.number === number);

function chooser(finding) {
  return () => {
    const number = finding.conversation || page.conversation;
    select(number, finding.frames.length ? eventOfFrame(number, finding.frames[0]) : null, true);
  };
}

function placeOf(finding) {
  return framesText(finding.frames) + (finding.conversation ? ` · conversation ${finding.conversation}` : "");
}

function findingLine(finding) {
  return make("button", { type: "button", class: `line ${finding.severity}`, onclick: chooser(finding) },
    make("span", { class: "severity" }, SEVERITY[finding.severity]), ` ${finding.sentence} `,
    make("span", { class: "dim" }, placeOf(finding) + " · "), make("code", {}, finding.code));
}

function findingCard(finding) {
  return make("button", { type: "button", class: `finding ${finding.severity}`, onclick: chooser(finding) },
    make("span", { class: "severity" }, SEVERITY[finding.severity]),
    ` ${finding.sentence} `, make("span", { class: "dim" }, placeOf(finding)),
    make("span", { class: "more" }, `Next: ${finding.next_step}`),
    make("span", { class: "more" }, `Would prove it wrong: ${finding.refute}`),
    make("span", { class: "more" }, "In Wireshark: ", make("code", {}, finding.display_filter),
      ` · ${finding.confidence}${finding.basis ? ": " + finding.basis : ""} · `, make("code", {}, finding.code)));
}

/* The findings that the verdict does not stand for; those of one code together, and a group opens to its members. */
function showFindings() {
  const above = new Set(page.data.verdict.causes.flatMap((cause) => [cause.finding, ...cause.also, ...cause.explains]));
  const rest = page.data.findings.filter((finding) => !above.has(finding.number) && showsFinding(finding));
  const groups = new Map();
  for (const finding of rest) groups.set(finding.code, [...(groups.get(finding.code) || []), finding]);
  byId("findings").querySelector("ol").replaceChildren(...[...groups.values()].map((members) =>
    make("li", {}, members.length === 1 ? findingCard(members[0]) : findingGroup(members))));
  const all = page.data.findings.filter((finding) => !above.has(finding.number)).length;
  byId("findings-count").textContent = rest.length === all ? `· ${grouped(all)}` : `· ${grouped(rest.length)} of ${grouped(all)}`;
  byId("findings").hidden = all === 0;
}

const showsFinding = (finding) => {
  const one = finding.conversation ? conversationOf(finding.conversation) : null;
  return !isNarrowed() || !finding.conversation || (one ? showsConversation(one) : !narrow.conversations || narrow.conversations.has(finding.conversation));
};

/* Many of one kind: the first of them, and all when it is opened. */
function findingGroup(members) {
  const [first] = members;
  const cost = members.reduce((sum, one) => sum + one.cost_ns, 0);
  const list = make("ul", {});
  const group = make("details", { class: `finding group ${first.severity}` }, make("summary", {},
    make("span", { class: "severity" }, `${SEVERITY[first.severity]} ×${grouped(members.length)}`), ` ${first.sentence} `,
    make("span", { class: "dim" }, [`and ${plural(members.length - 1, "more", "more")} of this kind`, cost && `${duration(cost)} together`].filter(Boolean).join(" · "))), list);
  group.addEventListener("toggle", () => {
    if (group.open && !list.childElementCount) list.append(...members.map((one) => make("li", {}, findingLine(one))));
  });
  return group;
}

const COLUMNS = [
  ["#", true, (one) => one.number, String],
  ["start", true, (one) => one.start, (value) => since(value, 0)],
  ["protocol", false, (one) => one.protocol || one.transport, String],
  ["originator", false, (one) => endpoint(one.originator), String],
  ["responder", false, (one) => endpoint(one.responder), String],
  ["name", false, (one) => one.responder.name || one.originator.name, String],
  ["frames", true, (one) => one.frames[0] + one.frames[1], grouped],
  ["bytes", true, (one) => one.octets[0] + one.octets[1], size],
  ["duration", true, (one) => one.end - one.start, duration],
  ["round trip", true, (one) => (one.tcp && one.tcp.handshake_rtt_ns !== null ? one.tcp.handshake_rtt_ns : -1),
    (value) => (value < 0 ? "" : duration(value))],
  ["state", false, (one) => one.state, String],
];
const table = { by: 0, down: false, rows: [] };
const MOST_ROWS = 500;     // searching finds the others

function showTable() {
  byId("conversations").hidden = false;
  const head = byId("conversations").querySelector("thead tr");
  COLUMNS.forEach(([title, right], index) => {
    head.append(make("th", { class: right ? "right" : "", scope: "col" },
      make("button", { type: "button", onclick: () => sortTable(index) }, title)));
  });
  fillTable();
}

function sortTable(index) {
  table.down = table.by === index ? !table.down : COLUMNS[index][1] && index > 1;
  table.by = index;
  fillTable();
}

function fillTable() {
  const value = COLUMNS[table.by][2];
  const found = page.data.conversations.filter(showsConversation);
  found.sort((a, b) => {
    const [left, right] = [value(a), value(b)];
    const order = typeof left === "number" ? left - right : String(left).localeCompare(String(right), "en", { numeric: true });
    return table.down ? -order : order;
  });
  const body = byId("conversations").querySelector("tbody");
  body.replaceChildren(...found.slice(0, MOST_ROWS).map((one) => {
    const row = make("tr", { "data-number": one.number, class: one.number === page.conversation ? "chosen" : "",
      "aria-current": one.number === page.conversation && "true", onclick: () => select(one.number, null, true) });
    for (const [title, right, of, shown] of COLUMNS) {
      const text = shown(of(one) || (right ? of(one) : ""));
      // The number is a button, so that a row can be reached and chosen with keys; its click is the row's.
      row.append(make("td", { class: right ? "right" : title === "name" ? "wide" : "" },
        title === "#" ? make("button", { type: "button", class: "plain", "aria-label": `Show conversation ${one.number}` }, text) : null, ...(title === "#" ? [] : marked(text))));
    }
    return row;
  }));
  byId("conversations").querySelectorAll("th").forEach((cell, index) => {
    cell.setAttribute("aria-sort", index === table.by ? (table.down ? "descending" : "ascending") : "none");
  });
  const all = page.data.capture.conversations;
  const shown = found.length > MOST_ROWS ? `, the first ${grouped(MOST_ROWS)} are listed` : "";
  byId("count").textContent = all !== found.length
    ? `· ${grouped(found.length)} of ${grouped(all)}${shown}` : `· ${grouped(all)}${shown}`;
}

narrow.listeners.push(() => { fillTable(); showFindings(); });

page.listeners.push(() => {
  for (const row of byId("conversations").querySelectorAll("tbody tr")) {
    const chosen = Number(row.dataset.number) === page.conversation;
    row.classList.toggle("chosen", chosen);
    if (chosen) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
});
