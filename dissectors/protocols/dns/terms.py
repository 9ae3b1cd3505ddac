"""The glossary of DNS, for `explain`. One fact a sentence."""
from __future__ import annotations

from typing import Final

from dissectors.kit.protocol import Term

TERMS: Final = (
    Term(
        "A",
        "The record type that holds one IPv4 address of a name. "
        "A name may have several, and a server may give them in any order.",
        "RFC 1035 §3.4.1", ("AAAA", "RRset"),
    ),
    Term(
        "AAAA",
        "The record type that holds one IPv6 address of a name. "
        "It is asked for apart from A, so a client that wants both sends two queries.",
        "RFC 3596 §2", ("A",),
    ),
    Term(
        "CNAME",
        "The record type that makes a name an alias of another, the canonical name. "
        "Whatever is asked of the alias is looked up at the canonical name instead. "
        "A name with a CNAME has no other data.",
        "RFC 1034 §3.6.2", ("A",),
    ),
    Term(
        "MX",
        "The record type that names the hosts that take mail for a domain. "
        "The one with the lowest preference is tried first.",
        "RFC 1035 §3.3.9",
    ),
    Term(
        "NS",
        "The record type that names the servers with authority over a zone. "
        "The parent zone holds a copy of it, which is how a zone is found from above.",
        "RFC 1034 §4.2.1", ("authority", "glue", "referral"),
    ),
    Term(
        "SOA",
        "The record at the top of every zone, with its serial number and its timers. "
        "In a negative answer it tells how long the absence may be remembered.",
        "RFC 1035 §3.3.13", ("negative caching", "zone"),
    ),
    Term(
        "PTR",
        "The record type that points to another name. "
        "Its best known use is the reverse tree, where the name is made of an address and the data is a host's name.",
        "RFC 1035 §3.5",
    ),
    Term(
        "TXT",
        "The record type that holds text. "
        "Other standards give the text a meaning, such as which hosts may send mail for a domain.",
        "RFC 1035 §3.3.14",
    ),
    Term(
        "SRV",
        "The record type that tells on which host and port a service runs. "
        "The lowest priority is tried first, and weights share the load among equals.",
        "RFC 2782",
    ),
    Term(
        "HTTPS record",
        "A service binding for the web: it tells a browser before it connects which protocols, ports and addresses a "
        "site offers, and the key for hiding the site's name in the TLS handshake.",
        "RFC 9460 §9",
    ),
    Term(
        "CAA",
        "The record type that names the certification authorities that may issue certificates for a domain. "
        "It is for the authorities to obey, not for browsers to check.",
        "RFC 8659 §1",
    ),
    Term(
        "RRset",
        "All records of one name, class and type. "
        "They are only useful together, so they have one TTL and are signed as one.",
        "RFC 2181 §5", ("TTL", "RRSIG"),
    ),
    Term(
        "zone",
        "A part of the tree of names that is managed as a unit. "
        "It begins at one name and goes down to where parts of it are delegated to others.",
        "RFC 1034 §4.2", ("NS", "SOA", "authority"),
    ),
    Term(
        "TTL",
        "Time to live: for how many seconds a record may be kept and used again without asking. "
        "A resolver counts it down, so an answer from its cache has less left than the original. "
        "A TTL of 0 means that the record is for the transaction in hand only.",
        "RFC 1035 §3.2.1", ("negative caching",),
    ),
    Term(
        "NXDOMAIN",
        "The response code for a name that does not exist, with any type of data. "
        "It may be cached for as long as the SOA record that comes with it says.",
        "RFC 2308 §2.1", ("NODATA", "negative caching"),
    ),
    Term(
        "NODATA",
        "An answer without an error and without records: the name exists, but not with the type that was asked for. "
        "There is no code for it; it is told from the empty answer section.",
        "RFC 2308 §2.2", ("NXDOMAIN", "negative caching"),
    ),
    Term(
        "SERVFAIL",
        "The response code of a server that could not get an answer. "
        "Servers that it depends on may be out of reach, or signatures may not have proved right.",
        "RFC 1035 §4.1.1", ("extended error",),
    ),
    Term(
        "REFUSED",
        "The response code of a server that does not want to answer, by its policy. "
        "A server that is named as an authority and refuses is a sign of a lame delegation.",
        "RFC 1035 §4.1.1", ("lame delegation",),
    ),
    Term(
        "negative caching",
        "Remembering that a name or a type does not exist. "
        "The time is the smaller one of the TTL and the MINIMUM field of the SOA record in the answer.",
        "RFC 2308 §5", ("NXDOMAIN", "NODATA", "SOA"),
    ),
    Term(
        "recursion",
        "A server's doing the whole search for its client, instead of referring it to other servers. "
        "The client wishes for it with the flag RD, and the server offers it with the flag RA.",
        "RFC 1034 §4.3.1", ("iteration", "resolver"),
    ),
    Term(
        "iteration",
        "Searching step by step: each server says what it knows, or who knows more, and the one who asks goes on. "
        "Resolvers search so, from the root down.",
        "RFC 1034 §4.3.1", ("recursion", "referral"),
    ),
    Term(
        "resolver",
        "A program that finds answers for others and keeps them in a cache. "
        "A stub resolver on the user's host only passes questions to it.",
        "RFC 1034 §5", ("recursion",),
    ),
    Term(
        "authority",
        "A server has authority over a zone when it holds the zone's data itself. "
        "It marks its answers with the flag AA; answers from a cache do not have it.",
        "RFC 1035 §4.1.1", ("zone", "NS"),
    ),
    Term(
        "referral",
        "An answer that holds no data but the name servers of a zone further down. "
        "The one who asked has to go on there.",
        "RFC 1034 §4.3.2", ("glue", "iteration"),
    ),
    Term(
        "glue",
        "Addresses of name servers that a parent zone gives along with their names. "
        "Without them a server whose name lies in its own zone could never be found.",
        "RFC 1034 §4.2.1", ("referral", "NS"),
    ),
    Term(
        "lame delegation",
        "A delegation to a server that does not serve the zone. "
        "It shows as a refusal, or as a referral upward instead of an answer.",
        "RFC 9499 §7", ("referral", "REFUSED"),
    ),
    Term(
        "truncation",
        "A server's cutting an answer that is too long for one datagram, marked by the flag TC. "
        "The client then asks again over TCP, where the limit is 65 535 octets.",
        "RFC 1035 §4.2.1", ("EDNS",),
    ),
    Term(
        "EDNS",
        "An extension that rides in a record of the type OPT. "
        "It lets a client accept answers above 512 octets over UDP, and carries further flags, codes and options.",
        "RFC 6891 §6", ("truncation", "client subnet", "DNS cookie", "extended error"),
    ),
    Term(
        "client subnet",
        "An EDNS option in which a resolver tells a part of its client's address, so that the answer can be a "
        "server near that client. The scope in the response tells for which addresses the answer holds.",
        "RFC 7871 §6", ("EDNS",),
    ),
    Term(
        "DNS cookie",
        "An EDNS option with a value of the client's and one of the server's, which both repeat. "
        "It shows that the other side can receive at its address, which a forger elsewhere cannot show.",
        "RFC 7873 §4", ("EDNS",),
    ),
    Term(
        "extended error",
        "An EDNS option that tells why an answer is as it is: blocked, stale, a signature that expired, and so on.",
        "RFC 8914 §2", ("EDNS", "SERVFAIL"),
    ),
    Term(
        "0x20",
        "A client's mixing capital and small letters in the name it asks for. "
        "Servers copy the name as it came, so a forger has to guess the letters too.",
        "RFC 4343 §4.1", ("query id",),
    ),
    Term(
        "query id",
        "The 16-bit number that ties an answer to its query. "
        "Chosen at random together with the source port, it is hard to guess for whoever wants to forge an answer.",
        "RFC 5452 §9", ("0x20",),
    ),
    Term(
        "name compression",
        "Writing the end of a name as a pointer to where it stood before in the same message. "
        "Names are limited to 255 octets and labels to 63, with or without it.",
        "RFC 1035 §4.1.4",
    ),
    Term(
        "DNSSEC",
        "Signatures over DNS data, so that a resolver can see that nobody changed it on the way. "
        "It hides nothing: questions and answers stay readable.",
        "RFC 4033 §3", ("RRSIG", "DNSKEY", "DS", "NSEC"),
    ),
    Term(
        "RRSIG",
        "The record that holds the signature over one RRset, with the time it is valid and the tag of its key.",
        "RFC 4034 §3", ("DNSSEC", "RRset", "key tag"),
    ),
    Term(
        "DNSKEY",
        "The record that holds a public key of a zone. "
        "Zones often use one key for their data and one, with the flag SEP, for the keys alone.",
        "RFC 4034 §2", ("DNSSEC", "DS"),
    ),
    Term(
        "DS",
        "The record in a parent zone that holds the digest of a key of the child. "
        "It carries the chain of trust across the border between the two.",
        "RFC 4034 §5", ("DNSSEC", "DNSKEY"),
    ),
    Term(
        "key tag",
        "A 16-bit number computed from a DNSKEY, to find the right key quickly. "
        "Two keys may have the same one.",
        "RFC 4034 Appendix B", ("DNSKEY",),
    ),
    Term(
        "NSEC",
        "The record that proves that something does not exist: it names the next name of the zone and the types that "
        "its own name has. NSEC3 does the same with hashes, so that the zone cannot simply be listed.",
        "RFC 4034 §4", ("DNSSEC", "NXDOMAIN"),
    ),
    Term(
        "zone transfer",
        "Copying a zone to another server, whole (AXFR) or the changes alone (IXFR). "
        "It goes over TCP, in as many messages as it needs.",
        "RFC 5936 §2", ("SOA",),
    ),
)

MDNS_TERMS: Final = (
    Term(
        "mDNS",
        "DNS without a server: the question goes to a multicast address on port 5353, and whoever owns the name "
        "answers. It is for names below .local.",
        "RFC 6762 §3", ("known answer", "goodbye"),
    ),
    Term(
        "known answer",
        "A record that the asker of an mDNS question has already and sends along. "
        "Whoever would answer with it stays silent.",
        "RFC 6762 §7.1", ("mDNS",),
    ),
    Term(
        "goodbye",
        "An mDNS record with a TTL of 0, by which its owner takes it back.",
        "RFC 6762 §10.1", ("mDNS",),
    ),
)

LLMNR_TERMS: Final = (
    Term(
        "LLMNR",
        "Link-local multicast name resolution: Windows asks its neighbours on port 5355 for a name that DNS did not "
        "know. Nothing proves that the one who answers owns the name.",
        "RFC 4795 §2", ("mDNS",),
    ),
)
