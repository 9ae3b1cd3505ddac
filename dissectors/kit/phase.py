"""Phases of a conversation as their protocols sum them up: what goes in, and what a summary says."""
from __future__ import annotations

from typing import Final

from mypy_extensions import mypyc_attr

from dissectors.kit.event import Event, Malformed
from dissectors.kit.lookup import Lookup
from dissectors.kit.units import plural, size

ARROWS: Final = ("→", "←")
MAX_FACTS: Final = 8     # that events add to the line of their phase

# What is counted of a conversation on a transport whose packets have a name of their own.
PACKETS: Final = {"udp": "datagram", "fragments": "fragment", "icmp": "message", "icmpv6": "message"}


@mypyc_attr(allow_interpreted_subclasses=True)
class Traffic:
    """The conversation that a phase is part of. Pairs: originator, responder.

    payload: octets above the transport.     stream: octets of a byte stream, each once, where its events do not tell
    them all; None where they do.     lookups: in which this conversation takes part.
    """

    def __init__(
        self, number: int, transport: str, start_ns: int, end_ns: int, frames: list[int], payload: list[int]
    ) -> None:
        self.number = number
        self.transport = transport
        self.start_ns = start_ns
        self.end_ns = end_ns
        self.frames = frames
        self.payload = payload
        self.stream: list[int] | None = None
        self.lookups: list[Lookup] = []

    def counted(self) -> list[str]:
        """`3 datagrams → (1.2 kB)`, for each direction that has any."""
        word = PACKETS.get(self.transport, "packet")
        return [
            f"{plural(self.frames[side], word)} {ARROWS[side]} ({size(self.payload[side])})"
            for side in (0, 1) if self.frames[side]
        ]


@mypyc_attr(allow_interpreted_subclasses=True)
class Stretch:
    """A phase to be summed up. kind: what its events call it.     title: what it is called where nothing more is known.

    events: in order of time.
    """

    def __init__(self, kind: str, title: str, events: list[Event], traffic: Traffic) -> None:
        self.kind = kind
        self.title = title
        self.events = events
        self.traffic = traffic
        self.start_ns = events[0].time
        self.end_ns = events[-1].time


@mypyc_attr(allow_interpreted_subclasses=True)
class Summary:
    """What a phase amounts to.

    facts: in a few words each: "one round trip", "1.2 MB ←".
    start_ns, end_ns: where they are not those of its first and last event.
    outcome: of an opening that led to nothing, in a few words for the story.
    octets: what it carried in each direction.
    label: what its row in the story is called, where the row is made of its facts and not of its events.
    """

    def __init__(self, stretch: Stretch, title: str, facts: list[str]) -> None:
        self.title = title
        self.facts = facts
        self.start_ns = stretch.start_ns
        self.end_ns = stretch.end_ns
        self.outcome = ""
        self.octets: list[int] = [0, 0]
        self.label = ""


def summed_up(stretch: Stretch, counted: list[str]) -> Summary:
    """What the events themselves say of their phase (`Event.phase_title`, `Event.phase_facts`), then what was counted.

    For a protocol that does not say otherwise.
    """
    events = stretch.events
    titles = [title for title in [event.phase_title() for event in events] if title]
    facts = list(dict.fromkeys([fact for event in events for fact in event.phase_facts()]))
    if len(facts) > MAX_FACTS:
        facts = [*facts[:MAX_FACTS], f"{plural(len(facts) - MAX_FACTS, 'further fact')} below"]
    facts += counted
    broken = len([event for event in events if isinstance(event, Malformed)])
    if broken:
        facts.append(plural(broken, "malformed message"))
    return Summary(stretch, titles[-1] if titles else stretch.title, facts)
