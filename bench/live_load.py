"""Generated load: TCP conversations with HTTP, sent over an interface as fast as asked for (Linux, as root).

    python -m bench.live_load IFACE --rate 500000 --seconds 5

One system call sends a whole batch of frames (sendmmsg(2)). Every batch has addresses of its own, so that its
conversations are new ones.
"""
from __future__ import annotations

import argparse
import ctypes
import json
import os
import socket
import struct
import time
from typing import Final

SOL_PACKET: Final = 263          # linux/if_packet.h
PACKET_QDISC_BYPASS: Final = 20

FRAMES: Final = 1_000            # of a batch, at least
CLIENT: Final = b"\x0a\x63\x00\x00"      # stands for the address of a batch's clients
SERVER: Final = b"\x0a\x62\x00\x01"
REQUEST: Final = b"GET /item HTTP/1.1\r\nHost: shop.test\r\nAccept: */*\r\nUser-Agent: load\r\n\r\n"
BODY: Final = b"x" * 300
RESPONSE: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 300\r\n\r\n" + BODY


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


def conversation(port: int, exchanges: int) -> list[bytes]:
    """Handshake, requests with their responses, the end: 6 + 4 × exchanges frames."""
    frames = [
        frame(port, True, 1000, 0, 0x02), frame(port, False, 5000, 1001, 0x12), frame(port, True, 1001, 5001, 0x10),
    ]
    asked, told = 1001, 5001
    for _ in range(exchanges):
        frames.append(frame(port, True, asked, told, 0x18, REQUEST))
        asked += len(REQUEST)
        frames += [frame(port, False, told, asked, 0x10), frame(port, False, told, asked, 0x18, RESPONSE)]
        told += len(RESPONSE)
        frames.append(frame(port, True, asked, told, 0x10))
    return [
        *frames, frame(port, True, asked, told, 0x11), frame(port, False, told, asked + 1, 0x11),
        frame(port, True, asked + 1, told + 1, 0x10),
    ]


def batch_of(exchanges: int) -> list[bytes]:
    """About FRAMES frames: whole conversations, one after the other."""
    frames: list[bytes] = []
    port = 10_000
    while len(frames) < FRAMES:
        frames += conversation(port, exchanges)
        port += 1
    return frames


class Batch:
    """Frames as sendmmsg wants them; `renew()` gives them other addresses."""

    def __init__(self, frames: list[bytes], start: int) -> None:
        self.template = b"".join(frames)
        self.buffer = ctypes.create_string_buffer(self.template, len(self.template))
        self.vectors = (IoVec * len(frames))()
        self.messages = (Message * len(frames))()
        self.turn = start
        at = ctypes.addressof(self.buffer)
        for place, each in enumerate(frames):
            self.vectors[place].base = at
            self.vectors[place].length = len(each)
            self.messages[place].vectors = ctypes.addressof(self.vectors[place])
            self.messages[place].vector_count = 1
            at += len(each)

    def renew(self) -> None:
        self.turn += 1
        client = CLIENT[:1] + (self.turn & 0xFFFFFF).to_bytes(3, "big")
        self.buffer.raw = self.template.replace(CLIENT, client)


def send(interface: str, rate: float, seconds: float, exchanges: int, start: int) -> tuple[int, float]:
    """(frames sent, seconds). rate: frames a second, 0 for as many as can be.    start: of the addresses."""
    libc = ctypes.CDLL(None, use_errno=True)
    frames = batch_of(exchanges)
    batch = Batch(frames, start)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sender:
        sender.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
        sender.bind((interface, 0))
        sent = place = 0
        # at least a hundred batches a second, so that the load is even
        most = len(frames) if not rate else min(len(frames), max(int(rate / 100), 10))
        begin = time.perf_counter()
        while (now := time.perf_counter() - begin) < seconds:
            if rate and sent > now * rate:
                time.sleep(max(sent / rate - now, 0.0))
                continue
            if place == 0:
                batch.renew()
            count = min(most, len(frames) - place)
            done = libc.sendmmsg(sender.fileno(), ctypes.byref(batch.messages[place]), count, 0)
            if done < 0:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            sent += done
            place = (place + done) % len(frames)
        return sent, time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.live_load", description=__doc__)
    parser.add_argument("interface")
    parser.add_argument("--rate", type=float, default=0.0, help="frames a second (default: as many as can be)")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--exchanges", type=int, default=24, help="requests of a conversation (default 24)")
    parser.add_argument("--start", type=int, default=0, help="where its addresses begin, so that two differ")
    options = parser.parse_args()
    sent, taken = send(options.interface, options.rate, options.seconds, options.exchanges, options.start)
    print(json.dumps({"sent": sent, "seconds": taken}))


if __name__ == "__main__":
    main()
