"""The event that sums a handshake up."""
from __future__ import annotations

from typing import ClassVar, Final

from dissectors.kit.account import DOING, LIKELY, SECURING_NETWORK, Claim
from dissectors.kit.event import CORE, SECURING, SUMMED, Headline, JsonValue
from dissectors.kit.identity import HOST, Identity
from dissectors.kit.units import duration
from dissectors.protocols.tls.events import HANDSHAKE, TlsEvent, TlsObserved, some

FULL: Final = "full"


class Summary:
    """What a finished handshake came to. Times in ns, -1 where the capture does not show them.

    resumption: FULL, or the means: "session id", "session ticket", "PSK". forward: forward secrecy "yes", "no" or
    "unknown". round_trips: that the client had to wait before it could send its first request.
    """

    def __init__(self) -> None:
        self.version = ""
        self.suite = ""
        self.cipher = ""             # as people write it: AES-128-GCM
        self.group = ""
        self.alpn = ""
        self.server_name = ""
        self.resumption = FULL
        self.early_data = ""         # outcome, "" where none was offered
        self.forward = "unknown"
        self.weak: list[str] = []
        self.round_trips = 0
        self.began_ns = 0
        self.ended_ns = 0
        self.server_ns = -1          # from the ClientHello to the first byte of the answer
        self.client_ns = -1          # from the server's last message to the client's Finished
        self.retried = False
        self.mutual = False
        self.decrypted = False
        self.inferred = False        # the end is told by sizes, not read
        self.renegotiated = False
        self.tls13 = False


class TlsEstablished(TlsEvent):
    """The handshake is over: both sides have finished."""

    name: ClassVar[str] = "tls.established"
    on_wire: ClassVar[bool] = False
    normally: ClassVar[str] = SUMMED
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = SECURING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 8446 §2; RFC 5246 §7.3"
    WHY: ClassVar[str] = (
        "Both sides have now agreed on keys and seen a checksum over the whole handshake. From here on whoever "
        "listens learns only who talks to whom, when and how much: the addresses, the sizes and the timing."
    )

    def __init__(self, observed: TlsObserved, summary: Summary) -> None:
        super().__init__(observed)
        self.summary = summary

    def label(self) -> str:
        return "established"

    def detail(self) -> str:
        return self._line()

    def _line(self) -> str:
        one = self.summary
        words = [one.group, one.cipher or one.suite, one.alpn, one.server_name]
        if one.resumption != FULL:
            words.append("0-RTT" if one.early_data == "accepted" else "resumed")
        return " · ".join([word for word in words if word])

    def _trips(self) -> str:
        trips = self.summary.round_trips
        return "no round trip" if trips == 0 else "one round trip" if trips == 1 else f"{trips} round trips"

    def what(self) -> str:
        one = self.summary
        text = f"{one.version} is established with {one.suite}"
        text += f" over {one.group}" if one.group else ""
        text += f": {self._trips()}, {duration(one.ended_ns - one.began_ns)} from ClientHello to the last Finished."
        if one.server_ns >= 0 and one.client_ns >= 0:
            text += (
                f" As seen where the capture was taken, the server's answer took {duration(one.server_ns)} and the "
                f"client's {duration(one.client_ns)}, the way there and back included."
            )
        if one.resumption != FULL:
            text += f" An earlier session was resumed ({one.resumption}), which saved the certificates"
            text += "." if one.tls13 else " and a round trip."
        if one.inferred:
            text += " Where it ends is told by the sizes of encrypted records."
        text += self._secrecy()
        if one.weak:
            text += f" Weak: {some(one.weak, 3)}."
        return text

    def _secrecy(self) -> str:
        if self.summary.forward == "yes":
            return " It is forward secret: the server's private key does not open this recording later."
        if self.summary.forward == "no":
            return " It is not forward secret: whoever gets the long-term key later can read this recording."
        return ""

    def headline(self) -> Headline | None:
        return Headline(self.summary.version, self._line(), self.summary.began_ns, self.summary.ended_ns)

    def claims(self) -> list[Claim]:
        one, frames = self.summary, self.evidence.frames
        bounds = (frames[0], frames[-1]) if frames else ()
        ground = "from the ClientHello to the last Finished"
        return [Claim(one.began_ns, one.ended_ns, SECURING_NETWORK, DOING, bounds, LIKELY, ground)]

    def phase_title(self) -> str:
        return f"{self.summary.version} handshake"

    def phase_facts(self) -> list[str]:
        one = self.summary
        facts = [self._trips(), duration(one.ended_ns - one.began_ns)]
        if one.server_ns >= 0 and one.client_ns >= 0:
            facts.append(f"server {duration(one.server_ns)}, client {duration(one.client_ns)}")
        if one.retried:
            facts.append("one round trip for a HelloRetryRequest")
        if one.resumption != FULL:
            facts.append(f"resumed ({one.resumption})")
        if one.early_data:
            facts.append(f"early data {one.early_data}")
        if one.forward != "unknown":
            facts.append("forward secret" if one.forward == "yes" else "not forward secret")
        if one.mutual:
            facts.append("client certificate")
        facts += [f"weak: {reason}" for reason in one.weak[:1]]
        return facts

    def identifies(self) -> list[Identity]:
        return [(HOST, self.summary.server_name)] if self.summary.server_name else []

    def fields(self) -> dict[str, JsonValue]:
        one = self.summary
        weak: list[JsonValue] = []
        weak.extend(one.weak)
        out: dict[str, JsonValue] = {
            "version": one.version, "suite": one.suite, "group": one.group, "alpn": one.alpn,
            "server_name": one.server_name, "resumption": one.resumption, "early_data": one.early_data,
            "forward_secret": one.forward, "weak": weak, "round_trips": one.round_trips,
            "total_ns": one.ended_ns - one.began_ns, "retried": one.retried, "mutual": one.mutual,
            "decrypted": one.decrypted, "inferred": one.inferred, "renegotiated": one.renegotiated,
        }
        if one.server_ns >= 0:
            out["server_ns"] = one.server_ns
        if one.client_ns >= 0:
            out["client_ns"] = one.client_ns
        return out
