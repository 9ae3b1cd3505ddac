"""The observer of one client, or of all clients between a relay and a server: what answers what."""
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
from dissectors.protocols.dhcp.events import (
    REBINDING,
    REBOOTING,
    RENEWING,
    SELECTING,
    Ack,
    Asked,
    Decline,
    DhcpMessageSeen,
    DhcpRequest,
    DhcpSaid,
    DhcpUnanswered,
    Discover,
    Inform,
    Informed,
    Nak,
    Offer,
    Release,
)
from dissectors.protocols.dhcp.wire import (
    ACK,
    ASK,
    DECLINE,
    DISCOVER,
    FIXED,
    INFORM,
    NAK,
    OFFER,
    RELEASE,
    REPLY,
    SERVER,
    DhcpMessage,
)

MAX_CLIENTS: Final = 1_024    # clients of one conversation that wait for an answer
# The same octets so soon are one message, seen twice: clients wait for seconds (RFC 2131 §4.1).
COPY_NS: Final = 500_000_000


class Client:
    """What one client waits for. asked: by message type.     since: when it began to ask for an address, -1 for not."""

    def __init__(self) -> None:
        self.asked: dict[int, Asked] = {}
        self.since = -1


class DhcpDissector(Dissector):
    def __init__(self, context: Context) -> None:
        self.clients: dict[bytes, Client] = {}
        self.last: dict[int, tuple[bytes, int]] = {}      # by direction: the octets, and when
        self.limit_told = False
        self.each = context.each_pdu

    def on_datagram(self, datagram: Datagram) -> list[Output]:
        data = datagram.data
        if len(data) < FIXED:
            if len(data) < datagram.length:
                return []
            reason = f"{len(data)} octets where the fixed fields alone have {FIXED}"
            return [Malformed(seen(datagram), "dhcp", len(data), reason)]
        before = self.last.get(datagram.direction)
        if before is not None and before[0] == data and abs(datagram.time - before[1]) < COPY_NS and not self.each:
            return []
        self.last[datagram.direction] = (data, datagram.time)
        message = DhcpMessage(data, datagram.length)
        out = self._message(datagram, message)
        if message.bad_at >= 0:
            out.append(Malformed(seen(datagram), "dhcp", message.bad_at, message.bad_reason))
        return out

    def _message(self, datagram: Datagram, message: DhcpMessage) -> list[Output]:
        out: list[Output] = []
        client = self._client(message, datagram, out)
        if message.op == REPLY:
            out.append(self._answer(datagram, message, client))
        else:
            out.append(self._question(datagram, message, client))
        return out

    def _client(self, message: DhcpMessage, datagram: Datagram, out: list[Output]) -> Client:
        name = message.hardware or message.xid.to_bytes(4)
        known = self.clients.get(name)
        if known is None:
            known = Client()
            if len(self.clients) < MAX_CLIENTS:
                self.clients[name] = known
            elif not self.limit_told:
                self.limit_told = True
                out.append(LimitReached(seen(datagram), "dhcp", "MAX_CLIENTS", MAX_CLIENTS))
        return known

    def _question(self, datagram: Datagram, message: DhcpMessage, client: Client) -> DhcpSaid:
        kind = message.kind
        if kind == DISCOVER:
            client.asked.pop(ASK, None)     # it begins anew: what it asked for before, it does not wait for
            if DISCOVER not in client.asked or client.since < 0:
                client.since = datagram.time
            return Discover(datagram, message, self._attempt(client, datagram, message, ""))
        if kind == ASK:
            purpose = purpose_of(message, datagram)
            client.asked.pop(DISCOVER, None)     # it has heard an offer
            if purpose != SELECTING and ASK not in client.asked:
                client.since = datagram.time
            return DhcpRequest(datagram, message, self._attempt(client, datagram, message, purpose), purpose)
        if kind == INFORM:
            client.since = datagram.time if INFORM not in client.asked else client.since
            return Inform(datagram, message, self._attempt(client, datagram, message, ""))
        if kind in (DECLINE, RELEASE):
            client.since = -1
            return (Decline if kind == DECLINE else Release)(datagram, message)
        return DhcpMessageSeen(datagram, message)

    def _attempt(self, client: Client, datagram: Datagram, message: DhcpMessage, purpose: str) -> Asked:
        """One more attempt at what it asks for, or the first one. A client may give each a number of its own."""
        asked = client.asked.get(message.kind)
        if asked is None or asked.purpose != purpose:
            asked = Asked(message, purpose)
            client.asked[message.kind] = asked
        asked.sent(datagram)
        return asked

    def _answer(self, datagram: Datagram, message: DhcpMessage, client: Client) -> DhcpSaid:
        kind = message.kind
        if kind == OFFER:
            return Offer(datagram, message, client.asked.get(DISCOVER))
        if kind == ACK:
            asked = client.asked.pop(ASK, None)
            informed = client.asked.pop(INFORM, None) if asked is None else None
            since, client.since = client.since, -1
            client.asked.pop(DISCOVER, None)     # by rapid commit (RFC 4039), or the REQUEST was not captured
            if informed is not None or (not message.yiaddr and message.ciaddr and asked is None):
                return Informed(datagram, message, informed)
            return Ack(datagram, message, asked, since)
        if kind == NAK:
            client.since = -1
            return Nak(datagram, message, client.asked.pop(ASK, None))
        return DhcpMessageSeen(datagram, message)

    def on_close(self, close: Close) -> list[Output]:
        if close.direction != NEITHER or close.how == "unread":
            return []
        out: list[Output] = []
        for client in self.clients.values():
            for asked in client.asked.values():
                if asked.times:
                    out.append(DhcpUnanswered(asked, 0, close.how))
        self.clients = {}
        return out


def purpose_of(message: DhcpMessage, datagram: Datagram) -> str:
    """What a REQUEST is for: RFC 2131 §4.3.2, table 4."""
    if SERVER in message.options:
        return SELECTING
    if not message.ciaddr:
        return REBOOTING
    return REBINDING if datagram.to_all or message.giaddr else RENEWING
