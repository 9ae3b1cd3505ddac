"""Generated load: TCP conversations with HTTP, sent over an interface as fast as asked for (Linux, as root).

    python -m bench.live_load IFACE --rate 500000 --seconds 5

One system call sends a whole batch of frames (sendmmsg(2)), and a response is handed over as a whole, which the kernel
cuts into segments (packet(7), PACKET_VNET_HDR), as it does for a program that sends much. The interface must not take
large segments itself (ethtool -K IFACE tso off gso off). Every batch has addresses of its own, so that its
conversations are new ones.
"""
from __future__ import annotations

import argparse
import bisect
import ctypes
import json
import os
import socket
import struct
import time
from itertools import accumulate
from typing import Final

SOL_PACKET: Final = 263          # linux/if_packet.h
PACKET_VNET_HDR: Final = 15
# struct virtio_net_hdr (linux/virtio_net.h): flags, kind of segments, octets of headers and of a segment's data,
# where the checksum begins and where it is stored
VNET_HEADER: Final = struct.Struct("=BBHHHH")
WHOLE: Final = VNET_HEADER.pack(0, 0, 0, 0, 0, 0)
SEGMENT: Final = 536             # octets of data: what TCP sends where no size was agreed (RFC 9293 §3.7.1)
IN_SEGMENTS: Final = VNET_HEADER.pack(1, 1, 14 + 20 + 20, SEGMENT, 14 + 20, 16)

FRAMES: Final = 2_000            # of a batch, at least
EXCHANGES: Final = 8             # requests of a conversation
SEGMENTS: Final = 16             # of a response
CLIENT: Final = b"\x0a\x63\x00\x00"      # stands for the address of a batch's clients
SERVER: Final = b"\x0a\x62\x00\x01"
REQUEST: Final = b"GET /item HTTP/1.1\r\nHost: shop.test\r\nAccept: */*\r\nUser-Agent: load\r\n\r\n"


class Piece:
    """A frame, or one that the kernel cuts into several. frames: how many there are on the wire."""

    def __init__(self, data: bytes, frames: int = 1) -> None:
        self.data = data
        self.frames = frames


class IoVec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class Message(ctypes.Structure):
    """struct mmsghdr, with its struct msghdr inside."""

    _fields_ = (
        ("name", ctypes.c_void_p), ("name_length", ctypes.c_uint32), ("vectors", ctypes.c_void_p),
        ("vector_count", ctypes.c_size_t), ("control", ctypes.c_void_p), ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int), ("hole", ctypes.c_int), ("sent", ctypes.c_uint),
    )


def frame(port: int, outward: bool, seq: int, ack: int, flags: int, payload: bytes = b"") -> bytes:
    """An Ethernet frame with a TCP segment, to an address that nobody has: the receiver's stack drops it early."""
    ethernet = bytes.fromhex("020000000fff02000000000a0800")
    source, target = (CLIENT, SERVER) if outward else (SERVER, CLIENT)
    ports = (port, 80) if outward else (80, port)
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 40 + len(payload), 0, 0x4000, 64, 6, 0) + source + target
    return ethernet + ip + struct.pack(">HHIIBBHHH", *ports, seq, ack, 0x50, flags, 502, 0, 0) + payload


def response(segments: int) -> bytes:
    """A response that fills so many segments."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %6d\r\n\r\n"
    body = segments * SEGMENT - len(head % 0)
    return head % body + b"x" * body


def conversation(port: int, exchanges: int, segments: int) -> list[Piece]:
    """Handshake, requests with their responses, the end: 6 + exchanges × (3 + segments) frames."""
    pieces = [
        Piece(frame(port, True, 1000, 0, 0x02)), Piece(frame(port, False, 5000, 1001, 0x12)),
        Piece(frame(port, True, 1001, 5001, 0x10)),
    ]
    asked, told = 1001, 5001
    answer = response(segments)
    for _ in range(exchanges):
        pieces.append(Piece(frame(port, True, asked, told, 0x18, REQUEST)))
        asked += len(REQUEST)
        pieces.append(Piece(frame(port, False, told, asked, 0x10)))
        pieces.append(Piece(frame(port, False, told, asked, 0x18, answer), segments))
        told += len(answer)
        pieces.append(Piece(frame(port, True, asked, told, 0x10)))
    return [
        *pieces, Piece(frame(port, True, asked, told, 0x11)), Piece(frame(port, False, told, asked + 1, 0x11)),
        Piece(frame(port, True, asked + 1, told + 1, 0x10)),
    ]


def octets(pieces: list[Piece]) -> int:
    """On the wire, with the headers of every segment."""
    return sum(len(piece.data) + (piece.frames - 1) * (14 + 20 + 20) for piece in pieces)


def batch_of(exchanges: int, segments: int) -> list[Piece]:
    """About FRAMES frames: whole conversations, one after the other."""
    pieces: list[Piece] = []
    port = 10_000
    while sum(piece.frames for piece in pieces) < FRAMES:
        pieces += conversation(port, exchanges, segments)
        port += 1
    return pieces


class Batch:
    """Pieces as sendmmsg wants them; `renew()` gives them other addresses. ends: frames up to the end of each."""

    def __init__(self, pieces: list[Piece], start: int) -> None:
        messages = [(IN_SEGMENTS if piece.frames > 1 else WHOLE) + piece.data for piece in pieces]
        self.ends = list(accumulate(piece.frames for piece in pieces))
        self.template = b"".join(messages)
        self.buffer = ctypes.create_string_buffer(self.template, len(self.template))
        self.vectors = (IoVec * len(messages))()
        self.messages = (Message * len(messages))()
        self.turn = start
        at = ctypes.addressof(self.buffer)
        for place, each in enumerate(messages):
            self.vectors[place].base = at
            self.vectors[place].length = len(each)
            self.messages[place].vectors = ctypes.addressof(self.vectors[place])
            self.messages[place].vector_count = 1
            at += len(each)

    def renew(self) -> None:
        self.turn += 1
        client = CLIENT[:1] + (self.turn & 0xFFFFFF).to_bytes(3, "big")
        self.buffer.raw = self.template.replace(CLIENT, client)


def send(interface: str, rate: float, seconds: float, pieces: list[Piece], start: int) -> tuple[int, float]:
    """(frames sent, seconds). rate: frames a second, 0 for as many as can be.    start: of the addresses."""
    libc = ctypes.CDLL(None, use_errno=True)
    batch = Batch(pieces, start)
    ends = batch.ends
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sender:
        sender.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        sender.bind((interface, 0))
        sent = place = 0
        # at least a hundred calls a second, so that the load is even
        most = ends[-1] if not rate else max(int(rate / 100), SEGMENTS)
        begin = time.perf_counter()
        while (now := time.perf_counter() - begin) < seconds:
            if rate and sent > now * rate:
                time.sleep(max(sent / rate - now, 0.0))
                continue
            if place == 0:
                batch.renew()
            before = ends[place - 1] if place else 0
            count = max(bisect.bisect_right(ends, before + most) - place, 1)
            done = libc.sendmmsg(sender.fileno(), ctypes.byref(batch.messages[place]), count, 0)
            if done < 0:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            sent += ends[place + done - 1] - before
            place = (place + done) % len(ends)
        return sent, time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.live_load", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("interface")
    parser.add_argument("--rate", type=float, default=0.0, help="frames a second (default: as many as can be)")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--exchanges", type=int, default=EXCHANGES, help="requests of a conversation (default 8)")
    parser.add_argument("--segments", type=int, default=SEGMENTS, help="of a response (default 16)")
    parser.add_argument("--start", type=int, default=0, help="where its addresses begin, so that two differ")
    options = parser.parse_args()
    pieces = batch_of(options.exchanges, options.segments)
    sent, taken = send(options.interface, options.rate, options.seconds, pieces, options.start)
    print(json.dumps({"sent": sent, "seconds": taken}))


if __name__ == "__main__":
    main()
