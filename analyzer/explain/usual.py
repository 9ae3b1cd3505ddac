"""What is usual in this capture: the way to a server, and how soon it answers otherwise. Waits are held against it.

A time that is fixed once and for all is wrong somewhere: 700 ms are nothing over a satellite and much for a server that
answers in a millisecond. So a wait is told where it is far beyond the other answers of the same server to the same
request, or to any, without the way to it; and a fixed time is left for those that nothing can be held against.
"""
from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from analyzer.model import Conversation, Phase, Told
from dissectors.kit.units import duration, median, span
from dissectors.protocols.grpc.events import GrpcMessage, GrpcMessageRun
from dissectors.protocols.tcp.events_transfer import Transfer
from dissectors.wire.http.describe import asks_to_wait, kind_of_request
from dissectors.wire.http.events import ExchangeEvent

NOTICED_NS: Final = 200_000_000     # beyond what is usual; less is seldom noticed, and a busy machine adds as much
LONG_NS: Final = 1_000_000_000      # without a yardstick: a person's train of thought is interrupted
FAR: Final = 5                      # times as long as three quarters of the other answers
STEADY: Final = 2                    # times as long as the fastest quarter, within which answers take alike
ENOUGH: Final = 5                   # other answers that make a yardstick
SURE: Final = 20                    # ... and one that shows questions and answers where nobody reads them
MANY_TIMES: Final = 20              # times as long, for that
LEAST_POLLS: Final = 3              # requests for the same that were held, one after another, to be long polling
VARY: Final = 3                     # ... whose waits differ so many times
TRIPS: Final = 3                    # round trips, in which an answer comes
STREAMED: Final = 2                 # messages of an answer of gRPC from which on it is a stream

# What thresholds say of it.
WAIT: Final = (
    f"{span(LONG_NS)} beyond the way to the server, where a person's train of thought breaks off; or, where there are "
    f"at least {ENOUGH} other answers of this server, {FAR} times what three quarters of them took, and "
    f"{span(NOTICED_NS)} beyond it, since less is seldom noticed"
)
TOO_SOON: Final = "a capture that ends sooner does not show that nothing came"


class Answers:
    """How long answers took, each in ns, of one kind."""

    def __init__(self) -> None:
        self.waits: list[int] = []
        self._sorted = True

    def add(self, wait: int) -> None:
        self.waits.append(wait)
        self._sorted = False

    def but(self, wait: int) -> Others:
        """All the others than one that took so long."""
        if not self._sorted:
            self.waits.sort()
            self._sorted = True
        place = bisect_left(self.waits, wait)
        return Others(self.waits[:place] + self.waits[place + 1:])


class Others:
    """Other answers, the fastest first."""

    def __init__(self, waits: list[int]) -> None:
        self.waits = waits
        self.enough = len(waits) >= ENOUGH
        self.most_ns = waits[len(waits) * 3 // 4] if waits else -1     # as long as three quarters of them took at most

    def far_beyond(self, wait: int, times: int = FAR) -> bool:
        """Whether it is unusual: many times what three quarters of them took, and by so much that it is noticed."""
        return self.enough and wait - self.most_ns >= NOTICED_NS and wait >= times * self.most_ns

    def steady(self) -> bool:
        """Whether most of them took about as long, as answers do, and not what has nothing to do with questions."""
        return self.enough and self.most_ns <= STEADY * self.waits[len(self.waits) // 4]

    def middle(self) -> str:
        return duration(int(median(self.waits)))


class Usual:
    """Of a whole capture. Nothing is reckoned before it is asked for."""

    def __init__(self, told: Sequence[Told]) -> None:
        self._told = told
        self._requests: dict[str, Answers] | None = None
        self._turns: dict[str, Answers] | None = None
        self._held: set[int] = set()
        self._ways: dict[str, dict[str, int]] | None = None

    def _of_requests(self) -> dict[str, Answers]:
        if self._requests is None:
            self._requests = {}
            self._read_requests(self._requests)
        return self._requests

    def _read_requests(self, into: dict[str, Answers]) -> None:
        groups: dict[str, list[ExchangeEvent]] = {}
        for told in self._told:
            one = told.conversation
            streams = _streams(told.phases)
            for phase in told.phases:
                for event in phase.events:
                    if not isinstance(event, ExchangeEvent) or event.times.waited_ns() < 0:
                        continue
                    if event.stream in streams and event.stream >= 0:
                        self._held.add(id(event))
                        continue
                    what = kind_of_request(event.request) if event.request is not None else ""
                    groups.setdefault(f"{one.originator.address} {one.responder} {what}", []).append(event)
        for key, group in groups.items():
            self._held.update(_polls(group))
            service, what = key.split(" ", 2)[1:]
            for event in group:
                if id(event) not in self._held:
                    into.setdefault(service, Answers()).add(event.times.waited_ns())
                    into.setdefault(f"{service} {what}", Answers()).add(event.times.waited_ns())

    def waits_on_purpose(self, exchange: ExchangeEvent) -> bool:
        """An answer that is long in coming because nothing happened, or that is no single one: a long poll, a stream of
        events or messages."""
        self._of_requests()
        response = exchange.response
        if response is not None and (
            response.get(b"content-type").lower().startswith(b"text/event-stream") or response.status == 101
        ):
            return True
        return id(exchange) in self._held or (exchange.request is not None and asks_to_wait(exchange.request))

    def requests(self, one: Conversation, exchange: ExchangeEvent) -> Others:
        """The other answers of this server: to the same request where there are enough, else to any."""
        known = self._of_requests()
        wait = exchange.times.waited_ns()
        what = kind_of_request(exchange.request) if exchange.request is not None else ""
        same = known.get(f"{one.responder} {what}", Answers()).but(wait)
        return same if same.enough else known.get(str(one.responder), Answers()).but(wait)

    def turns(self, one: Conversation, wait: int) -> Others:
        """How soon else this server sent something after its client had, whatever that was."""
        if self._turns is None:
            self._turns = {}
            for told in self._told:
                runs = [event for phase in told.phases for event in phase.events if isinstance(event, Transfer)]
                for run in runs:
                    if run.direction != runs[0].direction and run.after_ns >= 0:
                        self._turns.setdefault(str(told.conversation.responder), Answers()).add(run.after_ns)
        return self._turns.get(str(one.responder), Answers()).but(wait)

    def way_elsewhere(self, client: str, server: str) -> list[int]:
        """The shortest round trip of a handshake of this client with each other server, ascending."""
        if self._ways is None:
            self._ways = {}
            for told in self._told:
                one = told.conversation
                if one.tcp is not None and one.tcp.initial_rtt_ns > 0:
                    of = self._ways.setdefault(one.originator.address, {})
                    here = one.responder.address
                    of[here] = min(of.get(here, one.tcp.initial_rtt_ns), one.tcp.initial_rtt_ns)
        return sorted([rtt for address, rtt in self._ways.get(client, {}).items() if address != server])


def way_to_server(one: Conversation) -> int:
    """How long it takes at least to a server and back, from where the capture was taken; 0 where that is not known."""
    tcp = one.tcp
    if tcp is None:
        return 0
    known = [rtt for rtt in (tcp.rtt_min_ns[0], tcp.handshake_rtt_ns) if rtt >= 0]
    return min(known, default=0)


def loaded_way(one: Conversation) -> int:
    """How long it took on average, with what waits in queues on the way while somebody uploads."""
    tcp = one.tcp
    mean = tcp.rtt_sum_ns[0] // tcp.rtt_samples[0] if tcp is not None and tcp.rtt_samples[0] else 0
    return max(mean, way_to_server(one))


def patience(one: Conversation, least: int) -> int:
    """How long to wait before silence means something: `least`, or longer where the way is long or its queues are."""
    tcp = one.tcp
    if tcp is None:
        return least
    means = [total // count for total, count in zip(tcp.rtt_sum_ns, tcp.rtt_samples, strict=True) if count]
    return max([least, TRIPS * tcp.initial_rtt_ns, *[TRIPS * mean for mean in means]])


def _streams(phases: list[Phase]) -> set[int]:
    """Streams on which a server sent several messages: it says something whenever it has something to say."""
    found: set[int] = set()
    for phase in phases:
        for event in phase.events:
            if isinstance(event, GrpcMessage):
                if not event.from_client and event.number >= STREAMED:
                    found.add(event.stream)
            elif isinstance(event, GrpcMessageRun) and event.counts[1]:
                found.add(event.stream)
    return found


def _polls(group: list[ExchangeEvent]) -> list[int]:
    """Which of these requests for the same are long polls: held, and asked again as soon as they were answered."""
    found: list[int] = []
    run: list[ExchangeEvent] = []
    for earlier, later in pairwise(sorted(group, key=_begun)):
        again = 0 <= later.times.begun - earlier.times.ended <= LONG_NS
        if not again or min(earlier.times.waited_ns(), later.times.waited_ns()) < NOTICED_NS:
            run = []
            continue
        run = run or [earlier]
        run.append(later)
        if len(run) >= LEAST_POLLS and _for_news(run):
            found += [id(event) for event in run]
    return found


def _for_news(run: list[ExchangeEvent]) -> bool:
    """A slow server takes about as long each time, and has an answer; news come whenever they come."""
    waits = [event.times.waited_ns() for event in run]
    empty = any(event.response is not None and event.response.status in (204, 304) for event in run)
    return max(waits) >= LONG_NS and (empty or max(waits) >= VARY * min(waits))


def _begun(exchange: ExchangeEvent) -> int:
    return exchange.times.begun
