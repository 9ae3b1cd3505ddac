"""Fingerprints of hellos: JA3 and JA3S (Salesforce), JA4 of clients (FoxIO; the client method is openly licensed)."""
from __future__ import annotations

from hashlib import md5, sha256
from typing import Final

from dissectors.wire.tls.extensions import ALPN, SERVER_NAME
from dissectors.wire.tls.hello import ClientHello, ServerHello
from dissectors.wire.tls.names import is_grease

_JA4_VERSIONS: Final[dict[int, str]] = {
    0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3", 0x0002: "s2", 0xFEFF: "d1", 0xFEFD: "d2",
    0xFEFC: "d3",
}
_NOTHING: Final = "000000000000"


def _known(values: list[int]) -> list[int]:
    """Without GREASE, which changes from hello to hello (RFC 8701)."""
    return [value for value in values if not is_grease(value)]


def _digest(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()


def ja3(hello: ClientHello) -> tuple[str, str]:
    """(string, its MD5): version, suites, extensions, groups and point formats as they were sent."""
    parts = [
        [hello.legacy_version], _known(hello.suites), _known(hello.extended.types()), _known(hello.groups),
        hello.point_formats,
    ]
    text = ",".join(["-".join([str(value) for value in values]) for values in parts])
    return text, _digest(text)


def ja3s(hello: ServerHello) -> tuple[str, str]:
    """(string, its MD5): version, suite and extensions of the server's answer."""
    extensions = "-".join([str(value) for value in hello.extended.types()])
    text = f"{hello.legacy_version},{hello.suite},{extensions}"
    return text, _digest(text)


def ja4(hello: ClientHello, transport: str = "t") -> str:
    """`t13d1516h2_8daaf6152771_b186095e22b6`. transport: "t" for TCP, "q" for QUIC, "d" for DTLS."""
    suites = _known(hello.suites)
    extensions = _known(hello.extended.types())
    versions = _known(hello.versions)
    version = _JA4_VERSIONS.get(max(versions, default=0), "00")
    named = "d" if hello.extended.has(SERVER_NAME) else "i"
    first = f"{transport}{version}{named}{min(len(suites), 99):02d}{min(len(extensions), 99):02d}{_ja4_alpn(hello)}"
    ordered = ",".join([f"{value:04x}" for value in sorted(suites)])
    listed = ",".join([f"{value:04x}" for value in sorted(extensions) if value not in (SERVER_NAME, ALPN)])
    schemes = ",".join([f"{value:04x}" for value in _known(hello.schemes)])
    whole = f"{listed}_{schemes}" if schemes else listed
    return f"{first}_{_ja4_hash(ordered)}_{_ja4_hash(whole) if listed or schemes else _NOTHING}"


def _ja4_hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:12] if text else _NOTHING


def _ja4_alpn(hello: ClientHello) -> str:
    """First and last character of the first protocol; of its hexadecimal form where one is not a letter or digit."""
    data = hello.extended.data(ALPN)
    size = data[2] if len(data) > 2 else 0
    name = data[3:3 + size]
    if not name or len(name) < size:
        return "00"
    if chr(name[0]).isalnum() and name[0] < 128 and chr(name[-1]).isalnum() and name[-1] < 128:
        return chr(name[0]) + chr(name[-1])
    text = name.hex()
    return text[0] + text[-1]
