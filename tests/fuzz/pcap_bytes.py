"""Captures and segments built byte by byte."""
from __future__ import annotations

import struct
from random import Random

from analyzer.packet import Packet

EPOCH = 1_700_000_000
ETHERNET = 1


def pcap(frames: list[bytes], link: int = ETHERNET, lengths: list[int] | None = None, apart: int = 1) -> bytes:
    """A classic capture file. lengths: sizes on the wire where they differ.     apart: ms from frame to frame."""
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link)]
    for index, frame in enumerate(frames):
        length = lengths[index] if lengths else len(frame)
        second, millisecond = divmod(index * apart, 1000)
        out.append(struct.pack("<IIII", EPOCH + second, millisecond * 1000, len(frame), length) + frame)
    return b"".join(out)


def ethernet(payload: bytes, ethertype: int = 0x0800) -> bytes:
    return bytes(12) + ethertype.to_bytes(2) + payload


def ipv4(payload: bytes, protocol: int, source: bytes = b"\x0a\0\0\1", destination: bytes = b"\x0a\0\0\2") -> bytes:
    return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0) + source + destination + payload


def udp(payload: bytes, sport: int, dport: int) -> bytes:
    return struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload


def tcp(
    payload: bytes, sport: int, dport: int, seq: int = 1, ack: int = 1, flags: int = 16, window: int = 1000,
    options: bytes = b"",
) -> bytes:
    offset = (20 + len(options)) // 4 << 4
    return struct.pack(
        ">HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, offset, flags, window, 0, 0
    ) + options + payload


def damaged(frames: list[bytes], random: Random) -> list[bytes]:
    """Frames with flipped bits, wrong lengths, cut, said twice, left out or exchanged."""
    out = list(frames)
    for _ in range(random.choice((1, 4, 16))):
        at = random.randrange(len(out))
        frame = bytearray(out[at])
        kind = random.randrange(7)
        if kind <= 1 and frame:
            frame[random.randrange(len(frame))] ^= 1 << random.randrange(8)
        elif kind == 2 and frame:
            place = random.randrange(len(frame))
            frame[place:place + 2] = random.choice((b"\xff\xff", b"\0\0", b"\0\1", b"\x80\0"))
        elif kind == 3:
            del frame[random.randrange(len(frame) + 1):]
        elif kind == 4:
            frame += random.randbytes(random.randint(1, 40))
        elif kind == 5:
            out.insert(at, out[random.randrange(len(out))])
            continue
        elif len(out) > 1:
            del out[at]
            continue
        out[at] = bytes(frame)
    return out


def packet_of(data: bytes, frame: int, length: int = 0, scope: bytes = b"") -> Packet:
    """Two IPv4 addresses and a transport header behind them, as decoding leaves them."""
    packet = Packet()
    packet.data, packet.ip_version, packet.dst, packet.transport = data, 4, 4, 8
    packet.end, packet.true_end = len(data), len(data) + length
    packet.scope, packet.number, packet.time, packet.length = scope, frame, frame * 1_000_000, 54 + length
    return packet
