"""Whom the fields of a head name, for reports that name nobody."""
from __future__ import annotations

import pytest

from dissectors.kit.identity import HOST, UNIQUE, USER
from dissectors.wire.http.identity import identities_of
from dissectors.wire.http.message import Head


@pytest.mark.parametrize(
    ("field", "found"),
    [
        ((b"Alt-Svc", b'h3="backup:443"; ma=60, h2=":8443"'), [(HOST, "backup")]),
        ((b"X-Served-By", b"cache-fra1, cache-ams2"), [(HOST, "cache-fra1"), (HOST, "cache-ams2")]),
        ((b"USN", b"uuid:2fac1234-31f8::upnp:rootdevice"), [(UNIQUE, "2fac1234-31f8")]),
        ((b"Via", b"1.1 proxy7"), [(HOST, "proxy7")]),
        ((b"Server", b"nginx"), []),
        ((b"X-Cache", b"HIT from proxyalice"), [(HOST, "proxyalice")]),
        ((b"X-Forwarded-For", b"laptopalice, 10.0.0.1"), [(HOST, "laptopalice"), (HOST, "10.0.0.1")]),
        ((b"Location", b"//backendalice/x"), [(HOST, "backendalice")]),
        ((b"Set-Cookie", b"a=b; Domain=intranetalice; Path=/"), [(HOST, "intranetalice")]),
        ((b"Content-Security-Policy", b"connect-src intranetalice:443"), [(HOST, "intranetalice")]),
        ((b"Cache-Status", b"edgealice; hit"), [(HOST, "edgealice")]),
        ((b"From", b"alice@mailcorp"), [(USER, "alice@mailcorp")]),
        ((b"X-Forwarded-User", b"CORPZ\\asmith"), [(USER, "asmith"), (HOST, "CORPZ")]),
        ((b"WWW-Authenticate", b'Basic realm="vaultalice"'), [(UNIQUE, "vaultalice")]),
        ((b"X-Friendly-Name", b"Alices TV"), [(UNIQUE, "Alices TV")]),
    ],
)
def test_a_field(field: tuple[bytes, bytes], found: list[tuple[str, str]]) -> None:
    assert identities_of(Head("HTTP/1.1", "", "", "", "", 200, "OK", (field,))) == found
