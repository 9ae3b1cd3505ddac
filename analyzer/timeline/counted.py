"""Conversations of which there is nothing but counts, and echo requests with their replies."""
from __future__ import annotations

from typing import Final

from analyzer.model import Conversation, Phase
from dissectors.kit.units import duration, plural, size
from dissectors.protocols.icmp import Echo, EchoUnanswered

ICMP: Final = ("icmp", "icmpv6")


def counted_phase(conversation: Conversation) -> Phase:
    """The one phase of a conversation that no dissector understood: unknown is data too."""
    kind, title = {"udp": ("datagrams", "Datagrams"), "icmp": ("messages", "ICMP messages"),
                   "icmpv6": ("messages", "ICMPv6 messages")}.get(conversation.transport, ("packets", "Packets"))
    phase = Phase(kind, title, conversation.start_ns, conversation.end_ns)
    phase.facts = traffic_facts(conversation)
    if not conversation.protocol and conversation.transport not in ICMP:
        phase.facts.append("the protocol was not recognised")
    return phase


def traffic_facts(conversation: Conversation) -> list[str]:
    """`3 datagrams → (1.2 kB)`, for each direction that has any."""
    word = {"udp": "datagram", "icmp": "message", "icmpv6": "message"}.get(conversation.transport, "packet")
    return [
        f"{plural(conversation.frames[side], word)} {arrow} ({size(conversation.payload[side])})"
        for side, arrow in ((0, "→"), (1, "←")) if conversation.frames[side]
    ]


def describe_echo(phase: Phase, conversation: Conversation) -> None:
    """How many echoes came back, and how fast."""
    times = [event.rtt for event in phase.events if isinstance(event, Echo)]
    lost = sum([event.count for event in phase.events if isinstance(event, EchoUnanswered)])
    phase.start_ns = min(phase.start_ns, conversation.start_ns)
    if not times and not lost:
        phase.title = "ICMPv6 messages" if conversation.transport == "icmpv6" else "ICMP messages"
        phase.facts += traffic_facts(conversation)
        return
    phase.facts.append(f"{len(times)} of {plural(len(times) + lost, 'request')} answered")
    if times:
        mean = duration(sum(times) // len(times))
        low, high = duration(min(times)), duration(max(times))
        phase.facts.append(f"round trip {mean}" if low == high else f"round trip {low} to {high}, mean {mean}")
