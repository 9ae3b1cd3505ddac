"""Lookups of names, whichever protocol does them: a question, everything that was done for it, and what came of it."""
from __future__ import annotations

from typing import Final

from mypy_extensions import mypyc_attr

from dissectors.kit.event import Event, JsonValue
from dissectors.kit.identity import HOST, Identity, hosts_in
from dissectors.kit.units import duration, grouped, plural

# What came of it.
ANSWERED: Final = "answered"
NO_NAME: Final = "NXDOMAIN"     # RFC 2308 §2.1
NO_DATA: Final = "NODATA"       # RFC 2308 §2.2
TRUNCATED: Final = "truncated"  # RFC 1035 §4.1.1: TC
UNANSWERED: Final = "unanswered"
NOT_FOLLOWED: Final = "not followed"     # to its end: too many are open at once

MAX_LINE: Final = 120    # characters of a lookup in one line


class Step:
    """One exchange on the way. zone: what the server was asked as the authority for, "" where that is not known.

    answer: what it said, in words, "" where nothing was seen.     end_ns: -1 then.     attempts: queries sent.
    waited_ns: the longest time before it was asked once more, -1 where it was not.
    alike: of these, those that may be a question of somebody else on the same machine.     late_ns: since the question
    was given up, of an answer that came all the same; -1.
    failure: the code of an answer that is an error.     edns: whether the question carries EDNS.
    closed: how the connection that carried the question ended without an answer, in words.
    elsewhere: the address that answered in place of the server.
    """

    def __init__(
        self, client: str, server: str, zone: str, question: str, frame: int, start_ns: int, tcp: bool
    ) -> None:
        self.client = client
        self.server = server
        self.zone = zone
        self.question = question    # "shop.test A"
        self.answer = ""
        self.frames = [frame]
        self.start_ns = start_ns
        self.end_ns = -1
        self.tcp = tcp
        self.attempts = 1
        self.waited_ns = -1
        self.alike = 0
        self.late_ns = -1
        self.failure = ""
        self.edns = False
        self.closed = ""
        self.elsewhere = ""

    def same(self, server: str, question: str, tcp: bool) -> bool:
        """Whether this question is one more attempt at the same exchange."""
        return self.end_ns < 0 and (self.server, self.question, self.tcp) == (server, question, tcp)

    def text(self) -> str:
        of = f" ({self.zone if self.zone != '.' else 'root'})" if self.zone else ""
        times = f", asked {self.attempts} times" if self.attempts > 1 else ""
        return f"{self.server}{of}: {self.question}{times} → {self.answer or self.closed or 'no answer seen'}"

    def as_json(self) -> dict[str, JsonValue]:
        frames: list[JsonValue] = []
        frames.extend(self.frames)
        return {
            "client": self.client, "server": self.server, "zone": self.zone, "question": self.question,
            "answer": self.answer, "frames": frames, "start_ns": self.start_ns, "end_ns": self.end_ns, "tcp": self.tcp,
            "attempts": self.attempts,
        }


class Lookup:
    """name, type: as asked.     kind: answered, NXDOMAIN, NODATA, failed, unanswered, not followed, truncated,
    referral, alias.

    summary: the answer in short.     chain: aliases followed.     addresses: that the answer gives.
    seconds: how long the answer may be cached, -1 where it does not say.
    repeated_before_ttl: seconds for which an earlier answer to the same client was still good; -1 where there was none.
    over_tcp: asked again over TCP after a truncated answer.
    errors: the extended errors of its answers, in words, with their codes (RFC 8914).
    ring: names whose aliases lead back to the first of them.     referred: zones that it was referred to without an
    address of their servers, with the names of these.
    steps: exchanges, in order; several where servers referred onwards or the answer was fetched from others.
    """

    def __init__(self, name: str, type_: str, client: str, server: str, start_ns: int) -> None:
        self.name = name
        self.type = type_
        self.client = client
        self.server = server
        self.start_ns = start_ns
        self.end_ns = start_ns
        self.kind = UNANSWERED
        self.summary = ""
        self.chain: list[str] = []
        self.ring: list[str] = []
        self.referred: list[tuple[str, list[str]]] = []
        self.addresses: list[str] = []
        self.seconds = -1
        self.repeated_before_ttl = -1
        self.over_tcp = False
        self.errors: dict[int, str] = {}
        self.attempts = 0
        self.steps: list[Step] = []
        self.frames: list[int] = []
        self.conversations: list[int] = []
        self.left_out = 0       # steps beyond the cap

    def line(self) -> str:
        """`shop.test A → 10.0.0.2, valid 300 s`: for one row of the story."""
        text = f"{self.name} {self.type} → {self.result()}"
        if self.seconds > 0 and self.kind in (ANSWERED, NO_NAME, NO_DATA):
            text += f", valid {grouped(self.seconds)} s"
        return text

    def short(self) -> str:
        """One line, however long its records are."""
        line = self.line()
        return line if len(line) <= MAX_LINE else line[:MAX_LINE - 1].rstrip() + "…"

    def result(self) -> str:
        if self.kind == ANSWERED:
            return self.summary
        over_tcp = "without an answer over TCP" if self.over_tcp else "not seen to be asked again over TCP"
        return {
            NO_NAME: "no such name (NXDOMAIN)", NO_DATA: f"no {self.type} records (NODATA)",
            UNANSWERED: "no answer seen", NOT_FOLLOWED: "not followed to its end",
            TRUNCATED: f"truncated, and {over_tcp}",
        }.get(self.kind, self.summary)

    def what(self) -> str:
        """The lookup in a few sentences."""
        text = f"{self.client} looks up {self.name} {self.type}: {self.result()}"
        if self.end_ns > self.start_ns and self.kind not in (UNANSWERED, NOT_FOLLOWED):
            text += f", after {duration(self.end_ns - self.start_ns)}"
        if len(self.steps) == 1 and self.attempts > 1:
            text += f", asked {self.attempts} times"
        text += "."
        if self.chain:
            text += f" The name is an alias: {' → '.join([self.name, *self.chain])}."
        if self.over_tcp:
            text += " The answer over UDP was truncated, so the question was asked again over TCP."
        for error in self.errors.values():
            text += f" The server adds: {error}."
        if len(self.steps) > 1:
            text += f" It took {plural(len(self.steps) + self.left_out, 'exchange')}: "
            text += "; ".join([step.text() for step in self.steps]) + "."
        if self.repeated_before_ttl >= 0:
            text += (
                " Asked again before the TTL ran out: the answer that this client had was good for another "
                f"{grouped(self.repeated_before_ttl)} s."
            )
        return text

    def identifies(self) -> list[Identity]:
        """The names in it, whatever they look like."""
        named = [self.name, *self.chain]
        for step in self.steps:
            named += [step.zone, step.question.partition(" ")[0]]
        texts = [self.summary, *[step.answer for step in self.steps]]
        return [(HOST, name) for name in named if name not in ("", ".")] + hosts_in(" ".join(texts))

    def as_json(self) -> dict[str, JsonValue]:
        chain: list[JsonValue] = []
        chain.extend(self.chain)
        addresses: list[JsonValue] = []
        addresses.extend(self.addresses)
        frames: list[JsonValue] = []
        frames.extend(self.frames)
        conversations: list[JsonValue] = []
        conversations.extend(self.conversations)
        steps: list[JsonValue] = [step.as_json() for step in self.steps]
        return {
            "name": self.name, "type": self.type, "client": self.client, "server": self.server, "kind": self.kind,
            "result": self.result(), "chain": chain, "addresses": addresses, "cache_seconds": self.seconds,
            "repeated_before_ttl": self.repeated_before_ttl, "over_tcp": self.over_tcp, "attempts": self.attempts,
            "start_ns": self.start_ns, "end_ns": self.end_ns, "frames": frames, "conversations": conversations,
            "steps": steps, "steps_left_out": self.left_out,
        }


@mypyc_attr(allow_interpreted_subclasses=True)
class Book:
    """What a protocol puts together across the conversations of a capture.

    names: address to the name that an answer gave it.     dropped: what caps left out, by the name of the cap.
    """

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.dropped: dict[str, int] = {}

    def add(
        self, event: Event, conversation: int, originator: str, responder: str, tcp: bool = False,
        ports: tuple[int, int] = (0, 0),
    ) -> None:
        """The next event of its protocol, in order of time. originator, responder, ports: of its conversation."""

    def take(self) -> list[Lookup]:
        """The lookups that are complete, each once."""
        return []

    def pending(self) -> list[Lookup]:
        """Those that may go on, as they stand."""
        return []

    def finish(self) -> list[Lookup]:
        """The capture is over: every lookup, those that are open as they stand."""
        return []
