"""A connection of QUIC for measuring what its packets cost: protected as an endpoint would."""
from __future__ import annotations

import time
from importlib import import_module
from typing import Any, Final

AES_128_GCM_SHA256: Final = 0x1301
FIRST: Final = b"\x83\x94\xc8\xf0\x3e\x51\x57\x08"     # the client's first connection ID
CLIENT, SERVER = b"client00", b"server00"
RANDOM: Final = bytes(range(32))
SECRET: Final = b"s" * 32
PAYLOAD: Final = 1_161        # octets of a stream in a packet of 1200, beside header, number, frame and tag


def datagrams(packets: int) -> list[Any]:
    """The handshake, as far as a passer-by follows it, then packets of 1200 octets of the server, two to an ACK."""
    kit: Any = import_module("dissectors.kit.inputs")
    made = [(0, _initial(0, FIRST, CLIENT, _hello())), (1, _initial(1, CLIENT, SERVER, b"\x02\0\0\0\0"))]
    keys = _keys()
    made.append((0, _short(keys[0], SERVER, 0, b"\x01")))
    for number in range(packets):
        offset = (0xC000_0000_0000_0000 | number * PAYLOAD).to_bytes(8, "big")
        made.append((1, _short(keys[1], CLIENT, number, b"\x0c\0" + offset + bytes(PAYLOAD))))
        if number % 2:
            largest = (0x8000_0000 | number).to_bytes(4, "big")
            made.append((0, _short(keys[0], SERVER, number, b"\x02" + largest + b"\0\0" + b"\1")))
    return [
        kit.Datagram(frame, frame * 1_000_000, direction, data, len(data), 42)
        for frame, (direction, data) in enumerate(made, 1)
    ]


def alone(packets: int) -> tuple[int, float]:
    """(packets, seconds) of what cannot be saved: the mask and the content of each, two to an ACK."""
    keys = _keys()[0]
    made = [(bytes(size), keys.aead.encrypt(bytes(12), bytes(size), b"\x43" + CLIENT)) for size in (PAYLOAD + 10, 16)]
    begin = time.perf_counter()
    for number in range(packets):
        for _plain, sealed in made[:1 + number % 2]:
            keys.mask(sealed[:16])
            keys.aead.decrypt(bytes(12), sealed, b"\x43" + CLIENT)
    return packets + packets // 2, time.perf_counter() - begin


def observer(*, keys: bool) -> Any:
    """Who reads them. keys: the secrets of the connection are there."""
    contract: Any = import_module("dissectors.kit.protocol")
    provided: Any = import_module("dissectors.kit.provided").Provided()
    if keys:
        for label in (b"CLIENT_TRAFFIC_SECRET_0 ", b"SERVER_TRAFFIC_SECRET_0 "):
            provided.secrets[label + RANDOM] = SECRET
    create = import_module("dissectors.protocols.quic.protocol").QUIC.create
    return create(contract.Context("udp", 50_000, 443, provided=provided))


def _hello() -> bytes:
    body = b"\x03\x03" + RANDOM + b"\0\0\x02\x13\x01\1\0\0\0"
    message = b"\1" + len(body).to_bytes(3, "big") + body
    return b"\x06\0" + bytes((len(message),)) + message


def _keys() -> tuple[Any, Any]:
    protection: Any = import_module("dissectors.protocols.quic.protection")
    version = import_module("dissectors.protocols.quic.versions").version_of(1)
    return tuple([protection.keys_of(AES_128_GCM_SHA256, SECRET, version) for _ in range(2)])


def _initial(side: int, dcid: bytes, scid: bytes, payload: bytes) -> bytes:
    protection: Any = import_module("dissectors.protocols.quic.protection")
    version = import_module("dissectors.protocols.quic.versions").version_of(1)
    keys = protection.initial_keys(version, FIRST)[side]
    payload = payload.ljust(1_150, b"\0")
    head = b"\xc3\0\0\0\1" + bytes((len(dcid),)) + dcid + bytes((len(scid),)) + scid + b"\0"
    return _protected(keys, head + (0x4000 | len(payload) + 20).to_bytes(2, "big"), 0, payload, 0x0F)


def _short(keys: Any, dcid: bytes, number: int, payload: bytes) -> bytes:
    return _protected(keys, b"\x43" + dcid, number, payload.ljust(8, b"\0"), 0x1F)


def _protected(keys: Any, head: bytes, number: int, payload: bytes, bits: int) -> bytes:
    """RFC 9001 §5.3, §5.4."""
    plain = head + number.to_bytes(4, "big")
    sealed = keys.aead.encrypt((keys.iv ^ number).to_bytes(12, "big"), payload, plain)
    mask = keys.mask(sealed[:16])
    hidden = bytes([one ^ other for one, other in zip(plain[-4:], mask[1:5], strict=True)])
    return bytes((head[0] ^ mask[0] & bits,)) + head[1:] + hidden + bytes(sealed)
