"""Texts of every character that may not be shown raw, and an analysis that holds them wherever a text can stand."""
from __future__ import annotations

import unicodedata
from typing import ClassVar, Final

from pcap_bytes import ethernet, ipv4, pcap, tcp, udp
from report_example import MS, START, example

from analyzer.model import Analysis
from dissectors.kit.event import BACKWARD, CORE, FORWARD, Event, Evidence, Headline, JsonValue
from dissectors.kit.lookup import Lookup

FORBIDDEN: Final = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
# Letters and marks that renderers ignore (UAX #44, Default_Ignorable_Code_Point), as the Unicode standard lists them.
FEW: Final = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0"
IGNORED: Final = frozenset((*FEW, *map(chr, range(0xFE00, 0xFE10)), *map(chr, range(0xE0100, 0xE01F0))))
BIDI: Final = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
WITHOUT_WIDTH: Final = (
    "\u200b\u200c\u200d\u2060\u2061\u2062\u2063\u2064\ufeff\u00ad\u180e\ufff0\ufff9\ufffa\ufffb\U0001d173\U0001d17a"
)
TAGS: Final = "\U000e0000\U000e0001\U000e0041\U000e007f\U000e0100\U000e01ef\U000e0fff"
UNASSIGNED: Final = "\u0378\u2065\ufdd0\ufffe\uffff\U0001ffff\U0010ffff\ue000\uf8ff\U000f0000\U0010fffd"
SURROGATES: Final = "\udc00\udfff\ud800\udbff"     # in no order that makes a pair


def may_not_be_raw(character: str) -> bool:
    return unicodedata.category(character) in FORBIDDEN or character in IGNORED


HIDDEN: Final = (
    "".join(map(chr, (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0xFE00, 0xFE10)))) + FEW + BIDI
    + WITHOUT_WIDTH + TAGS + UNASSIGNED + SURROGATES
)
# In some places only the first ones are shown, so the worst stand first too.
TEXT: Final = "a\x1b[31m\u202e\u200b\U0001d173\ud800" + HIDDEN + "z"


class Hidden(Event):
    """An event that holds them in every field that one can have."""

    importance: ClassVar[str] = CORE
    name: ClassVar[str] = "hidden." + TEXT
    spec: ClassVar[str] = TEXT
    WHY: ClassVar[str] = TEXT

    def __init__(self, direction: int) -> None:
        super().__init__(START + 21 * MS, direction, Evidence((3, 4)))
        self.stream = 1

    def label(self) -> str:
        return TEXT

    def what(self) -> str:
        return TEXT

    def detail(self) -> str:
        return TEXT

    def headline(self) -> Headline:
        return Headline(TEXT, TEXT, self.time, self.time + MS)

    def phase_title(self) -> str:
        return TEXT

    def phase_facts(self) -> list[str]:
        return [TEXT]

    def fields(self) -> dict[str, JsonValue]:
        return {
            TEXT: TEXT, "list": [TEXT, [TEXT, TEXT]], "within": {TEXT: [TEXT]}, "exchange": 1, "ended": TEXT,
            "url": TEXT, "method": TEXT, "response_body": {"media_type": TEXT, "octets": 1},
        }


# What chooses how a record is treated, rather than being shown.
CHOICES: Final = frozenset(("severity", "confidence", "transport", "kind", "unit", "state"))


def hidden_analysis() -> Analysis:
    """The example of the reports, with the characters in every text of it."""
    analysis = example()
    for phase in analysis.told[1].phases:
        phase.events += [Hidden(FORWARD), Hidden(BACKWARD)]
        phase.left_out.append("x")
    analysis.told[1].conversation.scope = "VLAN"
    lookup = Lookup("n" + TEXT, "A" + TEXT, "10.0.0.1" + TEXT, "10.0.0.53" + TEXT, START)
    lookup.kind, lookup.summary, lookup.chain, lookup.addresses = "answered", TEXT, [TEXT], [TEXT]
    analysis.lookups = [lookup]
    seen: set[int] = set()
    _fill(analysis, seen)
    return analysis


def _fill(record: object, seen: set[int]) -> None:
    if id(record) in seen or isinstance(record, Event):
        return
    seen.add(id(record))
    if isinstance(record, list):
        record[:] = [_filled(one, seen) for one in record]
        return
    for name, value in vars(record).items():
        if name not in CHOICES:
            setattr(record, name, _filled(value, seen))


def _filled(value: object, seen: set[int]) -> object:
    if isinstance(value, str):
        return value + TEXT
    if isinstance(value, tuple):
        return tuple(_filled(one, seen) for one in value)
    if isinstance(value, dict):
        return {_filled(key, seen): _filled(one, seen) for key, one in value.items()}
    if isinstance(value, list) or hasattr(value, "__dict__"):     # a compiled record has none, and is filled by hand
        _fill(value, seen)
    return value


def hidden_capture() -> bytes:
    """An HTTP exchange and a DNS lookup whose texts hold them as their peers would send them."""
    text = TEXT.replace("\r", "").replace("\n", "").replace("\0", "").encode("utf-8", "surrogatepass")[:6_000]
    request = (
        b"GET /" + text[:900] + b" HTTP/1.1\r\nHost: shop.test\r\nX-Odd: " + text + b"\r\nCookie: a=" + text
        + b"\r\n\r\n"
    )
    answer = (
        b"HTTP/1.1 200 " + text[:900] + b"\r\nContent-Type: text/plain\r\nX-" + text[:60] + b": y\r\nLocation: /" + text
        + b"\r\nContent-Length: 900\r\n\r\n" + text[:900]
    )
    there, back = (b"\x0a\0\0\1", b"\x0a\0\0\2"), (b"\x0a\0\0\2", b"\x0a\0\0\1")
    frames = [ipv4(tcp(b"", 40_000, 80, 100, 0, 2), 6, *there), ipv4(tcp(b"", 80, 40_000, 500, 101, 18), 6, *back),
              ipv4(tcp(b"", 40_000, 80, 101, 501), 6, *there)]
    frames += [ipv4(tcp(request[at:at + 1_400], 40_000, 80, 101 + at, 501, 24), 6, *there)
               for at in range(0, len(request), 1_400)]
    frames += [ipv4(tcp(answer[at:at + 1_400], 80, 40_000, 501 + at, 101 + len(request), 24), 6, *back)
               for at in range(0, len(answer), 1_400)]
    label = text[:60]
    question = bytes((len(label),)) + label + b"\4test\0\0\1\0\1"
    frames.append(ipv4(udp(b"\0\1\1\0\0\1\0\0\0\0\0\0" + question, 40_001, 53), 17, *there))
    return pcap([ethernet(frame) for frame in frames])
