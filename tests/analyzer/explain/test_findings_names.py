"""What is said of lookups, echoes and neighbours in whole captures, and what is not said where too little was seen."""
from __future__ import annotations

from pathlib import Path

import pytest
from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPerror, UDPerror
from scapy.layers.inet6 import ICMPv6ND_Redirect, IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet, Raw
from scapy.utils import PcapWriter

from analyzer.model import Analysis
from analyzer.pipeline.run import Options, analyze

CLIENT, SERVER, OTHER = "10.0.0.1", "10.0.0.53", "10.0.0.54"
CD = 0x10
Timed = tuple[float, Packet]


def asked(
    at: float, identifier: int = 7, port: int = 40_000, name: str = "shop.test", to: str = SERVER, checking: bool = True
) -> Timed:
    dns = DNS(id=identifier, rd=1, cd=0 if checking else 1, qd=DNSQR(qname=name))
    return at, IP(src=CLIENT, dst=to) / UDP(sport=port, dport=53) / dns


def says(
    at: float, identifier: int = 7, port: int = 40_000, name: str = "shop.test", source: str = SERVER, code: int = 0,
    address: str = "10.9.9.9", checking: bool = True, cut: bool = False,
) -> Timed:
    answer = [DNSRR(rrname=name, rdata=address, ttl=300)] if code == 0 and not cut else []
    dns = DNS(
        id=identifier, qr=1, rd=1, ra=1, rcode=code, cd=0 if checking else 1, tc=int(cut), qd=DNSQR(qname=name),
        an=answer,
    )
    return at, IP(src=source, dst=CLIENT) / UDP(sport=53, dport=port) / dns


def told(folder: Path, *packets: Timed) -> Analysis:
    path = folder / "made.pcap"
    with PcapWriter(str(path), linktype=1) as writer:
        for number, (at, packet) in enumerate(packets, 1):
            if packet.haslayer(IP):
                packet[IP].id = number     # as hosts do: each packet has its own
            ends = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
            framed = packet if packet.haslayer(Ether) else ends / packet
            framed.time = 1_000 + at
            writer.write(framed)
    return analyze([str(path)], Options(everything=True))


def codes(made: Analysis) -> list[str]:
    return [f"{one.severity} {one.code}" for one in made.findings if one.code.startswith(("dns.", "icmp.", "link."))]


def sentence(made: Analysis, code: str) -> str:
    return next(one.sentence for one in made.findings if one.code == code)


def test_two_programs_that_ask_at_once_repeat_nothing(tmp_path: Path) -> None:
    made = told(tmp_path, asked(0), asked(0.01, 8, 40_001), says(0.03), says(0.04, 8, 40_001))
    assert [lookup.attempts for lookup in made.lookups] == [1, 1]
    assert codes(made) == []


def test_a_question_without_checking_is_another_one(tmp_path: Path) -> None:
    made = told(
        tmp_path, asked(0), says(0.3, code=2), asked(2, 8, 40_001, checking=False), says(2.1, 8, 40_001, checking=False)
    )
    assert [lookup.kind for lookup in made.lookups] == ["failed", "answered"]
    assert codes(made) == ["error dns.failed"]


@pytest.mark.parametrize(("packets", "expected"), [
    # The client shows that it hears nothing: it asks again with the same id.
    ((asked(0), asked(1), asked(2)), ["error dns.unanswered"]),
    # Once or twice, in a capture that may hold one direction only.
    ((asked(0), asked(1)), ["note dns.unanswered"]),
    # The other direction is there.
    ((asked(0), says(0.01), asked(1, 8, 40_001, "a.test"), asked(2, 8, 40_001, "a.test")), ["error dns.unanswered"]),
    # Asked once, and the client goes on without it, or the capture ends at once.
    ((asked(0), says(0.01), asked(1, 8, 40_001, "a.test"), asked(9, 9, 40_002), says(9.1, 9, 40_002)),
     ["note dns.unanswered", "chat dns.repeated"]),
    # Answers alone, and an answer whose question the capture lacks.
    ((says(0), says(1, 8, 40_001)), ["note dns.mismatch", "note dns.mismatch"]),
    # The answers of one mirror port stand before the questions of the other.
    ((says(0), asked(0.02), says(1, 8, 40_001, "a.test"), asked(1.02, 8, 40_001, "a.test")),
     ["note dns.out_of_order", "note dns.out_of_order"]),
    # The same again, octet for octet.
    ((asked(0), says(0.01), says(0.02)), ["note dns.mismatch"]),
    # Under another id, and nothing under its own.
    ((asked(0), says(0.01, 9)), ["warn dns.mismatch", "note dns.unanswered"]),
    ((asked(0), says(0.01, 9), says(0.02)), ["note dns.mismatch"]),
])
def test_what_is_not_there(tmp_path: Path, packets: tuple[Timed, ...], expected: list[str]) -> None:
    assert codes(told(tmp_path, *packets)) == expected


def test_an_answer_of_another_address_belongs_to_the_question(tmp_path: Path) -> None:
    made = told(tmp_path, asked(0), says(0.002, source=OTHER), asked(1), says(1.001, source=OTHER))
    assert codes(made) == ["error dns.other_address"]
    assert sentence(made, "dns.other_address") == (
        "10.0.0.54 answered 2 questions that went to 10.0.0.53, the first of them 2.00 ms after it with the same id "
        "(0x0007), port and name: a client may not take an answer from another address."
    )
    assert not any("capture may have started" in event.what() for one in made.told for phase in one.phases
                   for event in phase.events)


def test_answers_that_contradict_each_other_are_both_named(tmp_path: Path) -> None:
    made = told(tmp_path, asked(0), says(0.01), says(0.02, address="6.6.6.6"))
    assert codes(made) == ["warn dns.answers_differ"]
    said = sentence(made, "dns.answers_differ")
    assert "10.9.9.9" in said
    assert "6.6.6.6" in said
    # One for each attempt: a name may have moved in between.
    assert codes(told(tmp_path, asked(0), asked(1), says(1.1), says(1.2, address="6.6.6.6"))) == [
        "warn dns.retried", "note dns.mismatch",
    ]


def segment(at: float, flags: str, seq: int, ack: int, data: bytes = b"", back: bool = False) -> Timed:
    ends = IP(src=SERVER, dst=CLIENT) if back else IP(src=CLIENT, dst=SERVER)
    ports = TCP(sport=53, dport=40_009) if back else TCP(sport=40_009, dport=53)
    ports.flags, ports.seq, ports.ack = flags, seq, ack
    return at, ends / ports / Raw(data) if data else ends / ports


def over_tcp(*end: Timed) -> tuple[Timed, ...]:
    question = bytes(DNS(id=9, rd=1, qd=DNSQR(qname="shop.test")))
    return (
        asked(0), says(0.01, cut=True), segment(0.02, "S", 100, 0), segment(0.021, "SA", 500, 101, back=True),
        segment(0.022, "A", 101, 501), segment(0.023, "PA", 101, 501, len(question).to_bytes(2) + question), *end,
    )


def test_a_truncated_answer_without_an_answer_over_tcp(tmp_path: Path) -> None:
    behind = 101 + 2 + len(bytes(DNS(id=9, rd=1, qd=DNSQR(qname="shop.test"))))
    closed = told(tmp_path, *over_tcp(
        segment(0.03, "FA", 501, behind, back=True), segment(0.031, "FA", behind, 502),
        segment(0.032, "A", 502, behind + 1, back=True),
    ))
    assert [code for code in codes(closed) if "unanswered" not in code] == ["error dns.truncated"]
    assert "over TCP it had no answer either: the server closed the connection" in sentence(closed, "dns.truncated")
    # A hole where the answer was: nothing is said of what is not there.
    hole = told(tmp_path, *over_tcp(
        segment(0.03, "PA", 701, behind, bytes(9), back=True), segment(0.031, "A", behind, 710),
        segment(0.032, "FA", 710, behind, back=True), segment(0.033, "FA", behind, 711),
        segment(0.034, "A", 711, behind + 1, back=True),
    ))
    assert "no answer over TCP was seen" in sentence(hole, "dns.truncated")
    refused = told(tmp_path, asked(0), says(0.01, cut=True), segment(0.02, "S", 100, 0),
                   segment(0.021, "RA", 0, 101, back=True))
    assert "over TCP 10.0.0.53 refused the connection" in sentence(refused, "dns.truncated")


def test_a_server_that_never_answers_explains_every_slow_lookup(tmp_path: Path) -> None:
    packets: list[Timed] = []
    for place, name in enumerate(("a.test", "b.test")):
        at = place * 10.0
        packets += [
            asked(at, 7 + place, 40_000 + place, name, OTHER), asked(at + 5, 7 + place, 41_000 + place, name),
            says(at + 5.01, 7 + place, 41_000 + place, name),
        ]
    made = told(tmp_path, *packets)
    assert codes(made) == ["error dns.server_silent"]
    assert sentence(made, "dns.server_silent").startswith(
        "10.0.0.54 answered 0 of 2 questions; each time the client turned to 10.0.0.53 after 5.00 s, which answered"
    )


def echo(at: float, number: int, to: str = OTHER) -> Timed:
    return at, IP(src=CLIENT, dst=to) / ICMP(id=5, seq=number)


def replies(at: float, number: int) -> Timed:
    return at, IP(src=OTHER, dst=CLIENT) / ICMP(type=0, id=5, seq=number)


def ends(at: float, number: int, router: str, kind: int = 11, code: int = 0) -> Timed:
    quoted = IPerror(bytes(IP(src=CLIENT, dst=OTHER) / ICMP(id=5, seq=number)))
    return at, IP(src=router, dst=CLIENT) / ICMP(type=kind, code=code) / quoted


def test_an_error_about_an_echo_is_its_answer(tmp_path: Path) -> None:
    made = told(tmp_path, echo(0, 1), ends(0.01, 1, "10.0.9.1", 3, 1), echo(1, 2), ends(1.01, 2, "10.0.9.1", 3, 1))
    assert codes(made) == ["warn icmp.error"]
    assert sentence(made, "icmp.error") == (
        "10.0.9.1 reports twice about packets to 10.0.0.54: the host cannot be reached."
    )
    own = told(tmp_path, echo(0, 1), ends(0.01, 1, OTHER, 3, 13))
    assert codes(own) == ["warn icmp.prohibited"]
    traced = told(tmp_path, *[
        each for hop in (1, 2, 3) for each in (echo(hop, hop), ends(hop + 0.01, hop, f"10.0.9.{hop}"))
    ])
    assert codes(traced) == []


def test_a_redirect_is_no_answer_and_no_error(tmp_path: Path) -> None:
    quoted = IPerror(bytes(IP(src=CLIENT, dst=OTHER) / ICMP(id=5, seq=1)))
    advice = IP(src="10.0.9.1", dst=CLIENT) / ICMP(type=5, code=1, gw="10.0.9.2") / quoted
    made = told(tmp_path, echo(0, 1), (0.01, advice), replies(0.02, 1))
    assert codes(made) == ["note icmp.redirect"]
    assert sentence(made, "icmp.redirect") == (
        f"10.0.9.1 told {CLIENT} once that the first hop to {OTHER} is 10.0.9.2: what it sends there goes a longer way "
        "than it has to."
    )
    assert "1 of 1 request answered" in made.told[0].phases[0].facts
    six = Ether() / IPv6(src="fe80::1", dst="fe80::2") / ICMPv6ND_Redirect(tgt="fe80::9", dst="2001:db8::9")
    made = told(tmp_path, (0, six))
    assert "fe80::1 told fe80::2 once that the first hop to 2001:db8::9 is fe80::9" in sentence(made, "icmp.redirect")


def test_an_echo_without_a_reply_where_the_capture_has_no_other_direction(tmp_path: Path) -> None:
    assert codes(told(tmp_path, echo(0, 1), echo(5, 2, SERVER))) == [
        "note icmp.echo_unanswered", "note icmp.echo_unanswered",
    ]
    heard = told(tmp_path, asked(0), says(0.01), echo(0, 1), asked(5), says(5.01))
    assert "warn icmp.echo_unanswered" in codes(heard)


def test_the_end_of_the_capture_is_a_reason_only_where_a_reply_could_still_have_come(tmp_path: Path) -> None:
    pings = [step for number in range(8) for step in (
        (echo(number, number), replies(number + 0.02, number)) if number not in (3, 5, 7) else (echo(number, number),)
    )]
    finding = next(one for one in told(tmp_path, *pings).findings if one.code == "icmp.echo_unanswered")
    assert (finding.severity, finding.confidence) == ("warn", "likely")
    assert finding.sentence.startswith("2 echo requests to ")
    assert finding.sentence.endswith("had no reply, and 1 more came in the last 100 ms of the capture.")
    assert "where the others took 20.0 ms at most" in finding.basis


def claim(at: float, last: int, operation: int = 2, to: str = CLIENT) -> Timed:
    mac = f"02:00:00:00:00:{last:02x}"
    return at, Ether(src=mac, dst="ff:ff:ff:ff:ff:ff") / ARP(op=operation, hwsrc=mac, psrc="10.0.0.5", pdst=to)


def asks(at: float) -> Timed:
    mac = "02:00:00:00:00:01"
    return at, Ether(src=mac, dst="ff:ff:ff:ff:ff:ff") / ARP(op=1, hwsrc=mac, psrc=CLIENT, pdst="10.0.0.5")


@pytest.mark.parametrize(("claims", "found"), [
    ((asks(0), claim(0.001, 0xAA), claim(0.002, 0xBB)), True),                  # both answer
    ((claim(0, 0xAA), claim(1, 0xBB), claim(2, 0xAA)), True),                   # by turns
    ((asks(0), claim(0.001, 0xAA), claim(2, 0xBB, to="10.0.0.5")), False),      # taken over, and announced
    ((asks(0), claim(0.001, 0xAA), asks(2), claim(2.001, 0xBB)), False),        # moved
    ((asks(0), claim(0.001, 0xAA), claim(0.002, 0xAA)), False),
])
def test_an_address_of_two_machines(tmp_path: Path, claims: tuple[Timed, ...], found: bool) -> None:
    made = told(tmp_path, *claims)
    assert codes(made) == (["error link.address_claimed_twice"] if found else [])
    if found:
        said = sentence(made, "link.address_claimed_twice")
        assert said.startswith("10.0.0.5 is claimed by two machines at the same time: ")
        assert "02:00:00:00:00:aa (#" in said
        assert "02:00:00:00:00:bb (#" in said


def test_a_second_without_an_answer_is_no_end_that_came_too_soon(tmp_path: Path) -> None:
    """The server answers others within milliseconds; the client would have asked again only later."""
    known = [asked(0, 1, 40_001, "a.test"), says(0.02, 1, 40_001, "a.test")]
    late = told(tmp_path, *known, asked(1, 2, 40_002), asked(5, 3, 40_003, "b.test"), says(5.01, 3, 40_003, "b.test"))
    finding = next(one for one in late.findings if one.code == "dns.unanswered")
    assert finding.basis == (
        "the capture goes on for 4.01 s after the question and shows no answer, where its other answers took 20.0 ms "
        "at most"
    )
    soon = told(tmp_path, *known, asked(1, 2, 40_002))
    assert "the capture ends" in next(one for one in soon.findings if one.code == "dns.unanswered").basis


def test_a_question_to_everyone_on_the_link_blames_no_server(tmp_path: Path) -> None:
    once = [asked(at, to="10.0.0.99") for at in (0, 1, 2)]
    assert codes(told(tmp_path, *once, asked(9, 8, name="b.test", to="10.0.0.99"))) != []
    everyone = [asked(at, to="255.255.255.255") for at in (0, 1, 2)]
    assert codes(told(tmp_path, *everyone, asked(9, 8, name="b.test", to="255.255.255.255"))) == []


def test_nothing_is_concluded_from_days_without_any_frame(tmp_path: Path) -> None:
    syn = IP(src=CLIENT, dst="10.0.0.80") / TCP(sport=40_001, dport=80, flags="S", seq=1)
    around = [asked(1, 1, 40_001, "a.test"), says(1.02, 1, 40_001, "a.test")]
    hour, days = 3_600.0, 5 * 86_400.0

    def verdict(later: float) -> list[str]:
        made = told(tmp_path, (0.0, syn), *around, asked(later, 2, 40_002), says(later + 0.02, 2, 40_002))
        return [f"{one.severity} {one.sentence}" for one in made.findings if one.code == "tcp.unanswered"]

    assert verdict(hour) == ["error 10.0.0.80:80 did not answer 1 SYN within the 60 min 0 s that the capture goes on."]
    assert verdict(days) == ["note No answer of 10.0.0.80:80 to 1 SYN is in the capture."]


def unreachable(at: float, sender: str, to: str, sport: int, dport: int) -> Timed:
    """Of a datagram from `to`, port `sport`, to the sender's port `dport`."""
    quoted = IPerror(src=to, dst=sender) / UDPerror(sport=sport, dport=dport)
    return at, IP(src=sender, dst=to) / ICMP(type=3, code=3) / quoted


@pytest.mark.parametrize("count", [1, 8])
def test_an_answer_that_finds_nobody_any_more_is_no_fault(tmp_path: Path, count: int) -> None:
    """But a service that stops is one. Many of either are one finding, of the same severity."""
    def about(late: bool) -> list[str]:
        packets: list[Timed] = []
        for number in range(count):
            at, port = number * 10.0, 40_000 + number
            packets += [
                (at, IP(src=CLIENT, dst=OTHER) / UDP(sport=port, dport=5_000) / Raw(b"ask")),
                (at + 0.02, IP(src=OTHER, dst=CLIENT) / UDP(sport=5_000, dport=port) / Raw(b"answer")),
                unreachable(at + 0.03, CLIENT, OTHER, 5_000, port) if late else
                unreachable(at + 0.03, OTHER, CLIENT, port, 5_000),
            ]
        return [code for code in codes(told(tmp_path, *packets)) if "icmp" in code]

    assert about(True) == ["note icmp.error"]
    assert about(False) == ["warn icmp.error"]
