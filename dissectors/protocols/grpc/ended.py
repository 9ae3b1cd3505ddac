"""The event that sums a call up: pattern, status, time against the deadline."""
from __future__ import annotations

from typing import ClassVar, Final

from dissectors.kit.event import CORE, LINED, Event, Headline, JsonValue
from dissectors.kit.observation import what_ended
from dissectors.kit.units import duration, plural, size
from dissectors.protocols.grpc.codes import DEADLINE_EXCEEDED, OK, status_meaning, status_name
from dissectors.protocols.grpc.events import GRPC, Call
from dissectors.wire.http.events import HttpSeen

# How it ended.
ANSWERED: Final = "status"          # the server sent a status
RESET: Final = "reset"              # the stream was given up without one
NO_STATUS: Final = "no status"      # the response ended without one
UNKNOWN_STATUS: Final = "status unknown"    # it refers to header fields from before the capture
OPEN: Final = "open"                # what is observed ended first

UNARY: Final = "unary"
SERVER_STREAMING: Final = "server streaming"
CLIENT_STREAMING: Final = "client streaming"
BIDIRECTIONAL: Final = "bidirectional streaming"

NEAR: Final = 0.95                  # of the deadline: a reset this late is most likely its doing


class GrpcOutcome:
    """What a call came to. Times in ns since it began, -1 where not seen.

    status: that was sent, -1 for none; implied: that the client makes of it where none was sent, -1 for nothing.
    given_up_ns: when the stream was reset, by the client or not, while the other side may have sent on.
    foreign: the media type of the answer, where it is none of gRPC.     hidden: fields of the trailers are not known.
    carrier: how the layer beneath ended, as `Close` has it.
    declared: the pattern is that of the user's schema, and not only what was seen.
    largest: octets of the largest message that each side announced, the client's first.
    """

    def __init__(self) -> None:
        self.how = OPEN
        self.status = -1
        self.implied = -1
        self.http_status = -1
        self.message = ""
        self.details = b""
        self.trailers_only = False
        self.pushback_ms = -1
        self.given_up_ns = -1
        self.by_client = False
        self.foreign = ""
        self.hidden = False
        self.carrier = ""
        self.pattern = ""
        self.declared = False
        self.counts = (0, 0)
        self.largest = (0, 0)
        self.octets = (0, 0)
        self.headers_ns = -1
        self.first_ns = -1
        self.sent_ns = -1
        self.total_ns = -1
        self.metadata: list[tuple[str, str]] = []


class GrpcEnded(Event):
    """The end of a call. begun: when it began, in ns since 1970."""

    name: ClassVar[str] = "grpc.ended"
    normally: ClassVar[str] = LINED
    phase: ClassVar[str] = GRPC
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "gRPC over HTTP2"
    WHY: ClassVar[str] = (
        "Whether a call succeeded stands at its very end, in the trailers: grpc-status 0 is success, whatever the "
        "status of HTTP, which is 200 nearly always. A server can so fail after it has sent half of a stream."
    )

    def __init__(self, seen: HttpSeen, call: Call, outcome: GrpcOutcome, begun: int) -> None:
        super().__init__(seen.time, seen.direction, seen.evidence)
        self.call = call
        self.outcome = outcome
        self.begun = begun

    def late(self) -> bool:
        """It ended when its deadline was over, or nearly."""
        deadline = self.call.deadline_ns
        return deadline >= 0 and self.outcome.total_ns >= deadline * NEAR

    def result(self) -> str:
        """`OK`, `NOT_FOUND`, `given up`."""
        outcome = self.outcome
        if outcome.how == ANSWERED:
            return status_name(outcome.status)
        if outcome.how == RESET:
            return "given up at the deadline" if self.late() else "given up"
        if outcome.how == UNKNOWN_STATUS:
            return "status not known"
        return "no status" if outcome.how == NO_STATUS else "still open"

    def label(self) -> str:
        return self.result()

    def what(self) -> str:
        outcome = self.outcome
        took = f" after {duration(outcome.total_ns)}" if outcome.total_ns >= 0 else ""
        if outcome.how == ANSWERED:
            meaning = status_meaning(outcome.status)
            text = f"The call ends{took} with {status_name(outcome.status)} ({outcome.status})"
            text += f": {meaning}." if meaning else "."
            if outcome.trailers_only:
                text += " The response is a status alone, without a message."
        elif outcome.how == RESET:
            who = " by the client" if outcome.by_client else ""
            text = f"The stream of the call was given up{who}{took}"
            if outcome.status >= 0:
                later = self.time - self.begun - outcome.given_up_ns
                text += (
                    f". The status of the server, {status_name(outcome.status)} ({outcome.status}), came "
                    f"{duration(max(later, 0))} after that."
                )
            else:
                text += ", before a status of the server was seen."
            if self.late() and not outcome.by_client:
                text += " The deadline was over by then, so it was most likely the client that gave up."
        elif outcome.how == NO_STATUS:
            page = f"; it is {outcome.foreign}, and no message of gRPC" if outcome.foreign else ""
            text = f"The response ends{took} without a status{page}."
            if outcome.implied >= 0:
                said = f"HTTP {outcome.http_status}" if outcome.http_status >= 0 else "that"
                text += f" A client makes {status_name(outcome.implied)} of {said}."
        elif outcome.how == UNKNOWN_STATUS:
            text = f"The response ends{took}; its status refers to header fields from before what was read."
        else:
            text = {
                "timeout": "The call had not ended, and nothing more came.",
                "unread": "What comes after of the call was not read.",
                "lost": "How the call ended is not known: bytes are missing from the capture.",
            }.get(outcome.carrier, f"The call is not finished when {what_ended(outcome.carrier)} ends.")
        if outcome.message:
            text += f" The server says: {outcome.message}"
            text += "" if outcome.message[-1] in ".!?" else "."
        return f"{text} {self._counted()}{self._against()}{self._pushback()}"

    def _counted(self) -> str:
        outcome = self.outcome
        sent, received = outcome.counts
        text = f"{plural(sent, 'message')} there ({size(outcome.octets[0])}), "
        text += f"{plural(received, 'message')} back ({size(outcome.octets[1])})"
        if outcome.pattern:
            text += f": {'' if outcome.declared else 'it looks '}{outcome.pattern}"
        return f"{text}."

    def _against(self) -> str:
        deadline, total = self.call.deadline_ns, self.outcome.total_ns
        if deadline <= 0 or total < 0:
            return ""
        return f" It took {100 * total / deadline:.3g} % of the {duration(deadline)} that the client allowed."

    def _pushback(self) -> str:
        if self.outcome.pushback_ms < 0:
            return ""
        return f" The server asks to wait {duration(self.outcome.pushback_ms * 1_000_000)} before another attempt."

    def detail(self) -> str:
        words = [duration(self.outcome.total_ns)] if self.outcome.total_ns >= 0 else []
        return ", ".join([*words, *([self.outcome.pattern] if self.outcome.pattern else [])])

    def headline(self) -> Headline | None:
        sent, received = self.outcome.counts
        text = f"{self.call.short()[:60]} → {self.result()}"
        if sent > 1 or received > 1:
            text += f", {sent} → {received} ← messages"
        return Headline("gRPC", text, self.begun, self.time)

    def phase_facts(self) -> list[str]:
        outcome = self.outcome
        facts = [f"{self.call.short()[:60]} → {self.result()}"]
        if outcome.total_ns >= 0:
            facts[0] += f" in {duration(outcome.total_ns)}"
        return facts

    def failed(self) -> bool:
        return self.outcome.how in (RESET, NO_STATUS) or self.outcome.status > OK

    def deadline_passed(self) -> bool:
        return self.outcome.status == DEADLINE_EXCEEDED or (self.outcome.how == RESET and self.late())

    def fields(self) -> dict[str, JsonValue]:
        outcome = self.outcome
        metadata: list[JsonValue] = []
        for name, value in outcome.metadata:
            pair: list[JsonValue] = [name, value]
            metadata.append(pair)
        out: dict[str, JsonValue] = {
            "service": self.call.service, "method": self.call.method, "path": self.call.path, "how": outcome.how,
            "status": outcome.status if outcome.status >= 0 else None,
            "status_name": status_name(outcome.status) if outcome.status >= 0 else None,
            "message": outcome.message, "trailers_only": outcome.trailers_only, "pattern": outcome.pattern,
            "pattern_declared": outcome.declared, "client_messages": outcome.counts[0],
            "server_messages": outcome.counts[1], "client_octets": outcome.octets[0],
            "server_octets": outcome.octets[1], "headers_ns": outcome.headers_ns, "first_message_ns": outcome.first_ns,
            "sent_ns": outcome.sent_ns, "total_ns": outcome.total_ns, "deadline_ns": self.call.deadline_ns,
            "attempt": self.call.attempt, "metadata": metadata,
        }
        if outcome.http_status >= 0:
            out["http_status"] = outcome.http_status
        if outcome.implied >= 0:
            out["implied_status"] = status_name(outcome.implied)
        if outcome.pushback_ms >= 0:
            out["retry_pushback_ms"] = outcome.pushback_ms
        if outcome.details:
            out["details"] = outcome.details.hex()
        return out
