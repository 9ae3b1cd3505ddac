"""What a response amounts to: an answer, no such name, no such data, a referral, a failure."""
from __future__ import annotations

from typing import Final

from dissectors.kit.cursor import Cursor, WireError
from dissectors.kit.event import JsonValue
from dissectors.kit.lookup import ANSWERED, NO_DATA, NO_NAME, TRUNCATED
from dissectors.protocols.dns.edns import decode_options
from dissectors.protocols.dns.message import AA, ADDITIONAL, ANSWER, AUTHORITY, TC, DnsMessage, DnsRecord
from dissectors.protocols.dns.rdata import cache_seconds, decode_or_generic
from dissectors.wire.dns_codes import NOERROR, NXDOMAIN, OPTION_ERROR, QUERY
from dissectors.wire.dns_types import AAAA, ANY_TYPE, AXFR, CNAME, IXFR, NS, OPT, SOA, A
from dissectors.wire.domain_names import Name, ancestor, read_name

# Beside those of a lookup as a whole.
ALIAS: Final = "alias"          # only a CNAME, whose target has to be asked for
REFERRAL: Final = "referral"    # RFC 1034 §4.3.2 step 3b
FAILED: Final = "failed"
BROKEN: Final = "unreadable"     # no answer among what can be read, and not all of it can
DONE: Final = "done"            # a response to something other than a query

MAX_CHAIN: Final = 32           # aliases followed within one message; honest chains have a few


class DnsOutcome:
    """kind: as above.      chain: the targets of the aliases that were followed, in order.

    final: key of the name that the chain ends at.     answers: the records that answer the question.
    seconds: how long it may be cached, -1 where the message does not say (RFC 1035 §3.2.1, RFC 2308 §5).
    zone: whose name servers a referral names, or whose SOA record comes with a negative answer.
    servers: names of the name servers of a referral.    glue: their addresses, where the message has them.
    ring: the names from which aliases lead back to the first of them; each is the question's or in the chain.
    upward: a referral to the root or to a zone that the question is not below; the server does not serve the name.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.chain: list[Name] = []
        self.final = b""
        self.answers: list[DnsRecord] = []
        self.seconds = -1
        self.zone: Name | None = None
        self.servers: list[Name] = []
        self.glue: list[str] = []
        self.upward = False
        self.ring: list[Name] = []


def outcome_of(message: DnsMessage) -> DnsOutcome:
    """Judge a response by its own content."""
    if message.opcode != QUERY:
        return DnsOutcome(DONE if message.rcode == NOERROR else FAILED)
    rcode = message.full_rcode()
    question = message.question()
    out = DnsOutcome(ANSWERED)
    if question is not None:
        _follow(message, question.name, question.type, out)
    else:
        out.answers = message.section(ANSWER)
    out.seconds = _seconds(message, out)
    if message.flags & TC:
        out.kind = TRUNCATED
    elif rcode == NXDOMAIN:
        _negative(message, out, NO_NAME)
    elif rcode != NOERROR:
        out.kind = FAILED
    elif not out.answers:
        if message.bad_at >= 0:
            out.kind = BROKEN
        else:
            _empty(message, out)
    return out


def _follow(message: DnsMessage, name: Name, type_: int, out: DnsOutcome) -> None:
    """The records that answer, and the aliases that lead to them, whatever their order (RFC 1034 §3.6.2)."""
    records = message.section(ANSWER)
    if type_ in (AXFR, IXFR):
        out.answers = records
        return
    aliases: dict[bytes, DnsRecord] = {}
    for record in records:
        if record.type == CNAME and type_ not in (CNAME, ANY_TYPE):
            aliases.setdefault(record.name.key(), record)
    seen = 0
    key = name.key()
    passed = [name]
    while key in aliases and seen < MAX_CHAIN:
        record = aliases.pop(key)
        try:
            target = read_name(message.data, record.start, record.end)
        except WireError:
            break
        out.chain.append(target)
        key = target.key()
        for at in range(len(passed)):
            if passed[at].key() == key:
                out.ring = passed[at:]
        passed.append(target)
        seen += 1
    out.final = key
    out.answers = [
        record for record in records
        if record.name.key() == key and type_ in (record.type, ANY_TYPE)
    ]


def _seconds(message: DnsMessage, out: DnsOutcome) -> int:
    """The shortest TTL of the answer and of the aliases on the way to it."""
    if message.qtype in (AXFR, IXFR):
        return -1
    lifetimes = [cache_seconds(record.ttl) for record in out.answers]
    if out.chain:
        lifetimes += [cache_seconds(record.ttl) for record in message.section(ANSWER) if record.type == CNAME]
    return min(lifetimes) if lifetimes else -1


def _authority(message: DnsMessage, type_: int) -> list[DnsRecord]:
    return [record for record in message.section(AUTHORITY) if record.type == type_]


def _empty(message: DnsMessage, out: DnsOutcome) -> None:
    """NOERROR without an answer: an alias to be followed, a referral, or no data (RFC 2308 §2.2)."""
    servers = _authority(message, NS)
    if out.chain:
        out.kind = ALIAS
        if _authority(message, SOA):
            _negative(message, out, NO_DATA)
        return
    if not servers or _authority(message, SOA) or message.flags & AA:
        _negative(message, out, NO_DATA)
        return
    out.kind = REFERRAL
    out.zone = servers[0].name
    out.seconds = min([cache_seconds(record.ttl) for record in servers])
    question = message.question()
    zone = servers[0].name.key()
    out.upward = question is not None and (
        not ancestor(zone, question.name.key()) or (zone == b"\x00" and question.name.key() != b"\x00")
    )
    names: set[bytes] = set()
    for record in servers:
        try:
            name = read_name(message.data, record.start, record.end)
        except WireError:
            continue
        names.add(name.key())
        out.servers.append(name)
    out.glue = [
        decode_or_generic(message, record).text for record in message.section(ADDITIONAL)
        if record.type in (A, AAAA) and record.name.key() in names
    ]


def _negative(message: DnsMessage, out: DnsOutcome, kind: str) -> None:
    """RFC 2308 §5: the negative answer lives as long as the SOA record, but no longer than its MINIMUM field."""
    out.kind = kind
    for record in _authority(message, SOA):
        out.zone = record.name
        minimum = decode_or_generic(message, record).fields.get("minimum")
        out.seconds = cache_seconds(record.ttl)
        if isinstance(minimum, int):
            out.seconds = min(out.seconds, minimum)
        return


def addresses(message: DnsMessage, out: DnsOutcome) -> list[str]:
    """The addresses that the answer gives."""
    return [decode_or_generic(message, record).text for record in out.answers if record.type in (A, AAAA)]


def says(message: DnsMessage) -> tuple[int, frozenset[tuple[int, str]]]:
    """What a response says, apart from the order and the lifetimes of its records."""
    records = message.section(ANSWER)
    return message.full_rcode(), frozenset([
        (record.type, decode_or_generic(message, record).text) for record in records
    ])


def extended_errors(message: DnsMessage) -> dict[int, str]:
    """The extended errors that the server adds, by their code, in words (RFC 8914)."""
    out: dict[int, str] = {}
    if not message.edns:
        return out
    for record in message.section(ADDITIONAL):
        if record.type != OPT:
            continue
        try:
            options = decode_options(Cursor(message.data, record.start, record.end))
        except WireError:
            continue
        for option in options:
            code = option.fields.get("info_code")
            if option.code == OPTION_ERROR and isinstance(code, int):
                out[code] = option.text
    return out


def outcome_json(out: DnsOutcome) -> dict[str, JsonValue]:
    chain: list[JsonValue] = [name.text() for name in out.chain]
    found: dict[str, JsonValue] = {"kind": out.kind}
    if chain:
        found["chain"] = chain
    if out.seconds >= 0:
        found["cache_seconds"] = out.seconds
    if out.zone is not None:
        found["zone"] = out.zone.text()
    if out.kind == REFERRAL:
        servers: list[JsonValue] = [name.text() for name in out.servers]
        glue: list[JsonValue] = []
        glue.extend(out.glue)
        found["servers"] = servers
        found["glue"] = glue
        found["upward"] = out.upward
    return found
