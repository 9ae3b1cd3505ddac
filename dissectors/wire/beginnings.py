"""How protocols begin that nobody here reads: enough to name what answers where another protocol was spoken."""
from __future__ import annotations

from typing import Final

# (octets, name, source). Each of them is what the side that begins has to send first.
BEGINNINGS: Final = (
    (b"SSH-", "SSH", "RFC 4253 §4.2"),
    (b"RFB 0", "RFB (VNC)", "RFC 6143 §7.1.1"),
    (b"AMQP", "AMQP", "AMQP 1.0 §2.2"),
    (b"-ERR ", "Redis or POP3", "RFC 1939 §3"),
)


def beginning_of(data: bytes) -> str:
    """The name of the protocol that begins so, "" for none of these."""
    for octets, name, _source in BEGINNINGS:
        if data.startswith(octets):
            return name
    return ""
