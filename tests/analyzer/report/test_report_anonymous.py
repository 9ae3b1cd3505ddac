"""Anonymized reports: no original is left in any format, and what belongs together still does."""
from __future__ import annotations

import io
import json
import re
import time
from ipaddress import ip_address
from pathlib import Path

import jsonschema_rs
import pytest
from click.testing import CliRunner
from dns_wire import CNAME, MS, A, create, message, record
from dns_wire import name as wire_name
from sample_feeds import SAMPLES
from starttls_dialogue import talk
from test_report_formats import WHOLE
from test_report_html import data_of
from tls_wire import certificate
from told_accounts import account, analysis, conversation, lookup
from x509_lab import leaf

from analyzer.cli.main import cli
from analyzer.model import Account, Analysis
from analyzer.pipeline.run import Options, analyze
from analyzer.report.diagrams import DIAGRAMS
from analyzer.report.formats import FORMATS, Layout, by_name
from analyzer.report.pseudonyms import LEFT_OUT, Pseudonyms
from analyzer.report.tables import TABLES
from dissectors.kit.event import Event, JsonValue
from dissectors.kit.identity import HOST, PARTY, UNIQUE, USER, host_of
from dissectors.kit.inputs import Close, Datagram
from dissectors.kit.protocol import Output
from dissectors.protocols.dns.protocol import LLMNR
from dissectors.protocols.tls.events import TlsObserved
from dissectors.protocols.tls.events_proof import CertificateSeen
from dissectors.protocols.tls.state import Session
from dissectors.wire.tls.messages import Certificate

NAMES = (
    "dns/resolution-from-root", "dns/mdns", "dns/record-types", "dns/zone-transfer", "dns/edns-cookie",
    "tls/client-certificate-13", "tls/starttls-smtp", "http1/proxy", "http1/redirects", "http1/connect",
    "http2/multiplexed", "http2/dns-over-https", "grpc/unary", "websocket/text", "tcp/ipv6-clean", "icmp/unreachable",
    "icmpv6/neighbour-discovery", "arp/resolve", "link/vxlan", "tls/wrong-name",
)
# What the recordings are made of; their stand-ins look like none of it.
ORIGINAL = re.compile(
    r"(?i)\b10\.0\.\d+\.\d+|\b02:00:00:00:|\b(?:shop|elsewhere|other)\.test|shop test|capture\.pcapng"
)


def sample(name: str) -> Analysis:
    return analyze([str(SAMPLES / name / "capture.pcapng")], Options(graphs=True))


def originals(analysis: Analysis) -> set[str]:
    """Every address and name that the model itself holds apart."""
    found: set[str] = set()
    for one in analysis.conversations:
        found |= {one.originator.address, one.responder.address, one.originator.name, one.responder.name}
    for asked in analysis.lookups:
        found |= {asked.name, asked.client, *asked.addresses, *asked.chain}
    for text in analysis.capture.neighbours:
        found |= set(re.findall(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}", text))
    return {text for text in found if "." in text.strip(".") or ":" in text} - kept(found)


def kept(texts: set[str]) -> set[str]:
    """What identifies nobody."""
    found = {"127.0.0.1", "::1"}
    for text in texts:
        try:
            address = ip_address(text)
        except ValueError:
            continue
        if address.is_multicast or address.is_unspecified or str(address) == "255.255.255.255":
            found.add(text)
    return found


def everything(analysis: Analysis) -> dict[str, str]:
    """What every format holds, as text."""
    found: dict[str, str] = {}
    for form in FORMATS:
        if form.packets or form.name == "parquet":
            continue
        for table in TABLES if form.name == "csv" else ("events",):
            for diagram in DIAGRAMS if form.name == "svg" else ("ladder",):
                layout = Layout("teach", table, 200, diagram, True)
                text = b"".join(form.write(analysis, layout)).decode()
                if form.name == "html":
                    found["html head"] = re.sub(r"<(style|script)\b.*?</\1>", "", text, flags=re.DOTALL)
                    text = json.dumps(data_of(text))
                found[f"{form.name} {table} {diagram}"] = text
    return found


@pytest.mark.parametrize("name", NAMES)
def test_no_original_is_left_in_any_format(name: str) -> None:
    analysis = sample(name)
    wanted = originals(analysis)
    assert wanted
    for kind, text in everything(analysis).items():
        for original in wanted:
            found = re.search(rf"(?<![\w.:-]){re.escape(original)}(?![\w:-]|\.\w)", text)
            assert found is None, (kind, original, text[max(found.start() - 80, 0):found.end() + 40])
        left = ORIGINAL.search(text)
        assert left is None, (kind, text[max(left.start() - 80, 0):left.end() + 40])


def test_parquet_is_anonymized_too() -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    form = by_name("parquet")
    assert form is not None
    for table in TABLES:
        data = b"".join(form.write(sample("dns/dns-then-http"), Layout("teach", table, anonymous=True)))
        assert not ORIGINAL.search(str(parquet.read_table(io.BytesIO(data)).to_pylist()))


def test_the_document_still_follows_the_schema_and_says_what_it_is() -> None:
    form = by_name("json")
    assert form is not None
    document = json.loads(b"".join(form.write(sample("dns/dns-then-http"), Layout(anonymous=True))))
    WHOLE.validate(document)
    assert document["left_out"][-1].startswith("anonymized:")
    assert isinstance(WHOLE, jsonschema_rs.Draft202012Validator)


def test_one_stand_in_everywhere() -> None:
    document = json.loads(everything(sample("dns/dns-then-http"))["json events ladder"])
    web = next(one for one in document["conversations"] if one["transport"] == "tcp")
    lookup = document["lookups"][0]
    assert web["responder"]["address"] in lookup["addresses"]
    assert web["responder"]["name"] == lookup["name"]
    texts = [event["text"] for phase in web["phases"] for event in phase["events"]]
    assert any(lookup["name"] in text for text in texts)


def test_levels_and_counts_stay_the_same() -> None:
    analysis = sample("http2/multiplexed")
    for name in ("json", "jsonl"):
        form = by_name(name)
        assert form is not None
        plain, other = (
            b"".join(form.write(analysis, Layout("normal", anonymous=anonymous))).decode()
            for anonymous in (False, True)
        )
        assert plain.count('"label"') == other.count('"label"')
        events = re.compile(r'"name":"((?:tcp|http2)\.\w+)"')
        assert events.findall(plain) == events.findall(other)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.1.10 and 10.0.1.20, again 10.0.1.10.", "10.128.0.1 and 10.128.0.2, again 10.128.0.1."),
        ("10.0.1.0/24, 10.0.1.255, 192.168.7.9", "10.128.0.0/24, 10.128.0.255, 10.128.1.1"),
        ("8.8.8.8:53 → 1.1.1.1", "198.18.0.1:53 → 198.18.1.1"),
        ("127.0.0.1, 224.0.0.251, 255.255.255.255, 0.0.0.0", "127.0.0.1, 224.0.0.251, 255.255.255.255, 0.0.0.0"),
        ("[2a00:1450::5]:443, 2a00:1450::6: down", "[2001:db8:0:1::1]:443, 2001:db8:0:1::2: down"),
        ("fe80::a, fd12::a", "fe80::1, fd00:0:0:1::1"),
        ("::1, ff02::1, ::", "::1, ff02::1, ::"),
        ("::ffff:10.0.1.10", "::ffff:10.128.0.1"),
        ("at 10:26:37, in C++ std::string", "at 10:26:37, in C++ std::string"),
        ("00:1b:21:3c:9d:f8 and ff:ff:ff:ff:ff:ff", "0a:00:00:00:00:01 and ff:ff:ff:ff:ff:ff"),
        ("00-1B-21-3C-9D-F8", "0a-00-00-00-00-01"),
        ("https://www.shop.test/index.html?x=1", "https://www.domain1.test/index.html?x=1"),
        ("cdn.shop.test, img.cdn.shop.test", "name1.domain1.test, name2.name1.domain1.test"),
        ("*.shop.test", "*.domain1.test"),
        ("jane.doe@shop.test", "name1@domain1.test"),
        ("20.1.0.10.in-addr.arpa", "1.0.128.10.in-addr.arpa"),
        ("1.0.10.in-addr.arpa", "0.128.10.in-addr.arpa"),
        ("it begins with 0a 80 f0 04 00 01 02 03 04", f"it begins with {LEFT_OUT}"),
        ("tcp.port == 443 && frame.number == 1", "tcp.port == 443 && frame.number == 1"),
        ("nginx/1.22.1 served style.css", "nginx/1.22.1 served style.css"),
    ],
)
def test_what_becomes_of_a_text(text: str, expected: str) -> None:
    names = Pseudonyms()
    names.learn_text(text)
    assert names.text(text) == expected


def test_a_reverse_name_of_ipv6_is_that_of_the_stand_in() -> None:
    names = Pseudonyms()
    address = "2a00:1450:4001::17"
    pointer = ip_address(address).reverse_pointer
    assert names.text(pointer) == ip_address(names.text(address)).reverse_pointer


def test_a_multicast_address_does_not_give_the_end_of_an_address_away() -> None:
    names = Pseudonyms()
    assert names.text("fe80::21b:21ff:fe3c:9df8") == "fe80::1"
    assert names.text("ff02::1:ff3c:9df8") == "ff02::1:ff00:1"
    assert names.text("33:33:ff:3c:9d:f8") == "33:33:ff:00:00:01"


def test_parties_of_certificates_and_what_identifies_them() -> None:
    names = Pseudonyms()
    subject, serial = "CN=Jane Doe,O=Muster AG,C=CH", "183a17a8495048ce"
    fields: JsonValue = {"subject": subject, "serial": serial, "names": ["muster.ch"]}
    names.learn([(PARTY, subject), (UNIQUE, serial), (HOST, "muster.ch")])
    assert names.value(fields) == {
        "subject": "CN=Party 1,O=Party 2,C=CH", "serial": LEFT_OUT, "names": ["domain1.ch"],
    }
    assert names.text("issued by Muster AG, serial 183a17a8495048ce") == f"issued by Party 2, serial {LEFT_OUT}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FILESERVER asks for fileserver.", "name3 asks for name3."),
        ("FILESERVER2, FILESERVER-2 and my-fileserver", "FILESERVER2, name3-2 and my-name3"),
        ("Office\\032printer._ipp._tcp.local is Office printer._ipp._tcp.local",
         "name1._ipp._tcp.local is name1._ipp._tcp.local"),
        ("test, www.shop.test", "test, www.domain1.test"),
        ("ann logs in, Ann@shop.test writes", "name2 logs in, name2@domain1.test writes"),
        ("localhost, www, x, server", "localhost, www, x, server"),
    ],
)
def test_what_an_event_identifies_is_replaced_whatever_it_looks_like(text: str, expected: str) -> None:
    names = Pseudonyms()
    names.learn([
        (HOST, name) for name in
        ("FileServer", "Office\\032printer._ipp._tcp.local", "test", "www.shop.test", "localhost", "www", "x", "server")
    ])
    names.learn([(USER, "ann")])
    assert names.text(text) == expected


@pytest.mark.parametrize(
    "name",
    [
        "3rdfloorprinter", "2019SRVALICE", "alicepc.2corp", "printeralice.home.arpa", "alicehome.arpa", "_alicehost",
        "alice laptop", "alic\u00e9", "dc1.corpalice", "corpalice",
    ],
)
def test_no_form_of_a_name_is_left(name: str) -> None:
    names = Pseudonyms()
    names.learn([(HOST, name), (HOST, "dc1.corpalice"), *host_of(f"{name}.:8080")])
    for text in (f"asks for {name}.", name.upper(), f"{name}:8080", f"({name})"):
        left = names.text(text).lower()
        assert "alic" not in left, text
        assert "printer" not in left, text


@pytest.mark.parametrize("text", ["to 02:aa:bb:cc:dd:01: wrong", "02-aa-bb-cc-dd-01:", "(02:aa:bb:cc:dd:01)"])
def test_the_address_of_a_card_is_replaced_wherever_a_sentence_has_it(text: str) -> None:
    assert "bb" not in Pseudonyms().text(text)


def test_what_looks_like_it_and_is_longer_stays() -> None:
    assert Pseudonyms().text("02-aa-bb-cc-dd-01-07-08") == "02-aa-bb-cc-dd-01-07-08"


def test_keys_of_data_stay_keys() -> None:
    names = Pseudonyms()
    names.learn([(HOST, "title"), (HOST, "shop.test")])
    assert names.value({"title": "title", "shop.test": 1}) == {"title": "name1", "domain1.test": 1}


def bare() -> list[tuple[str, Account]]:
    """Conversations in which somebody is named without a dot, and what must not be left of it."""
    def mail(*pieces: tuple[int, bytes]) -> Account:
        return account(*[event for event in talk(*pieces, port=25) if event.name.startswith("starttls.")],
                       of=conversation(1, server_port=25))

    asked, answered = message(7, question=("FILESERVER", A)), message(
        7, 0x8000, question=("FILESERVER", A), answers=(record("FILESERVER", A, b"\x0a\x00\x00\x07"),)
    )
    single = message(7, question=("printer7", A))
    said = message(7, 0x8180, question=("printer7", A), answers=(record("printer7", CNAME, wire_name("laserjet")),))
    greeting = (1, b"220 postkutsche ESMTP\r\n"), (0, b"EHLO laptop7\r\n"), (1, b"250-postkutsche\r\n250 STARTTLS\r\n")
    shown = [
        CertificateSeen(TlsObserved(MS, 1, (3,), 0), Certificate(certificate((signer.der,))[4:], False), Session(), [])
        for signer in (leaf(None, "nas"), leaf(None, "shop.test", common="Lab"))
    ]
    return [
        ("nas", account(shown[0])),
        ("lab", account(shown[1])),
        ("fileserver", llmnr((0, 0, asked), (MS, 1, answered))),
        ("fileserver", llmnr((0, 0, asked), close=5 * MS)),
        ("printer7", lookup((0, 0, single), (MS, 1, said))),
        ("laserjet", lookup((0, 0, single), (MS, 1, said))),
        ("laptop7", mail(*greeting)),
        ("postkutsche", mail(*greeting)),
    ]


def llmnr(*messages: tuple[int, int, bytes], close: int = 0) -> Account:
    of = conversation(1, "udp", messages[0][0], messages[-1][0], 50_000, "224.0.0.252", 5355)
    of.protocol = "llmnr"
    dissector = create(LLMNR)
    outputs: list[Output] = []
    for place, (when, direction, payload) in enumerate(messages, 1):
        outputs += dissector.on_datagram(Datagram(place, when, direction, payload, len(payload)))
    outputs += dissector.on_close(Close(len(messages), close or messages[-1][0], 2, "capture"))
    return account(*[output for output in outputs if isinstance(output, Event)], of=of)


@pytest.mark.parametrize("place", range(8))
def test_a_name_without_a_dot_is_left_in_no_format(place: int) -> None:
    original, of = bare()[place]
    plain = analysis(of)
    shown = b"".join(by_name("json").write(plain, Layout("teach"))).decode()    # type: ignore[union-attr, misc]
    assert re.search(rf"(?i)\b{original}\b", shown), "nothing to hide"
    for kind, text in everything(plain).items():
        found = re.search(rf"(?i)\b{original}\b", text)
        assert found is None, (kind, text[max(found.start() - 80, 0):found.end() + 40])


def test_thousands_of_addresses_stay_apart() -> None:
    names = Pseudonyms()
    given = [f"{first}.{second}.3.{last}" for first in (11, 62) for second in range(200) for last in range(1, 20)]
    assert len({names.text(address) for address in given}) == len(given)


def test_long_hostile_texts_take_no_time() -> None:
    names = Pseudonyms()
    begun = time.perf_counter()
    for text in ("a" * 20_000, "a." * 10_000, ":" * 20_000, "1." * 10_000, "@a" * 10_000, "0a " * 7_000, "a:" * 10_000):
        names.learn_text(text)
        names.text(text)
    assert time.perf_counter() - begun < 2


def test_keys_are_not_put_into_a_pcapng_whose_payloads_are_cut(tmp_path: Path) -> None:
    target, keys = tmp_path / "a.pcapng", tmp_path / "keys.log"
    keys.write_text(f"CLIENT_RANDOM {'0' * 64} {'0' * 96}\n", encoding="ascii")
    result = CliRunner().invoke(
        cli, ["report", "sample:dns/a", "--anonymize", "--inject-keys", str(keys), "-o", str(target)])
    assert result.exit_code == 2
    assert "what the keys would open is cut" in result.output
    assert not target.exists()
