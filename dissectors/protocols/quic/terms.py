"""The glossary of QUIC."""
from __future__ import annotations

from typing import Final

from dissectors.kit.protocol import Term

TERMS: Final = (
    Term("QUIC", "A transport over UDP that joins what TCP and TLS do: it opens and secures a connection in one "
         "handshake, carries many streams that do not hold each other up, and encrypts all that it can.", "RFC 9000",
         ("0-RTT packet", "connection ID", "version negotiation")),
    Term("connection ID", "A number by which a side of QUIC knows whose packet it gets, instead of by addresses and "
         "ports, so that a connection can move to another address. Either side issues its own; a short header bears "
         "it without its length.", "RFC 9000 §5.1", ("migration",)),
    Term("Initial packet", "The first packets of QUIC, with the first messages of TLS. Their keys follow from the "
         "connection ID that the client chose, so anyone on the way can read them.", "RFC 9000 §17.2.2; RFC 9001 §5.2"),
    Term("0-RTT packet", "Data that a client of QUIC sends with its first flight, under keys of an earlier session. "
         "They may be replayed by others.", "RFC 9001 §4.6", ("QUIC",)),
    Term("version negotiation", "A server that does not speak the client's version of QUIC names those that it does. "
         "A newer way needs no such packet: the server answers in a compatible version at once.",
         "RFC 9000 §6; RFC 9368"),
    Term("Retry", "A QUIC server's request to begin again with a token, by which the client shows that it can be "
         "reached at its address. It costs a round trip.", "RFC 9000 §8.1.2"),
    Term("amplification limit", "Until a client's address is validated, a QUIC server sends at most three times "
         "what it received.", "RFC 9000 §8.1"),
    Term("spin bit", "A bit of QUIC's short header that both sides may turn once each round trip, so that somebody on "
         "the way can measure it. Many programs do not.", "RFC 9000 §17.4"),
    Term("stateless reset", "What a side of QUIC sends that has forgotten the connection. It looks like any packet, "
         "and is known by its last 16 bytes to whoever was told them before.", "RFC 9000 §10.3"),
    Term("migration", "A QUIC client may go on from another address, with another connection ID, after both sides have "
         "checked that the new path works.", "RFC 9000 §9", ("connection ID",)),
    Term("transport parameters", "What each side of QUIC allows and announces in its handshake: how much it takes, "
         "when it gives up, which extensions it knows.", "RFC 9000 §18"),
    Term("key update", "A side of QUIC or TLS 1.3 goes on with new keys that are derived from the present ones.",
         "RFC 9001 §6; RFC 8446 §4.6.3"),
)
