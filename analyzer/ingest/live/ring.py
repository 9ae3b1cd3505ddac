"""Frames from the rings of packet sockets (Linux, TPACKET_V3), by whole blocks.

The kernel hands a block over when it is full, or when its first frame has waited for the block timeout. A block is
copied and given back at once, then walked.

Order: frames of one interface come in the order in which the kernel saw them. Between interfaces they are in the
order of time, because a frame is held back until every other ring has handed over what is as old: a ring that hands
nothing over is believed to hold nothing older than HELD_NS. A block that the kernel hands over later than that (its
timer was late) brings frames that are out of order, as their times show. A ring that is a quarter full is not held
back any more: order gives way before frames are lost.
"""
from __future__ import annotations

import time
from importlib import import_module
from mmap import mmap
from socket import SO_ERROR, SOL_SOCKET
from typing import Any, Final

from librt.strings import read_i16_le, read_i32_le
from mypy_extensions import i64

from analyzer.ingest.live.links import ARPHRD_LOOPBACK, COOKED, COOKED_HEADER, ETHERNET, cooked_header, link_of
from analyzer.ingest.live.packet_socket import BLOCK, PacketSocket, interface_counters
from analyzer.ingest.live.source import DOWN, GONE, INBOUND, OUTBOUND, UNKNOWN, UP, Counts, LiveSource
from analyzer.ingest.source import Interface

# struct tpacket_block_desc, and its version 1 header.
BLOCK_STATUS: Final = 8
BLOCK_FRAMES: Final = 12
BLOCK_FIRST: Final = 16
BLOCK_LENGTH: Final = 20
TP_STATUS_USER: Final = 1
TO_KERNEL: Final = b"\0\0\0\0"

# struct tpacket3_hdr, and struct sockaddr_ll behind it.
NEXT: Final = 0
SECONDS: Final = 4
NANOSECONDS: Final = 8
CAPTURED: Final = 12
LENGTH: Final = 16
STATUS: Final = 20
MAC: Final = 24
NETWORK: Final = 26
VLAN_TCI: Final = 32
VLAN_TPID: Final = 36
PROTOCOL: Final = 50
INTERFACE: Final = 52
HARDWARE: Final = 56
KIND: Final = 58
ADDRESS_LENGTH: Final = 59
ADDRESS: Final = 60
TP_STATUS_VLAN_VALID: Final = 0x10
TP_STATUS_VLAN_TPID_VALID: Final = 0x40
PACKET_OUTGOING: Final = 4
MAC_ADDRESSES: Final = 12        # the two addresses of an Ethernet frame; a VLAN tag follows them
VLAN: Final = 0x8100             # IEEE 802.1Q, where the kernel does not say which tag it was

# A ring hands over whatever is as old as this: the block timeout, and some lateness of its timer.
HELD_NS: Final = 50_000_000
HOLD_SECONDS: Final = 0.005      # how often a frame that is held back is looked at again
WATCH_SECONDS: Final = 1.0       # how often the state of the interfaces is looked at
# Events of poll(2).
POLLIN: Final = 1
POLLERR: Final = 8
POLLHUP: Final = 16
POLLNVAL: Final = 32
MAX_LANES: Final = 10_000        # interfaces that one capture can tell apart; frames of further ones go to the last


class Lane:
    """One interface that frames come from. number: the kernel's.   place: in the source's `interfaces`."""

    def __init__(self, name: str, number: int, hardware: int, place: int) -> None:
        self.name = name
        self.number = number
        self.hardware: i64 = hardware
        self.link: i64 = link_of(hardware)
        self.loopback: bool = hardware == ARPHRD_LOOPBACK
        self.place: i64 = place
        self.frames: i64 = 0
        self.octets: i64 = 0
        self.state = UP
        self.missed_before = -1


class Ring:
    """The ring of one socket, and the frame of it that is next.

    ready: whether `data[start:end]` and what follows describe a frame that was not handed out yet.
    settled: every frame older than this was handed over by the kernel.
    """

    def __init__(self, packets: PacketSocket, memory: mmap, lane: Lane | None) -> None:
        self.packets = packets
        self.memory = memory
        self.lane = lane
        self.blocks = packets.blocks
        self.turn: i64 = 0
        self.block: bytes = b""
        self.left: i64 = 0
        self.at: i64 = 0
        self.settled: i64 = 0
        self.ready: bool = False
        self.data: bytes = b""
        self.start: i64 = 0
        self.end: i64 = 0
        self.time: i64 = 0
        self.length: i64 = 0
        self.number: i64 = 0     # of the interface, the kernel's
        self.hardware: i64 = 0
        self.direction: i64 = UNKNOWN

    def handed_over(self) -> bool:
        """Whether the kernel has handed the next block over."""
        status: int = self.memory[int(self.turn * BLOCK + BLOCK_STATUS)]
        return status & TP_STATUS_USER != 0

    def crowded(self) -> bool:
        """Whether a quarter of the blocks waits."""
        place = self.turn + self.blocks // 4
        if place >= self.blocks:
            place -= self.blocks
        status: int = self.memory[int(place * BLOCK + BLOCK_STATUS)]
        return status & TP_STATUS_USER != 0

    def fetch(self) -> bool:
        """Take the next block, where the kernel has handed it over, and give it back."""
        if not self.handed_over():
            return False
        base = int(self.turn * BLOCK)
        memory = self.memory
        head = memory[base:base + BLOCK_LENGTH + 4]
        used = i64(read_i32_le(head, BLOCK_LENGTH))
        block = memory[base:base + int(min(used, BLOCK))]
        memory[base + BLOCK_STATUS:base + BLOCK_STATUS + 4] = TO_KERNEL
        self.block = block
        self.left = i64(read_i32_le(head, BLOCK_FRAMES))
        self.at = i64(read_i32_le(head, BLOCK_FIRST))
        self.turn += 1
        if self.turn == self.blocks:
            self.turn = 0
        return True

    def step(self, wanted: i64) -> bool:
        """Find the next frame of this direction (UNKNOWN: any). Sets `ready` where there is one."""
        while True:
            while self.left == 0:
                if not self.fetch():
                    return False
            self.left -= 1
            at = self.at
            block = self.block
            self.at = at + i64(read_i32_le(block, at + NEXT))
            outgoing = i64(block[at + KIND]) == PACKET_OUTGOING
            if outgoing:
                # A frame on the loopback interface goes out and comes in; it is one frame.
                if wanted == INBOUND:
                    continue
                if wanted == UNKNOWN and i64(read_i16_le(block, at + HARDWARE)) == ARPHRD_LOOPBACK:
                    continue
            elif wanted == OUTBOUND:
                continue
            self.direction = OUTBOUND if outgoing else INBOUND
            self.take(block, at)
            return True

    def take(self, block: bytes, at: i64) -> None:
        """Describe the frame whose header stands at block[at:]."""
        self.time = (
            (i64(read_i32_le(block, at + SECONDS)) & 0xFFFFFFFF) * 1_000_000_000
            + (i64(read_i32_le(block, at + NANOSECONDS)) & 0xFFFFFFFF)
        )
        start = at + (i64(read_i16_le(block, at + MAC)) & 0xFFFF)
        captured = i64(read_i32_le(block, at + CAPTURED))
        self.length = i64(read_i32_le(block, at + LENGTH)) & 0xFFFFFFFF
        self.number = i64(read_i32_le(block, at + INTERFACE))
        self.hardware = i64(read_i16_le(block, at + HARDWARE)) & 0xFFFF
        self.data = block
        self.start = start
        self.end = start + captured
        self.ready = True
        status = i64(read_i32_le(block, at + STATUS))
        if status & TP_STATUS_VLAN_VALID:
            self.put_tag_back(at, status)
        elif self.hardware != 1 and link_of(int(self.hardware)) == COOKED:
            self.cook(at, b"", i64(block[at + PROTOCOL]) << 8 | i64(block[at + PROTOCOL + 1]))

    def put_tag_back(self, at: i64, status: i64) -> None:
        """The kernel took the VLAN tag out of the frame and keeps it beside it."""
        block = self.block
        kind: i64 = VLAN
        if status & TP_STATUS_VLAN_TPID_VALID:
            kind = i64(read_i16_le(block, at + VLAN_TPID)) & 0xFFFF
        tag = int(i64(read_i32_le(block, at + VLAN_TCI)) & 0xFFFF).to_bytes(2, "big")
        link = link_of(int(self.hardware))
        if link == COOKED:
            self.cook(at, tag + block[at + PROTOCOL:at + PROTOCOL + 2], kind)
        elif link == ETHERNET and self.end - self.start >= MAC_ADDRESSES:
            middle = self.start + MAC_ADDRESSES
            self.data = block[self.start:middle] + int(kind).to_bytes(2, "big") + tag + block[middle:self.end]
            self.start = 0
            self.end = len(self.data)
            self.length += 4

    def cook(self, at: i64, tag: bytes, protocol: i64) -> None:
        """A header of ours before the packet, for an interface whose own means nothing to a reader."""
        block = self.block
        hidden = (i64(read_i16_le(block, at + NETWORK)) - i64(read_i16_le(block, at + MAC))) & 0xFFFF
        skipped = min(hidden, self.end - self.start)
        size = min(i64(block[at + ADDRESS_LENGTH]), 8)
        self.data = cooked_header(
            int(protocol), int(self.number), int(self.hardware), int(i64(block[at + KIND])),
            block[at + ADDRESS:at + ADDRESS + size],
        ) + tag + block[self.start + skipped:self.end]
        self.start = 0
        self.end = len(self.data)
        self.length += COOKED_HEADER + len(tag) - hidden


class RingSource(LiveSource):
    """Frames of several packet sockets whose rings are running. `wanted`: UNKNOWN, INBOUND or OUTBOUND."""

    def __init__(self, name: str, sockets: list[PacketSocket], wanted: int, snaplen: int, filter: str) -> None:
        super().__init__(name)
        self.wanted: i64 = wanted
        self.filter = filter
        self.snaplen = snaplen
        self.lanes: list[Lane] = []
        self.by_number: dict[int, Lane] = {}
        self.current: Lane | None = None
        self.rings: list[Ring] = []
        self.by_descriptor: dict[int, Ring] = {}
        self.sockets = sockets
        self.shared: bool = False            # one ring for all interfaces
        self.stopped_at: i64 = -1
        self.stop_by = 0.0
        self.watched = time.monotonic()
        self.missed_at_start = missed()
        self.polls: Any = import_module("select").poll()
        for each in sockets:
            if each.memory is None:
                raise ValueError("the ring of a socket was not started")
            lane: Lane | None = None
            if each.name:
                lane = self.add_lane(each.name, each.index, each.hardware)
                if each.state_of(each.index)[0] != UP:
                    lane.state = DOWN
                    self.notify(time.time_ns(), each.name, f"{each.name} is down: nothing comes before it is up")
            else:
                self.shared = True
            ring = Ring(each, each.memory, lane)
            self.rings.append(ring)
            self.by_descriptor[each.receiver.fileno()] = ring
            self.polls.register(each.receiver.fileno(), POLLIN)

    def add_lane(self, name: str, number: int, hardware: int) -> Lane:
        lane = Lane(name, number, hardware, len(self.lanes))
        lane.missed_before = self.missed_at_start.get(name, -1)
        self.lanes.append(lane)
        self.by_number[number] = lane
        interface = Interface(int(lane.link), self.snaplen, 1_000_000_000, name)
        interface.filter = self.filter
        self.interfaces.append(interface)
        return lane

    def lane_of(self, ring: Ring) -> Lane:
        """The interface of the ring's frame; of all interfaces, each is met with its first frame."""
        number = int(ring.number)
        lane = self.by_number.get(number)
        if lane is None:
            if ring.lane is not None:
                return ring.lane
            if len(self.lanes) >= MAX_LANES:
                return self.lanes[-1]
            lane = self.add_lane(ring.packets.name_of(number), number, int(ring.hardware))
        return lane

    def next(self) -> bool:
        ring = self.rings[0] if len(self.rings) == 1 else self.earliest()
        if ring is None or (not ring.ready and not ring.step(self.wanted)):
            return self.nothing()
        if self.stopped_at >= 0 and ring.time > self.stopped_at:
            return self.past_the_end(ring)
        ring.ready = False
        lane = self.current
        if lane is None or lane.number != ring.number:
            lane = self.lane_of(ring)
            self.current = lane
        length = ring.length
        lane.frames += 1
        lane.octets += length
        self.data = ring.data
        self.start = ring.start
        self.end = ring.end
        self.time = ring.time
        self.length = length
        self.link = lane.link
        self.interface = lane.place
        self.direction = ring.direction
        self.number += 1
        self.position += length
        return True

    def earliest(self) -> Ring | None:
        """The ring whose frame is the next in time, once no other can have an older one."""
        first: Ring | None = None
        for ring in self.rings:
            if not ring.ready and not ring.step(self.wanted):
                continue
            if first is None or ring.time < first.time:
                first = ring
        if first is None:
            return None
        for ring in self.rings:
            if not ring.ready and ring.settled < first.time and not self.settle(ring, first.time):
                return first if first.crowded() else None
        return first

    def settle(self, ring: Ring, time_wanted: i64) -> bool:
        """Whether a ring that has nothing for us can hold nothing that is older than this."""
        now: i64 = time.time_ns()
        if ring.handed_over():
            return False         # since it was looked at; the next call takes it
        ring.settled = now - HELD_NS
        return ring.settled >= time_wanted

    def nothing(self) -> bool:
        """No frame for now; always False, for `next()`."""
        if not self.ended:
            if self.stopped_at >= 0 and time.monotonic() >= self.stop_by:
                self.ended = not self.waiting()
            elif not self.rings:
                self.ended = True
        return False

    def past_the_end(self, ring: Ring) -> bool:
        """A frame that came after `stop()`; the ring it is from has nothing more for us."""
        ring.ready = False
        self.rings = [other for other in self.rings if other is not ring]
        if not self.rings:
            self.ended = True
            return False
        return self.next()

    def waiting(self) -> bool:
        """Whether a frame, or a block, waits to be looked at."""
        waits = False
        for ring in self.rings:
            waits = waits or ring.ready or ring.left > 0 or ring.handed_over()
        return waits

    def wait(self, timeout: float) -> bool:
        if self.ended:
            return True
        now = time.monotonic()
        if now - self.watched > WATCH_SECONDS:
            self.watch()
        held = False
        for ring in self.rings:
            if ring.ready:
                held = True
            elif ring.left or ring.handed_over():
                return True
        if self.stopped_at >= 0:
            timeout = min(timeout, max(self.stop_by - now, 0.0))
        events: list[tuple[int, int]] = self.polls.poll(0 if held else timeout * 1000.0)
        for descriptor, event in events:
            if event & (POLLERR | POLLHUP | POLLNVAL):
                self.trouble(self.by_descriptor[descriptor])
        if held:                 # until the clock lets it go; the ring it is from may well have more
            time.sleep(min(timeout, HOLD_SECONDS))
        return held or bool(events)

    def trouble(self, ring: Ring) -> None:
        """A socket reports an error: its interface went down, or away. Asking for the error clears it."""
        ring.packets.receiver.getsockopt(SOL_SOCKET, SO_ERROR)
        self.watch()

    def watch(self) -> None:
        """Look at the state of every interface, and tell what changed."""
        self.watched = time.monotonic()
        for lane in self.lanes:
            if lane.state == GONE or not self.sockets:
                continue
            state, name = self.sockets[0].state_of(lane.number)
            if state != GONE and name != lane.name:
                self.rename(lane, name)
            if state == lane.state:
                continue
            before = lane.state
            lane.state = state
            if state == GONE:
                self.lose(lane)
            elif state == DOWN:
                self.notify(time.time_ns(), lane.name, f"{lane.name} went down; what comes once it is up is captured")
            elif before == DOWN:
                self.notify(time.time_ns(), lane.name, f"{lane.name} is up")

    def rename(self, lane: Lane, name: str) -> None:
        """An interface has another name now, and is the same one. What was described before keeps the old name."""
        self.notify(time.time_ns(), name, f"{lane.name} was renamed to {name}; the capture goes on")
        lane.name = name
        self.interfaces[int(lane.place)].name = name
        if not self.shared:
            self.title = ", ".join([each.name for each in self.lanes])

    def lose(self, lane: Lane) -> None:
        """An interface was removed. What is in its ring is still handed out; the capture ends with the last one."""
        others = [each for each in self.lanes if each.state != GONE]
        end = "" if others or self.shared else "; no interface is left, so the capture ends"
        self.notify(time.time_ns(), lane.name, f"{lane.name} was removed{end}")
        for ring in self.rings:
            if ring.lane is lane:
                self.polls.unregister(ring.packets.receiver.fileno())
        if end:
            self.stop()

    def stop(self) -> None:
        if self.stopped_at < 0:
            self.stop_by = time.monotonic() + 2 * HELD_NS / 1e9
            self.stopped_at = time.time_ns()

    def counts(self) -> list[Counts]:
        if time.monotonic() - self.watched > WATCH_SECONDS and self.sockets:
            self.watch()
        now = missed()
        for each in self.sockets:
            each.count()
        found: list[Counts] = []
        for lane in self.lanes:
            count = Counts(lane.name, int(lane.link))
            count.frames = int(lane.frames)
            count.octets = int(lane.octets)
            count.state = lane.state
            if lane.name in now and lane.missed_before >= 0:
                count.missed = max(now[lane.name] - lane.missed_before, 0)
            if not self.shared:
                count.received = self.sockets[int(lane.place)].received
                count.dropped = self.sockets[int(lane.place)].dropped
            found.append(count)
        return found

    def received(self) -> int:
        for each in self.sockets:
            each.count()
        return sum(each.received for each in self.sockets)

    def dropped(self) -> int:
        for each in self.sockets:
            each.count()
        return sum(each.dropped for each in self.sockets)

    def backlog(self) -> float:
        worst = 0.0
        for ring in self.rings:
            full: i64 = 0
            place: i64 = 0
            while place < ring.blocks:
                status: int = ring.memory[int(place * BLOCK + BLOCK_STATUS)]
                full += status & TP_STATUS_USER
                place += 1
            worst = max(worst, float(full) / float(ring.blocks))
        return worst

    def close(self) -> None:
        """Counters keep what was counted last."""
        if self.sockets:
            for each in self.sockets:
                each.count()
        self.ended = True
        self.rings = []
        for each in self.sockets:
            each.close()


def missed() -> dict[str, int]:
    """Frames that each interface dropped on the way in, so far."""
    return {name: counters[2] for name, counters in interface_counters().items()}
