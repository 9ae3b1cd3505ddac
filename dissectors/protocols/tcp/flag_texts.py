"""What each of Wireshark's TCP analysis flags says of a segment, and the terms of ours that go with it."""
from __future__ import annotations

from typing import Final

from dissectors.kit.protocol import Flag
from dissectors.protocols.tcp.flags import ANALYSIS

# flag -> (meaning, term of the glossary to read on with; "" for none). The conditions are those of tshark 4.0.
FLAG_TEXTS: Final[dict[str, tuple[str, str]]] = {
    "reused_ports": (
        "A SYN between the same addresses and ports as an earlier connection, with another initial sequence number: "
        "a new connection begins.", "initial sequence number",
    ),
    "zero_window_probe": (
        "One byte sent although the receiver's last window was zero, to learn whether it has room again.",
        "window probe",
    ),
    "zero_window": ("The sender of this segment takes no more bytes for now: its window is zero.", "zero window"),
    "lost_segment": (
        "The segment begins behind the next number that was expected: the capture lacks what lies between. It was "
        "lost on the way, or by the capture.", "capture loss",
    ),
    "keep_alive": (
        "No byte, or one, with a number that was sent already: it asks only whether the other side is still there.",
        "keep-alive",
    ),
    "window_update": ("An ACK without news but another window: the receiver's room has changed.", "window update"),
    "window_full": (
        "The segment ends exactly where the receiver's window ends: the sender now has to wait.", "window full",
    ),
    "keep_alive_ack": ("The answer to a keep-alive: nothing but the same ACK again.", "keep-alive"),
    "zero_window_probe_ack": ("The answer to a zero window probe: there is still no room.", "window probe"),
    "duplicate_ack": (
        "An ACK that repeats the one before, with the same window and no data: a segment arrived, but not the one "
        "that is awaited.", "duplicate ACK",
    ),
    "ack_lost_segment": (
        "It acknowledges bytes that the capture has not seen: they were delivered, so the capture missed them.",
        "capture loss",
    ),
    "spurious_retransmission": (
        "Bytes sent again although their ACK had been seen already: resending them was not needed.",
        "spurious retransmission",
    ),
    "fast_retransmission": (
        "Bytes sent again after two or more duplicate ACKs that ask for exactly these, within 20 ms of the last one.",
        "fast retransmit",
    ),
    "out_of_order": (
        "Bytes from before the highest number seen, so soon after it that the network is likelier to have reordered "
        "them than the sender to have resent them.", "out of order",
    ),
    "retransmission": (
        "Bytes from before the highest number seen that none of the other rules explains: they were sent again.",
        "retransmission",
    ),
}

FLAGS: Final = tuple([
    Flag("tcp.analysis." + name, FLAG_TEXTS[name][0], severity, FLAG_TEXTS[name][1])
    for _bit, name, severity in ANALYSIS
])
