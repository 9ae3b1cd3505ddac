"""Findings about QUIC connections: handshakes that fail, stall or take longer, packets that are lost."""
from __future__ import annotations

from typing import Final

from analyzer.explain.rule import DENIAL, FAILURE, LIKELY, OUTLOOK, SLOW, Case, Found, Rule, times
from dissectors.kit.event import BACKWARD, FORWARD, NEITHER
from dissectors.kit.observation import OCTETS
from dissectors.kit.units import plural, size, span
from dissectors.protocols.http3.events import H3Exchange
from dissectors.protocols.quic.events import PacketsHidden, RetrySeen, VersionsOffered, capital, some
from dissectors.protocols.quic.events_connection import AmplificationStall, QuicEstablished, QuicStalled, QuicTotals
from dissectors.protocols.quic.events_flow import FlowWaits, IdleEnd
from dissectors.protocols.quic.events_packets import QuicClosed
from dissectors.protocols.quic.events_path import PathTotals
from dissectors.protocols.quic.versions import version_title
from dissectors.wire.http.describe import request_short

ANSWER: Final = "the server's answer"     # what QuicStalled awaits where nothing of the server came
REPEATED: Final = 4         # first packets: a flight of two that was sent twice
STOPPED_NS: Final = 999_000_000     # after which a side sends again that knows nothing of the way (RFC 9002 §6.2.2)
BLOCKED_NS, LONG_BLOCKED_NS = 10_000_000, 1_000_000_000     # waits in all that are worth a word, as for HTTP/2
TABLE_NS: Final = 5_000_000        # for entries of a table; less is the order of the datagrams of a burst
MANY_LOST: Final = 100      # a loss of one packet in so many slows a transfer down


def no_version(case: Case) -> list[Found]:
    """Both sides have said what they speak, and nothing of it is the same."""
    found = []
    for event in case.of(VersionsOffered):
        if event.spoken and event.versions and not set(event.spoken) & set(event.versions):
            wanted = some([version_title(version) for version in dict.fromkeys(event.spoken)])
            found.append(Found(
                f"The client can speak {wanted}, and the server {some(event.names())}: they have no version of QUIC in "
                "common.", event.evidence.frames, case.conversation,
                basis="version_information of the client, and the server's Version Negotiation",
            ))
    return found


def failed(case: Case) -> list[Found]:
    """A side ended the connection before its handshake was complete. Of an alert the rules of TLS tell."""
    found = []
    for event in case.of(QuicClosed):
        if event.early and event.failed and event.alert < 0:
            found.append(Found(
                f"The {_side(event)} ended the QUIC handshake: {_said(event)}.", event.evidence.frames,
                case.conversation, basis="CONNECTION_CLOSE in a packet of the handshake",
            ))
    return found


def closed(case: Case) -> list[Found]:
    found = []
    for event in case.of(QuicClosed):
        if not event.early and event.failed and event.alert < 0:
            found.append(Found(
                f"The {_side(event)} ended the QUIC connection with an error: {_said(event)}.", event.evidence.frames,
                case.conversation, basis="its CONNECTION_CLOSE",
            ))
    return found


def _side(event: QuicClosed) -> str:
    return "client" if event.direction == event.client else "server"


def _said(event: QuicClosed) -> str:
    name, meaning = event.error()
    text = f"{name}, {meaning}" if meaning else name
    return f"{text} ({event.reason.rstrip('.')})" if event.reason else text


def unanswered(case: Case) -> list[Found]:
    """A client that gets an answer says its first words no more: that it repeats them shows that none reached it,
    whatever the capture holds of the other direction."""
    found = []
    for event in case.of(QuicStalled):
        if event.awaited != ANSWER or event.initials < REPEATED:
            continue
        found.append(Found(
            f"The client sent {plural(event.initials, 'first packet')} of QUIC to {case.end(event.direction).full()} "
            f"within {span(event.waited_ns)}, as it does while no answer reaches it.", event.evidence.frames,
            case.conversation, cost_ns=event.waited_ns, basis="its Initial packets, and none of a later kind",
        ))
    return found


def stalled(case: Case) -> list[Found]:
    found = []
    for event in case.of(QuicStalled):
        if event.awaited == ANSWER:
            continue
        found.append(Found(
            f"The QUIC handshake stopped: {event.awaited} did not come within {span(event.waited_ns)}.",
            event.evidence.frames, case.conversation, cost_ns=event.waited_ns,
            absent=case.absence(event.direction, event.time - event.waited_ns, event.time - 1, OCTETS),
            otherwise=f"The QUIC handshake is not seen to end: {event.awaited} is not in the capture.",
        ))
    return found


def retry(case: Case) -> list[Found]:
    """It is told where the connection came about: then it cost what it took."""
    established = case.of(QuicEstablished)
    if not established:
        return []
    return [
        Found(
            f"The server asked the client to begin again with a token (Retry), which cost a round trip of "
            f"{span(event.answered_ns)}.", event.evidence.frames, case.conversation, cost_ns=event.answered_ns,
            basis="the Retry, and the client's packet before it",
        )
        for event in case.of(RetrySeen) if event.answered_ns >= 0 and event.whole != "no"
    ]


def amplification(case: Case) -> list[Found]:
    return [
        Found(
            f"The server had to wait {span(event.waited_ns)} for the client within its first flight: it had sent "
            f"{size(event.sent)} for {size(event.received)}, and may send three times as much as it got.",
            event.evidence.frames, case.conversation, cost_ns=event.waited_ns, confidence=LIKELY,
            basis="the sizes of all datagrams until then",
        )
        for event in case.of(AmplificationStall)
    ]


def lost(case: Case) -> list[Found]:
    """Packets that were seen here and that the other side never acknowledged, though it did acknowledge later ones.
    Of the other side every packet has to be there, or an ACK may be among those that are missing."""
    found = []
    for event in case.of(QuicTotals):
        for place, side in enumerate(event.sides):
            peer = event.sides[1 - place]
            gone = side.lost - side.late
            if gone <= 0 or peer.holes or not peer.opened:
                continue
            who = ("client", "server")[place]
            found.append(Found(
                f"{gone} of {plural(side.packets, 'packet')} of the {who} did not arrive: later ones were "
                f"acknowledged without {'it' if gone == 1 else 'them'}.", side.lost_frames, case.conversation,
                severity="warn" if gone * MANY_LOST >= side.packets else "", confidence=LIKELY,
                basis="the ACKs of the other side, all of whose packets are in the capture",
                absent=case.absence(
                    BACKWARD if (place == 0) == (event.client == FORWARD) else FORWARD, -1, event.time - 1
                ),
            ))
    return found


def migration_failed(case: Case) -> list[Found]:
    """Of what the client sent on a new path nothing was answered there, and it had to send again: of the server as much
    has to be seen as of the client."""
    found = []
    for event in case.of(PathTotals):
        move, lasted = event.move, event.move.last_ns - event.move.first_ns
        if move.server or move.client < REPEATED or lasted < STOPPED_NS:
            continue
        came = f", and until then from {move.old}" if move.old else ""
        found.append(Found(
            f"The client's packets came from {move.new}{came}, and nothing came back there: it sent "
            f"{plural(move.client, 'datagram')} within {span(lasted)}.", event.evidence.frames, case.conversation,
            cost_ns=lasted,
            absent=case.absence(1 - event.client, move.first_ns, move.last_ns, OCTETS),
            basis="the connection IDs of its packets, and no datagram of the server between these addresses",
        ))
    return found


def early_refused(case: Case) -> list[Found]:
    return [
        Found(
            "The server did not take the client's 0-RTT data: what the client still wants it sends again after the "
            "handshake.", event.evidence.frames, case.conversation, cost_ns=max(event.opening.answer_ns(), 0),
            basis="its EncryptedExtensions, which do not accept early data",
        )
        for event in case.of(QuicEstablished) if event.opening.early and event.opening.early_taken == "no"
    ]


def early_unused(case: Case) -> list[Found]:
    """The server says that it takes early data, and there was none: the request waited for the handshake."""
    return [
        Found(
            "The session allowed the client to send its request with its first packets (0-RTT), and the server would "
            "have taken it: it is not used.", event.evidence.frames, case.conversation,
            cost_ns=max(event.opening.answer_ns(), 0),
            basis="early_data in ClientHello and EncryptedExtensions, and no 0-RTT packet",
            absent=case.absence(event.direction, event.opening.began_ns, event.time, OCTETS),
        )
        for event in case.of(QuicEstablished)
        if event.opening.early_offered and not event.opening.early and event.opening.early_taken == "yes"
    ]


def blocked(case: Case) -> list[Found]:
    """Waits for the receiver to allow more, by who waited and for what."""
    found = []
    for event in case.of(FlowWaits):
        waits = event.waits
        if waits.total_ns < BLOCKED_NS:
            continue
        said = f", {times(waits.said)} by its own word" if waits.said else ""
        found.append(Found(
            f"{capital(event.who())} waited {span(waits.total_ns)} in all until {event.peer()} took more of "
            f"{event.where()}, at first {event.limit()} ({times(waits.times)}{said}): the receiver was the limit of "
            "the rate and not the path.", event.evidence.frames, case.conversation, cost_ns=waits.total_ns,
            severity="warn" if waits.total_ns >= LONG_BLOCKED_NS else "", confidence=LIKELY,
            basis="what was sent ends with the last octet that was allowed, and goes on after more was",
        ))
    return found


def idle_timeout(case: Case) -> list[Found]:
    """A side that sends again and again, for a connection that the other one has forgotten."""
    found = []
    for event in case.of(IdleEnd):
        silence = event.silence
        found.append(Found(
            f"{capital(event.who())} went on after {span(silence.lasted_ns)} of silence with a connection that was "
            f"over: {silence.gives_up()} it up after {span(silence.timeout_ns)}. "
            f"{capital(plural(sum(silence.after), 'datagram'))}, and no answer.", event.evidence.frames,
            case.conversation, cost_ns=silence.last_ns - silence.until_ns,
            absent=case.absence(NEITHER, silence.since_ns + 1, silence.last_ns - 1, OCTETS),
            basis="max_idle_timeout, the silence, and what came after it",
        ))
    return found


def table_wait(case: Case) -> list[Found]:
    """Fields that came before the entries of the table that they refer to."""
    waits = [event for event in case.of(H3Exchange) if event.facts.blocked_ns >= TABLE_NS]
    if not waits:
        return []
    longest = max(waits, key=_table_ns)
    what = request_short(longest.request) if longest.request is not None else "a request"
    more = f", and those of {plural(len(waits) - 1, 'other exchange')} too" if len(waits) > 1 else ""
    frames = sorted({frame for event in waits for frame in event.evidence.frames} | {longest.facts.table_frame} - {0})
    return [Found(
        f"The fields of {what} (stream {longest.facts.stream_id}) waited {span(longest.facts.blocked_ns)} for entries "
        f"of QPACK's table, which came in #{longest.facts.table_frame}{more}.", tuple(frames), case.conversation,
        cost_ns=longest.facts.blocked_ns, confidence=LIKELY,
        basis="the insertions that the fields need, and when the last of them came",
    )]


def _table_ns(event: H3Exchange) -> int:
    return event.facts.blocked_ns


def keys_missing(case: Case) -> list[Found]:
    return [
        Found(
            "The secrets that were given are not those of this QUIC connection: what it carries is hidden.",
            event.evidence.frames, case.conversation, basis="no secret is named by the client's random number",
        )
        for event in case.of(PacketsHidden) if event.outcome == "missing" and event.given
    ]


QUIC_RULES: Final[tuple[Rule[Case], ...]] = (
    Rule(
        "quic.no_version", "error", FAILURE, no_version,
        "Client and server have no version of QUIC in common.",
        "Update the older of the two; until then clients have to use TCP.",
        "Another Version Negotiation packet of this server that names a version of the client.",
        "quic.version == 0",
    ),
    Rule(
        "quic.handshake_failed", "error", FAILURE, failed,
        "A side ended the handshake of QUIC with an error.",
        "Look up the alert or the code that it names, on the side that sent it.",
        "A connection between the same two that is established with the same settings.",
        "quic.cc.error_code",
    ),
    Rule(
        "quic.closed_with_error", "warn", FAILURE, closed,
        "A side ended an established QUIC connection with an error.",
        "Look up the code, and what the side that is blamed sent last.",
        "A registry of the application in which the code means an ordinary end.",
        "quic.cc.error_code",
    ),
    Rule(
        "quic.unanswered", "warn", DENIAL, unanswered,
        "A server did not answer the first packets of QUIC.",
        "See whether a filter drops UDP to this port, and whether the server speaks QUIC there.",
        "A later packet of the same client to this server that is none of a first flight.", "quic",
        threshold=f"{REPEATED} packets, a flight of two that was sent twice, and 1 s, after which a client that knows "
        "nothing of the way sends again (RFC 9002 §6.2.2).",
        lasting=True,
    ),
    Rule(
        "quic.stalled", "warn", FAILURE, stalled,
        "A handshake of QUIC did not come to an end.",
        "See whether datagrams of 1200 bytes and more get through in both directions.",
        "A later packet of the same connection, on another way.", "quic", absence=True,
        threshold="1 s, after which a side that knows nothing of the way sends again (RFC 9002 §6.2.2).",
        lasting=True,
    ),
    Rule(
        "quic.retry", "chat", SLOW, retry,
        "A Retry cost a connection a round trip.",
        "Nothing, if the server means to check all clients; many do so only under load.",
        "A Retry that the client ignored, with its handshake going on.", "quic.long.packet_type == 3",
    ),
    Rule(
        "quic.amplification_stall", "note", SLOW, amplification,
        "A server had to stop within its first flight, because it may not send more to an address that is not checked.",
        "Shorten the chain of certificates, or compress it (RFC 8879), so that the flight fits.",
        "A server that computed for as long before it went on.", "quic",
    ),
    Rule(
        "quic.migration_failed", "warn", FAILURE, migration_failed,
        "A connection went on from another address or port, and nothing of the server came there.",
        "See whether a filter or a balancer knows the connection by its addresses, and not by its connection ID.",
        "A datagram of the server to the new address that was not captured.", "quic", absence=True,
        threshold=f"{REPEATED} datagrams, and 1 s, after which a side sends again that knows nothing of the way "
        "(RFC 9002 §6.2.2).",
        lasting=True,
    ),
    Rule(
        "quic.early_refused", "note", SLOW, early_refused,
        "0-RTT data were not taken by the server.",
        "See whether the server keeps its session keys over restarts and shares them with its siblings.",
        "A HelloRetryRequest, after which nobody takes early data.", "quic.long.packet_type == 1",
    ),
    Rule(
        "quic.early_unused", "chat", SLOW, early_unused,
        "A client could have used 0-RTT, and did not.",
        "Nothing, unless the round trip matters: early data may be replayed, so many programs send none.",
        "0-RTT packets that were not captured.", "quic", absence=True,
    ),
    Rule(
        "quic.blocked", "note", SLOW, blocked,
        "A sender of QUIC waited until the receiver allowed more.",
        "Let the receiver allow more ahead (initial_max_data, initial_max_stream_data), or read faster.",
        "A sender that paused by itself at the moment when the limit was reached.", "quic",
        threshold=f"{span(BLOCKED_NS)} of waits in all; a warning from {span(LONG_BLOCKED_NS)}. A limit that fits the "
        "way is never waited for.",
    ),
    Rule(
        "quic.table_wait", "note", SLOW, table_wait,
        "Fields of HTTP/3 had to wait for entries of the compression table, which are on a stream of their own.",
        "See what held that stream up: a loss, mostly. A sender may use entries only after they are acknowledged "
        "(RFC 9204 §2.1.2), and a receiver may forbid others (SETTINGS_QPACK_BLOCKED_STREAMS 0).",
        "Insertions that came earlier, in packets that were not captured.", "quic",
        threshold=f"{span(TABLE_NS)}; less is the order of the datagrams of a burst.",
    ),
    Rule(
        "quic.idle_timeout", "warn", FAILURE, idle_timeout,
        "A side went on with a connection of QUIC that had been silent for too long.",
        "Let the side that goes on send a PING before the time is over, or begin a new connection.",
        "A packet in that time that was not captured.", "quic", absence=True,
        threshold="max_idle_timeout of the two, and three probe timeouts at the least (RFC 9000 §10.1); three "
        "datagrams within 1 s or more, as of a side that is not answered.",
    ),
    Rule(
        "quic.loss", "note", SLOW, lost,
        "Packets of a QUIC connection were lost behind the place of the capture.",
        "Capture on both sides to see where they are lost.",
        "An ACK of these packets in a packet that was not captured.", "quic", absence=True,
        threshold=f"One packet in {MANY_LOST}, from which on it is a warning: a loss halves what is sent at once.",
    ),
    Rule(
        "quic.keys_missing", "note", OUTLOOK, keys_missing,
        "Secrets were given, and none is of this connection.",
        "Log the secrets of the program that made this connection (SSLKEYLOGFILE).",
        "A secret for the client random of this connection.", "quic",
    ),
)
