"""Fingerprints, held against published examples of their methods."""
from __future__ import annotations

from test_tls_hello import client_hello, extension, server_hello, vector

from dissectors.wire.tls.extensions import ALPN, SERVER_NAME, SIGNATURE_ALGORITHMS, SUPPORTED_VERSIONS
from dissectors.wire.tls.fingerprint import ja3, ja3s, ja4
from dissectors.wire.tls.hello import ClientHello, ServerHello


def shorts(text: str) -> bytes:
    return b"".join(bytes.fromhex(word) for word in text.split(","))


def chrome() -> ClientHello:
    """The hello of the example in the JA4 documentation: FoxIO-LLC/ja4, technical_details/JA4.md."""
    schemes = extension(SIGNATURE_ALGORITHMS, vector(2, shorts("0403,0804,0401,0503,0805,0501,0806,0601")))
    others = b"".join(
        extension(int(kind, 16), b"\x01\x00" if kind == "000b" else b"\x00\x00" if kind in ("000a", "0033") else b"")
        for kind in ["0005", "000a", "000b", "0012", "0015", "0017", "001b", "0023", "002d", "0033", "4469", "ff01"]
    )
    versions = extension(SUPPORTED_VERSIONS, vector(1, b"\x1a\x1a\x03\x04\x03\x03"))
    protocols = extension(ALPN, vector(2, vector(1, b"h2") + vector(1, b"http/1.1")))
    name = extension(SERVER_NAME, vector(2, b"\x00" + vector(2, b"a.test")))
    suites = shorts("2a2a,1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035")
    return ClientHello(client_hello(extension(0x8A8A, b"") + name + others + schemes + versions + protocols, suites))


def test_ja4_of_the_published_example() -> None:
    assert ja4(chrome()) == "t13d1516h2_8daaf6152771_e5627efa2ab1"
    assert ja4(chrome(), "q").startswith("q13d1516h2_")


def test_ja4_without_names_and_protocols() -> None:
    hello = ClientHello(client_hello(suites=b""))
    assert ja4(hello) == "t12i000000_000000000000_000000000000"


def test_ja4_of_a_protocol_that_is_not_letters() -> None:
    hello = ClientHello(client_hello(extension(ALPN, vector(2, vector(1, b"\xab\x01\xcd")))))
    assert ja4(hello).split("_")[0].endswith("ad")


def test_ja3_leaves_grease_out_and_keeps_the_order() -> None:
    text, digest = ja3(chrome())
    assert text == (
        "771,4865-4866-4867-49195-49199-49196-49200-52393-52392-49171-49172-156-157-47-53,"
        "0-5-10-11-18-21-23-27-35-45-51-17513-65281-13-43-16,,0"
    )
    assert len(digest) == 32


def test_ja3_of_the_published_example() -> None:
    """salesforce/ja3, README.md: the digest of a string without extensions."""
    suites = vector(2, shorts("0004,0005,000a,0009,0064,0062,0003,0006,0013,0012,0063"))
    hello = ClientHello(b"\x03\x01" + bytes(32) + b"\x00" + suites + b"\x01\x00")
    assert ja3(hello) == ("769,4-5-10-9-100-98-3-6-19-18-99,,,", "de350869b8c85de67a350c8d186f11e6")


def test_ja3s() -> None:
    hello = ServerHello(server_hello(extension(0xFF01, b"\x00") + extension(11, b"\x01\x00"), suite=b"\xc0\x2f"))
    assert ja3s(hello)[0] == "771,49199,65281-11"
