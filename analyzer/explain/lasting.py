"""Of a capture that is told part by part: what rules ask for that look over all of it and find little there.

Leases, servers of time, and logins in vain are few beside everything else, and what is told of them hangs together over
hours: so their events are kept to the end, and their rules are asked then.
"""
from __future__ import annotations

from typing import Final

from analyzer.explain.leases import DHCP_CAPTURE_RULES
from analyzer.explain.logins import LOGIN_CAPTURE_RULES, in_vain
from analyzer.explain.ntp import NTP_RULES
from analyzer.model import Conversation, Phase, Told
from dissectors.kit.event import Event
from dissectors.protocols.dhcp.events import Ack, DhcpSaid
from dissectors.protocols.dhcp.wire import NAME_SERVER
from dissectors.protocols.dhcpv6.events import Reply6
from dissectors.protocols.ntp import NtpAnswer, NtpUnanswered
from dissectors.wire.dns_types import PORT as DNS_PORT

CODES: Final = frozenset([rule.code for rule in DHCP_CAPTURE_RULES + NTP_RULES + LOGIN_CAPTURE_RULES])
MAX_LASTING: Final = 30_000      # events of leases, servers of time and logins, and questions to leased name servers


class Lasting:
    """told: conversations with nothing but such events.     over: how many events there was no room for."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.count = 0
        self.over = 0
        self.servers: dict[str, Conversation | None] = {}      # of DHCP, and in what they were heard last
        self.named: dict[tuple[str, str], bool] = {}           # (client, name server of its lease): has it answered?

    def keep(self, told: Told, events: list[Event]) -> None:
        """The next conversation. events: of it, those that rules across conversations ask for."""
        one = told.conversation
        logins = {id(event) for event, _login, _protocol in in_vain(told)} if events else set()
        kept = [
            event for event in events
            if isinstance(event, (DhcpSaid, Reply6, NtpAnswer, NtpUnanswered)) or id(event) in logins
        ]
        for event in kept if len(self.named) < MAX_LASTING else ():
            if isinstance(event, Ack):
                self.servers.setdefault(event.server, None)
                for server in event.message.all(NAME_SERVER):
                    self.named.setdefault((event.message.yiaddr, server), False)
            elif isinstance(event, Reply6):
                for server in event.message.name_servers():
                    for client in [one.text for one in event.message.lent()] or [""]:
                        self.named.setdefault((client, server), False)
        for side, end in enumerate((one.originator, one.responder)) if self.servers else ():
            if end.address in self.servers and one.frames[side]:
                before = self.servers[end.address]
                if before is None or before.end_ns < one.end_ns:
                    self.servers[end.address] = one
        key = (one.originator.address, one.responder.address)
        if key not in self.named:
            key = ("", one.responder.address)       # of a machine that got settings alone
        asks = one.responder.port == DNS_PORT and self.named.get(key) is False
        if not kept and not asks:
            return
        if self.count + len(kept) + asks > MAX_LASTING and not (asks and one.frames[1]):
            self.over += len(kept) + asks
            return
        if asks and one.frames[1]:
            self.named[key] = True       # more of them say nothing new
        self.count += len(kept) + asks
        made = Told(one, [], told.marks, told.observed)
        made.troubles = told.troubles
        if kept:
            phase = Phase("", "", kept[0].time, kept[-1].time)
            phase.events = kept
            made.phases.append(phase)
        self.told.append(made)

    def conversations(self) -> list[Conversation]:
        found = [told.conversation for told in self.told]
        return found + [one for one in self.servers.values() if one is not None]
