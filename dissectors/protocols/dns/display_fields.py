"""Fields of Wireshark's display filters that the messages of DNS have; mDNS and LLMNR share them, as there."""
from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dissectors.kit.display_field import BOOLEAN, IPV4, IPV6, NUMBER, TEXT, Data, DisplayField
from dissectors.kit.event import JsonValue


def _of_answers(key: str) -> Callable[[Data], list[JsonValue]]:
    """Of messages that answer alone: questions have no such field."""
    return lambda record: [record[key]] if record.get("response") and key in record else []


def _records(kind: str) -> Callable[[Data], list[JsonValue]]:
    """What the answers of this type hold, as text."""
    def read(data: Data) -> list[JsonValue]:
        answers = data.get("answer")
        return [
            one["rdata"] for one in answers if isinstance(one, dict) and one.get("type") == kind
        ] if isinstance(answers, list) else []

    return read


def fields_of(protocol: str) -> tuple[DisplayField, ...]:
    """protocol: by whose name its events are called."""
    answer = f"{protocol}.response"
    return (
        DisplayField("dns.id", NUMBER, "number by which an answer is known", "id"),
        DisplayField("dns.flags.response", BOOLEAN, "it answers", "response"),
        DisplayField("dns.flags.rcode", NUMBER, "result of an answer: 0 none wrong, 2 SERVFAIL, 3 NXDOMAIN",
                     read=_of_answers("rcode")),
        DisplayField("dns.qry.name", TEXT, "name that is asked for", "qname"),
        DisplayField("dns.qry.type", NUMBER, "type that is asked for: 1 A, 28 AAAA", "qtype"),
        DisplayField("dns.count.answers", NUMBER, "records in the answer section", "answers"),
        DisplayField("dns.a", IPV4, "address of an answer", event=answer, read=_records("A")),
        DisplayField("dns.aaaa", IPV6, "address of an answer", event=answer, read=_records("AAAA")),
        DisplayField("dns.cname", TEXT, "another name, of an answer", event=answer, read=_records("CNAME")),
    )


FIELDS: Final = fields_of("dns")
