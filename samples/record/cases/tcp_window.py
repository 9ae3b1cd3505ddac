"""What the receiver's window does to a transfer."""
from __future__ import annotations

from samples.record.case import Case, Shows
from samples.record.cases.hosts import calls, pair, serves

FINISH = Shows("tcp.flags.fin == 1", "Both sides finish", 2, 2)
SERVE_120K = ("open", "recv:100", "send:120000", "close")

CASES: tuple[Case, ...] = (
    Case(
        "tcp", "large-window-limited", "TCP: a transfer limited by the receiver's window",
        "The client's receive buffer is fixed at a few kilobytes while the round trip takes 40 ms. The server "
        "fills that window, waits for the ACK, and fills it again: the window and not the link sets the speed.",
        pair(client=(("net.ipv4.tcp_timestamps", "0"),), delay_ms=10),
        calls("rcvbuf:8000", "open", "send:100", "eof", "close"), (
            Shows("tcp.analysis.window_full", "Segments that fill the window to its last byte", 3),
            Shows("tcp.analysis.zero_window", "It never closes", 0, 0),
            Shows("tcp.analysis.retransmission", "Nothing is lost", 0, 0),
            FINISH,
        ), serves("open", "recv:100", "send:100000", "close")),
    Case(
        "tcp", "zero-window", "TCP: the receiver stops reading, then recovers",
        "The client reads nothing for three seconds. Its window closes; the server asks with window probes, at "
        "growing intervals, whether there is room again, and goes on when the client opens its window.",
        pair(), calls("rcvbuf:16000", "open", "send:100", "sleep:3", "eof", "close"), (
            Shows("tcp.analysis.window_full", "The window is filled", 1),
            Shows("tcp.analysis.zero_window", "The client has no room", 1),
            Shows("tcp.analysis.keep_alive || tcp.analysis.zero_window_probe",
                  "The server's probes; Linux sends them one byte below the next sequence number, so Wireshark takes "
                  "them for keep-alives", 2),
            Shows("tcp.analysis.window_update", "The window opens again", 1),
            FINISH,
        ), serves(*SERVE_120K)),
    Case(
        "tcp", "slow-reader", "TCP: an application that reads slowly",
        "The client's program takes 4 kB every 50 ms. Its window breathes between nearly nothing and a few "
        "segments, and the transfer runs at the speed of the reader.",
        pair(), calls("rcvbuf:16000", "open", "send:100", *("recv:4000", "sleep:0.05") * 15, "close"), (
            Shows("tcp.analysis.window_full", "The window is filled again and again", 2),
            Shows("tcp.analysis.window_update", "And opened again", 1),
            FINISH,
        ), serves("open", "recv:100", "send:60000", "close")),
)
