"""The glossary of TCP: what `wiretale explain TERM` says."""
from __future__ import annotations

from typing import Final

from dissectors.kit.protocol import Term

_OPENING: Final[tuple[Term, ...]] = (
    Term(
        "three-way handshake",
        "The three segments that open a connection: SYN, SYN-ACK, ACK. Each side names the number its bytes start "
        "from and hears it confirmed. It takes one round trip before the side that asked can send data.",
        "RFC 9293 §3.5", ("SYN", "SYN-ACK", "ACK", "RTT", "Fast Open"),
    ),
    Term(
        "SYN",
        "The control bit that opens a direction and says from which sequence number its bytes are counted. It takes "
        "one number itself, so it is acknowledged and resent like data. Options such as MSS, window scale and SACK "
        "can only be offered here.",
        "RFC 9293 §3.5", ("three-way handshake", "sequence number", "options"),
    ),
    Term(
        "SYN-ACK",
        "The answer to a SYN: it acknowledges the caller's number plus one and carries the answering side's own SYN. "
        "The time from SYN to SYN-ACK, seen near the caller, is the first measure of the round trip.",
        "RFC 9293 §3.5", ("SYN", "RTT"),
    ),
    Term(
        "ACK",
        "The control bit that makes the acknowledgment number count: the number of the next byte that the sender of "
        "this segment expects. It is cumulative, so it confirms every byte before it. Only the first SYN and some "
        "resets go without it.",
        "RFC 9293 §3.1", ("sequence number", "duplicate ACK", "SACK", "delayed ACK"),
    ),
    Term(
        "sequence number",
        "Every byte of a direction has a number; a segment names the number of its first byte. Numbers have 32 bits "
        "and wrap, so they are compared modulo 2^32. SYN and FIN take one number each.",
        "RFC 9293 §3.4", ("initial sequence number", "ACK"),
    ),
    Term(
        "initial sequence number",
        "The number of the SYN; the first byte has the next one. It is chosen so that an outsider cannot guess it, "
        "and so that segments of an earlier connection with the same ports do not fit.",
        "RFC 9293 §3.4.1", ("sequence number", "SYN"),
    ),
    Term(
        "MSS",
        "Maximum segment size: the most payload bytes a side is ready to take in one segment, said in its SYN. "
        "On Ethernet it is mostly 1460 for IPv4 and 1440 for IPv6. Without the option 536 (IPv4) or 1220 (IPv6) "
        "must be assumed.",
        "RFC 9293 §3.7.1", ("options", "offload"),
    ),
    Term(
        "options",
        "Up to 40 bytes after the fixed header. Most extensions are offered in the SYN and are only used if the "
        "other side's SYN offers them too. An unknown option is skipped by its length.",
        "RFC 9293 §3.1", ("MSS", "window scale", "SACK", "timestamps", "Fast Open"),
    ),
    Term(
        "simultaneous open",
        "Both sides send a SYN before they see the other's. The two SYNs cross and make one connection. It is rare, "
        "and used on purpose to pass address translators.",
        "RFC 9293 §3.5", ("three-way handshake",),
    ),
    Term(
        "half open",
        "Two things bear this name. A connection whose SYN-ACK was not acknowledged yet; and one of which one side "
        "has lost all memory, by a crash for instance, while the other still believes in it. In the second case the "
        "side that forgot answers the next segment with a reset.",
        "RFC 9293 §3.5.1", ("SYN flood", "RST"),
    ),
    Term(
        "SYN flood",
        "Many SYNs, mostly with forged source addresses, so that a server's table of half-open connections fills and "
        "true callers find no room.",
        "RFC 4987 §2", ("SYN cookie", "half open"),
    ),
    Term(
        "SYN cookie",
        "A server under a flood can code what it must remember of a SYN into the sequence number of its answer and "
        "store nothing. Only an ACK of this number opens the connection. Little fits into the number, so "
        "some options may be lost.",
        "RFC 4987 §3.6", ("SYN flood",),
    ),
    Term(
        "Fast Open",
        "Data in the SYN: a cookie from an earlier connection proves the caller's address, and the server may hand "
        "the data to its program at once. It saves a round trip. The data may be delivered twice, so only requests "
        "that can safely be repeated belong there.",
        "RFC 7413 §3", ("SYN", "three-way handshake"),
    ),
    Term(
        "timestamps",
        "An option with the sender's clock and an echo of the other's. The echo measures round trips even of resent "
        "segments and tells needless resends. The clock exposes old duplicates when sequence numbers wrap (PAWS).",
        "RFC 7323 §3", ("RTT", "spurious retransmission"),
    ),
    Term(
        "multipath TCP",
        "An extension that carries one connection over several TCP connections (subflows), over Wi-Fi and mobile "
        "network for instance. Its option has subtypes for joining, for mapping data and for addresses.",
        "RFC 8684 §3", ("options",),
    ),
)

_SENDING: Final[tuple[Term, ...]] = (
    Term(
        "segment",
        "What TCP sends at once: a header and a piece of the stream. Where a stream is cut into segments has no "
        "meaning to the application.",
        "RFC 9293 §3.7", ("MSS",),
    ),
    Term(
        "window",
        "The number of bytes, from the acknowledged one on, that a receiver has room for. A sender may have no more "
        "than that under way. The field has 16 bits, so without scaling it ends at 65 535.",
        "RFC 9293 §3.8.6", ("window scale", "zero window", "bytes in flight"),
    ),
    Term(
        "window scale",
        "A shift, offered by both SYNs, by which the window field is multiplied: ×128 for a shift of 7. It allows "
        "windows up to 1 GiB, which fast paths with long round trips need. A capture without the SYNs cannot know it.",
        "RFC 7323 §2", ("window", "SYN"),
    ),
    Term(
        "zero window",
        "A receiver advertises a window of 0: its program does not read as fast as data come, and the sender must "
        "stop. The sender probes until an update reopens the window.",
        "RFC 9293 §3.8.6.1", ("window", "window probe", "window update"),
    ),
    Term(
        "window probe",
        "A segment sent into a closed window to make the receiver repeat its window. Without it, the loss of the one "
        "ACK that reopens the window would stop both sides for ever.",
        "RFC 9293 §3.8.6.1", ("zero window",),
    ),
    Term(
        "window update",
        "An ACK that brings no new acknowledgment, only another window, mostly because the program has read.",
        "RFC 9293 §3.8.6", ("window", "zero window"),
    ),
    Term(
        "window full",
        "The sender has as many unacknowledged bytes under way as the window allows. From here the receiver's buffer "
        "and the round trip set the pace: window divided by round trip is the most that can be reached.",
        "RFC 9293 §3.8.6", ("window", "bytes in flight"),
    ),
    Term(
        "bytes in flight",
        "Bytes that were sent and not acknowledged yet. New bytes may bring it neither above the receiver's window nor "
        "above the sender's congestion window. Seen far from the sender it looks smaller than it is.",
        "RFC 5681 §2", ("window", "congestion window", "outstanding"),
    ),
    Term(
        "outstanding",
        "What a sender has sent beyond the cumulative ACK. Part of it may have arrived behind a hole, which SACK "
        "reports: bytes in flight, as Wireshark counts them, leave that out. With a hole open the two differ widely.",
        "RFC 6675 §2", ("bytes in flight", "SACK", "sliding window"),
    ),
    Term(
        "sliding window",
        "The stretch of the stream that a sender may have outstanding: from the first byte that is not acknowledged, "
        "as far as the receiver has room. Each ACK moves its left edge, and what the receiver offers its right one.",
        "RFC 9293 §3.8", ("window", "outstanding", "congestion window"),
    ),
    Term(
        "RTT",
        "Round-trip time: from a segment to the ACK that it causes, at one place. Near the sender it is the whole "
        "path and the receiver's delay; in the middle of the path only the part beyond.",
        "RFC 6298 §3", ("three-way handshake", "retransmission timeout"),
    ),
    Term(
        "delayed ACK",
        "A receiver need not acknowledge each segment at once: it may wait for a second full-sized one, or for data "
        "of its own to send the ACK with, but less than half a second.",
        "RFC 9293 §3.8.6.3", ("ACK", "Nagle algorithm"),
    ),
    Term(
        "Nagle algorithm",
        "While something is unacknowledged, small pieces are held back until they fill a segment or the ACK comes. "
        "Together with delayed ACKs it can stall a program that writes a request in two parts; TCP_NODELAY turns "
        "it off.",
        "RFC 9293 §3.7.4", ("delayed ACK",),
    ),
    Term(
        "keep-alive",
        "A probe on an idle connection: a segment with a number that was acknowledged already, which a living peer "
        "must answer. Off by default; the standard's default wait is at least two hours, and programs often set less.",
        "RFC 9293 §3.8.4", ("idle timeout",),
    ),
    Term(
        "congestion window",
        "The sender's own estimate of how many bytes the path can hold. It is never on the wire, so a capture can "
        "only guess at it. It grows with ACKs and shrinks with losses and marks.",
        "RFC 5681 §3.1", ("slow start", "congestion avoidance", "ECN"),
    ),
    Term(
        "slow start",
        "At the start and after a timeout the congestion window grows by what each ACK confirms (at most one "
        "segment), so it at most doubles in each round trip until a loss, a mark or a threshold.",
        "RFC 5681 §3.1", ("congestion window", "congestion avoidance"),
    ),
    Term(
        "congestion avoidance",
        "Beyond the threshold the congestion window grows slowly, by about one segment in a round trip in the "
        "classic form; CUBIC and others use other curves.",
        "RFC 5681 §3.1", ("slow start", "congestion window"),
    ),
    Term(
        "ECN",
        "Explicit congestion notification: a router marks a packet (CE) instead of dropping it, the receiver echoes "
        "the mark (ECE) until the sender says that it slowed down (CWR). Both SYNs must agree to it.",
        "RFC 3168 §6.1", ("congestion window",),
    ),
    Term(
        "offload",
        "Network cards cut and join segments for the system. A capture on the host then shows segments larger than "
        "the MTU, which never were on the wire like this.",
        "", ("MSS",),
    ),
)

_REPAIR: Final[tuple[Term, ...]] = (
    Term(
        "retransmission",
        "The same bytes sent again because no acknowledgment came, or because duplicate ACKs or SACK showed a hole.",
        "RFC 9293 §3.8", ("fast retransmit", "retransmission timeout", "spurious retransmission"),
    ),
    Term(
        "duplicate ACK",
        "An ACK that repeats the number of the one before, without data and with the same window. A receiver sends "
        "one for each segment that comes beyond a hole.",
        "RFC 5681 §2", ("fast retransmit", "SACK", "out of order"),
    ),
    Term(
        "fast retransmit",
        "The third duplicate ACK in a row is taken as the sign of a loss, and the missing segment is sent again at "
        "once. It costs about a round trip, a timeout many.",
        "RFC 5681 §3.2", ("duplicate ACK", "retransmission timeout", "SACK"),
    ),
    Term(
        "retransmission timeout",
        "When nothing confirms a segment for longer than the timer, it is sent again and the timer doubles. The "
        "timer follows the measured round trip and its variation; the standard wants at least 1 s, deployed systems "
        "use 200 ms or more.",
        "RFC 6298 §2", ("fast retransmit", "RTT", "tail loss probe"),
    ),
    Term(
        "tail loss probe",
        "The last segment of a burst has nothing behind it that could raise duplicate ACKs. After about two round "
        "trips the sender sends one segment more, new data or the last one again, to make the receiver speak before "
        "the timer runs out.",
        "RFC 8985 §7", ("retransmission timeout", "SACK"),
    ),
    Term(
        "SACK",
        "Selective acknowledgment: a receiver that has a hole names the blocks it holds beyond it, so that only what "
        "is missing is sent again. A side may send it only if the other side's SYN permitted it.",
        "RFC 2018 §3", ("DSACK", "duplicate ACK"),
    ),
    Term(
        "DSACK",
        "A SACK whose first block names bytes that arrived twice. It tells the sender that a resend "
        "was needless, or that the network delivered a packet twice.",
        "RFC 2883 §4", ("SACK", "spurious retransmission"),
    ),
    Term(
        "spurious retransmission",
        "Bytes sent again although the receiver had them: a packet was late or an ACK was lost. The sender slows "
        "down without need. A DSACK or an echoed timestamp shows it.",
        "RFC 3522 §2", ("DSACK", "timestamps", "retransmission timeout"),
    ),
    Term(
        "out of order",
        "A segment that arrives after one that was sent later. Nothing is lost; the receiver puts it in its place. "
        "More than a little of it looks like loss to the sender.",
        "RFC 5681 §4.2", ("duplicate ACK", "sequence number"),
    ),
    Term(
        "capture loss",
        "The receiver acknowledges bytes that the capture never saw: the capture is incomplete, not the network.",
        "RFC 9293 §3.4", ("ACK",),
    ),
    Term(
        "F-RTO",
        "Forward RTO recovery: after a timeout and the first ACK behind it the sender sends new data and not the old "
        "once more. Where the next ACK covers what was never sent again, the timeout was spurious: the ACKs were "
        "late.",
        "RFC 5682 §2.1", ("retransmission timeout", "Eifel detection", "DSACK"),
    ),
    Term(
        "Eifel detection",
        "A sender tells an ACK of the first copy from one of the resend by the timestamp that it echoes, and so learns "
        "that it resent without need.",
        "RFC 3522 §3.2", ("F-RTO", "timestamps"),
    ),
    Term(
        "PRR",
        "Proportional rate reduction: while a loss is repaired the sender sends for each segment that arrives a part "
        "of one, a half or 0.7, so that at the end as much is under way as the congestion control wants.",
        "RFC 6937 §3; RFC 9937", ("fast retransmit", "congestion window"),
    ),
    Term(
        "HyStart",
        "Hybrid slow start: a sender that sees its round trips grow leaves slow start before the queue on the way is "
        "full and drops what is too much.",
        "RFC 9406 §4.2", ("slow start", "congestion window"),
    ),
    Term(
        "BBR",
        "A congestion control that measures the rate and the shortest round trip of the path and sends at that rate, "
        "whatever is lost: it doubles the rate (startup), empties the queue that it made (drain), goes a little "
        "above and below the rate (probe_bw), and every ten seconds keeps a few segments under way for 200 ms to "
        "measure the path without a queue (probe_rtt).",
        "", ("congestion window", "slow start"),
    ),
)

_CLOSING: Final[tuple[Term, ...]] = (
    Term(
        "FIN",
        "The control bit that ends a direction: no more bytes from this side. It takes a sequence number, so it is "
        "acknowledged and resent like data.",
        "RFC 9293 §3.6", ("half close", "TIME_WAIT", "RST"),
    ),
    Term(
        "half close",
        "One side has sent its FIN and the other goes on sending. A program can end its request this way and still "
        "receive the answer.",
        "RFC 9293 §3.6.1", ("FIN",),
    ),
    Term(
        "simultaneous close",
        "Both sides send their FIN before they see the other's. Both then pass through TIME_WAIT.",
        "RFC 9293 §3.6", ("FIN", "TIME_WAIT"),
    ),
    Term(
        "TIME_WAIT",
        "The side that closes first keeps the connection for twice the longest life of a segment. It can answer a "
        "FIN that is sent again, and old segments cannot fall into a new connection. It costs a little memory and "
        "keeps a pair of ports busy.",
        "RFC 9293 §3.6.1", ("FIN", "simultaneous close"),
    ),
    Term(
        "RST",
        "The control bit that ends a connection at once, in both directions, without delivering what is under way. "
        "It answers segments of unknown connections, refuses SYNs, and is how a program aborts.",
        "RFC 9293 §3.5.2", ("refused", "challenge ACK", "FIN"),
    ),
    Term(
        "forged RST",
        "A RST that another machine than the sender sends in its name: a filter that rejects, a load balancer that "
        "gives up, an attacker. Its hop limit, its timestamp or its IP identification then do not go on where "
        "those of the sender stop, or it comes sooner than the sender can answer.",
        "RFC 9293 §3.5.2", ("RST", "refused", "idle timeout"),
    ),
    Term(
        "refused",
        "A RST answers the SYN: the host is there, and nobody listens on the port (or a firewall says so in its "
        "name).",
        "RFC 9293 §3.10.7.1", ("RST", "SYN"),
    ),
    Term(
        "challenge ACK",
        "A receiver that gets a RST in its window, but not with the exact number it expects, or a SYN in the middle "
        "of a connection, asks back with an ACK instead of obeying. A forger does not see the question.",
        "RFC 5961 §3.2", ("RST",),
    ),
    Term(
        "idle timeout",
        "TCP itself never ends a silent connection. Programs, firewalls and address translators do, each after a "
        "time of its own; the next segment is then dropped or answered with a reset.",
        "RFC 5382 §5", ("keep-alive", "RST"),
    ),
)

TERMS: Final[tuple[Term, ...]] = _OPENING + _SENDING + _REPAIR + _CLOSING
