"""Our account of a transfer beside the kernel's: shares of the time, and the congestion window."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from analyzer.model import Analysis, Told
from analyzer.pipeline.run import Options, analyze
from bench.limits.truth import Sample, Shares, Trip, bounds, shares, trips, window_at
from dissectors.kit.account import APPLICATION, CLIENT, CLOSED_WINDOW, IDLE, RECEIVER, SERVER, Books
from dissectors.protocols.tcp.events_congestion import CUBIC, RATE, RENO, CongestionCourse

WINDOW_CAUSES: Final = (RECEIVER.key, CLOSED_WINDOW.key)
PROGRAM_CAUSES: Final = (APPLICATION.key, CLIENT.key, SERVER.key, IDLE.key)
POINTS: Final = 10.0            # a share may be so many points beside the kernel's
WINDOW_OFF: Final = 15          # and a window so many per cent
CONTROLS: Final = {RENO: "reno", CUBIC: "cubic", RATE: "bbr"}


@dataclass(frozen=True)
class Compared:
    """ours, theirs: shares; counters: theirs by rwnd_limited alone. trips: round trips outside recovery in which the
    kernel filled its congestion window, or we name one. right: those in which ours is near enough. named: in which we
    name one.
    """

    name: str
    ours: Shares
    theirs: Shares
    counters: Shares
    trips: int
    named: int
    right: int
    control: str = ""

    def near(self) -> bool:
        return self.ours.apart(self.theirs) <= POINTS

    def near_counters(self) -> bool:
        return self.ours.apart(self.counters) <= POINTS

    def line(self) -> str:
        def three(of: Shares) -> str:
            return f"{of.receiver:5.1f} {of.application:5.1f} {of.rest:5.1f}"

        window = f"{self.right:4} of {self.trips:4}, {self.named:4} named" if self.trips else "none to compare"
        window += f", looks like {CONTROLS[self.control]}" if self.control else ""
        return (
            f"{self.name:36} kernel {three(self.theirs)}   ours {three(self.ours)}   "
            f"{self.ours.apart(self.theirs):5.1f} {'    ' if self.near() else 'FAR '} window {window}"
        )


def our_shares(books: Books, since: int, until: int) -> Shares:
    """Of the time from since to until, in per cent."""
    of = [0, 0]
    for cause, length in books.between(since, until):
        if cause.key in WINDOW_CAUSES:
            of[0] += length
        elif cause.key in PROGRAM_CAUSES:
            of[1] += length
    receiver, application = (100 * length / (until - since) for length in of)
    return Shares(receiver, application, 100 - receiver - application)


def windows(
    found: list[Trip], samples: list[Sample], points: list[tuple[int, int]], *, late: int
) -> tuple[int, int, int]:
    """(round trips, named, right). points: (ns, octets), ours.

    late: by how many ns what the sender does passes the capture later, beside what waits in queues.
    """
    least = min(1000 * sample.of["min_rtt_us"] for sample in samples)
    counted = named = right = 0
    for trip in found:
        if trip.recovery:
            continue
        length = trip.until - trip.since
        shift = late + max(length - least, 0) if late else 0
        inside = [point for point in points if trip.since <= point[0] - shift < trip.until]
        if not inside and trip.used:      # then the round trip that ours is of, which began in this one
            inside = [point for point in points if 0 <= point[0] - shift - trip.until < length][:1]
        counted += trip.used or bool(inside)
        named += bool(inside)
        if inside:
            at, octets = inside[-1]
            least_window, most_window = window_at(samples, at - shift)
            right += (100 - WINDOW_OFF) * least_window <= 100 * octets <= (100 + WINDOW_OFF) * most_window
    return counted, named, right


def told_of(capture: Path) -> tuple[Analysis, Told]:
    analysis = analyze([str(capture)], Options())
    return analysis, max(analysis.told, key=lambda told: sum(told.conversation.payload))


def compared(
    name: str, told: Told, samples: list[Sample], *, sender: int, late: int, paced: bool
) -> Compared:
    """sender: the direction that is compared.     late: see `windows`.     paced: see `shares`."""
    since, until = bounds(samples)
    points = told.courses[sender].congestion
    counted, named, right = windows(trips(samples), samples, points, late=late)
    # At the receiver the transfer goes from its first data to its last ACK.
    ours = our_shares(told.books, since + late, until - late)
    counters = shares(samples, paced=False)
    course = next((
        event for phase in told.phases for event in phase.events
        if isinstance(event, CongestionCourse) and event.direction == sender
    ), None)
    control = course.algorithm() if course is not None else ""
    return Compared(name, ours, shares(samples, paced=paced), counters, counted, named, right, control)
