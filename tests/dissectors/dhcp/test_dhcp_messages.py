"""What a message of DHCP says, and what answers what."""
from __future__ import annotations

import pytest
from dhcp_messages import MAC, SECOND, Client, message, packed

from dissectors.kit.event import Malformed
from dissectors.kit.protocol import YES
from dissectors.protocols.dhcp.events import REBINDING, REBOOTING, RENEWING, SELECTING, Ack, DhcpRequest, DhcpUnanswered
from dissectors.protocols.dhcp.options import seconds, value_of
from dissectors.protocols.dhcp.protocol import DHCP
from dissectors.protocols.dhcp.wire import DhcpMessage

SERVER = packed("10.0.1.1")
LEASE = {54: SERVER, 51: (3600).to_bytes(4), 1: packed("255.255.255.0"), 3: SERVER, 6: SERVER}


def test_a_lease_is_told_from_the_first_question_on() -> None:
    client = Client()
    client.say(message(1, 1))
    client.say(message(1, 1), 3 * SECOND)
    client.say(message(2, 2, LEASE, yiaddr="10.0.1.50"))
    client.say(message(1, 3, {54: SERVER, 50: packed("10.0.1.50")}))
    client.say(message(2, 5, LEASE, yiaddr="10.0.1.50"))
    assert client.end() == ["dhcp.discover", "dhcp.discover", "dhcp.offer", "dhcp.request", "dhcp.ack"]
    again, ack = client.events[1], client.events[-1]
    assert "attempt 2, 3.00 s after the first" in again.what()
    assert isinstance(ack, Ack)
    headline = ack.headline()
    assert (headline.start_ns, headline.end_ns) == (SECOND, 7 * SECOND)
    assert ack.what().startswith(
        "10.0.1.1 leases 10.0.1.50/24 for 1 h to 02:00:00:00:01:01: router 10.0.1.1, name server 10.0.1.1."
    )


def test_what_a_request_is_for_is_read_from_its_fields() -> None:
    client = Client()
    client.say(message(1, 3, {54: SERVER, 50: packed("10.0.1.50")}))
    client.say(message(1, 3, {50: packed("10.0.1.50")}))
    client.say(message(1, 3, ciaddr="10.0.1.50"), to_all=False)
    client.say(message(1, 3, ciaddr="10.0.1.50"))
    purposes = [event.purpose for event in client.events if isinstance(event, DhcpRequest)]
    assert purposes == [SELECTING, REBOOTING, RENEWING, REBINDING]


def test_what_nobody_answered_is_told_at_the_end_and_not_where_the_client_went_on() -> None:
    client = Client()
    client.say(message(1, 1))
    client.say(message(1, 1), 4 * SECOND)
    assert client.end()[-1] == "dhcp.unanswered"
    silent = client.events[-1]
    assert isinstance(silent, DhcpUnanswered)
    assert silent.evidence.frames == (1, 2)
    went_on = Client()
    went_on.say(message(1, 1))
    went_on.say(message(1, 3, {54: SERVER}))      # it has heard an offer
    went_on.say(message(2, 5, LEASE, yiaddr="10.0.1.50"))
    assert "dhcp.unanswered" not in went_on.end()
    unread = Client()
    unread.say(message(1, 1))
    assert unread.end("unread") == ["dhcp.discover"]


def test_the_same_octets_at_the_same_time_are_one_message() -> None:
    client = Client()
    client.say(message(1, 1))
    client.say(message(1, 1), 20_000)
    client.say(message(1, 1), 2 * SECOND)
    assert client.end() == ["dhcp.discover", "dhcp.discover", "dhcp.unanswered"]


def test_options_in_parts_and_in_other_fields_are_read() -> None:
    long = bytes((55, 2, 1, 3)) + bytes((55, 1, 6))
    data = message(1, 1, {52: b"\3"}, file=long + b"\xff", sname=bytes((12, 4)) + b"host" + b"\xff")
    read = DhcpMessage(data, len(data))
    assert read.options[55] == b"\1\3\6"
    assert read.text(12) == "host"
    assert read.bad_at < 0


def test_an_option_beyond_the_end_is_malformed_unless_the_capture_cut_it() -> None:
    data = message(1, 1)[:-1] + bytes((12, 30)) + b"short"
    client = Client()
    client.say(data)
    broken = client.events[-1]
    assert isinstance(broken, Malformed)
    assert "option 12" in broken.reason
    assert DhcpMessage(data, len(data) + 30).bad_at < 0


@pytest.mark.parametrize(("code", "held", "words"), [
    (51, (5400).to_bytes(4), "1 h 30 min"), (51, b"\xff\xff\xff\xff", "for ever"), (55, b"\1\3\xfe", "subnet mask, "
     "router, option 254"), (61, b"\1" + MAC, "02:00:00:00:01:01"), (61, b"\0laptop", "laptop"),
    (81, b"\4\0\0\3box\4test\0", "box.test, the client tells DNS"), (119, b"\3lan\4test\0\1a\xc0\0", "lan.test, "
     "a.lan.test"), (119, b"\xc0\0", "c000"), (121, b"\x18\x0a\0\2\x0a\0\1\1", "10.0.2.0/24 by 10.0.1.1"),
    (82, b"\1\3eth\2\2ab", "circuit eth, remote ab"), (53, b"\5", "ACK"), (6, b"\1\2\3", "010203"),
    (12, b"a\nb", "610a62"),
])
def test_options_are_told_in_words(code: int, held: bytes, words: str) -> None:
    assert value_of(code, held) == words


def test_the_length_of_a_lease_reads_well() -> None:
    assert [seconds(count) for count in (0, 59, 3600, 86_400)] == ["0 s", "59 s", "1 h", "1 day"]
    assert seconds(172_861) == "2 days 1 min"


def test_who_a_message_is_of_is_told_by_its_hardware_address_and_its_relay() -> None:
    parties = DHCP.parties
    assert parties is not None
    ask, answer = message(1, 1), message(2, 2, yiaddr="10.0.1.50")
    assert parties.client(ask, 68, 67) == parties.client(answer, 67, 68) != b""
    assert parties.asks(ask)
    assert not parties.asks(answer)
    relayed = message(1, 1, giaddr="10.0.2.1")
    assert parties.client(relayed, 67, 67) not in (b"", parties.client(ask, 68, 67))
    for other in (ask[:40], b"\3" + ask[1:], ask[:2] + b"\x11" + ask[3:], message(1, 1, mac=bytes(6))):
        assert parties.client(other, 68, 67) == b""
    assert parties.client(ask, 67, 68) == b""
    shown = parties.display_filter(parties.client(ask, 68, 67))
    assert shown == "dhcp.hw.mac_addr == 02:00:00:00:01:01 && udp.port == 68"
    assert DHCP.probe is not None
    assert DHCP.probe(ask, 0) == YES


@pytest.mark.parametrize(("code", "held", "names"), [
    (12, b"laptop", ["laptop"]), (252, b"http://wpad/proxy.pac", ["wpad"]),
    (114, b"https://portal.example.test/login", ["portal.example.test"]), (17, b"files:/srv/root", ["files"]),
    (17, b"10.0.1.1:/srv/root", []), (120, b"\0\3sip\7example\4test\0", ["sip.example.test"]),
    (119, b"\3lan\4test\0", ["lan.test"]), (43, b"\xf1host", ["f1686f7374"]), (224, b"\xf1host", ["f1686f7374"]),
    (51, (3600).to_bytes(4), []), (3, SERVER, []),
])
def test_what_names_a_machine_is_known_to_do_so(code: int, held: bytes, names: list[str]) -> None:
    client = Client()
    client.say(message(1, 1, {code: held}))
    assert sorted({name for _kind, name in client.events[0].identifies()}) == names


def test_the_servers_of_sip_are_names_or_addresses() -> None:
    assert value_of(120, b"\0\3sip\7example\4test\0") == "sip.example.test"
    assert value_of(120, b"\1" + SERVER) == "10.0.1.1"
    assert value_of(120, b"\2" + SERVER) == "020a000101"
