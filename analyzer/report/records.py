"""Conversations and the verdict as data, for JSON. Times in integer nanoseconds, pairs as originator and responder."""
from __future__ import annotations

from analyzer.model import Analysis, AsSent, Conversation, Endpoint, TcpSummary
from analyzer.report.words import of_cause
from dissectors.kit.event import JsonValue


def conversation_record(conversation: Conversation) -> dict[str, JsonValue]:
    """Every field of a conversation; `tcp` only for TCP, times that were not seen as null."""
    record: dict[str, JsonValue] = {
        "number": conversation.number,
        "transport": conversation.transport,
        "protocol": conversation.protocol,
        "originator": _endpoint(conversation.originator),
        "responder": _endpoint(conversation.responder),
        "scope": conversation.scope,
        "first_frame": conversation.first_frame,
        "last_frame": conversation.last_frame,
        "start_ns": conversation.start_ns,
        "end_ns": conversation.end_ns,
        "frames": [*conversation.frames],
        "octets": [*conversation.octets],
        "payload": [*conversation.payload],
        "as_sent": None if conversation.as_sent is None else _as_sent(conversation.as_sent),
        "state": conversation.state,
        "history": conversation.history,
        "community_id": conversation.community_id,
        "display_filter": conversation.display_filter(),
    }
    if conversation.tcp is not None:
        record["tcp"] = _tcp(conversation.tcp)
    return record


def verdict_record(analysis: Analysis) -> dict[str, JsonValue]:
    """What the findings amount to: root causes, dearest first, each with what its finding says."""
    verdict = analysis.verdict
    causes: list[JsonValue] = []
    for cause in verdict.causes:
        finding = of_cause(analysis, cause)
        causes.append({
            "finding": cause.finding, "code": finding.code, "severity": cause.severity,
            "confidence": finding.confidence, "sentence": finding.sentence, "more": cause.more,
            "conversation": finding.conversation, "frames": [*finding.frames], "next_step": finding.next_step,
            "also": [*cause.also], "explains": [*cause.explains], "cost_ns": cause.cost_ns, "victims": cause.victims,
        })
    return {
        "kind": verdict.kind, "sentence": verdict.sentence, "covered": verdict.covered, "known": verdict.known,
        "doubts": [*verdict.doubts], "causes": causes,
    }


def _endpoint(endpoint: Endpoint) -> dict[str, JsonValue]:
    return {"address": endpoint.address, "port": endpoint.port, "name": endpoint.name}


def _as_sent(sent: AsSent) -> dict[str, JsonValue]:
    return {
        "frames": [*sent.frames], "payload": [*sent.payload], "copies": sent.copies, "certain": sent.certain,
        "flags": [dict[str, JsonValue](side) for side in sent.flags],
    }


def _tcp(tcp: TcpSummary) -> dict[str, JsonValue]:
    return {
        "completeness": tcp.completeness,
        "handshake_rtt_ns": _seen(tcp.handshake_rtt_ns),
        "initial_rtt_ns": _seen(tcp.initial_rtt_ns),
        "rtt_min_ns": [_seen(value) for value in tcp.rtt_min_ns],
        "rtt_max_ns": [_seen(value) for value in tcp.rtt_max_ns],
        "rtt_sum_ns": [*tcp.rtt_sum_ns],
        "rtt_samples": [*tcp.rtt_samples],
        "unique": [*tcp.unique],
        "mss": [_seen(value) for value in tcp.mss],
        "scale": [_seen(value) for value in tcp.scale],
        "max_in_flight": [*tcp.max_in_flight],
        "max_window": [*tcp.max_window],
        "zero_window_ns": [*tcp.zero_window_ns],
        "flags": [dict[str, JsonValue](side) for side in tcp.flags],
    }


def _seen(value: int) -> JsonValue:
    """-1 stands for what the capture does not show."""
    return None if value < 0 else value
