"""The protocol records of DNS, multicast DNS and LLMNR."""
from __future__ import annotations

from typing import Final

from dissectors.kit.protocol import ALPN, MEDIA, QUERY, Context, Dissector, Protocol
from dissectors.protocols.dns.disguise import disguise
from dissectors.protocols.dns.display_fields import FIELDS, fields_of
from dissectors.protocols.dns.dissector import LINK_LOCAL, MULTICAST, UNICAST, DnsDissector
from dissectors.protocols.dns.events import DnsIncomplete, DnsResponse, DnsRetry, DnsUnanswered, Mismatch, Query
from dissectors.protocols.dns.events_multicast import (
    LlmnrIncomplete,
    LlmnrQuery,
    LlmnrResponse,
    LlmnrRetry,
    MdnsQuery,
    MdnsResponse,
    MdnsRetry,
)
from dissectors.protocols.dns.lookups import LookupBook
from dissectors.protocols.dns.namer import named_addresses
from dissectors.protocols.dns.over_quic import DnsOverQuic
from dissectors.protocols.dns.phases import summarise
from dissectors.protocols.dns.probe import probe, probe_header
from dissectors.protocols.dns.terms import LLMNR_TERMS, MDNS_TERMS, TERMS
from dissectors.wire.dns_types import PORT


def _dns(context: Context) -> Dissector:
    if context.beneath[-1:] == ("quic",):
        return DnsOverQuic(context)
    return DnsDissector(context, UNICAST)


def _mdns(context: Context) -> Dissector:
    return DnsDissector(context, MULTICAST)


def _llmnr(context: Context) -> Dissector:
    return DnsDissector(context, LINK_LOCAL)


DNS: Final = Protocol(
    name="dns",
    title="DNS",
    summary="Names to addresses and other data: queries, answers, referrals.",
    specs=("RFC 1034", "RFC 1035", "RFC 2181", "RFC 2308", "RFC 4034", "RFC 6891", "RFC 7766", "RFC 9250", "RFC 9499"),
    create=_dns,
    carriers=("udp", "tcp"),
    reached_by=((ALPN, "dot"), (ALPN, "doq"), (MEDIA, "application/dns-message"), (QUERY, "dns")),
    whole_by=(MEDIA, QUERY),
    ports={"udp": (PORT,), "tcp": (PORT,)},
    events=(Query, DnsRetry, DnsResponse, Mismatch, DnsUnanswered, DnsIncomplete),
    terms=TERMS,
    summarise=summarise,
    book=LookupBook,
    fields=FIELDS,
    disguise=disguise,
    probe=probe,
    namer=named_addresses,
    probe_on_port=probe_header,
)

# On their own ports only: elsewhere the same bytes are DNS.
MDNS: Final = Protocol(
    name="mdns",
    title="mDNS",
    summary="Names on the local link, asked of everyone there.",
    specs=("RFC 6762", "RFC 6763"),
    create=_mdns,
    carriers=("udp",),
    ports={"udp": (5353,)},
    events=(MdnsQuery, MdnsRetry, MdnsResponse),
    terms=MDNS_TERMS,
    summarise=summarise,
    book=LookupBook,
    fields=fields_of("mdns"),
    disguise=disguise,
    probe=probe,
    probe_anywhere=False,
    probe_on_port=probe_header,
)

LLMNR: Final = Protocol(
    name="llmnr",
    title="LLMNR",
    summary="Single-label names on the local link, as Windows asks for them.",
    specs=("RFC 4795",),
    create=_llmnr,
    carriers=("udp", "tcp"),
    ports={"udp": (5355,), "tcp": (5355,)},
    events=(LlmnrQuery, LlmnrRetry, LlmnrResponse, LlmnrIncomplete),
    terms=LLMNR_TERMS,
    fields=fields_of("llmnr"),
    disguise=disguise,
    summarise=summarise,
    book=LookupBook,
    probe=probe,
    probe_anywhere=False,
    probe_on_port=probe_header,
)
