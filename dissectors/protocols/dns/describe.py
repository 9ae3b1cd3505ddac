"""Messages in words. Used by the events; nothing here runs unless a text is asked for."""
from __future__ import annotations

from typing import Final

from dissectors.kit.lookup import NO_DATA, NO_NAME, TRUNCATED
from dissectors.kit.units import grouped, plural
from dissectors.protocols.dns.message import (
    AA,
    AD,
    ANSWER,
    AUTHORITY,
    CD,
    RA,
    RD,
    TC,
    DnsMessage,
    DnsRecord,
    Question,
    Z,
)
from dissectors.protocols.dns.outcome import (
    ALIAS,
    BROKEN,
    DONE,
    FAILED,
    REFERRAL,
    DnsOutcome,
    addresses,
    extended_errors,
)
from dissectors.protocols.dns.rdata import decode_or_generic
from dissectors.wire.dns_codes import NOTIFY, QUERY, STATEFUL, UPDATE, opcode_name, rcode_meaning, rcode_name
from dissectors.wire.dns_types import AAAA, AXFR, IN, IXFR, OPT, PTR, A, class_name, type_meaning, type_name
from dissectors.wire.domain_names import Name

MAX_SHOWN: Final = 4     # records named in one sentence
MAX_VALUE: Final = 80    # characters of one of them
UNIQUE: Final = 0x8000   # mDNS: unicast answer wanted (RFC 6762 §5.4), cache flush (§10.2)

DNS_FLAGS: Final = ((AA, "AA"), (TC, "TC"), (RD, "RD"), (RA, "RA"), (Z, "Z"), (AD, "AD"), (CD, "CD"))
LLMNR_FLAGS: Final = ((AA, "C"), (TC, "TC"), (RD, "T"))  # conflict, tentative (RFC 4795 §2.1.1)


def flag_names(message: DnsMessage, llmnr: bool = False) -> list[str]:
    return [name for bit, name in (LLMNR_FLAGS if llmnr else DNS_FLAGS) if message.flags & bit]


def shortened(text: str) -> str:
    return text if len(text) <= MAX_VALUE else text[:MAX_VALUE - 1] + "…"


def listed(words: list[str], total: int) -> str:
    """`a, b and c`, `a, b and 5 more`."""
    shown = words[:MAX_SHOWN]
    if total > len(shown):
        shown = [*shown, f"{grouped(total - len(shown))} more"]
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def asked(question: Question) -> str:
    """`the IPv4 addresses (A) of shop.test`."""
    name, class_ = question.name.text(), question.class_ & ~UNIQUE
    text = f"the {type_meaning(question.type)} ({type_name(question.type)}) of {name}"
    return text if class_ == IN else f"{text} in class {class_name(class_)}"


def question_text(message: DnsMessage) -> str:
    """What is asked, of every question in the message."""
    questions = message.all_questions()
    if not questions:
        return "nothing that can be read" if message.questions else "nothing"
    return listed([asked(question) for question in questions[:MAX_SHOWN]], int(message.questions))


def query_text(message: DnsMessage, multicast: bool) -> str:
    """A query in one sentence, without its final dot."""
    opcode = message.opcode
    if opcode == NOTIFY:  # RFC 1996 §3.3
        return f"Tells that the zone has changed: {question_text(message)}"
    if opcode == UPDATE:  # RFC 2136 §2: the question names the zone, the authority section the changes
        question = message.question()
        zone = question.name.text() if question is not None else "a zone that cannot be read"
        changes = plural(int(message.authorities), "change")
        return f"Asks to update {zone}: {changes}, {plural(int(message.answers), 'condition')}"
    if opcode == STATEFUL:
        return "A stateful operation"
    if opcode != QUERY:
        return f"{opcode_name(opcode)}: asks for {question_text(message)}"
    if multicast:
        text = f"Asks everyone on the link for {question_text(message)}"
        if message.answers:  # RFC 6762 §7.1
            text += f"; {plural(int(message.answers), 'answer')} it knows already, so that nobody repeats them"
        return text
    text = f"Asks for {question_text(message)}; "
    return text + ("recursion wanted" if message.flags & RD else "no recursion wanted, only what the server itself has")


def cache_text(seconds: int) -> str:
    if seconds < 0:
        return ""
    if seconds == 0:  # RFC 1035 §3.2.1
        return "; for this one use, not to be cached (TTL 0)"
    return f"; may be cached for {grouped(seconds)} s"


def response_text(message: DnsMessage, out: DnsOutcome) -> str:
    """A response in one sentence, without its final dot."""
    question = message.question()
    name = question.name.text() if question is not None else ""
    kind = out.kind
    if kind == DONE:
        return f"The {opcode_name(message.opcode)} for {name or 'the zone'} was accepted"
    errors = extended_errors(message).values()
    said = f"; the server adds: {'; '.join(errors)}" if errors else ""
    if kind == TRUNCATED:
        return (
            "The answer is truncated: it did not fit into one datagram; the client is expected to ask again over TCP"
            + said
        )
    if kind == FAILED:
        about = f" for {name}" if name else ""
        rcode = message.full_rcode()
        return f"No answer{about}: {rcode_meaning(rcode)} ({rcode_name(rcode)}){said}"
    if kind == BROKEN:
        return f"The answer about {name or 'nothing that can be read'} cannot be read to its end{said}"
    if question is None:
        return _without_question(message, out) + said
    lead = _chain_text(name, out.chain)
    if kind == NO_NAME:
        return f"{_last(lead, name, out)} does not exist (NXDOMAIN){_zone(out)}{cache_text(out.seconds)}{said}"
    if kind == NO_DATA:
        return (
            f"{_last(lead, name, out)} has no {type_name(question.type)} records (NODATA)"
            f"{_zone(out)}{cache_text(out.seconds)}{said}"
        )
    if kind == REFERRAL:
        return _referral_text(name, out) + said
    if kind == ALIAS:
        return f"{lead}, which has to be asked for next{cache_text(out.seconds)}{said}"
    return f"{_answer_text(message, question, out, lead or name)}{cache_text(out.seconds)}{said}"


def _chain_text(name: str, chain: list[Name]) -> str:
    """`a is an alias of b, which is an alias of c`, "" without an alias."""
    if not chain:
        return ""
    return f"{name} is an alias of " + ", which is an alias of ".join([target.text() for target in chain])


def _last(lead: str, name: str, out: DnsOutcome) -> str:
    return f"{lead}, which" if out.chain else name


def _zone(out: DnsOutcome) -> str:
    """Whose word a negative answer is: the zone of its SOA record."""
    return f", says the zone {out.zone.text()}" if out.zone is not None else ""


def _answer_text(message: DnsMessage, question: Question, out: DnsOutcome, subject: str) -> str:
    total = len(out.answers)
    if question.type in (AXFR, IXFR):
        return f"Transfers the zone {subject}: {plural(total, 'record')} in this message"
    subject += ", which" if out.chain else ""
    if question.type in (A, AAAA):
        return f"{subject} is {listed(addresses(message, out)[:MAX_SHOWN], total)}"
    values = [shortened(decode_or_generic(message, record).text) for record in out.answers[:MAX_SHOWN]]
    if question.type == PTR:
        return f"{subject} points to {listed(values, total)}"
    return f"{subject} has {type_name(question.type)} {listed(values, total)}"


def _referral_text(name: str, out: DnsOutcome) -> str:
    zone = out.zone.text() if out.zone is not None else "."
    servers = listed([server.text() for server in out.servers[:MAX_SHOWN]], len(out.servers))
    where = "the root" if zone == "." else f"the zone {zone}"
    if out.upward:
        return (
            f"Refers upward to the name servers of {where} ({servers}): this server does not serve {name}, "
            "though it was asked as one that does"
        )
    text = f"Does not know {name} itself, but refers to the name servers of {where}: {servers}"
    return text + (f"; gives {plural(len(out.glue), 'address', 'addresses')} for them (glue)" if out.glue else "")


def _without_question(message: DnsMessage, out: DnsOutcome) -> str:
    """A response without a question: the parts of a zone transfer, and nearly all of mDNS (RFC 6762 §6)."""
    return f"Tells {record_list(out.answers, message)}" if out.answers else "Tells nothing"


def record_list(records: list[DnsRecord], message: DnsMessage) -> str:
    """`printer.local A 10.0.0.9 and 2 more`."""
    words = []
    for record in records[:MAX_SHOWN]:
        value = shortened(decode_or_generic(message, record).text)
        words.append(f"{record.name.text()} {type_name(record.type)} {value}")
    return listed(words, len(records))


def multicast_text(message: DnsMessage) -> str:
    """An mDNS response: what is announced, and what is taken back (RFC 6762 §8.3, §10.1)."""
    records = [record for record in message.records() if record.type != OPT and record.section != AUTHORITY]
    told = [record for record in records if record.section == ANSWER]
    gone = [record for record in told if record.ttl == 0]
    if gone:
        text = f"Takes back {record_list(gone, message)} (TTL 0)"
        kept = [record for record in told if record.ttl]
        return f"{text}; tells {record_list(kept, message)}" if kept else text
    if not told:
        return "Tells nothing"
    text = f"Tells everyone on the link: {record_list(told, message)}"
    return text + cache_text(min([record.ttl for record in told]))


def label(message: DnsMessage, out: DnsOutcome | None) -> str:
    """`A query`, `A answer`, `AAAA NODATA`."""
    opcode = message.opcode
    if opcode != QUERY:
        return f"{opcode_name(opcode)} {'request' if out is None else 'response'}"
    name = type_name(int(message.qtype)) if message.question_end else ""
    if out is None:
        word = "query"
    elif out.kind == FAILED:
        word = rcode_name(message.full_rcode())
    else:
        word = {NO_NAME: "NXDOMAIN", NO_DATA: "NODATA", REFERRAL: "referral", TRUNCATED: "truncated",
                BROKEN: "unreadable"}.get(
            out.kind, "answer"
        )
    return f"{name} {word}".strip()
