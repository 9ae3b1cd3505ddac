"""What a message of DHCPv6 says, whose it is, and what answers what."""
from __future__ import annotations

import struct
from ipaddress import IPv6Address
from pathlib import Path

from event_checks import check_events
from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw
from scapy.utils import wrpcap

from analyzer.pipeline.run import Options, analyze
from dissectors.kit.event import Event, Malformed
from dissectors.kit.inputs import Close, Datagram
from dissectors.kit.protocol import NO, YES, Context
from dissectors.protocols.dhcpv6.events import Dhcp6Unanswered, Reply6
from dissectors.protocols.dhcpv6.protocol import DHCPV6
from dissectors.protocols.dhcpv6.wire import FROM_SERVERS, MAX_RELAYS, Dhcp6Message

SECOND = 1_000_000_000
DUID = bytes.fromhex("00030001020000000101")
SERVER_DUID = bytes.fromhex("0002000000090102")
(SOLICIT, ADVERTISE, REQUEST, _CONFIRM, RENEW, REBIND, REPLY) = range(1, 8)
CLIENT, SERVER, ALL = "fe80::1", "fe80::2", "ff02::1:2"


def option(code: int, held: bytes) -> bytes:
    return struct.pack(">HH", code, len(held)) + held


def status(code: int, text: bytes = b"") -> bytes:
    return option(13, code.to_bytes(2) + text)


def lease(address: str = "2001:db8::50", valid: int = 3600, more: bytes = b"") -> bytes:
    held = IPv6Address(address).packed + struct.pack(">II", valid, valid)
    return option(3, struct.pack(">III", 7, 900, 1800) + option(5, held + more))


def message(kind: int, *options: bytes, xid: int = 7) -> bytes:
    return bytes((kind,)) + xid.to_bytes(3) + option(1, DUID) + b"".join(options)


def relayed(inner: bytes, back: bool = False) -> bytes:
    ends = IPv6Address("2001:db8:2::1").packed + IPv6Address(CLIENT).packed
    return bytes((13 if back else 12, 0)) + ends + option(18, b"eth0") + option(9, inner)


def observed(*said: tuple[float, bytes]) -> list[Event]:
    assert DHCPV6.create is not None
    observer = DHCPV6.create(Context("udp", 546, 547))
    made: list[Event] = []
    now = 0
    for frame, (after, data) in enumerate(said, 1):
        now += int(after * SECOND)
        made += [one for one in observer.on_datagram(Datagram(
            frame, now, int(data[0] in FROM_SERVERS), data, len(data), 62, source=IPv6Address(SERVER).packed,
        )) if isinstance(one, Event)]
    made += [one for one in observer.on_close(Close(len(said), now, 2, "capture")) if isinstance(one, Event)]
    check_events(made, len(said), DHCPV6.events, "dhcpv6")
    return made


def test_a_lease_is_told_from_the_first_question_on() -> None:
    names = option(23, IPv6Address("2001:db8::53").packed)
    made = observed(
        (0, message(SOLICIT, option(3, bytes(12)))), (1, message(SOLICIT, option(3, bytes(12)))),
        (0.1, message(ADVERTISE, option(2, SERVER_DUID), lease())), (0.9, message(REQUEST, lease(), xid=8)),
        (0.1, message(REPLY, option(2, SERVER_DUID), lease(), names, xid=8)),
    )
    assert [one.name.partition(".")[2] for one in made] == ["solicit", "solicit", "advertise", "request", "reply"]
    reply = made[-1]
    assert isinstance(reply, Reply6)
    assert reply.what() == (
        "fe80::2 leases 2001:db8::50 for 1 h to 02:00:00:00:01:01: name servers 2001:db8::53."
    )
    assert reply.since == 0
    assert "attempt 2, 1.00 s after the first" in made[1].what()


def test_refusals_stand_in_the_message_in_an_association_and_in_an_address() -> None:
    nothing = option(3, struct.pack(">III", 7, 0, 0) + status(2, b"all leased"))
    assert Dhcp6Message(message(ADVERTISE, nothing), 999).refusals() == [(2, "all leased")]
    assert Dhcp6Message(message(REPLY, status(4)), 999).refusals() == [(4, "")]
    partly = Dhcp6Message(message(REPLY, lease(more=status(3)), lease("2001:db8::51")), 999)
    assert [one.text for one in partly.lent()] == ["2001:db8::51"]
    assert partly.refusals() == [(3, "")]
    (event, *_rest) = observed((0, message(ADVERTISE, nothing)))
    assert event.what().startswith("fe80::2 has nothing for 02:00:00:00:01:01: NoAddrsAvail, no address is left")


def test_whose_it_is_says_the_client_within_whoever_passes_it_on() -> None:
    parties = DHCPV6.parties
    assert parties is not None
    direct = parties.client(message(SOLICIT), 546, 547)
    assert direct == parties.client(message(ADVERTISE), 547, 546) != b""
    inside = parties.client(relayed(message(SOLICIT)), 547, 547)
    assert inside == parties.client(relayed(message(REPLY), back=True), 547, 547) not in (b"", direct)
    nested = message(SOLICIT)
    for _hop in range(MAX_RELAYS + 1):
        nested = relayed(nested)
    assert parties.client(nested, 547, 547)[:1] == b"\x02"      # too deep: known by what stands there alone
    assert Dhcp6Message(nested, len(nested)).bad_reason == f"more than {MAX_RELAYS} relays"
    assert parties.client(b"\x0b\0\0\x07", 546, 547) == b"\x02\0\0\x07"
    assert DHCPV6.probe is not None
    assert DHCPV6.probe(message(SOLICIT), 0) == YES
    assert DHCPV6.probe(message(SOLICIT) + b"\0\x01\0\x09", 0) == NO


def test_what_nobody_answered_and_what_is_damaged() -> None:
    made = observed((0, message(RENEW, lease())), (9, message(REBIND, lease(), xid=9)))
    assert isinstance(made[-1], Dhcp6Unanswered)
    assert made[-1].asked.kind == REBIND      # the client no longer waits for its own server
    many = option(3, bytes(12) + 40 * option(5, bytes(24)))
    assert [one.name for one in observed((0, message(ADVERTISE, many)))] == ["dhcpv6.advertise", "limit_reached"]
    broken = observed((0, message(SOLICIT) + b"\0\x03\0\x50abc"))
    assert isinstance(broken[1], Malformed)
    assert "option 3" in broken[1].reason


def test_a_server_that_forgot_a_lease_is_a_note_and_one_that_has_none_left_an_error(tmp_path: Path) -> None:
    def told(*said: bytes) -> list[str]:
        frames = []
        for number, data in enumerate(said):
            back = data[0] in FROM_SERVERS
            ends = (SERVER, CLIENT, 547, 546) if back else (CLIENT, ALL, 546, 547)
            frame = Ether(src="02:00:00:00:00:01", dst="33:33:00:01:00:02") / IPv6(src=ends[0], dst=ends[1]) / UDP(
                sport=ends[2], dport=ends[3]) / Raw(data)
            frame.time = 1000 + number
            frames.append(frame)
        wrpcap(str(tmp_path / "made.pcap"), frames)
        analysis = analyze([str(tmp_path / "made.pcap")], Options(everything=True))
        assert len(analysis.told) == 1
        return [f"{one.severity} {one.code}" for one in analysis.findings if one.code.startswith("dhcpv6")]

    forgotten = option(3, struct.pack(">III", 7, 0, 0) + status(3))
    assert told(message(RENEW, lease()), message(REPLY, forgotten), message(REQUEST, lease(), xid=8),
                message(REPLY, lease(), xid=8)) == ["note dhcpv6.refused"]
    none = option(3, struct.pack(">III", 7, 0, 0) + status(2))
    assert told(message(SOLICIT), message(ADVERTISE, none), message(SOLICIT), message(ADVERTISE, none)) == [
        "error dhcpv6.refused"]
    assert told(message(SOLICIT), message(SOLICIT), message(SOLICIT)) == ["note dhcpv6.no_advertise"]
    assert told(message(SOLICIT), message(SOLICIT), message(REQUEST, lease(), xid=8)) == []
