"""What is kept of single payloads, where names are planted in each place that may hold one."""
from __future__ import annotations

from analyzer.packets.disguised import Disguiser
from dissectors.registry import protocols

PLANTED = b"alice"


class Names:
    """Stand-ins that are easily told."""

    def name(self, labels: list[str]) -> list[str]:
        return ["n" * len(label) for label in labels]

    def v4(self, octets: bytes) -> bytes:
        return b"\x01\x01\x01\x01"

    def v6(self, octets: bytes) -> bytes:
        return b"\x02" * 16

    def mac(self, octets: bytes) -> bytes:
        return b"\x0a" * 6


def kept(carrier: str, payload: bytes, port: int) -> bytes:
    return Disguiser(protocols(), Names()).payload(carrier, payload, (40_000, port))[1]


def test_a_head_of_http_keeps_its_shape_and_no_word_of_anybody() -> None:
    head = (
        b"GET /alice/list?alice=alice HTTP/1.1\r\nHost: alice.test:8080\r\nUser-Agent: alice/1\r\n"
        b"X-Alice: 1\r\nCookie: a=alice\r\nContent-Length: 12\r\nContent-Type: application/vnd.alice+json\r\n"
        b"Accept-Encoding: gzip, br\r\nno field of alice\r\n folded alice\r\n\r\n"
    )
    found = kept("tcp", head + b"body of alice", 80)
    assert len(found) == len(head)
    assert PLANTED not in found.lower()
    assert found.startswith(b"GET /xxxxx/xxxx?xxxxx=xxxxx HTTP/1.1\r\nHost: nnnnn.nnnn:8080\r\n")
    assert b"\r\nContent-Length: 12\r\n" in found
    assert b"\r\nAccept-Encoding: gzip, br\r\n" in found
    assert kept("tcp", head[:60], 80) == found[:38]            # an incomplete line is none
    assert kept("tcp", b"HTTP/1.1 200 OK\r\nServer: alice\r\n\r\n", 80) == b"HTTP/1.1 200 OK\r\nServer: xxxxx\r\n\r\n"
    assert PLANTED not in kept("tcp", b"HTTP/1.1 200 alice\r\n\r\n", 80)
    assert kept("tcp", b"alice body\r\n\r\n", 80) == b""


def test_a_message_of_dns_is_kept_up_to_what_is_not_understood() -> None:
    header = b"\x12\x34\x81\x80\0\1\0\3\0\0\0\0"
    question = b"\5alice\4test\0\0\1\0\1"
    pointed = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\x01"
    text = b"\xc0\x0c\0\x10\0\1\0\0\0\x3c\0\6\5alice"
    unknown = b"\xc0\x0c\xff\x01\0\1\0\0\0\x3c\0\5alice"
    found = kept("udp", header + question + pointed + text + unknown, 53)
    assert found == header + b"\5nnnnn\4nnnn\0\0\1\0\1" + pointed[:-4] + b"\1\1\1\1" + text[:-5] + b"xxxxx"
    assert kept("udp", header + question, 9_999) == b""
    assert kept("udp", b"alice", 53) == b""
    loop = header[:4] + b"\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1"
    assert kept("udp", loop, 53) == loop[:12]


def test_of_tls_hellos_are_kept_and_certificates_are_not() -> None:
    def extension(kind: int, data: bytes) -> bytes:
        return kind.to_bytes(2, "big") + len(data).to_bytes(2, "big") + data

    name = b"\0\x0d\0\0\x0aalice.test"
    extensions = extension(0, name) + extension(35, b"alice") + extension(0xFACE, b"alice") + extension(43, b"\2\3\4")
    body = b"\3\3" + bytes(32) + b"\0" + b"\0\2\x13\1" + b"\1\0" + len(extensions).to_bytes(2, "big") + extensions
    hello = b"\1" + len(body).to_bytes(3, "big") + body
    record = b"\x16\3\1" + len(hello).to_bytes(2, "big") + hello
    certificate = b"\x16\3\3\0\x0d\x0b\0\0\x09" + b"certalice"
    found = kept("tcp", record + certificate + record, 443)
    assert len(found) == len(record) + 5
    assert PLANTED not in found
    assert b"nnnnn.nnnn" in found
    assert extension(43, b"\2\3\4") in found
    assert extension(21, bytes(5)) in found
