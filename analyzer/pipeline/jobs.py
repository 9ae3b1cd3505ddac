"""The first pass on several cores: processes that follow some shares of the capture each, and share nothing.

They are forked once the capture is open, and each reads all of it: a frame costs little until it is known whose it is.
What each has counted, and the conversations that are told, then come to the one that goes on alone. It numbers them
all as if it had met them itself, so that what is told is the same for any number of processes.
"""
from __future__ import annotations

import contextlib
import mmap
import os
import signal
import socket
import struct
import sys
import time
from array import array
from typing import Any, Final, NoReturn

from analyzer.faults import in_words
from analyzer.flows.flow import Flow
from analyzer.flows.names import Named
from analyzer.flows.parcel import packed, unpacked
from analyzer.flows.tally import Numbering
from analyzer.ingest.source import Source
from analyzer.partition import SHARES
from analyzer.pipeline.survey import Survey

WORTH: Final = 64 << 20         # octets of a capture from which on more than one process pays by itself
LOOK: Final = 1 << 13           # frames between two looks at whether to go on
QUOTA: Final = "/sys/fs/cgroup/cpu.max"     # of time, in how much (Linux, control groups version 2)
WAIT: Final = 0.002             # seconds between two looks at what another process does
STUB_KEPT: Final = 1 << 30      # places that need what stands for a conversation: it is never taken apart

# Of what comes from another process, the first octet.
WELL: Final = b"+"
FAULT: Final = b"!"
NO_MEMORY: Final = b"M"


class LostProcess(Exception):
    """A process that followed a part of the capture has ended before it was done."""


def cores() -> int:
    """How many this process may use: a container may have the time of fewer than it sees."""
    seen = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        with open(QUOTA) as file:
            quota, period = file.read().split()
        return max(min(seen, int(quota) // int(period)), 1)
    except (OSError, ValueError, ZeroDivisionError):      # there is none; "max" where it does not bound
        return seen


def jobs_for(source: Source, wanted: int) -> int:
    """How many processes follow this capture. wanted: so many at most, 0 for what pays.

    What comes through a pipe is read once, by one. A compressed file is unpacked by each.
    """
    # On macOS, libraries of the system do not survive a fork.
    if not hasattr(os, "fork") or sys.platform == "darwin" or source.size < 0 or not source.rewindable:
        return 1
    return min(wanted or (cores() if source.size >= WORTH else 1), SHARES)


# -- what both sides have -----------------------------------------------------------------------------------------


class _Board:
    """A page that all see: whether the reading is to end, where, and up to which frame each is sure to read."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self.first = os.getpid()
        self.page = mmap.mmap(-1, 8 * (jobs + 2))
        self._put(1, -1)

    def _put(self, at: int, value: int) -> None:
        struct.pack_into("q", self.page, 8 * at, value)

    def _get(self, at: int) -> int:
        value: int = struct.unpack_from("q", self.page, 8 * at)[0]
        return value

    def promise(self, job: int, frame: int) -> int:
        """This job will read up to this frame. Gives the one to stop at, or `frame`, the lesser of the two."""
        self._put(2 + job, frame)
        if self._get(0) == 0:
            return frame
        while (stop := self._get(1)) < 0:
            if self.alone():
                return -1
            time.sleep(WAIT)
        return min(stop, frame)

    def alone(self) -> bool:
        """Whether who helps has nobody left to help."""
        return os.getpid() != self.first != os.getppid()

    def stop(self, frame: int) -> int:
        """The reading is to end, not before this frame: where, for all."""
        self._put(0, 1)
        time.sleep(WAIT)      # whoever has not seen that by now has promised before
        stop = max([frame, *[self._get(2 + job) for job in range(self.jobs)]])
        self._put(1, stop)
        return stop


class _Line:
    """Messages between two processes, each of its length and so many octets. None: the other one is not there."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end

    def say(self, message: bytes) -> None:
        self.end.sendall(len(message).to_bytes(8, "big") + message)

    def hear(self) -> bytes | None:
        length = self._octets(8)
        return None if length is None else self._octets(int.from_bytes(length, "big"))

    def _octets(self, count: int) -> bytes | None:
        found = bytearray()
        while len(found) < count:
            try:
                block = self.end.recv(min(count - len(found), 1 << 20))
            except ConnectionError:
                return None
            if not block:
                return None
            found += block
        return bytes(found)


# -- the one that helps -------------------------------------------------------------------------------------------


def _help(survey: Survey, line: _Line, board: _Board, job: int) -> None:
    """Follow the shares of this job, say what was counted, then hand over the conversations that are asked for."""
    while True:
        until = board.promise(job, int(survey.frames) + LOOK)
        if until <= survey.frames or not survey.step(until - int(survey.frames)):
            break
        if board.alone():
            return
    survey.finish()
    board.promise(job, int(survey.frames))
    known: dict[int, Flow] = {int(flow.number): flow for flow in survey.keeper.kept()}
    for book in survey.names.books:
        known.update((int(named.flow.number), named.flow) for named in book.values())
    for part in survey.keeper.parts:
        part.troubles.seen.clear()
    counted = (survey.keeper, survey.names.books, survey.faults)
    line.say(WELL + packed((array("q", survey.table.starts).tobytes(), packed(counted, False)), True))
    while (asked := line.hear()) is not None:
        numbers = array("q", asked)
        line.say(WELL + packed([known[number] for number in numbers], True))


def _partner(survey: Survey, line: _Line, board: _Board, job: int) -> NoReturn:
    """All that a forked process does. Nothing leaves it but what it says."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)      # whoever started it says when to end
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        _help(survey, line, board, job)
    except MemoryError:
        with contextlib.suppress(BaseException):
            line.say(NO_MEMORY)
    except BaseException as error:
        with contextlib.suppress(BaseException):
            line.say(FAULT + (in_words(error) if isinstance(error, Exception) else type(error).__name__).encode())
    finally:
        os._exit(0)


# -- the one that goes on -----------------------------------------------------------------------------------------


class _Partner:
    """A process that helps, as the one that goes on knows it."""

    def __init__(self, process: int, line: _Line, shares: list[int]) -> None:
        self.process = process
        self.line = line
        self.shares = shares
        self.starts: array[int] = array("q")
        self.counted = b""
        self.stubs: dict[int, Flow] = {}      # by its numbers; they have those of the capture

    def hear(self) -> Any:
        message = self.line.hear()
        if message is None:
            raise LostProcess(
                f"a process that followed a part of the capture {self._ended()} (--jobs 1 reads it with one)"
            )
        if message[:1] == NO_MEMORY:
            raise MemoryError
        if message[:1] == FAULT:
            raise LostProcess(f"in a process that followed a part of the capture: {message[1:].decode()}")
        return unpacked(message[1:], self.stub)

    def _ended(self) -> str:
        status = os.waitpid(self.process, 0)[1]
        self.process = 0
        return f"was ended by signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else "has ended"

    def stub(self, number: int) -> Flow:
        found = self.stubs.get(number)
        if found is None:
            found = self.stubs[number] = Flow(number, 0, b"", b"", 4, b"")
            found.kept = STUB_KEPT
        return found

    def fetch(self, flows: list[Flow]) -> dict[int, Flow]:
        """Of these, those that it has: by the number of the capture."""
        mine = {id(stub): number for number, stub in self.stubs.items()}
        numbers = sorted({mine[id(flow)] for flow in flows if id(flow) in mine})
        if not numbers:
            return {}
        self.line.say(array("q", numbers).tobytes())
        fetched: dict[int, Flow] = {}
        for number, flow in zip(numbers, self.hear(), strict=True):
            flow.number = self.stubs[number].number
            fetched[int(flow.number)] = flow
        return fetched

    def end(self) -> None:
        """What it knew is not needed any more."""
        self.line.end.close()
        if self.process:
            with contextlib.suppress(OSError):
                os.kill(self.process, signal.SIGKILL)
                os.waitpid(self.process, 0)
            self.process = 0


class Team:
    """The processes that follow a capture with this one, for the first pass. None of them is left after `end()`."""

    def __init__(self, survey: Survey, jobs: int) -> None:
        self.survey = survey
        self.partners: list[_Partner] = []
        survey.table.noting = True
        try:
            self.board = _Board(jobs)
            for job in range(1, jobs):
                self._fork(job, jobs)
        except OSError:        # the system gives no more: this one follows all of it
            self.end()
        if self.partners:
            survey.mine = _mine(0, jobs)

    def _fork(self, job: int, jobs: int) -> None:
        here, there = socket.socketpair()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process = os.fork()
            if process == 0:
                here.close()
                for partner in self.partners:      # or they would not hear that this process is gone
                    partner.line.end.close()
                self.survey.mine = _mine(job, jobs)
                self.survey.helps = True
                _partner(self.survey, _Line(there), self.board, job)
        except OSError:
            here.close()
            raise
        finally:
            there.close()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        shares = [share for share, its in enumerate(_mine(job, jobs)) if its]
        self.partners.append(_Partner(process, _Line(here), shares))

    def stop(self) -> None:
        """The reading is to end: read up to the frame where all of them do."""
        survey = self.survey
        stop = self.board.stop(int(survey.frames)) if self.partners else 0
        while survey.frames < stop and survey.step(min(stop - int(survey.frames), LOOK)):
            pass

    def gather(self) -> None:
        """Take over what the others have counted, and the conversations that are told."""
        if not self.partners:
            return
        survey = self.survey
        own = array("q", survey.table.starts)
        for partner in self.partners:
            starts, partner.counted = partner.hear()
            partner.starts = array("q", starts)
        every = [own, *[partner.starts for partner in self.partners]]
        _renumber(survey, Numbering(own, every))
        for partner in self.partners:
            ranks = Numbering(partner.starts, every)
            keeper, books, faults = unpacked(partner.counted, partner.stub)
            for number, stub in partner.stubs.items():
                stub.number = ranks.of(number)
            for share in partner.shares:
                keeper.parts[share].troubles.renumber(ranks)
                survey.names.books[share].update(books[share])
            survey.keeper.merge(keeper, partner.shares)
            survey.faults.include(faults)
        survey.names.settle()
        self._fetch()

    def _fetch(self) -> None:
        """The conversations that are kept, and then those that named their ends."""
        keeper, names = self.survey.keeper, self.survey.names.names
        for partner in self.partners:
            keeper.put(partner.fetch(keeper.kept()))
        named: dict[int, Named] = {}
        for flow in keeper.kept():
            size = int(flow.address_size)
            for address in (flow.forward[:size], flow.forward[size:2 * size]):
                found = names.get(address)
                if found is not None:
                    named[id(found)] = found
        for partner in self.partners:
            fetched = partner.fetch([one.flow for one in named.values()])
            for one in named.values():
                one.flow = fetched.get(int(one.flow.number), one.flow)

    def end(self) -> None:
        for partner in self.partners:
            partner.end()
        self.partners = []


def _mine(job: int, jobs: int) -> bytes:
    return bytes(share % jobs == job for share in range(SHARES))


def _renumber(survey: Survey, ranks: Numbering) -> None:
    keeper = survey.keeper
    flows = keeper.kept() + [named.flow for book in survey.names.books for named in book.values()]
    for flow in {id(flow): flow for flow in flows}.values():
        flow.number = ranks.of(int(flow.number))
    for part in keeper.parts:
        part.troubles.renumber(ranks)
