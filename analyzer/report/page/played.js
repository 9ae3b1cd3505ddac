/* What a conversation is played from: its packets, what its senders might do, how its streams filled, the steps. All of
   it is from the data of the report; times count from the start of the conversation. Nothing is drawn here. */
const LOOK_BACK = 400;     // reports of SACK before a moment that are looked at
const SEND_AGAIN = 500;    // packets before a resend among which its first copy is looked for
const FLAGGED = /^(SYN|FIN|RST)/;
const across = (side) => (side === "forward" ? "backward" : "forward");

/* The last place whose number is not above this one; -1 for none. */
function lastUpTo(numbers, value) {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function playedOf(one) {
  const data = page.data.play[one.number] || { views: {}, growth: {}, datagrams: {}, streams: {}, called: {}, unseen: {}, left_out: [] };
  const played = { one, data, senders: {}, end: Math.max(one.end - one.start, 0) };
  played.events = one.phases.flatMap((phase) => phase.events);
  played.packets = packetsOf(one, data, played.events);
  played.times = played.packets.map((packet) => packet.time);
  played.losses = lossesOf(played);
  for (const side of ["forward", "backward"]) played.senders[side] = senderOf(one, side, data, played.packets);
  played.streams = ["forward", "backward"].flatMap((side) => streamsOf(one, side, data));
  played.waits = waitsOf(played);
  played.steps = stepsOf(played);
  played.stepTimes = played.steps.map((step) => step.time);
  return played;
}

/* What crossed the wire, in order. Of TCP each segment and ACK, of UDP each datagram, of other protocols what is told
   of single frames. */
function packetsOf(one, data, events) {
  const packets = [];
  const points = page.data.points[one.number];
  for (const side of ["forward", "backward"]) {
    if (points) packets.push(...segmentsOf(points, side));
    for (const [time, octets, frame] of rowsOf(data.datagrams[side] || [])) packets.push({ time, side, frame, octets, kind: points && !octets ? "reset" : "data" });
  }
  const alone = !packets.length;     // nothing but events says what was sent
  const byTime = (a, b) => a.time - b.time || (a.frame || Infinity) - (b.frame || Infinity) || 0;
  packets.sort(byTime);
  const times = packets.map((packet) => packet.time);
  const known = new Set();
  const sentAt = (side, time) => {
    for (let place = alone ? -1 : lastUpTo(times, time); place >= 0 && times[place] === time; place -= 1) {
      if (packets[place].side === side) return packets[place];
    }
    return null;
  };
  const labels = new Map();
  const name = (key, event) => labels.set(key, (labels.get(key) || new Set()).add(event.label));
  for (const event of events) {
    const [frame, time] = [event.frames[0], event.time - one.start];
    const flagged = FLAGGED.test(event.label || "");
    if (!event.direction || !event.label || !(flagged || event.frames.length === 1)) continue;
    const at = sentAt(event.direction, time);
    if (at && !at.frame) at.frame = event.frames[event.frames.length - 1];
    else if (alone && !known.has(frame)) {
      packets.push({ time, side: event.direction, frame, kind: "data", octets: 0 });
      known.add(frame);
      name(event.direction + frame, event);
    }
    // An arrow is named by what has its place in the packet, or is the packet; all else is said at its side.
    if (event.importance !== "extra" && event.bytes) name(event.direction + frame, event);
    else if (flagged && at && at.kind !== "data") name(event.direction + at.frame, event);
  }
  for (const packet of packets) {
    const said = labels.size && packet.frame ? [...labels.get(packet.side + packet.frame) || []] : [];
    packet.label = said.length > 2 ? `${said[0]} … ${said.length} in one` : said.join(" · ");
  }
  return alone ? packets.sort(byTime) : packets;
}

/* The segments of one side with the ACKs that they carry, and its ACKs without data. gap: what should have come before
   and was not seen until then. copy: the first one of what is sent again. */
function segmentsOf(points, side) {
  const found = [];
  const at = new Map();
  let high = -1;
  for (const [time, start, end, kind, frame] of rowsOf(points[side].segments)) {
    const packet = { time, side, frame, start, end, octets: end - start, kind: ["data", "resent", "ends"][kind] };
    if (high >= 0 && start > high) packet.gap = [high, start];
    if (kind === 1) packet.copy = found.slice(-SEND_AGAIN).findLast((other) => other.start < end && other.end > start);
    high = Math.max(high, end);
    found.push(packet);
    at.set(time, packet);
  }
  const sacks = new Set(rowsOf(points[across(side)].sacks).map((row) => row[0]));
  let before = -1;
  for (const [time, ack, allowed] of rowsOf(points[across(side)].acks)) {
    const carrier = at.get(time);
    if (carrier && carrier.ack === undefined) Object.assign(carrier, { ack, allowed });
    else found.push({ time, side, ack, allowed, octets: 0, kind: "ack", again: ack === before, sack: sacks.has(time) });
    before = ack;
  }
  return found;
}

/* Repairs that are told. The first copy of what was sent again counts as lost where all was repaired and none of it
   was needless; nothing else says so. */
function lossesOf({ one, events, packets }) {
  const found = [];
  const again = packets.filter((packet) => packet.kind === "resent");
  for (const event of events) {
    const fields = event.fields || {};
    if (!fields.first_resend) continue;
    const since = event.time - one.start;
    const loss = { event, side: event.direction, since, until: fields.repaired ? since + fields.lasted_ns : null, fields, resent: [] };
    for (const packet of again) {
      if (packet.side !== loss.side || packet.loss || packet.frame < fields.first_resend || packet.time > since + fields.lasted_ns) continue;
      packet.loss = loss;
      loss.resent.push(packet);
      if (packet.copy && fields.repaired && !fields.needless) packet.copy.lost = loss;
    }
    found.push(loss);
  }
  return found;
}

/* How far one side had sent, was acknowledged and was allowed, after each packet that changes it. */
function senderOf(one, side, data, packets) {
  const points = page.data.points[one.number];
  const view = data.views[side];
  if (!points || !points[side].segments.length) return null;
  const sender = { side, view, times: [], acked: [], sent: [], allowed: [], sacks: rowsOf(points[side].sacks), most: 0, widest: 0 };
  const own = packets.filter((packet) => packet.side === side && packet.start !== undefined);
  let [acked, sent, allowed] = [own[0].start, own[0].start, -1];
  sender.base = own.find((packet) => packet.kind !== "ends" || packet.octets > 1)?.start ?? own[0].start;
  for (const packet of packets) {
    if (packet.side === side && packet.end !== undefined) sent = Math.max(sent, packet.end);
    else if (packet.side !== side && packet.ack !== undefined) {
      acked = Math.max(acked, packet.ack);
      allowed = packet.allowed;
    } else continue;
    sender.times.push(packet.time);
    sender.acked.push(acked);
    sender.sent.push(sent);
    sender.allowed.push(allowed);
    sender.most = Math.max(sender.most, sent - acked);
    sender.widest = Math.max(sender.widest, allowed - acked);
  }
  sender.sackTimes = sender.sacks.map((row) => row[0]);
  const course = (page.data.courses[one.number] || {})[side];
  sender.course = course ? courseOf(course) : null;
  sender.growth = data.growth[side] || [];
  sender.first = own.find((packet) => packet.kind === "data")?.time ?? 0;
  sender.octets = sent - sender.base;
  // As the terminal's picture: what was ever outstanding and a part of what may be sent fit into the bar.
  sender.scale = Math.max(sender.most ? Math.min(Math.max(sender.widest, sender.most), sender.most * 4 / 3) : sender.widest, 1);
  return sender;
}

/* One direction of each stream: [time, how long it waited, octets up to then, frame] of its pieces. */
function streamsOf(one, side, { streams, called }) {
  const named = Object.keys(called).length > 0;
  return Object.entries(streams[side] || {}).map(([number, columns]) => {
    const pieces = rowsOf(columns);
    const span = one.streams.find((other) => other.stream === (named ? called[number] : Number(number)));
    let before = 0;
    const rows = pieces.map(([time, waited, total, frame]) => {
      const piece = { time, waited, total, frame, handed: time + waited, octets: total - before };
      before = total;
      return piece;
    });
    const came = [...rows].sort((a, b) => a.time - b.time);
    let sum = 0;
    const sums = came.map((piece) => (sum += piece.octets));
    return { number: Number(number), side, span, rows, sums, comes: came.map((piece) => piece.time), hands: rows.map((piece) => piece.handed), total: before, text: span ? span.text : "" };
  }).sort((a, b) => a.number - b.number || (a.side < b.side ? 1 : -1));
}

/* Who waited for whom: pieces of streams that had come and were handed on together, once what was missing was there. */
function waitsOf({ streams, losses, one, events }) {
  const found = losses.map((loss) => ({ loss, side: loss.side, time: loss.resent[0] ? loss.resent[0].time : loss.since, since: loss.since, streams: [] }));
  const groups = new Map();
  for (const stream of streams) {
    for (const piece of stream.rows) {
      if (!piece.waited) continue;
      const key = stream.side + piece.handed;
      if (!groups.has(key)) groups.set(key, { side: stream.side, handed: piece.handed, streams: new Map() });
      const of = groups.get(key).streams;
      const sum = of.get(stream) || { stream, octets: 0, longest: 0 };
      of.set(stream, { stream, octets: sum.octets + piece.octets, longest: Math.max(sum.longest, piece.waited) });
    }
  }
  for (const group of groups.values()) {
    const rows = [...group.streams.values()];
    const owner = found.find(({ loss }) => loss && loss.side === group.side && loss.resent.some((packet) => packet.time === group.handed));
    const wait = owner || { loss: null, side: group.side, time: group.handed, since: group.handed - Math.max(...rows.map((row) => row.longest)), streams: [] };
    if (!owner) found.push(wait);
    wait.streams.push(...rows);
    const told = events.find((event) => event.fields && event.fields.in_the_segment && event.time - one.start === group.handed);
    wait.own = new Set(told ? told.fields.in_the_segment : []);
  }
  return found.sort((a, b) => a.time - b.time);
}

/* What is told, and what changes for a sender, in order: each with its sentence. */
function stepsOf({ one, data, events }) {
  const steps = events.filter(told).map((event) => ({ time: event.time - one.start, frame: event.frames[event.frames.length - 1] || 0,
    title: event.label || event.name, text: event.text, event, side: event.direction }));
  for (const [side, view] of Object.entries(data.views)) {
    rowsOf(view.moments).forEach(([time, frame, acked, sent, allowed], index) => {
      const [kind, more] = view.said[index];
      const room = allowed < 0 ? "how much more may be sent is not known" : `${size(Math.max(allowed - sent, 0))} more may be sent`;
      steps.push({ time, frame, side, moment: true, title: view.kinds[kind], event: null,
        text: `The window of ${view.sender}: ${view.kinds[kind]}${more ? ", " + more : ""}. ${size(sent - acked)} in flight, ${room}.` });
    });
  }
  return steps.map((step, order) => ({ ...step, order })).sort((a, b) => a.time - b.time || a.order - b.order);
}

/* -- at a time ------------------------------------------------------------------------------------- */

function senderAt(sender, time) {
  const at = lastUpTo(sender.times, time);
  if (at < 0) return null;
  const [acked, sent, allowed] = [sender.acked[at], sender.sent[at], sender.allowed[at]];
  const sacked = [];
  const last = lastUpTo(sender.sackTimes, time) + 1;
  for (const [, left, right] of sender.sacks.slice(Math.max(last - LOOK_BACK, 0), last).sort((a, b) => a[1] - b[1])) {
    const from = Math.max(left, acked);
    if (right <= from || right > sent) continue;
    const before = sacked[sacked.length - 1];
    if (before && from <= before[1]) before[1] = Math.max(before[1], right);
    else sacked.push([from, right]);
  }
  const row = sender.course ? lastUpTo(sender.course.time_ns, time) : -1;
  return { acked, sent, allowed, sacked, congestion: row >= 0 ? sender.course.congestion[row] : -1 };
}

/* The phase of the congestion window, and what the time went to; both are inferred, and named only where something
   shows them. */
function phaseAt({ losses, one }, sender, time) {
  const loss = losses.find((other) => other.side === sender.side && other.since <= time && (other.until ?? -1) >= time);
  const grows = sender.growth.find(([since, until]) => (since < 0 ? sender.first : since) <= time && time <= until);
  const booking = one.time.bookings.find(([, since, until]) => since - one.start <= time && time < until - one.start);
  return { phase: loss ? "loss recovery" : grows ? grows[2] : "", cause: booking ? page.data.time.causes[booking[0]].word : "" };
}

/* Octets of a stream that had come, and those of them that could be handed on. */
function streamAt(stream, time) {
  const [came, handed] = [lastUpTo(stream.comes, time), lastUpTo(stream.hands, time)];
  return { came: came < 0 ? 0 : stream.sums[came], handed: handed < 0 ? 0 : stream.rows[handed].total };
}

/* Why a direction could not be seen at this time. */
function unseenAt({ data }, time) {
  const found = new Map();
  for (const [side, spots] of Object.entries(data.unseen)) {
    for (const [why, since, until] of spots) {
      if ((since === null || since <= time) && (until === null || time <= until)) found.set(why, [...found.get(why) || [], side]);
    }
  }
  return found;
}
