"""The grammar of a DHCP message (RFC 2131 §2): one of BOOTP (RFC 951 §3) with options behind a magic cookie."""
from __future__ import annotations

import socket
from typing import Final

from dissectors.kit.cursor import Cursor, TooShort

FIXED: Final = 236                       # octets before the vendor area (RFC 2131 §2)
COOKIE: Final = b"\x63\x82\x53\x63"      # RFC 2131 §3
REQUEST, REPLY = 1, 2                    # op: BOOTREQUEST, BOOTREPLY
ETHERNET: Final = 1                      # htype, as in ARP (RFC 1700)
BROADCAST: Final = 0x8000                # the only flag (RFC 2131 §2, figure 2)
PAD, END = 0, 255                        # RFC 2132 §3.1, §3.2

# Message types (RFC 2132 §9.6; RFC 3203 §3, RFC 4388 §6.1, RFC 6926 §6.2.1, RFC 7724 §5.2.1).
DISCOVER, OFFER, ASK, DECLINE, ACK, NAK, RELEASE, INFORM = range(1, 9)
NAMES: Final[dict[int, str]] = {
    1: "DISCOVER", 2: "OFFER", 3: "REQUEST", 4: "DECLINE", 5: "ACK", 6: "NAK", 7: "RELEASE", 8: "INFORM",
    9: "FORCERENEW", 10: "LEASEQUERY", 11: "LEASEUNASSIGNED", 12: "LEASEUNKNOWN", 13: "LEASEACTIVE",
    14: "BULKLEASEQUERY", 15: "LEASEQUERYDONE", 16: "ACTIVELEASEQUERY", 17: "LEASEQUERYSTATUS", 18: "TLS",
}

# Options that are read here by their meaning (RFC 2132; 81: RFC 4702, 82: RFC 3046, 119: RFC 3397, 121: RFC 3442).
MASK, ROUTER, NAME_SERVER, HOST_NAME, DOMAIN = 1, 3, 6, 12, 15
REQUESTED, LEASE, OVERLOAD, TYPE, SERVER, WANTED, MESSAGE = 50, 51, 52, 53, 54, 55, 56
RENEWAL, REBINDING, VENDOR, CLIENT, FQDN, RELAY, SEARCH, ROUTES = 58, 59, 60, 61, 81, 82, 119, 121


class DhcpMessage:
    """One message. data: as captured.     length: its true size.

    kind: the message type, 0 for plain BOOTP or where it is not captured.     options: by code, what the parts of one
    say together (RFC 3396 §5), in the order of their coming; those of the fields sname and file among them.
    bad_at, bad_reason: where it breaks the rules, -1 where it does not.     cut: what the capture left out may be
    missing.
    """

    def __init__(self, data: bytes, length: int) -> None:
        self.data = data
        self.cut = len(data) < length
        self.op = data[0]
        self.hardware_type = data[1]
        self.hops = data[3]
        self.xid = int.from_bytes(data[4:8])
        self.seconds = int.from_bytes(data[8:10])
        self.broadcast = int.from_bytes(data[10:12]) & BROADCAST != 0
        self.ciaddr = address(data[12:16])
        self.yiaddr = address(data[16:20])
        self.siaddr = address(data[20:24])
        self.giaddr = address(data[24:28])
        self.hardware = data[28:28 + min(data[2], 16)]
        self.options: dict[int, bytes] = {}
        self.bad_at = -1
        self.bad_reason = ""
        self.bootp = len(data) >= FIXED + 4 and data[FIXED:FIXED + 4] != COOKIE
        if len(data) > FIXED + 4 and not self.bootp:
            self._options(Cursor(data, FIXED + 4), True)
            overload = self.options.get(OVERLOAD, b"\0")[:1]
            if overload in (b"\1", b"\3"):      # RFC 2131 §4.1: first the file, then the server's name
                self._options(Cursor(data, 108, FIXED), False)
            if overload in (b"\2", b"\3"):
                self._options(Cursor(data, 44, 108), False)
        held = self.options.get(TYPE, b"")
        self.kind = held[0] if len(held) == 1 else 0

    def _options(self, field: Cursor, last: bool) -> None:
        """Those of one field. last: what stands behind it may not have been captured."""
        while field.left:
            start = int(field.at)
            code = field.number(1)
            if code == END:
                return
            if code == PAD:
                continue
            try:
                held = field.vector(1)
            except TooShort:
                if not (last and self.cut) and self.bad_at < 0:
                    self.bad_at = start
                    self.bad_reason = f"option {code} reaches beyond the end of the message"
                return
            self.options[code] = self.options.get(code, b"") + held

    @property
    def name(self) -> str:
        if self.kind:
            return NAMES.get(self.kind, f"type {self.kind}")
        return "BOOTP request" if self.op == REQUEST else "BOOTP reply"

    def one(self, code: int) -> str:
        """The first address of an option, "" for none."""
        held = self.options.get(code, b"")
        return address(held[:4]) if len(held) >= 4 else ""

    def all(self, code: int) -> list[str]:
        """The addresses of an option."""
        return addresses(self.options.get(code, b""))

    def number(self, code: int) -> int:
        """A number of 32 bits, -1 for none."""
        held = self.options.get(code, b"")
        return int.from_bytes(held) if len(held) == 4 else -1

    def text(self, code: int) -> str:
        """A text, without the zero octets that some end it with (RFC 2132 §2 forbids them)."""
        return self.options.get(code, b"").rstrip(b"\0").decode("utf-8", "replace")

    def client(self) -> str:
        """Who it is about: the hardware address."""
        return hardware(self.hardware)

    def bits(self) -> int:
        """The length of the prefix that the subnet mask gives, -1 where there is none, or none of one piece."""
        held = self.options.get(MASK, b"")
        if len(held) != 4:
            return -1
        mask = int.from_bytes(held)
        bits = bin(mask).count("1")
        return bits if mask == (0xFFFFFFFF << (32 - bits)) & 0xFFFFFFFF else -1


def address(packed: bytes) -> str:
    """An address in text, "" for 0.0.0.0, which stands for none."""
    return socket.inet_ntoa(packed) if len(packed) == 4 and any(packed) else ""


def addresses(held: bytes) -> list[str]:
    return [socket.inet_ntoa(held[at:at + 4]) for at in range(0, len(held) - 3, 4)]


def hardware(octets: bytes) -> str:
    return octets.hex(":")
