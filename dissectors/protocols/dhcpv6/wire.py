"""The grammar of a DHCPv6 message (RFC 8415 §8, §9, §21): a type, a transaction, options, some with options inside."""
from __future__ import annotations

from ipaddress import IPv6Address
from typing import Final

from dissectors.kit.cursor import Cursor, WireError

# Message types (RFC 8415 §7.3; RFC 5007 §4.1, RFC 5460 §5.2, RFC 7341 §8 for those from 14 on).
(SOLICIT, ADVERTISE, REQUEST, CONFIRM, RENEW, REBIND, REPLY, RELEASE, DECLINE, RECONFIGURE, INFORMATION_REQUEST,
 RELAY_FORW, RELAY_REPL) = range(1, 14)
NAMES: Final[dict[int, str]] = {
    1: "SOLICIT", 2: "ADVERTISE", 3: "REQUEST", 4: "CONFIRM", 5: "RENEW", 6: "REBIND", 7: "REPLY", 8: "RELEASE",
    9: "DECLINE", 10: "RECONFIGURE", 11: "INFORMATION-REQUEST", 12: "RELAY-FORW", 13: "RELAY-REPL",
    14: "LEASEQUERY", 15: "LEASEQUERY-REPLY", 16: "LEASEQUERY-DONE", 17: "LEASEQUERY-DATA", 18: "RECONFIGURE-REQUEST",
    19: "RECONFIGURE-REPLY", 20: "DHCPV4-QUERY", 21: "DHCPV4-RESPONSE",
}
FROM_SERVERS: Final = frozenset((ADVERTISE, REPLY, RECONFIGURE, RELAY_REPL, 15, 16, 17, 19, 21))

# Options that are read here by their meaning (RFC 8415 §21; 23 and 24: RFC 3646, 39: RFC 4704).
CLIENT_ID, SERVER_ID, IA_NA, IA_TA, IA_ADDRESS, RELAYED = 1, 2, 3, 4, 5, 9
STATUS, INTERFACE, NAME_SERVERS, DOMAINS, IA_PD, IA_PREFIX, FQDN = 13, 18, 23, 24, 25, 26, 39

# RFC 8415 §21.13.
SUCCESS, NO_ADDRESSES, NO_BINDING, NOT_ON_LINK, USE_MULTICAST, NO_PREFIXES = 0, 2, 3, 4, 5, 6
STATUSES: Final[dict[int, tuple[str, str]]] = {
    0: ("Success", "done"), 1: ("UnspecFail", "it failed, and the server does not say why"),
    2: ("NoAddrsAvail", "no address is left for this client"),
    3: ("NoBinding", "the server knows of no such lease"),
    4: ("NotOnLink", "the address does not belong to the link of the client"),
    5: ("UseMulticast", "the client has to ask all servers, and not this one alone"),
    6: ("NoPrefixAvail", "no prefix is left for this client"),
}

HEADER: Final = 4             # octets: type and transaction (RFC 8415 §8)
RELAY_HEADER: Final = 34      # octets: type, hops, two addresses (RFC 8415 §9)
MAX_RELAYS: Final = 8         # messages within one another that are opened (HOP_COUNT_LIMIT, RFC 8415 §7.6)
MAX_OPTIONS: Final = 256      # of one message that are read
MAX_LEASES: Final = 32        # addresses or prefixes of one interface of a client that are read
FOREVER: Final = 0xFFFFFFFF   # RFC 8415 §7.7


class Lent:
    """An address, or a prefix with its length, with the seconds for which it is preferred and valid."""

    def __init__(self, text: str, preferred: int, valid: int, status: int) -> None:
        self.text = text
        self.preferred = preferred
        self.valid = valid
        self.status = status


class Association:
    """What one interface of a client is to have (IA_NA, IA_TA or IA_PD, RFC 8415 §4.2). status: SUCCESS where none
    is given."""

    def __init__(self, kind: int, identity: int) -> None:
        self.kind = kind
        self.identity = identity
        self.status = SUCCESS
        self.says = ""
        self.lent: list[Lent] = []


class Relay:
    """By whom a message was passed on: the address of its link, who sent it, and on which interface."""

    def __init__(self, hops: int, link: str, peer: str) -> None:
        self.hops = hops
        self.link = link
        self.peer = peer
        self.interface = b""


class Dhcp6Message:
    """One message, and what relays put around it. data: as captured.     length: its true size.

    kind: of the message itself, and not of the relay's; 0 where it is not captured.     options: by code, those that
    come again one after the other.     associations: with what they hold.     relays: the outermost first.
    full: it holds more than is read.     bad_at, bad_reason: where it breaks the rules, -1 where it does not.
    """

    def __init__(self, data: bytes, length: int) -> None:
        self.data = data
        self.cut = len(data) < length
        self.kind = 0
        self.xid = 0
        self.outer = data[0]
        self.options: dict[int, list[bytes]] = {}
        self.associations: list[Association] = []
        self.relays: list[Relay] = []
        self.full = False
        self.bad_at = -1
        self.bad_reason = ""
        try:
            self._message(Cursor(data))
        except WireError as error:
            if not self.cut:
                self.bad_at, self.bad_reason = error.offset, error.reason

    def _message(self, field: Cursor) -> None:
        while field.left and self.data[int(field.at)] in (RELAY_FORW, RELAY_REPL):
            if len(self.relays) == MAX_RELAYS:
                raise WireError(int(field.at), f"more than {MAX_RELAYS} relays")
            inner = self._relay(field)
            if inner is None:
                return
            field = inner
        self.kind = field.number(1)
        self.xid = field.number(3)
        read = 0
        while field.left:
            if read == MAX_OPTIONS or len(self.associations) == MAX_LEASES:
                self.full = True
                return
            read += 1
            code = field.number(2)
            held = field.inner(2, f"option {code}")
            if code in (IA_NA, IA_TA, IA_PD):
                inside = Cursor(self.data, int(held.at), int(held.end))
                self.associations.append(_association(code, inside))
                self.full = self.full or inside.left > 0
            self.options.setdefault(code, []).append(held.rest())

    def _relay(self, field: Cursor) -> Cursor | None:
        """Opens what a relay put around a message; None where nothing is in it."""
        field.skip(1)
        relay = Relay(field.number(1), address(field.take(16)), address(field.take(16)))
        self.relays.append(relay)
        found = None
        while field.left:
            code = field.number(2)
            held = field.inner(2, f"option {code} of a relay")
            if code == RELAYED:
                found = held
            elif code == INTERFACE:
                relay.interface = held.rest()
        return found

    @property
    def name(self) -> str:
        return NAMES.get(self.kind, f"type {self.kind}") if self.kind else NAMES.get(self.outer, f"type {self.outer}")

    def one(self, code: int) -> bytes:
        """What the first option of this code holds, b"" for none."""
        return self.options.get(code, [b""])[0]

    def name_servers(self) -> list[str]:
        """RFC 3646 §3."""
        held = self.one(NAME_SERVERS)
        return [address(held[at:at + 16]) for at in range(0, len(held) - 15, 16)]

    def lent(self) -> list[Lent]:
        """What it gives, or asks for."""
        return [
            one for each in self.associations if each.status == SUCCESS for one in each.lent if one.status == SUCCESS
        ]

    def refusals(self) -> list[tuple[int, str]]:
        """Each status other than Success, with what the server says beside it: of the whole message, of what an
        interface is to have, and of single addresses."""
        found: list[tuple[int, str]] = []
        held = self.one(STATUS)
        if len(held) >= 2:
            found.append(_status(held))
        for each in self.associations:
            found.append((each.status, each.says))
            found += [(one.status, "") for one in each.lent]
        return list(dict.fromkeys([one for one in found if one[0] != SUCCESS]))


def _association(code: int, field: Cursor) -> Association:
    made = Association(code, field.number(4))
    if code != IA_TA:
        field.take(8)       # T1 and T2 (RFC 8415 §21.4)
    while field.left and len(made.lent) < MAX_LEASES:
        inner = field.number(2)
        held = field.inner(2, f"option {inner}")
        if inner == STATUS:
            made.status, made.says = _status(held.rest())
        elif inner == IA_ADDRESS:
            text = address(held.take(16))
            made.lent.append(Lent(text, held.number(4), held.number(4), _status_in(held)))
        elif inner == IA_PREFIX:
            preferred, valid, bits = held.number(4), held.number(4), held.number(1)
            made.lent.append(Lent(f"{address(held.take(16))}/{bits}", preferred, valid, _status_in(held)))
    return made


def _status_in(field: Cursor) -> int:
    """Of an address or a prefix."""
    while field.left:
        code = field.number(2)
        held = field.inner(2, f"option {code}")
        if code == STATUS:
            return _status(held.rest())[0]
    return SUCCESS


def _status(held: bytes) -> tuple[int, str]:
    return int.from_bytes(held[:2]), held[2:].decode("utf-8", "replace").strip("\0 ")


def address(packed: bytes) -> str:
    return str(IPv6Address(packed))


def hardware(duid: bytes) -> str:
    """The link-layer address that a DUID is made from (RFC 8415 §11.2, §11.4), "" where it is made from none."""
    kind = int.from_bytes(duid[:2])
    octets = duid[8:] if kind == 1 else duid[4:] if kind == 3 else b""
    return octets.hex(":") if len(octets) == 6 else ""


def owner(duid: bytes) -> str:
    """Whose DUID it is, in words."""
    return hardware(duid) or (f"DUID {duid.hex()}" if duid else "")
