"""Names, addresses and users planted where peers, files and users put them: nothing of one is left by `--anonymize`."""
from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pytest
from attacks_talks import CLIENT, SERVER, Talk, get, ok
from pcap_bytes import EPOCH, ethernet, ipv4, tcp, udp
from test_report_html import data_of

from analyzer.ingest import pcapng_write as ng
from analyzer.ingest.source import Interface
from analyzer.model import Analysis
from analyzer.pipeline.run import Options, analyze
from analyzer.report.formats import FORMATS, Format, Layout

# What is looked for, of any case, and where it stands.
PLANTED = {
    "zebrafile": "the capture's name", "zebraif": "an interface", "zebracomment": "a comment on a packet",
    "zebrasection": "a comment on the capture", "zebradns": "a name without a dot that is asked for",
    "zebracname": "the name that another leads to", "zebrallmnr": "a name asked for on the link", "zebransid": "NSID",
    "zebrahost": "Host", "zebraref": "Referer", "zebravia": "Via", "zebraserved": "X-Served-By", "zebrasrv": "Server",
    "zebraalt": "Alt-Svc", "zebrafrom": "From", "zebralocation": "Location", "zebrabody": "JSON of a body",
    "zebramail": "a mail address in a body", "zebrapage": "a link in a page", "zebrasock": "a text over WebSocket",
    "zebraehlo": "EHLO", "zebrabanner": "the greeting of SMTP", "zebraftp": "the greeting of FTP",
    "zebrasender": "MAIL FROM", "zebrauser": "the user of FTP", "198.51.100.77": "an address in a text",
    "2001:db8:dead:beef::77": "an IPv6 address in a text", "02:42:ac:11:fe:ed": "the address of a card in a text",
    "0242ac11feed": "... in a UUID",
}


def question(name: bytes, port: int, identity: int = 7) -> bytes:
    labels = b"".join(bytes((len(label),)) + label for label in name.split(b".")) + b"\0"
    message = identity.to_bytes(2, "big") + b"\1\0\0\1" + bytes(6) + labels + b"\0\1\0\1"
    return ethernet(ipv4(udp(message, 40_000, port), 17, CLIENT, SERVER))


def answer(identity: int = 7) -> bytes:
    """To the question for `zebradns`: it leads to another name; the server says which one it is (RFC 5001)."""
    name, alias = b"\x08zebradns\0", b"\x0azebracname\0"
    record = b"\xc0\x0c\0\5\0\1\0\0\0\x3c" + len(alias).to_bytes(2, "big") + alias
    option = b"\0\3\0\x09zebransid"
    opt = b"\0\0\x29\4\xd0\0\0\0\0" + len(option).to_bytes(2, "big") + option
    message = identity.to_bytes(2, "big") + b"\x81\x80\0\1\0\1\0\0\0\1" + name + b"\0\1\0\1" + record + opt
    return ethernet(ipv4(udp(message, 53, 40_000), 17, SERVER, CLIENT))


def web() -> list[bytes]:
    talk = Talk()
    body = json.dumps({
        "host": "zebrabody.internal", "mail": "a.zebramail@b.test",
        "text": "from 198.51.100.77 and [2001:db8:dead:beef::77]",
        "card": "02:42:ac:11:fe:ed", "id": "5b3e1a52-11d1-11ee-be56-0242ac11feed",
    }).encode()
    fields = "Referer: http://zebraref.corp/x\r\nFrom: zebrafrom@mail.test\r\nVia: 1.1 zebravia\r\n"
    request = get("/x", fields).replace(b"Host: shop.test", b"Host: zebrahost")
    talk.ask(request, ok(
        body, "Via: 1.1 zebravia.lan:3128\r\nX-Served-By: zebraserved-01\r\nServer: zebrasrv\r\n"
        "Alt-Svc: h3=\"zebraalt:443\"\r\nLocation: https://zebralocation.intranet/\r\n"
        "Content-Type: application/json\r\n",
    ))
    talk.ask(get("/"), ok(b"<a href=http://zebrapage.intern/>x</a>", "Content-Type: text/html\r\n"))
    talk.ask(
        get("/", "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"),
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    )
    text = b"http://zebrasock.example/ by 198.51.100.77"
    talk.send(1, b"\x81" + bytes((len(text),)) + text)
    return talk.frames


def dialogue(port: int, lines: list[tuple[int, bytes]]) -> list[bytes]:
    """A connection to that port. lines: (direction, line)."""
    following, frames = [101, 501], []
    opening = ((0, 2, b""), (1, 18, b""), (0, 16, b""))
    for direction, flags, data in [*opening, *((direction, 24, line + b"\r\n") for direction, line in lines)]:
        step = -1 if direction else 1
        seq = following[direction] - (flags in (2, 18))
        ack = 0 if flags == 2 else following[1 - direction]
        segment = tcp(data, *(40_000 + port, port)[::step], seq, ack, flags)
        frames.append(ethernet(ipv4(segment, 6, *(CLIENT, SERVER)[::step])))
        following[direction] += len(data)
    return frames


@cache
def planted(folder: Path) -> Analysis:
    frames = [question(b"zebradns", 53), answer(), question(b"zebrallmnr", 5_355, 8), *web()]
    frames += dialogue(25, [
        (1, b"220 zebrabanner ESMTP"), (0, b"EHLO zebraehlo"), (1, b"250-zebrabanner"), (1, b"250 STARTTLS"),
        (0, b"MAIL FROM:<zebrasender@x.test>"), (1, b"250 ok"),
    ])
    frames += dialogue(21, [(1, b"220 zebraftp ready"), (0, b"USER zebrauser"), (1, b"331 password")])
    interface = Interface(1, 0, name="zebraif")
    interface.description = "of zebraif"
    out = [ng.section("", "", ["by zebrasection"]), ng.interface(interface)]
    for at, frame in enumerate(frames):
        size = len(frame).to_bytes(4, "little")
        head = bytes(4) + ng.time_halves((EPOCH * 1000 + at) * 10**6) + size + size
        comment = ng.options([ng.option(1, b"seen at zebracomment.lan")]) if at == 3 else b""
        out.append(ng.block(6, head + frame + bytes(-len(frame) % 4) + comment))
    path = folder / "zebrafile.pcapng"
    path.write_bytes(b"".join(out))
    return analyze([str(path)], Options(graphs=True))


def shown(form: Format, analysis: Analysis, layout: Layout) -> str:
    text = b"".join(form.write(analysis, layout)).decode()
    if form.name == "html":
        text = re.sub(r"<(style|script)\b.*?</\1>", "", text, flags=re.DOTALL) + json.dumps(data_of(text))
    return text.lower()


FORMS = [form for form in FORMATS if not form.packets and form.name != "parquet"]


def test_most_of_it_is_told_without_the_option(tmp_path_factory: pytest.TempPathFactory) -> None:
    analysis = planted(tmp_path_factory.getbasetemp())
    text = "".join(shown(form, analysis, Layout("teach")) for form in FORMS)
    missing = [name for name in PLANTED if name not in text]
    assert len(missing) < len(PLANTED) / 2, missing


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_nothing_of_it_is_left_with_the_option(form: Format, tmp_path_factory: pytest.TempPathFactory) -> None:
    analysis = planted(tmp_path_factory.getbasetemp())
    tables = ("conversations", "events", "exchanges", "lookups", "findings") if form.name == "csv" else ("events",)
    for table in tables:
        text = shown(form, analysis, Layout("teach", table, anonymous=True))
        assert {name: where for name, where in PLANTED.items() if name in text} == {}
