"""What is lost, reordered, duplicated or marked on the way, and how TCP repairs it."""
from __future__ import annotations

from samples.record.case import Case, Shows
from samples.record.cases.hosts import calls, fetch, nginx, pair, serves
from samples.record.lab import Lab
from samples.record.network import Action, Capture, Fault, Host, Kind, Link, Nic

FINISH = Shows("tcp.flags.fin == 1", "Both sides finish", 2, 2)
AGAIN = "tcp.analysis.retransmission"
MSS = 1448                       # payload of a full segment here: 1500 less IPv4, TCP and timestamps

# No tail loss probe and no RACK: what is left is the retransmission timer of RFC 6298 and three duplicate ACKs.
CLASSIC = (("net.ipv4.tcp_early_retrans", "0"), ("net.ipv4.tcp_recovery", "0"))


# A receiver with room for more than the path takes.
ROOM = (("net.ipv4.tcp_rmem", "4096 2000000 6000000"),)


def _drop(*ordinals: int, copies: int = 1, rate_kbit: int = 20_000) -> dict[str, Link]:
    return {"lan": Link(rate_kbit=rate_kbit, faults=(Fault(Action.DROP, "server", Kind.DATA, ordinals, copies),))}


def _download(segments: int) -> tuple[str, ...]:
    """Steps of a server that sends exactly so many full segments."""
    return ("open", "recv:100", f"send:{segments * MSS}", "sleep:0.1", "eof", "close")


def _take(segments: int) -> tuple[str, ...]:
    return ("open", "send:100", f"recv:{segments * MSS}", "close")


def _routed() -> tuple[Host, ...]:
    """A router between two segments, whose far side carries only 1400 bytes."""
    return (Host("client", (Nic(("10.0.2.10/24",), 3, "far"),), routes=("default via 10.0.2.1",)),
            Host("router", (Nic(("10.0.1.1/24",), 3, "near"), Nic(("10.0.2.1/24",), 3, "far", 1400)), forwards=True),
            Host("server", (Nic(("10.0.1.20/24",), 3, "near"),), routes=("default via 10.0.1.1",)))


def _small_writes(lab: Lab) -> None:
    calls("open", "send:200", "send:50", "recv:100", "send:200", "send:50", "recv:100", "close")(lab)


CASES: tuple[Case, ...] = (
    Case(
        "tcp", "loss-fast-retransmit", "TCP: one segment lost, repaired by fast retransmit",
        "One data segment of a download vanishes. The segments behind it make the client repeat its ACK, with SACK "
        "blocks; after three of them the server sends the missing segment again, without waiting for a timeout.",
        pair(delay_ms=4), fetch, (
            Shows("tcp.analysis.lost_segment", "The segment after the lost one: a gap in the sequence numbers", 1, 1),
            Shows("tcp.analysis.duplicate_ack", "Duplicate ACKs, each naming with SACK what has arrived", 3),
            Shows("tcp.analysis.fast_retransmission", "The missing segment, sent again", 1, 1),
            FINISH,
        ), nginx(90_000), _drop(18)),
    Case(
        "tcp", "loss-seen-at-sender", "TCP: a lost segment, seen at the sender",
        "The same loss as in loss-fast-retransmit, captured where the data is sent: the lost segment is in the "
        "capture, and so is its repetition, right after the third duplicate ACK.",
        pair(delay_ms=4), fetch, (
            Shows("tcp.analysis.lost_segment", "No gap: the segment was lost after this point", 0, 0),
            Shows("tcp.analysis.duplicate_ack", "Duplicate ACKs arrive", 3),
            Shows("tcp.analysis.fast_retransmission", "The segment, sent again", 1, 1),
            FINISH,
        ), nginx(90_000), _drop(18), Capture("server")),
    Case(
        "tcp", "sack-loss-burst", "TCP: five segments lost in one round trip",
        "Five segments of one flight vanish, with others between them. SACK tells the server exactly which ones are "
        "missing, and it sends all five again in one recovery.",
        pair(delay_ms=8), fetch, (
            Shows("tcp.options.sack.count >= 3", "ACKs with three or more SACK blocks", 1),
            Shows(f"{AGAIN} || tcp.analysis.out_of_order", "The five, sent again", 5, 5),
            FINISH,
        ), nginx(120_000), _drop(24, 26, 27, 30, 32)),
    Case(
        "tcp", "loss-timeout", "TCP: the last segment lost, repaired by a timeout",
        "The last segment of an answer vanishes, so nothing follows that could cause duplicate ACKs. Tail loss "
        "probes and RACK are switched off on the server; only its retransmission timer, 200 ms and more, repairs "
        "the loss.",
        pair(server=CLASSIC), calls(*_take(20)), (
            Shows(AGAIN, "The last segment, after the retransmission timeout", 1, 1),
            Shows("tcp.analysis.rto > 0.19", "Wireshark measures that timeout", 1, 1),
            Shows("tcp.analysis.duplicate_ack", "No duplicate ACK", 0, 0),
            FINISH,
        ), serves(*_download(20)), _drop(20), Capture("server")),
    Case(
        "tcp", "loss-tail-probe", "TCP: the last three segments lost, repaired by a tail loss probe",
        "The last three segments of an answer vanish, with Linux as it comes. About two round trips later, long "
        "before its retransmission timer, the server sends the last one again as a probe (RACK-TLP); the SACK that"
        " comes back shows what else is missing.",
        pair(), calls(*_take(20)), (
            Shows(f"{AGAIN} || tcp.analysis.out_of_order", "The probe first, then the rest", 3, 3),
            Shows("tcp.analysis.rto > 0.19", "Nothing waited for the timer", 0, 0),
            Shows("tcp.options.sack_le", "The SACK that the probe brings about", 1),
            FINISH,
        ), serves(*_download(20)), _drop(18, 19, 20), Capture("server")),
    Case(
        "tcp", "loss-backoff", "TCP: a segment lost four times, the timeout doubles",
        "The last segment is lost again each time it is repeated. The server doubles its retransmission timeout "
        "after each attempt: a bit over 0.2, 0.4, 0.8 and 1.6 seconds.",
        pair(server=CLASSIC), calls(*_take(12)), (
            Shows(AGAIN, "The same segment, four times", 4, 4),
            Shows("tcp.analysis.retransmission && tcp.time_delta > 1.2", "The last wait", 1, 1),
            FINISH,
        ), serves(*_download(12)), _drop(12, copies=4), Capture("server")),
    Case(
        "tcp", "slow-start-at-sender", "TCP: slow start, a queue that overflows, and what follows, seen at the sender",
        "A download over 5 Mbit/s with room for 10 frames before the slow link, captured where the data are sent, with "
        "Reno as the congestion control. What is outstanding doubles each round trip until the queue drops the tail of "
        "a flight; after the repair the sender goes on with half, and adds a segment each round trip.",
        pair(delay_ms=10, server=(("net.ipv4.tcp_congestion_control", "reno"),)), calls(*_take(108)), (
            Shows("tcp.analysis.duplicate_ack", "Duplicate ACKs with SACK", 3),
            Shows(AGAIN, "What the queue dropped, sent again", 1),
            FINISH,
        ), serves(*_download(108)), {"lan": Link(rate_kbit=5000, queue_frames=10)}, Capture("server")),
    Case(
        "tcp", "spurious-timeout", "TCP: a timeout that was not needed, and a sender that notices",
        "Forty ACKs come 400 ms late. The server's timer runs out and it sends one segment again, "
        "though nothing was lost. When the ACKs come, they cover what was never sent again: it goes on with new data "
        "(F-RTO). Timestamps are off, so nothing else could tell it.",
        pair(client=(("net.ipv4.tcp_timestamps", "0"),), server=(("net.ipv4.tcp_timestamps", "0"),)),
        calls(*_take(180)), (
            Shows(AGAIN, "The segment that is sent again", 1, 3),
            Shows("tcp.options.sack.dsack", "The receiver reports that it had it", 1),
            FINISH,
        ), serves(*_download(180)), {"lan": Link(rate_kbit=4_000, queue_frames=300, faults=(
            Fault(Action.DELAY, "client", Kind.ACK, tuple(range(10, 50)), by_ms=400),))},
        Capture("server", snaplen=80)),
    Case(
        "tcp", "slow-start-left-early", "TCP: slow start that ends before anything is lost, seen at the sender",
        "A download over 350 kbit/s with a long queue, with CUBIC and small segments. Round trips grow as the queue "
        "fills, and by that sign the server leaves slow start (HyStart) while nothing is lost.",
        pair(delay_ms=10, client=ROOM), calls("mss:460", *_take(80)), (
            Shows(AGAIN, "Nothing is sent again", 0, 0),
            FINISH,
        ), serves("cc:cubic", *_download(80)), {"lan": Link(rate_kbit=350, queue_frames=300)},
        Capture("server")),
    Case(
        "tcp", "proportional-recovery", "TCP: a recovery that goes on with a part of what arrives, seen at the sender",
        "One segment of a download is lost when some sixty are under way. While it is repaired the server (Reno) "
        "sends one segment for every two that arrive (proportional rate reduction).",
        pair(delay_ms=10, client=ROOM), calls("mss:460", *_take(70)), (
            Shows("tcp.analysis.duplicate_ack", "Duplicate ACKs with SACK", 10),
            Shows("tcp.analysis.fast_retransmission || tcp.analysis.retransmission || tcp.analysis.out_of_order",
                  "The missing segment, sent again", 1, 2),
            FINISH,
        ), serves("cc:reno", *_download(70)), {"lan": Link(rate_kbit=2_700, queue_frames=300, faults=(
            Fault(Action.DROP, "server", Kind.DATA, (60,)),))}, Capture("server")),
    Case(
        "tcp", "bbr-phases", "TCP: a sender that goes by BBR, seen at the sender",
        "A download of twelve seconds over 76 kbit/s with BBR and small segments: it doubles its rate, drains "
        "the queue that it has made, goes on at the rate of the path, and after ten seconds keeps a few segments under "
        "way for 200 ms to measure the path without a queue.",
        pair(delay_ms=20, client=ROOM), calls("mss:160", *_take(56)), (
            Shows(AGAIN, "Nothing is sent again", 0, 0),
            FINISH,
        ), serves("cc:bbr", *_download(56)), {"lan": Link(rate_kbit=76, queue_frames=300)},
        Capture("server"), seconds=40),
    Case(
        "tcp", "loss-at-queue", "TCP: slow start overruns a small queue",
        "A download over 4 Mbit/s with room for 12 frames before the slow link. Slow start doubles the flight each"
        " round trip until the queue is full and drops its tail; the sender notices, repairs and goes on more "
        "slowly.",
        pair(delay_ms=8), fetch, (
            Shows("tcp.analysis.lost_segment", "Gaps", 1),
            Shows("tcp.analysis.duplicate_ack", "Duplicate ACKs", 3),
            Shows(f"{AGAIN} || tcp.analysis.out_of_order", "What was dropped, sent again", 2),
            FINISH,
        ), nginx(120_000), {"lan": Link(rate_kbit=4000, queue_frames=12)}),
    Case(
        "tcp", "loss-random", "TCP: two per cent of all frames lost",
        "A download over a path that loses 2 % of the frames in either direction by chance, with some jitter. Lost"
        " data is repaired; a lost ACK is made good by the next one and leaves no trace here.",
        pair(), fetch, (
            Shows("tcp.analysis.lost_segment", "Gaps", 1),
            Shows(f"{AGAIN} || tcp.analysis.out_of_order", "What was lost, sent again", 1),
            Shows("tcp.flags.fin == 1", "The end", 1),
        ), nginx(140_000), {"lan": Link(rate_kbit=10_000, jitter_ms=2, loss=0.02, seed=7)}),
    Case(
        "tcp", "reordering", "TCP: segments arrive out of order",
        "One segment is overtaken by the one behind it. The client repeats its ACK once, which is below the three "
        "that would cause a retransmission, and nothing is sent again.",
        pair(), fetch, (
            Shows("tcp.analysis.lost_segment", "The overtaking segment leaves a gap for a moment", 1),
            Shows("tcp.analysis.duplicate_ack", "One duplicate ACK", 1, 1),
            Shows("tcp.analysis.out_of_order", "The segment that was overtaken", 1, 1),
            Shows("tcp.options.sack.dsack || tcp.analysis.spurious_retransmission", "Nothing arrives twice", 0, 0),
            FINISH,
        ), nginx(60_000), {"lan": Link(rate_kbit=20_000, faults=(
            Fault(Action.DELAY, "server", Kind.DATA, (16,), by_ms=0.9),))}),
    Case(
        "tcp", "reordering-looks-like-loss", "TCP: reordering that Wireshark takes for a retransmission",
        "One segment is overtaken by two others. After two duplicate ACKs Wireshark calls the late segment a fast "
        "retransmission, but it was sent once: no third duplicate ACK preceded it, and nothing arrives twice.",
        pair(), fetch, (
            Shows("tcp.analysis.duplicate_ack", "Two duplicate ACKs", 2, 2),
            Shows("tcp.analysis.fast_retransmission", "The late segment, as Wireshark sees it", 1, 1),
            Shows("tcp.options.sack.dsack || tcp.analysis.spurious_retransmission", "Nothing arrives twice", 0, 0),
            FINISH,
        ), nginx(60_000), {"lan": Link(rate_kbit=20_000, faults=(
            Fault(Action.DELAY, "server", Kind.DATA, (16,), by_ms=1.5),))}),
    Case(
        "tcp", "reordering-spurious-retransmit", "TCP: reordering mistaken for loss",
        "One segment is held back for 30 ms. Three duplicate ACKs make the server send it again although it was "
        "not lost; it arrives twice, and the client says so with a DSACK block.",
        pair(delay_ms=4), fetch, (
            Shows("tcp.analysis.duplicate_ack", "Duplicate ACKs", 3),
            Shows("tcp.analysis.fast_retransmission", "The retransmission arrives first", 1, 1),
            Shows("tcp.analysis.spurious_retransmission", "The segment that was held back arrives second", 1, 1),
            Shows("tcp.options.sack.dsack", "The client reports it as a duplicate", 1),
            FINISH,
        ), nginx(60_000), {"lan": Link(rate_kbit=20_000, faults=(
            Fault(Action.DELAY, "server", Kind.DATA, (16,), by_ms=30),))}),
    Case(
        "tcp", "duplicate-packets", "TCP: segments delivered twice by the network",
        "The link delivers three segments a second time. The client acknowledges each copy at once, with a DSACK "
        "block that names what it already had.",
        pair(), fetch, (
            Shows("tcp.analysis.spurious_retransmission || tcp.analysis.retransmission", "The copies", 3, 3),
            Shows("tcp.options.sack.dsack", "ACKs with a DSACK block", 1),
            FINISH,
        ), nginx(60_000), {"lan": Link(rate_kbit=20_000, faults=(
            Fault(Action.DUPLICATE, "server", Kind.DATA, (12, 13, 14), by_ms=2),))}),
    Case(
        "tcp", "ecn", "TCP: congestion marked instead of dropped",
        "Both sides agree on ECN in the handshake. The link marks three segments as congestion experienced; the "
        "client echoes it with ECE until the server answers with CWR and sends more slowly. Nothing is lost.",
        pair(client=(("net.ipv4.tcp_ecn", "1"),), server=(("net.ipv4.tcp_ecn", "1"),)), fetch, (
            Shows("tcp.flags.syn == 1 && tcp.flags.ece == 1", "SYN with ECE and CWR, SYN-ACK with ECE", 2, 2),
            Shows("ip.dsfield.ecn == 3", "The marked segments", 3, 3),
            Shows("tcp.flags.syn == 0 && tcp.flags.ece == 1", "The client's echo", 1),
            Shows("tcp.flags.syn == 0 && tcp.flags.cwr == 1", "The server has reduced its window", 1),
            Shows(AGAIN, "Nothing is sent again", 0, 0),
            FINISH,
        ), nginx(90_000), {"lan": Link(rate_kbit=20_000, faults=(
            Fault(Action.MARK_CE, "server", Kind.DATA, (15, 16, 17)),))}),
    Case(
        "tcp", "path-mtu", "TCP: the path carries less than the segments need",
        "A router in the path forwards at most 1400 bytes. It drops the first full segments, which must not be "
        "fragmented, and says so with ICMP; the server sends the same bytes again in smaller segments.",
        _routed(), fetch, (
            Shows("icmp.type == 3 && icmp.code == 4", "Fragmentation needed, MTU of next hop 1400", 1),
            Shows(f"({AGAIN} || tcp.analysis.out_of_order) && tcp.len <= 1348", "The same bytes, smaller", 1),
            Shows("tcp.len == 1448 && !icmp", "Full segments that never arrive", 1),
            FINISH,
        ), nginx(30_000), capture=Capture("server")),
    Case(
        "tcp", "mtu-black-hole", "TCP: a black hole for large packets",
        "Frames longer than 1300 bytes vanish without an ICMP message. Small segments pass, full ones never do; "
        "after some timeouts the server tries smaller segments by itself (tcp_mtu_probing = 1), and the transfer "
        "goes on.",
        pair(server=(("net.ipv4.tcp_mtu_probing", "1"), ("net.ipv4.tcp_retries1", "2"))), fetch, (
            Shows("tcp.len == 1448", "Full segments, repeated in vain", 3),
            Shows("tcp.analysis.retransmission", "Timeouts", 3),
            Shows("tcp.len > 500 && tcp.len < 1250 && tcp.srcport == 80", "Smaller segments pass", 5),
            Shows("icmp", "No ICMP message", 0, 0),
            FINISH,
        ), nginx(20_000), {"lan": Link(largest_frame=1300)}, Capture("server"), seconds=40),
    Case(
        "tcp", "nagle-delayed-ack", "TCP: two small writes, Nagle's rule and a delayed ACK",
        "The client writes its request in two small pieces. Nagle's rule keeps the second back until the first is "
        "acknowledged, and the server delays that ACK because it has nothing to say yet: each exchange waits for "
        "nothing.",
        pair(), _small_writes, (
            Shows("tcp.len == 200", "The first piece of each request", 2, 2),
            Shows("tcp.len == 50", "The second piece, sent only after the ACK", 2, 2),
            Shows("tcp.len == 0 && tcp.srcport == 8000 && tcp.analysis.ack_rtt > 0.05",
                  "An ACK held back 40 ms by the server",
                  1),
            FINISH,
        ), serves("open", "recv:250", "send:100", "recv:250", "send:100", "eof", "close")),
)
