"""The emulated link: one thread that takes frames out of tap devices and puts them into others, later.

Every device sits on a segment, a switch that knows the devices' fixed addresses. A frame takes the sender's
delay, the segment's jitter, rate and faults, and the receiver's delay. All chance comes from the link's seed.
"""
from __future__ import annotations

import ctypes
import fcntl
import heapq
import os
import random
import select
import struct
import threading
import time
from collections import deque
from dataclasses import dataclass, field

from samples.record.frames import Sight, look, mark_ce, tagged
from samples.record.network import Action, Fault, Link

TUNSETIFF = 0x400454CA      # linux/if_tun.h
IFF_TAP = 0x0002
IFF_NO_PI = 0x1000
CLONE_NEWNET = 0x40000000   # linux/sched.h
FRAME_MAX = 65536
BURST = 64                  # frames taken from one device before the others are looked at


def open_tap(namespace: str, device: str) -> int:
    """Opens (and so makes) a tap device inside a named network namespace; the file stays usable outside."""
    libc = ctypes.CDLL(None, use_errno=True)
    opened: list[int] = []
    failed: list[OSError] = []

    def inside() -> None:   # a namespace belongs to a thread: this one is used up for it
        try:
            where = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
            if libc.setns(where, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            os.close(where)
            tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TAP | IFF_NO_PI))
            opened.append(tap)
        except OSError as error:
            failed.append(error)

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return opened[0]


@dataclass
class Port:
    """A device on a segment, as the link sees it."""

    host: str
    segment: str
    mac: bytes
    tap: int
    delay_ns: int
    bridged: bool = False       # takes every frame
    busy_until_ns: int = 0      # when the last frame towards it has left its queue
    leaving_ns: deque[int] = field(default_factory=deque)    # when each frame in its queue leaves it
    last_due_ns: int = 0        # jitter alone never reorders
    tokens: float = -1.0        # octets that its policer lets pass at once, and when that was; -1 before the first
    tokens_ns: int = 0


class _Counter:
    """Counts frames of one fault's kind and sender; a retransmission keeps its ordinal."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.total = 0
        self.known: dict[bytes, list[int]] = {}    # identity: ordinal, transmissions so far

    def hits(self, sight: Sight) -> bool:
        entry = self.known.get(sight.identity) if sight.identity else None
        if entry is None:
            self.total += 1
            entry = [self.total, 0]
            if sight.identity:
                self.known[sight.identity] = entry
        entry[1] += 1
        return entry[0] in self.fault.ordinals and entry[1] <= self.fault.copies


class Segment:
    """One switch: its settings, its chance, its count of frames."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.chance = random.Random(link.seed)
        self.counters = [_Counter(fault) for fault in link.faults]


class Emulator(threading.Thread):
    """Runs until stop(). A write to a device that is down is a frame lost, as on a real cable."""

    def __init__(self, ports: list[Port], links: dict[str, Link], mirror: int = -1,
                 tags: tuple[tuple[int, int], ...] = ()) -> None:
        super().__init__(daemon=True)
        self.ports = ports
        self.segments = {p.segment: Segment(links.get(p.segment, Link())) for p in ports}
        self.mirror = mirror
        self.tags = tags
        self.heap: list[tuple[int, int, int, bytes]] = []    # due, order, port index (or -1), frame
        self.order = 0
        self.wake_read, self.wake_write = os.pipe()
        self.armed = threading.Event()                       # faults count from the capture's start on

    def stop(self) -> None:
        os.write(self.wake_write, b".")
        self.join()
        os.close(self.wake_read)
        os.close(self.wake_write)

    def run(self) -> None:
        by_tap = {port.tap: port for port in self.ports}
        watched = [*by_tap, self.wake_read]
        while True:
            now = time.monotonic_ns()
            wait = max(0.0, (self.heap[0][0] - now) / 1e9) if self.heap else None
            ready = select.select(watched, [], [], wait)[0]
            if self.wake_read in ready:
                return
            for tap in ready:
                for _ in range(BURST):
                    try:
                        frame = os.read(tap, FRAME_MAX)
                    except BlockingIOError:
                        break
                    self.take(by_tap[tap], frame, time.monotonic_ns())
            self.deliver(time.monotonic_ns())

    def deliver(self, now: int) -> None:
        while self.heap and self.heap[0][0] <= now:
            _, _, index, frame = heapq.heappop(self.heap)
            try:
                os.write(self.ports[index].tap if index >= 0 else self.mirror, frame)
            except OSError:
                continue

    def push(self, due: int, index: int, frame: bytes) -> None:
        self.order += 1
        heapq.heappush(self.heap, (due, self.order, index, frame))

    def take(self, source: Port, frame: bytes, now: int) -> None:
        """A frame enters the switch of its sender."""
        segment = self.segments[source.segment]
        link = segment.link
        if link.largest_frame and len(frame) > link.largest_frame:
            return
        if self.mirror >= 0:
            self.push(now + source.delay_ns, -1, tagged(frame, self.tags))
        fault = self.fault(segment, source, frame)
        action = fault.action if fault else None
        if action is Action.DROP or segment.chance.random() < link.loss:
            return
        if action is Action.MARK_CE:
            frame = mark_ce(frame)
        held = int(fault.by_ms * 1e6) if fault and action is Action.DELAY else 0
        if segment.chance.random() < link.reorder:
            held = int(link.reorder_ms * 1e6)
        twice = segment.chance.random() < link.duplicate
        for index, port in enumerate(self.ports):
            if port is source or port.segment != source.segment:
                continue
            if frame[0] & 1 or port.bridged or frame[:6] == port.mac:
                self.send(segment, source, index, frame, now, held)
                if fault and action is Action.DUPLICATE:
                    self.send(segment, source, index, frame, now, int(fault.by_ms * 1e6))
                elif twice:
                    self.send(segment, source, index, frame, now, 0)

    def fault(self, segment: Segment, source: Port, frame: bytes) -> Fault | None:
        if not segment.counters or not self.armed.is_set():
            return None
        sight = look(frame)
        found: Fault | None = None
        for counter in segment.counters:
            wanted = counter.fault
            if wanted.source == source.host and wanted.kind is sight.kind and counter.hits(sight):
                found = found or wanted
        return found

    def send(self, segment: Segment, source: Port, index: int, frame: bytes, now: int, held: int) -> None:
        """Towards one device: its queue and rate, then both delays and the jitter."""
        port, link = self.ports[index], segment.link
        left = now
        if link.police_kbit and not self.passes(port, link, len(frame), now):
            return
        if link.rate_kbit:
            while port.leaving_ns and port.leaving_ns[0] <= now:
                port.leaving_ns.popleft()
            if len(port.leaving_ns) >= link.queue_frames:
                return
            left = max(now, port.busy_until_ns) + len(frame) * 8 * 1_000_000 // link.rate_kbit
            port.busy_until_ns = left
            port.leaving_ns.append(left)
        due = left + source.delay_ns + port.delay_ns
        if link.jitter_ms:
            due += int(segment.chance.uniform(0, link.jitter_ms) * 1e6)
        if held:
            due += held
        else:
            due = max(due, port.last_due_ns)
            port.last_due_ns = due
        self.push(due, index, frame)

    def passes(self, port: Port, link: Link, octets: int, now: int) -> bool:
        """A token bucket (RFC 2697 §3, with one rate) that is full at first."""
        if port.tokens < 0:
            port.tokens = float(link.police_octets)
        else:
            gained = (now - port.tokens_ns) * link.police_kbit / 8e6
            port.tokens = min(port.tokens + gained, float(link.police_octets))
        port.tokens_ns = now
        if port.tokens < octets:
            return False
        port.tokens -= octets
        return True
