"""Record data from bytes to text and fields."""
from __future__ import annotations

import pytest
from dns_wire import OPT, edns, message, name, option, record

from dissectors.kit.cursor import WireError
from dissectors.protocols.dns.message import ADDITIONAL, ANSWER, DnsMessage
from dissectors.protocols.dns.rdata import decode, decode_or_generic, record_json
from dissectors.protocols.dns.rdata_value import Rdata

KEY = bytes.fromhex(  # of the example in RFC 4034 §5.4, whose tag is 60485
    "0100030501039e8a247418e318903b215a848acfd5f37f026bd4062db26c774c690968d5d56df8bfda91e6f36d9a279888f41333357c5e60"
    "29990d10fdf5663062a512763326980a615ddbf17a05ddfcce7e5fb3abcca05a31b0957452d4521e83870789063115bf97f6c308ccf57cdc"
    "9ce7fe10f6ed1bd0cc0660038c50dcdb0feb963c2f17"
)
RRSIG = bytes.fromhex("00010503000151803e7c9dd73e5510d70a52076578616d706c6503636f6d00a090755b")  # RFC 4034 §3.3, cut
HTTPS = (
    b"\x00\x01\x00" b"\x00\x01\x00\x06\x02h2\x02h3" b"\x00\x02\x00\x00" b"\x00\x03\x00\x02\x20\xfb"
    b"\x00\x04\x00\x08\xc0\x00\x02\x01\xc0\x00\x02\x02" b"\x00\x05\x00\x04\x00\x02\xfe\x0d"
    b"\x00\x06\x00\x10\x20\x01\x0d\xb8" + bytes(11) + b"\x01" b"\x00\x07\x00\x06/q{?d}" b"\x00\x08\x00\x00"
    b"\x02\x9b\x00\x02hi"
)


def parsed(type_: int, data: bytes) -> Rdata:
    found = DnsMessage(message(flags=0x8180, answers=(record("shop.test", type_, data),)))
    return decode(found, found.section(ANSWER)[0])


@pytest.mark.parametrize(("type_", "data", "text"), [
    (1, bytes([192, 0, 2, 1]), "192.0.2.1"),
    (28, bytes.fromhex("20010db8000000000000000000000001"), "2001:db8::1"),
    (28, bytes(16), "::"),
    (28, bytes.fromhex("00000000000000000000ffffc0000201"), "::ffff:192.0.2.1"),
    (28, bytes.fromhex("20010db8000000010001000100010001"), "2001:db8:0:1:1:1:1:1"),
    (28, bytes.fromhex("20010000000000010000000000000001"), "2001:0:0:1::1"),
    (2, name("ns1.test"), "ns1.test"),
    (5, b"\xc0\x0c", "shop.test"),
    (12, name("a b.test"), "a\\032b.test"),
    (6, name("ns.test") + name("root.test") + bytes.fromhex("0000000100000002000000030000000400000005"),
     "ns.test root.test 1 2 3 4 5"),
    (13, b"\x07RFC8482\x00", '"RFC8482" ""'),
    (15, b"\x00\x0a\x04mail\xc0\x0c", "10 mail.shop.test"),
    (16, b"\x03a\"b\x02\x00\xff", '"a\\"b" "\\000\\255"'),
    (17, name("joe.test") + b"\x00", "joe.test ."),
    (33, bytes.fromhex("0001000205dc") + name("sip.test"), "1 2 1500 sip.test"),
    (35, bytes.fromhex("00640032") + b"\x01u\x07E2U+sip\x0b!^.*$!a@b!i\x00",
     '100 50 "u" "E2U+sip" "!^.*$!a@b!i" .'),
    (39, name("other.test"), "other.test"),
    (43, bytes.fromhex("ec4505012bb183af5f22588179a53b0a98631fad1a292118"),
     "60485 5 1 2bb183af5f22588179a53b0a98631fad1a292118"),
    (44, b"\x04\x02\xab\xcd", "4 2 abcd"),
    (46, RRSIG, "A 5 3 86400 20030322173103 20030220173103 2642 example.com oJB1Ww=="),
    (47, bytes.fromhex("04686f7374076578616d706c6503636f6d000006400100000003041b") + bytes(26) + b"\x20",
     "host.example.com A MX RRSIG NSEC TYPE1234"),  # RFC 4034 §4.3
    (50, bytes.fromhex("0101000c04aabbccdd14174eb2409fe28bcb4887a1836f957f0a8425e27b000722010000000290"),
     "1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr NS SOA MX RRSIG DNSKEY NSEC3PARAM"),  # RFC 5155, Appendix A
    (51, bytes.fromhex("0100000000"), "1 0 0 -"),
    (52, bytes.fromhex("0301010ff0"), "3 1 1 0ff0"),
    (62, bytes.fromhex("000000420003000460000008"), "66 3 A NS AAAA"),  # RFC 7477 §2.2
    (63, bytes.fromhex("784868180101ffee"), "2018011160 1 1 ffee"),
    (64, b"\x00\x00" + name("svc.test"), "0 svc.test"),
    (65, HTTPS, '1 . alpn=h2,h3 no-default-alpn port=8443 ipv4hint=192.0.2.1,192.0.2.2 ech=AAL+DQ== '
     'ipv6hint=2001:db8::1 dohpath="/q{?d}" ohttp key667="hi"'),
    (256, bytes.fromhex("000a0001") + b"ftp://x/", '10 1 "ftp://x/"'),
    (257, b"\x80\x05issueca.test", '128 issue "ca.test"'),
    (108, bytes.fromhex("00005e0053ff"), "00-00-5e-00-53-ff"),
    (250, name("hmac-sha256") + bytes.fromhex("00005e0be100012c0002abcd000500100000"),
     "hmac-sha256 1577836800 300 abcd 5 BADVERS"),
    (4711, b"\x01\x02", "\\# 2 0102"),
    (29, b"", "\\# 0"),
])
def test_presentation(type_: int, data: bytes, text: str) -> None:
    assert parsed(type_, data).text == text


def test_dnskey_tag_and_flags() -> None:
    fields = parsed(48, KEY).fields
    assert fields["key_tag"] == 60485
    assert (fields["zone_key"], fields["secure_entry_point"], fields["algorithm_name"]) == (True, False, "RSASHA1")
    assert parsed(48, b"\x01\x01\x03\x01\x11\x22\x33\x44").fields["key_tag"] == 0x2233  # RFC 4034 Appendix B.1


def test_fields_of_a_service_binding() -> None:
    fields = parsed(65, HTTPS).fields
    assert fields["priority"] == 1
    assert fields["params"] == {
        "alpn": ["h2", "h3"], "no-default-alpn": True, "port": 8443, "ipv4hint": ["192.0.2.1", "192.0.2.2"],
        "ech": "AAL+DQ==", "ipv6hint": ["2001:db8::1"], "dohpath": "/q{?d}", "ohttp": True, "key667": "6869",
    }
    mandatory = parsed(64, bytes.fromhex("000100" "0000000400010003" "0001000302" "6832" "0003000201bb"))
    assert mandatory.text == "1 . mandatory=alpn,port alpn=h2 port=443"


@pytest.mark.parametrize(("type_", "data"), [
    (1, b"\x01\x02\x03"), (1, b"\x01\x02\x03\x04\x05"), (28, bytes(15)), (5, b"\x04ab"), (6, name("a") + name("b")),
    (15, b"\x00"), (16, b"\x05abc"), (33, bytes(5)), (46, RRSIG[:20]), (47, name("a") + b"\x00\x00"),
    (47, name("a") + b"\x00\x21" + bytes(33)), (47, name("a") + b"\x01\x01\x40\x00\x01\x40"), (48, b"\x01"),
    (64, b"\x00\x01\x00\x00\x03\x00\x01\x00"), (64, b"\x00\x01\x00\x00\x03\x00\x02\x01\xbb\x00\x01\x00\x03\x02h2"),
    (64, b"\x00\x01\x00\x00\x04\x00\x03\x01\x02\x03"), (64, b"\x00\x01\x00\x00\x02\x00\x01\x00"),
    (64, b"\x00\x01\x00\x00\x01\x00\x00"), (257, b"\x00\x09ab"), (50, b"\x01\x00\x00\x01\x05ab"),
])
def test_data_that_does_not_fit_its_type(type_: int, data: bytes) -> None:
    with pytest.raises(WireError):
        parsed(type_, data)
    found = DnsMessage(message(flags=0x8180, answers=(record("shop.test", type_, data),)))
    shown = decode_or_generic(found, found.section(ANSWER)[0])
    assert shown.text == f"\\# {len(data)} {data.hex()}"
    assert "malformed" in shown.fields


@pytest.mark.parametrize(("code", "value", "text"), [
    (3, b"", "NSID wanted"),
    (3, b"ns1", 'NSID "ns1"'),
    (8, bytes.fromhex("0001180018c0000200")[:4] + b"\xc0\x00\x02", "client subnet 192.0.2.0/24"),
    (8, bytes.fromhex("00022010") + bytes.fromhex("20010db8"), "client subnet 2001:db8::/32, the answer holds for /16"),
    (9, b"\x00\x00\x01\x2c", "zone expires in 5 min 0 s"),
    (10, b"abcdefgh", "cookie 6162636465666768"),
    (10, b"abcdefgh" * 2, "cookie 6162636465666768 6162636465666768"),
    (11, b"", "TCP keepalive wanted"),
    (11, b"\x00\x64", "TCP may stay idle for 10.0 s"),
    (12, bytes(7), "7 octets of padding"),
    (15, b"\x00\x12not today", "extended error 18 (Prohibited: not today)"),
    (15, b"\x27\x0f", "extended error 9999 (error 9999)"),
    (5, b"\x08\x0d", "DAU RSASHA256, ECDSAP256SHA256"),
    (14, b"\x4f\x66\x00\x01", "key tag 20326, 1"),
    (18, name("agent.test"), "report channel agent.test"),
    (19, b"\x02\x00\x00\x00\x00\x07", "zone version 7"),
    (4242, b"\x01", "option 4242 01"),
])
def test_edns_options(code: int, value: bytes, text: str) -> None:
    found = DnsMessage(message(additional=(edns(option(code, value)),)))
    assert decode(found, found.section(ADDITIONAL)[0]).text == text


@pytest.mark.parametrize(("code", "value"), [
    (8, b"\x00\x01\x18\x00\xc0"), (8, b"\x00\x01\x28\x00\xc0\x00\x02\x01\x01"), (10, b"short"), (10, bytes(41)),
    (15, b"\x00"), (9, b"\x01"), (11, b"\x01\x02\x03"), (14, b"\x01"),
])
def test_edns_options_that_do_not_fit(code: int, value: bytes) -> None:
    found = DnsMessage(message(additional=(edns(option(code, value)),)))
    with pytest.raises(WireError):
        decode(found, found.section(ADDITIONAL)[0])


def test_opt_as_data_has_no_class_and_no_ttl() -> None:
    found = DnsMessage(message(flags=0x8180, additional=(edns(size=4096, rcode=23, dnssec=True),)))
    shown = record_json(found, found.section(ADDITIONAL)[0])
    assert shown["type"] == "OPT"
    assert (shown["udp_size"], shown["extended_rcode"], shown["dnssec_ok"]) == (4096, 1, True)
    assert "ttl" not in shown
    assert found.records()[0].type == OPT
