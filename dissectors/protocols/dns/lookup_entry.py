"""A lookup under way, and what the steps of lookups have in common."""
from __future__ import annotations

from typing import Final

from dissectors.kit.lookup import ANSWERED, Lookup, Step
from dissectors.kit.units import plural
from dissectors.protocols.dns.describe import listed, shortened
from dissectors.protocols.dns.events import Query
from dissectors.protocols.dns.message import CD, DnsMessage
from dissectors.protocols.dns.outcome import ALIAS, FAILED, REFERRAL, DnsOutcome
from dissectors.protocols.dns.rdata import decode_or_generic
from dissectors.protocols.dns.transactions import Asked
from dissectors.wire.dns_codes import rcode_name
from dissectors.wire.dns_types import AXFR, IXFR

MAX_STEPS: Final = 64           # exchanges named in one lookup
MAX_SHOWN: Final = 4            # records of an answer


class OpenLookup:
    """A lookup under way. key: its client and question; qkey: the question; name: its key; zone: referred to last."""

    def __init__(self, lookup: Lookup, key: bytes, qkey: bytes, name: bytes, parent: OpenLookup | None) -> None:
        self.lookup = lookup
        self.key = key
        self.qkey = qkey
        self.name = name
        self.parent = parent
        self.children: list[OpenLookup] = []
        self.asked_at = 0
        self.zone: bytes = b""
        self.zone_text = ""
        self.glue: list[str] = []
        self.servers: list[bytes] = []  # its keys in `_by_server`
        self.hook: bytes = b""          # its key in `_next`
        self.closed = False
        self.asked: list[Asked] = []    # its queries
        self.last: Query | None = None  # and the last of them, in conversation `at`, over a stream or in a datagram
        self.at = 0
        self.stream = False
        self.abandoned = False          # the connection of its last question ended without an answer
        self.failed = ""                # the server that could not answer, where that was the last answer


def key_of(client: str, qkey: bytes, message: DnsMessage) -> bytes:
    """A client and its question; one that asks for what was not checked is another (RFC 4035 §3.2.2)."""
    return client.encode() + (b"\x01" if message.flags & CD else b"\x00") + qkey


def note(lookup: Lookup, frame: int, conversation: int, now: int) -> None:
    """Frames stay ascending because events come in the order of time."""
    if len(lookup.frames) < 2 * MAX_STEPS and (not lookup.frames or lookup.frames[-1] != frame):
        lookup.frames.append(frame)
    if conversation not in lookup.conversations and len(lookup.conversations) < MAX_STEPS:
        lookup.conversations.append(conversation)
    lookup.end_ns = max(lookup.end_ns, now)


def absorb(parent: Lookup, child: Lookup) -> None:
    """The steps that a server took to answer its client."""
    room = max(MAX_STEPS - len(parent.steps), 0)
    parent.steps += child.steps[:room]
    parent.left_out += child.left_out + max(len(child.steps) - room, 0)
    parent.steps.sort(key=_started)
    parent.frames = sorted({*parent.frames, *child.frames})[:2 * MAX_STEPS]
    parent.conversations = sorted({*parent.conversations, *child.conversations})[:MAX_STEPS]


def _started(step: Step) -> int:
    return step.start_ns


def summary_of(message: DnsMessage, outcome: DnsOutcome) -> str:
    """What a response says, in few words."""
    kind = outcome.kind
    if kind == ANSWERED:
        if message.qtype in (AXFR, IXFR):
            return f"the zone, {plural(len(outcome.answers), 'record')} in the first message"
        values = [shortened(decode_or_generic(message, record).text) for record in outcome.answers[:MAX_SHOWN]]
        return listed(values, len(outcome.answers))
    if kind == REFERRAL:
        zone = outcome.zone.text() if outcome.zone is not None else "."
        names = listed([server.text() for server in outcome.servers[:MAX_SHOWN]], len(outcome.servers))
        return f"{'refers upward to' if outcome.upward else 'refers to'} the servers of {zone}: {names}"
    if kind == ALIAS:
        return f"an alias of {outcome.chain[-1].text()}"
    if kind == FAILED:
        return rcode_name(message.full_rcode())
    return kind
