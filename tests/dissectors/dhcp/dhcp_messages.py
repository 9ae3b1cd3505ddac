"""Messages of DHCP for tests, made octet by octet."""
from __future__ import annotations

import socket

from dissectors.kit.event import Event
from dissectors.kit.inputs import Close, Datagram
from dissectors.kit.protocol import Context
from dissectors.protocols.dhcp.protocol import DHCP

SECOND = 1_000_000_000
MAC = bytes.fromhex("020000000101")


def packed(address: str) -> bytes:
    return socket.inet_aton(address)


def message(
    op: int, kind: int, options: dict[int, bytes] | None = None, *, xid: int = 7, ciaddr: str = "0.0.0.0",
    yiaddr: str = "0.0.0.0", giaddr: str = "0.0.0.0", mac: bytes = MAC, sname: bytes = b"", file: bytes = b"",
) -> bytes:
    fixed = bytes((op, 1, len(mac), 0)) + xid.to_bytes(4) + bytes(4) + packed(ciaddr) + packed(yiaddr) + bytes(4)
    fixed += packed(giaddr) + mac.ljust(16, b"\0") + sname.ljust(64, b"\0") + file.ljust(128, b"\0")
    held = bytes((53, 1, kind)) if kind else b""
    for code, value in (options or {}).items():
        held += bytes((code, len(value))) + value
    return fixed + b"\x63\x82\x53\x63" + held + b"\xff"


class Client:
    """Feeds a dissector; every message is the next frame of the capture."""

    def __init__(self) -> None:
        assert DHCP.create is not None
        self.dissector = DHCP.create(Context("udp", 68, 67))
        self.frame, self.time = 0, 0
        self.events: list[Event] = []

    def say(self, data: bytes, after: int = SECOND, to_all: bool = True, source: str = "0.0.0.0") -> None:
        self.frame += 1
        self.time += after
        direction = 0 if data[0] == 1 else 1
        out = self.dissector.on_datagram(Datagram(
            self.frame, self.time, direction, data, len(data), 42, 68, 67, 0, packed(source), to_all,
        ))
        self.events += [event for event in out if isinstance(event, Event)]

    def end(self, how: str = "capture") -> list[str]:
        out = self.dissector.on_close(Close(self.frame, self.time, 2, how))
        self.events += [event for event in out if isinstance(event, Event)]
        return [event.name for event in self.events]
