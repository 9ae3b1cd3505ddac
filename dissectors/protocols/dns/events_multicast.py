"""The same events where everyone on the link is asked: multicast DNS and LLMNR."""
from __future__ import annotations

from typing import ClassVar

from dissectors.kit.event import BASE, EXTRA, TOLD
from dissectors.protocols.dns.describe import multicast_text
from dissectors.protocols.dns.events import DnsIncomplete, DnsResponse, DnsRetry, Query


class MdnsQuery(Query):
    name: ClassVar[str] = "mdns.query"
    normally: ClassVar[str] = TOLD
    spec: ClassVar[str] = "RFC 6762 §5"
    WHY: ClassVar[str] = (
        "Without a server there is nobody in particular to ask, so the question goes to everyone on the link; whoever "
        "owns the name answers. Answers that the asker knows already are sent along and need not be repeated."
    )
    multicast: ClassVar[bool] = True


class MdnsRetry(DnsRetry):
    name: ClassVar[str] = "mdns.retry"
    importance: ClassVar[str] = EXTRA
    spec: ClassVar[str] = "RFC 6762 §5.2"
    WHY: ClassVar[str] = (
        "Owners of further answers may appear at any time, so a browsing program asks again and again. The interval "
        "must grow at least twofold each time, from one second up to an hour, to spare the link."
    )
    multicast: ClassVar[bool] = True


class MdnsResponse(DnsResponse):
    name: ClassVar[str] = "mdns.response"
    normally: ClassVar[str] = TOLD
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 6762 §6"
    WHY: ClassVar[str] = (
        "Answers go to everyone too, so that all caches on the link learn from one question. A host also announces "
        "its records unasked when it starts, and takes them back with a TTL of 0 when it leaves."
    )

    def label(self) -> str:
        told = self.message.records()
        return "goodbye" if told and told[0].ttl == 0 else "mDNS answer"

    def text(self) -> str:
        return multicast_text(self.message)


class LlmnrQuery(Query):
    llmnr: ClassVar[bool] = True
    name: ClassVar[str] = "llmnr.query"
    normally: ClassVar[str] = TOLD
    spec: ClassVar[str] = "RFC 4795 §2"
    WHY: ClassVar[str] = (
        "Windows asks its neighbours for a single-label name that DNS did not know. Anyone on the link may answer, "
        "also one who should not: answering such questions is a known way to catch credentials."
    )
    multicast: ClassVar[bool] = True


class LlmnrRetry(DnsRetry):
    llmnr: ClassVar[bool] = True
    name: ClassVar[str] = "llmnr.retry"
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 4795 §2.7"
    WHY: ClassVar[str] = (
        "Multicast over a radio link is easily lost, so the question is repeated before the name counts as unknown."
    )
    multicast: ClassVar[bool] = True


class LlmnrResponse(DnsResponse):
    llmnr: ClassVar[bool] = True
    name: ClassVar[str] = "llmnr.response"
    normally: ClassVar[str] = TOLD
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 4795 §2"
    WHY: ClassVar[str] = (
        "The owner of the name answers the asker alone, from its own address: to a capture this is a conversation "
        "apart from the question, which went to a multicast address."
    )


class LlmnrIncomplete(DnsIncomplete):
    """Over TCP, where an answer was too long for a datagram (RFC 4795 §2.4)."""

    name: ClassVar[str] = "llmnr.incomplete"
