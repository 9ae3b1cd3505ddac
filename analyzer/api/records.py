"""What is told, as plain records: immutable, typed, and apart from how it was found.

Times are integer nanoseconds since 1970, -1 or None where the capture has none. Texts hold no secrets unless asked for.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """What events together mean.

    severity: "chat", "note", "warn" or "error".
    confidence: "certain", "likely" or "possible", for what `basis` says.
    conversation: its number, 0 where it concerns the capture.     frames: that prove it.
    refute: what would disprove it.     cost_ns, victims: 0 where nobody can say.
    explains, explained_by: numbers of other findings.
    """

    number: int
    code: str
    severity: str
    confidence: str
    sentence: str
    conversation: int
    frames: tuple[int, ...]
    display_filter: str
    next_step: str
    refute: str
    basis: str
    cost_ns: int
    victims: int
    explains: tuple[int, ...]
    explained_by: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.severity} {self.code}: {self.sentence}"


@dataclass(frozen=True)
class Cause:
    """A root cause. also: findings that say the same of other conversations, which `more` sums up in a sentence.

    explains: findings that follow from it.     severity: the worst of all these; cost_ns, victims: of them together.
    """

    finding: Finding
    severity: str
    more: str
    also: tuple[Finding, ...]
    explains: tuple[Finding, ...]
    cost_ns: int
    victims: int

    @property
    def sentence(self) -> str:
        return f"{self.finding.sentence} {self.more}".rstrip()


@dataclass(frozen=True)
class Verdict:
    """What went wrong: causes, dearest first.

    kind: "causes", "clean" (nothing went wrong that this capture shows) or "unsure" (it is too poor to say).
    sentence: of the two last.     covered: what it rests on.     doubts: what the capture cannot show, a sentence each.
    """

    kind: str
    sentence: str
    covered: str
    doubts: tuple[str, ...]
    causes: tuple[Cause, ...]

    def __str__(self) -> str:
        return self.sentence or "\n".join(cause.sentence for cause in self.causes)


@dataclass(frozen=True)
class Endpoint:
    """One side. name: from an answer or a name block of this capture, "" for none; port: 0 where there are none."""

    address: str
    port: int
    name: str

    def __str__(self) -> str:
        if not self.port:
            return self.address
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


@dataclass(frozen=True)
class Event:
    """Something that happened. name: stable, as `tls.client_hello`.     spec: of the standard, as "RFC 9293 §3.5".

    direction: "forward" (by the originator), "backward" or None.     text: in a sentence.     fields: its values, as in
    JSON.     why: why the protocol does this, "" where it goes without saying.
    """

    name: str
    time_ns: int
    conversation: int
    stream: int
    direction: str | None
    frames: tuple[int, ...]
    label: str
    detail: str
    text: str
    why: str
    spec: str
    fields: dict[str, Any]


@dataclass(frozen=True)
class Phase:
    """A stretch of a conversation. facts: in a few words each.     left_out: what was counted only, in words."""

    kind: str
    title: str
    start_ns: int
    end_ns: int
    facts: tuple[str, ...]
    left_out: tuple[str, ...]
    events: tuple[Event, ...]


@dataclass(frozen=True)
class Booking:
    """Time that went to one cause, from since_ns to until_ns (not included). basis: what that rests on."""

    cause: str
    since_ns: int
    until_ns: int
    frames: tuple[int, ...]
    confidence: str
    basis: str

    @property
    def ns(self) -> int:
        return self.until_ns - self.since_ns


@dataclass(frozen=True)
class Series:
    """Numbers over time, of one direction ("forward" or "backward"), thinned without losing extremes.

    name: a column of the table `courses`, such as "outstanding_most" or "ack_time_most" (round trips, where the capture
    shows them).     unit: "B", "ns" or "bit/s".     values: at these times; where one is not known there is none.
    """

    name: str
    direction: str
    unit: str
    times_ns: tuple[int, ...]
    values: tuple[int, ...]


@dataclass(frozen=True)
class Conversation:
    """One conversation. Pairs are the originator's and the responder's.

    transport: "tcp", "udp", "icmp" …     protocol: the application protocol that was recognised, "" for none.
    state, history: Zeek's conn_state and history.     tcp: what its segments were counted for, as in JSON, or None.
    phases, account, series: empty where what it carried was not read.     account: where its time went, without a gap.
    exchanges: requests with their answers, one dictionary each, with the columns of the table of that name.
    """

    number: int
    transport: str
    protocol: str
    originator: Endpoint
    responder: Endpoint
    scope: str
    first_frame: int
    last_frame: int
    start_ns: int
    end_ns: int
    frames: tuple[int, int]
    octets: tuple[int, int]
    payload: tuple[int, int]
    state: str
    history: str
    community_id: str
    display_filter: str
    tcp: dict[str, Any] | None
    phases: tuple[Phase, ...]
    exchanges: tuple[dict[str, Any], ...]
    account: tuple[Booking, ...]
    series: tuple[Series, ...]

    @property
    def events(self) -> tuple[Event, ...]:
        """Of all its phases, in order."""
        return tuple(event for phase in self.phases for event in phase.events)


@dataclass(frozen=True)
class Summary:
    """The capture as a whole. conversations: all that there are; read: those of which what they carried was read.

    dropped: frames that the capturing system lost, None where it does not say.     left_out: what shortened all this.
    narrowed: what of the capture was asked for, and how much that is, where it is not all of it.
    """

    names: tuple[str, ...]
    frames: int
    octets: int
    start_ns: int
    end_ns: int
    links: tuple[str, ...]
    seen_from: str
    conversations: int
    read: int
    by_transport: dict[str, int]
    damage: tuple[str, ...]
    truncated_frames: int
    dropped: int | None
    left_out: tuple[str, ...]
    narrowed: tuple[str, ...]
