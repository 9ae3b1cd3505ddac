"""The filter language: what is taken, what is refused and where, and what holds of which frame."""
from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from analyzer.filter.errors import FilterError
from analyzer.filter.expression import Filter, read_filter
from analyzer.filter.fields import EVENTS, HEADERS, TOLD, fields
from analyzer.filter.matching import Predicate
from analyzer.filter.view import Value, View
from analyzer.filter.words import MAX_TEXT
from analyzer.pipeline.run import Frames

SAMPLES = Path(__file__).parents[3] / "samples"
FINDINGS = ("tcp.timeout", "dns.slow")


def read(text: str) -> Filter:
    return read_filter(text, FINDINGS)


@cache
def shown(text: str, sample: str = "dns/dns-then-http") -> tuple[int, ...]:
    """The numbers of the frames of which it holds."""
    lines = Frames([str(SAMPLES / sample / "capture.pcapng")], wanted=read(text))
    return tuple([json.loads(line)["frame"] for block in lines for line in block.splitlines()])


# What Wireshark 4.0 shows of this sample; more of them, held against an installed tshark, in tests/conformance.
@pytest.mark.parametrize(("text", "frames"), [
    ("dns", (3, 4, 5, 6)),
    ("DNS.qry.type == 0x1c", (4, 6)),
    ("http", (12, 173)),
    ("http.host == \"shop.test\" or frame.number == 1", (1, 12)),
    ("http.request.method == GET", (12,)),
    ("arp.opcode eq 1 and not eth.src == 02:00:00:00:02:01", (1, 7)),
    ("tcp.flags.syn == 1 && tcp.flags.ack == False", (9,)),
    ("tcp.flags & 0x02", (9, 10)),
    ("tcp.flags & 0x12 == 0x12", (10,)),
    ("dns.flags.response==1&&dns.count.answers>0", (5, 6)),
    ("dns.qry.name matches \"^SH.P\\.\"", (3, 4, 5, 6)),
    ("dns.qry.name matches \"(?-i)^SH.P\"", ()),
    ("dns.qry.name contains \"SHOP\"", ()),
    ("upper(dns.qry.name) contains \"SHOP\" && !(dns.flags.response == 1)", (3, 4)),
    ("len(http.request.method) == 3", (12,)),
    ("count(ip.addr) == 2 and udp", (3, 4, 5, 6)),
    ("frame.number in {3, 5..7} and ip", (3, 5, 6)),
    ("udp.port not in {53} and frame.number < 5", (1, 2)),
    ("any udp.port != 53 and frame.number <= 4", (3, 4)),
    ("udp.srcport < udp.dstport", (5, 6)),
    ("ip.src == ip.dst", ()),
    ("dns.a == 10.0.0.0/8", (5,)),
    ("tcp contains \"GET /\"", (12,)),
    ("tcp.payload contains 47:45:54", (12,)),
    ("conversation == 1 and dns", (3, 4, 5, 6)),
    ("event == \"http.request\"", (12,)),
    ("event in {\"http.request\", \"http.response\"}", (12, 173)),
    ("frame.time_relative <= 0.0165", (1, 2, 3, 4)),
    ("frame and frame.len == 42 and frame.time_delta >= 0.001", (2, 7, 8)),
])
def test_what_it_holds_of(text: str, frames: tuple[int, ...]) -> None:
    assert shown(text) == frames


def test_a_field_with_several_values_is_asked_as_wireshark_asks_it() -> None:
    everything = shown("tcp")
    assert shown("tcp.port == 80") == everything
    assert shown("tcp.port != 80") == ()                # all differ
    assert shown("tcp.port !== 80") == everything       # any differs
    assert shown("tcp.port === 80") == ()               # all are equal
    assert shown("!(tcp.port == 80)") == shown("not tcp.port") == tuple(range(1, 9))
    assert shown("ip.src != 10.0.0.0/8") == ()


@pytest.mark.parametrize(("text", "column", "reason"), [
    ("", 1, "it is empty"),
    ("tcp.prt == 80", 1, "no field `tcp.prt`; did you mean `tcp.port`"),
    ("ip and tcp.stream == 1", 8, "`conversation == 3`"),
    ("smtp", 1, "of SMTP, events can be asked for: `event matches"),
    ("zzqqx", 1, "no field `zzqqx`; `wiretale fields` lists them"),
    ("tcp.port == \"x\"", 13, "`tcp.port` is a number, such as 443; \"x\" is not"),
    ("tcp.port == http", 13, "`tcp.port` is a number, such as 443; `http` is not"),
    ("ip.addr == 10.0.0.300", 12, "`ip.addr` is an IPv4 address, such as 10.0.0.0/8; `10.0.0.300` is not"),
    ("ip.addr == fe80::1", 12, "is an IPv4 address"),
    ("ip.src < 10.0.0.0/8", 10, "a network is asked for with =="),
    ("ip.src == tcp.port", 11, "`ip.src` is an IPv4 address, and `tcp.port` is a number"),
    ("eth.src == 00:11", 12, "is a MAC address"),
    ("tcp.port == 80 tcp.len", 16, "`tcp.len` stands where `and`, `or` or the end was expected"),
    ("tcp.port == ", 13, "a value was expected behind `==`"),
    ("tcp.port = 80", 10, "equality is written =="),
    ("(tcp or udp", 1, "`(` is not closed"),
    ("tcp)", 4, "`)` closes nothing"),
    ("tcp.port in 80", 13, "a set was expected behind `in`"),
    ("tcp.port in {80 443}", 17, "stands where `,` or `}` was expected"),
    ("tcp.port in {9..1}", 14, "this range ends before it begins"),
    ("tcp.port contains 8", 10, "`contains` searches texts and bytes; `tcp.port` is a number"),
    ("dns.qry.name matches shop", 22, "stands in double quotes"),
    ("dns.qry.name matches \"(a\"", 22, "the regular expression cannot be taken: missing )"),
    ("dns.qry.name == \"a", 17, "no closing quote"),
    ("dns == 5", 5, "`dns` is a protocol: write it alone, or search it with `contains`"),
    ("tcp.analysis.flags == 1", 23, "write `tcp.analysis.flags` or `not tcp.analysis.flags`"),
    ("tcp.flags.syn > 0", 15, "have no order"),
    ("80 == tcp.port", 1, "`80` is a value, and a test begins with a field"),
    ("and tcp", 1, "`and` stands where a field was expected"),
    ("tcp and", 8, "it ends where a field was expected"),
    ("all tcp.port", 13, "`all` needs a comparison"),
    ("lower(tcp.port) == \"a\"", 7, "lower() takes a text; `tcp.port` is a number"),
    ("tcp.port[0] == 1", 9, "`tcp.port` is a number, whose octets cannot be asked for"),
    ("http[0:3] == \"GET\"", 5, "`http` is a protocol, whose octets cannot be asked for; of TCP, `tcp.payload` has"),
    ("http contains \"GET\"", 6, "the octets of `http` cannot be searched"),
    ("ip matches \"GET\"", 4, "the octets of `ip` cannot be searched"),
    ("len(http) > 1", 5, "the octets of `http` cannot be asked for"),
    ("eth.src[0:3 == 1", 13, "`==` stands where a number or `]` was expected"),
    ("eth.src[0:3", 8, "`[` is not closed"),
    ("eth.src[] == 1", 9, "a part is written [offset:length]"),
    ("eth.src[a] == 1", 9, "a part is written [offset:length]"),
    ("eth.src[1 2] == 1", 10, "a part is written [offset:length]"),
    ("eth.src[0:0] == 1", 9, "a part has a length of 1 or more"),
    ("eth.src[2-1] == 1", 9, "this part ends before it begins"),
    ("eth.src[0:2] == zz", 17, "`eth.src[…]` is bytes"),
    ("eth.src#1", 8, "the headers that have `eth.src` are not told apart"),
    ("ip.src#x", 8, "the number of a header was expected behind `#`"),
    ("ip.src == 10.0.0.1 [0]", 20, "`[` stands behind a field"),
    ("eth.src[" + "0," * 70 + "0]", 8, "more than 64 parts"),
    ("event == \"http.requst\"", 10, "there is no event `http.requst`; did you mean `http.request`"),
    ("finding == \"tcp.timeot\"", 12, "there is no finding `tcp.timeot`; did you mean `tcp.timeout`"),
    ("tcp $ udp", 5, "`$` means nothing here"),
    ("tcp\x00udp", 4, "character U+0000 means nothing here"),
    ("(" * 100 + "tcp", 62, "more than 60 brackets are open here"),
    ("!" * 100 + "tcp", 62, "more than 60 brackets are open here"),
    ("tcp.port == " + "9" * 100, 13, "is a number"),
    ("x" * (MAX_TEXT + 1), MAX_TEXT + 1, "at most are read"),
])
def test_what_is_wrong_is_said_with_its_column(text: str, column: int, reason: str) -> None:
    with pytest.raises(FilterError) as caught:
        read(text)
    assert reason in caught.value.reason
    assert caught.value.at + 1 == column
    if not text:
        assert caught.value.lines() == ["the filter cannot be used: it is empty"]
        return
    head, line, mark = caught.value.lines()
    assert head.startswith(f"the filter is wrong at column {column}: ")
    assert len(line) < 130
    assert set(mark) <= {" ", "^"}
    assert line[mark.index("^"):mark.index("^") + 1] in (text[column - 1:column], " ", "")


def test_how_much_has_to_be_known_of_a_frame() -> None:
    assert read("tcp.port == 80 and tcp.analysis.retransmission").needs == HEADERS
    assert read("tcp or dns.qry.name contains \"a\"").needs == EVENTS
    assert read("event == \"tls.client_hello\"").needs == EVENTS
    assert read("event == \"tcp.closed\"").needs == TOLD
    assert read("event contains \"hello\"").needs == TOLD
    assert read("not finding == \"tcp.timeout\"").needs == TOLD


class Asked(Predicate):
    """Asks every field of every frame. given: what came of it, by field."""

    def __init__(self) -> None:
        self.given: dict[str, list[Value]] = {}

    def holds(self, view: View) -> bool:
        for name, field in fields().items():
            self.given.setdefault(name, []).extend(field.source.values(view))
        return False


def test_every_field_gives_values_of_its_kind() -> None:
    kinds = {"text": str, "bytes": bytes, "protocol": bytes, "IPv4 address": bytes, "IPv6 address": bytes,
             "MAC address": bytes}
    asked = Asked()
    for sample in ("tls/browser", "dhcp/lease", "dns/cname", "http1/cookies"):
        lines = Frames([str(SAMPLES / sample / "capture.pcapng")], wanted=read("frame"))
        lines.lines.test = asked
        assert b"".join(lines) == b""
    for name, values in asked.given.items():
        kind = kinds.get(fields()[name].kind, int)
        assert all(isinstance(value, kind) for value in values), name
    assert sum(bool(values) for values in asked.given.values()) > 60


def test_headers_of_tunnels_and_quotes_count() -> None:
    assert shown("udp.port == 4789", "link/vxlan") != ()
    assert shown("udp.port == 4789 and tcp", "link/vxlan") == shown("count(ip.src) == 2 and tcp", "link/vxlan") != ()
    assert shown("icmp.type == 3 and count(ip.src) == 2", "icmp/unreachable") == shown(
        "icmp.type == 3", "icmp/unreachable") != ()
