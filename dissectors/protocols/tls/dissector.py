"""The observer of a TLS connection: chunks, gaps and closes in; events, and what was decrypted, out."""
from __future__ import annotations

from typing import Final

from dissectors.kit.event import BACKWARD, FORWARD, NEITHER, Evidence, Malformed, Observed
from dissectors.kit.inputs import Chunk, Close, Datagram, Gap
from dissectors.kit.observation import HIDDEN, OBSERVED_ENDED, OCTETS
from dissectors.kit.protocol import Context, Dissector, Output
from dissectors.protocols.tls.content import SHORT_TAG_SUITE, TLS13, TlsContent
from dissectors.protocols.tls.events import MessageSeen, Resynchronised, TlsObserved
from dissectors.protocols.tls.events_data import ApplicationData, DataSummary
from dissectors.protocols.tls.events_end import BackToClear, Plaintext, Stalled, TlsClosed
from dissectors.protocols.tls.handshake import MESSAGE_HEADER, TlsMessage
from dissectors.protocols.tls.header import APPLICATION_DATA
from dissectors.protocols.tls.plain import is_text
from dissectors.protocols.tls.records import BROKEN, FOUND, Found, Notice, TlsRecord, TlsRun
from dissectors.protocols.tls.state import TlsSide

MAX_RUNS: Final = 256       # runs of application data of one direction that are told one by one

# What is due after the last message that was seen: (from the client, message) up to TLS 1.2.
AFTER_SERVER: Final[dict[str, tuple[bool, str]]] = {
    "ServerHelloDone": (True, "ClientKeyExchange"),
    "Finished": (True, "Finished"),
    "ChangeCipherSpec": (False, "Finished"),
    "HelloRetryRequest": (True, "a second ClientHello"),
}
AFTER_CLIENT: Final[dict[str, tuple[bool, str]]] = {
    "ClientKeyExchange": (True, "ChangeCipherSpec"),
    "Certificate": (True, "ClientKeyExchange"),
    "CertificateVerify": (True, "ChangeCipherSpec"),
    "ChangeCipherSpec": (True, "Finished"),
    "Finished": (False, "Finished"),
}


class TlsDissector(Dissector):
    """Sorts what the record layers of both directions find."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.state = TlsContent(context)
        self.forward = self.state.sides[FORWARD].layer
        self.backward = self.state.sides[BACKWARD].layer
        self.over = False            # the end was told

    def on_data(self, chunk: Chunk) -> list[Output]:
        layer = self.backward if chunk.direction else self.forward
        if layer.passes(chunk):
            return []
        state = self.state
        side = state.sides[chunk.direction]
        if side.origin < 0:
            side.origin = chunk.position
        before = layer.run.records
        found = layer.data(chunk)
        if not found and layer.run.records == before:
            return []
        self._end_run(state.sides[1 - chunk.direction])
        if found:
            self._sort(side, found)
        return state.take()

    def on_gap(self, gap: Gap) -> list[Output]:
        state = self.state
        side = state.sides[gap.direction]
        found = side.layer.gap(gap)
        side.unsure = True
        if found:
            self._sort(side, found)
        if not side.layer.in_step:
            side.messages.clear()
            side.gap = True
            state.lost(side, gap.frame, gap.time, gap.length)
        return state.take()

    def on_datagram(self, datagram: Datagram) -> list[Output]:
        """A whole handshake message of a transport that protects it itself (RFC 9001 §4.1.3), or an alert, which is
        shorter than any of them. That transport tells of its keys, and how the connection ends."""
        state = self.state
        state.carried = True
        data = datagram.data
        if not data:
            return []
        side = state.sides[datagram.direction]
        if not state.session.version:
            state.session.version = TLS13      # it carries no other (RFC 9001 §4.2)
        message = TlsMessage(data[0], data, len(data) - 4, datagram.frames, datagram.time)
        if len(data) < MESSAGE_HEADER:
            state.carried_alert(side, message)
            return state.take()
        if self.context.each_pdu:
            state.out.append(MessageSeen(state.seen(side, message), message.type))
        state.message(side, message)
        return state.take()

    def on_close(self, close: Close) -> list[Output]:
        state = self.state
        self.over = self.over or state.carried
        if self.over:
            return state.take()
        for side in state.sides:
            if close.direction in (side.direction, NEITHER):
                self._end_run(side)
        if close.how == "fin" and close.direction != NEITHER:
            mine = state.sides[close.direction]
            if not mine.ended:
                mine.ended, mine.ended_frame, mine.ended_ns = close.how, close.frame, close.time
            if not state.sides[1 - close.direction].ended:
                return state.take()
        self._finish(close)
        return state.take()

    # -- what the record layer finds -------------------------------------------------------------------

    def _sort(self, side: TlsSide, found: list[Found]) -> None:
        state = self.state
        for item in found:
            if isinstance(item, TlsRecord):
                place = len(state.out)
                if state.record(side, item):
                    side.layer.add(item, -1)
                elif state.inner != APPLICATION_DATA:
                    self._end_run(side, place)
            elif isinstance(item, TlsRun):
                self._tell_run(side, item)
            else:
                self._notice(side, item)

    def _notice(self, side: TlsSide, notice: Notice) -> None:
        state = self.state
        observed = TlsObserved(notice.time, side.direction, (notice.frame,), state.client)
        if notice.kind == BROKEN:
            side.messages.clear()
            side.unsure = True
            side.gap = True
            closed = side.notified or side.notified_hidden or self._may_have_closed(side)
            if (closed or is_text(notice.first)) and (state.session.established or state.session.hello is None):
                state.tell(BackToClear(observed, notice, closed=closed))
                return
            state.out.append(Malformed(
                Observed(notice.time, side.direction, Evidence(observed.frames)), "tls", 0,
                f"no record begins where one is due ({notice.first.hex(' ')})",
            ))
        elif notice.kind == FOUND:
            state.tell(Resynchronised(observed, notice))
        elif self._from_the_beginning(side, notice):
            event = Plaintext(observed, notice, state.session)
            state.tell(event)
            state.session.broken = state.session.broken or event.answer

    def _from_the_beginning(self, side: TlsSide, notice: Notice) -> bool:
        """These octets are the first of their direction; within a dialogue in clear, they follow a ClientHello."""
        if self.context.midstream or (side.origin > 0 and self.state.session.hello is None):
            return False
        return self.context.observed.blind(side.direction, -1, notice.time, OCTETS) is None

    # -- runs of application data ----------------------------------------------------------------------

    def _end_run(self, side: TlsSide, place: int = -1) -> None:
        """The run in hand is over; it is told at that place among the outputs, else last."""
        run = side.layer.end_run()
        if run is None:
            return
        later = self.state.out[place:] if place >= 0 else []
        if place >= 0:
            del self.state.out[place:]
        self._tell_run(side, run)
        self.state.out += later

    def _tell_run(self, side: TlsSide, run: TlsRun) -> None:
        if self.context.each_pdu:
            return   # its records were told one by one
        side.runs += 1
        if side.runs > MAX_RUNS:
            side.rest.merge(run)
            return
        self._data(side, run, 1)

    def _data(self, side: TlsSide, run: TlsRun, runs: int) -> None:
        if side.begin < 0:
            side.begin = run.begin
        side.octets += int(run.octets)
        side.records += int(run.records)
        side.end = run.end
        side.last_frame = run.cited.last
        side.last_length = int(run.last)
        observed = TlsObserved(run.begin, side.direction, run.cited.frames(), self.state.client)
        self.state.out.append(ApplicationData(
            observed, run, runs, masked=run.plain < 0 and self._masks(),
            alert_size=side.last_length == self._alert_size(),
        ))

    def _masks(self) -> bool:
        """What is inside a record of application data is hidden, alerts among it (RFC 8446 §5.2)."""
        session = self.state.session
        return session.tls13 or session.server is None

    def _alert_size(self) -> int:
        """Of an encrypted alert of TLS 1.3: level, description, type and tag."""
        return 3 + (8 if self.state.session.suite == SHORT_TAG_SUITE else 16)

    def _may_have_closed(self, side: TlsSide) -> bool:
        """The last record is hidden, and as long as an alert."""
        run = side.layer.run
        last = int(run.last) if run.records else side.last_length
        return side.sealed and self._masks() and last == self._alert_size()

    # -- the end ---------------------------------------------------------------------------------------

    def _finish(self, close: Close) -> None:
        state = self.state
        session = state.session
        self.over = True
        for side in state.sides:
            self._end_run(side)
            state.flush_hidden(side)
            if side.rest.records:
                self._data(side, side.rest, side.runs - MAX_RUNS)
        state.tell_early()
        self._data_in_all()
        how, frame, time = close.how, close.frame, close.time
        ended = [side for side in state.sides if side.ended]
        if ended and how != "rst":
            how, frame, time = "fin", ended[0].ended_frame, ended[0].ended_ns
        if session.hello is not None and not session.established and not session.broken and how != "unread":
            self._stalled(how, frame, time)
        elif session.established:
            self._closed(how, frame, time)

    def _data_in_all(self) -> None:
        """The sum of both directions, where there was anything."""
        state = self.state
        early = state.session.early_sent
        if early.records:
            side = state.client_side()
            side.records += early.records
            side.octets += early.octets
            side.begin = early.begin
            if not side.end:
                side.end, side.last_frame = early.end, early.cited.last
        spoken = [side for side in state.sides if side.records]
        if not spoken:
            return
        last = max(spoken, key=_end_of)
        observed = TlsObserved(last.end, NEITHER, (last.last_frame,), state.client)
        sealed = self._masks() and (state.sides[0].sealed or state.sides[1].sealed)
        state.tell(DataSummary(observed, state.sides, plain=state.child, masked=sealed))

    def _stalled(self, how: str, frame: int, time: int) -> None:
        state = self.state
        session = state.session
        from_client, awaited = self._awaited()
        frames = tuple(sorted({*session.last_frames, frame}))
        due = state.client if from_client else 1 - state.client
        until = time - 1 if how in OBSERVED_ENDED else time
        missing = self.context.observed.absence(NEITHER, session.began_ns, until, OCTETS)
        state.tell(Stalled(TlsObserved(time, due, frames, state.client), session, awaited, how, missing.why))

    def _awaited(self) -> tuple[bool, str]:
        """(whether the client was due to speak, what it or the server should have said)"""
        state = self.state
        session = state.session
        last = session.last_message
        if session.last_from_client:
            if session.server is None:
                return False, "ServerHello"
            if session.tls13:
                return True, "Finished"
            return AFTER_CLIENT.get(last, (True, "the rest of its handshake"))
        if session.server is None and session.retried:
            return True, "a second ClientHello"
        if session.tls13:
            done = state.server_side().finished_ns >= 0 or last == "its encrypted messages"
            return (True, "Finished") if done else (False, "the rest of its handshake")
        if last == "Finished" and not session.resumption:
            return True, "Finished"
        return AFTER_SERVER.get(last, (False, "the rest of its handshake"))

    def _closed(self, how: str, frame: int, time: int) -> None:
        state = self.state
        notified: list[str] = []
        unfinished: list[str] = []
        inferred = False
        for side in state.sides:
            name = "client" if state.from_client(side) else "server"
            if side.notified or side.notified_hidden:
                notified.append(name)
                inferred = inferred or not side.notified
            if side.layer.unfinished() > 0:
                unfinished.append(name)
        if (how in OBSERVED_ENDED or how == "unread") and not notified:
            return   # the connection goes on, for all that is known
        observed = TlsObserved(time, NEITHER, (frame,), state.client)
        unseen, sized = self._unseen(time, notified)
        state.tell(TlsClosed(observed, notified, how, unfinished, inferred=inferred, unseen=unseen, sized=sized))

    def _unseen(self, time: int, notified: list[str]) -> tuple[dict[str, str], dict[str, str]]:
        """Sides that may have said close_notify, and why nobody can tell; what the last record of some looks like.

        Up to TLS 1.2 an alert shows as one.
        """
        state = self.state
        kinds: tuple[str, ...] = (*OCTETS, HIDDEN) if self._masks() else OCTETS
        unseen: dict[str, str] = {}
        sized: dict[str, str] = {}
        for side in state.sides:
            name = "client" if state.from_client(side) else "server"
            absent = self.context.observed.absence(side.direction, max(side.end, side.finished_ns), time, kinds)
            if name in notified or absent.proven:
                continue
            unseen[name] = absent.why
            if absent.kind == HIDDEN:
                unseen[name] = "what is sent last is encrypted, and its key is not there"
                if side.last_length == self._alert_size():
                    sized[name] = f"{side.last_length} bytes, #{side.last_frame}"
        return unseen, sized


def _end_of(side: TlsSide) -> int:
    return side.end
