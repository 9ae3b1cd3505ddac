"""The observer of one client, or of a client between a relay and a server: what answers what."""
from __future__ import annotations

from typing import Final

from dissectors.kit.event import (
    NEITHER,
    LimitReached,
    Malformed,
    seen,
)
from dissectors.kit.inputs import Close, Datagram
from dissectors.kit.protocol import Context, Dissector, Output
from dissectors.protocols.dhcpv6.events import (
    Advertise,
    Asked6,
    Confirm,
    Decline6,
    Dhcp6MessageSeen,
    Dhcp6Said,
    Dhcp6Unanswered,
    InformationRequest,
    Rebind,
    Release6,
    Renew,
    Reply6,
    Request6,
    Solicit,
)
from dissectors.protocols.dhcpv6.wire import (
    ADVERTISE,
    CONFIRM,
    DECLINE,
    HEADER,
    INFORMATION_REQUEST,
    MAX_LEASES,
    REBIND,
    RELEASE,
    RENEW,
    REPLY,
    REQUEST,
    SOLICIT,
    Dhcp6Message,
)

# The same octets so soon are one message, seen twice: clients wait for a second (RFC 8415 §7.6, SOL_TIMEOUT).
COPY_NS: Final = 500_000_000
QUESTIONS: Final[dict[int, type[Dhcp6Said]]] = {
    SOLICIT: Solicit, REQUEST: Request6, CONFIRM: Confirm, RENEW: Renew, REBIND: Rebind, RELEASE: Release6,
    DECLINE: Decline6, INFORMATION_REQUEST: InformationRequest,
}
# Each of these goes on with what another one began, which the client then no longer waits for.
FOLLOWS: Final[dict[int, tuple[int, ...]]] = {
    SOLICIT: (REQUEST, CONFIRM, RENEW, REBIND), REQUEST: (SOLICIT,), REBIND: (RENEW,), RENEW: (REBIND,),
    RELEASE: (RENEW, REBIND), DECLINE: (),
}


class Dhcp6Dissector(Dissector):
    """asked: by message type, what the client waits for.     since: when it began to ask, -1 for not."""

    def __init__(self, context: Context) -> None:
        self.asked: dict[int, Asked6] = {}
        self.since = -1
        self.last: dict[int, tuple[bytes, int]] = {}      # by direction: the octets, and when
        self.limit_told = False
        self.each = context.each_pdu

    def on_datagram(self, datagram: Datagram) -> list[Output]:
        data = datagram.data
        if len(data) < HEADER:
            if len(data) < datagram.length:
                return []
            reason = f"{len(data)} octets where a header has {HEADER}"
            return [Malformed(seen(datagram), "dhcpv6", len(data), reason)]
        before = self.last.get(datagram.direction)
        if before is not None and before[0] == data and abs(datagram.time - before[1]) < COPY_NS and not self.each:
            return []
        self.last[datagram.direction] = (data, datagram.time)
        message = Dhcp6Message(data, datagram.length)
        out: list[Output] = [self._message(datagram, message)]
        if message.full and not self.limit_told:
            self.limit_told = True
            out.append(LimitReached(seen(datagram), "dhcpv6", "MAX_LEASES", MAX_LEASES))
        if message.bad_at >= 0:
            out.append(Malformed(seen(datagram), "dhcpv6", message.bad_at, message.bad_reason))
        return out

    def _message(self, datagram: Datagram, message: Dhcp6Message) -> Dhcp6Said:
        question = QUESTIONS.get(message.kind)
        if question is not None:
            for ended in FOLLOWS.get(message.kind, ()):
                self.asked.pop(ended, None)
            if not self.asked or self.since < 0:
                self.since = datagram.time if message.kind != REQUEST or self.since < 0 else self.since
            return question(datagram, message, self._attempt(datagram, message))
        if message.kind == ADVERTISE:
            asked = self.asked.get(SOLICIT)
            if asked is not None and message.lent():
                del self.asked[SOLICIT]
            return Advertise(datagram, message, asked)
        if message.kind == REPLY:
            return self._reply(datagram, message)
        return Dhcp6MessageSeen(datagram, message)

    def _attempt(self, datagram: Datagram, message: Dhcp6Message) -> Asked6:
        """One more attempt, or the first one. Of one exchange all have the same number (RFC 8415 §15)."""
        asked = self.asked.get(message.kind)
        if asked is None or asked.message.xid != message.xid:
            asked = Asked6(message)
            self.asked[message.kind] = asked
        asked.sent(datagram)
        return asked

    def _reply(self, datagram: Datagram, message: Dhcp6Message) -> Reply6:
        found = [kind for kind, asked in self.asked.items() if asked.message.xid == message.xid]
        asked = self.asked.pop(found[0]) if found else None
        if asked is not None and asked.kind in (REQUEST, RENEW, REBIND):
            self.asked.pop(SOLICIT, None)
        since, self.since = self.since, -1
        return Reply6(datagram, message, asked, since)

    def on_close(self, close: Close) -> list[Output]:
        if close.direction != NEITHER or close.how == "unread":
            return []
        out: list[Output] = [Dhcp6Unanswered(asked, 0, close.how) for asked in self.asked.values() if asked.times]
        self.asked = {}
        return out
