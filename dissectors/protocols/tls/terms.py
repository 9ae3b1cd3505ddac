"""The glossary of TLS: what `wiretale explain TERM` says."""
from __future__ import annotations

from typing import Final

from dissectors.kit.protocol import Term

_RECORDS: Final[tuple[Term, ...]] = (
    Term(
        "TLS record",
        "The unit in which TLS sends everything: a type, a version that is kept for older machines, a length, "
        "and up to 16 384 bytes. Each record is encrypted and checked by itself. Records and TCP segments know "
        "nothing of each other's borders.",
        "RFC 8446 §5.1", ("handshake message", "TLS alert", "AEAD"),
    ),
    Term(
        "handshake message",
        "A step of the TLS handshake, such as ClientHello. A message may fill several records, and a record may hold "
        "several messages.",
        "RFC 8446 §4", ("TLS record", "TLS handshake"),
    ),
    Term(
        "TLS alert",
        "A record of two bytes by which a side says that something is wrong, or with close_notify that it has nothing "
        "more to send. Alerts name a class of fault and no detail, so as not to help an attacker.",
        "RFC 8446 §6", ("close_notify", "TLS record"),
    ),
    Term(
        "close_notify",
        "The alert that ends the data of one direction. Unlike the FIN of TCP it is protected and cannot be forged, so "
        "only with it the receiver knows that nothing was cut off.",
        "RFC 8446 §6.1", ("TLS alert",),
    ),
    Term(
        "heartbeat",
        "A record that asks whether the other side is still there and has its payload sent back. Heartbleed was a "
        "flaw of OpenSSL that believed the length in the request and answered with memory of the server.",
        "RFC 6520", ("TLS record",),
    ),
    Term(
        "ChangeCipherSpec",
        "Up to TLS 1.2 the mark from which a side encrypts. TLS 1.3 sends it without meaning, so that boxes on the way "
        "which know older versions only let the connection pass.",
        "RFC 5246 §7.1; RFC 8446 Appendix D.4", ("TLS handshake",),
    ),
)

_HANDSHAKE: Final[tuple[Term, ...]] = (
    Term(
        "TLS handshake",
        "The exchange that opens a TLS connection: the sides agree on a version and algorithms, make keys, prove who "
        "they are, and check that nobody changed their words. It takes one round trip in TLS 1.3, two in TLS 1.2, and "
        "one less where an earlier session is resumed in TLS 1.2.",
        "RFC 8446 §2; RFC 5246 §7.3", ("ClientHello", "ServerHello", "Finished", "session resumption", "0-RTT"),
    ),
    Term(
        "ClientHello",
        "The first message of a handshake: what versions, cipher suites, groups and signatures the client can use, "
        "which server it wants (SNI) and what it speaks above TLS (ALPN). It is readable on the way, unless ECH is "
        "used.",
        "RFC 8446 §4.1.2", ("ServerHello", "SNI", "ALPN", "cipher suite", "key share", "JA4"),
    ),
    Term(
        "ServerHello",
        "The answer to the ClientHello: the version and the cipher suite that the server picked and, in TLS 1.3, its "
        "half of the key exchange. In TLS 1.3 everything after it is encrypted.",
        "RFC 8446 §4.1.3", ("ClientHello", "HelloRetryRequest"),
    ),
    Term(
        "HelloRetryRequest",
        "A ServerHello with a special random number by which the server asks for another ClientHello, mostly because "
        "it wants a key share of another group. It costs one more round trip.",
        "RFC 8446 §4.1.4", ("key share", "ClientHello"),
    ),
    Term(
        "EncryptedExtensions",
        "The first encrypted message of a TLS 1.3 server: its answers to the extensions that are not needed to make "
        "keys, such as ALPN.",
        "RFC 8446 §4.3.1", ("ALPN",),
    ),
    Term(
        "Finished",
        "The last message of each side's handshake: a keyed checksum over all that was said. If anybody changed a byte "
        "on the way, the two sides do not agree on it.",
        "RFC 8446 §4.4.4", ("TLS handshake",),
    ),
    Term(
        "SNI",
        "Server name indication: the name of the wanted server in the ClientHello, because many servers share one "
        "address and each has its own certificate. Everybody on the way can read it, unless ECH hides it.",
        "RFC 6066 §3", ("ECH", "ClientHello"),
    ),
    Term(
        "ALPN",
        "Application-layer protocol negotiation: the client lists what it can speak above TLS, such as h2 or http/1.1, "
        "and the server picks one. Without it HTTP/2 would cost a further round trip.",
        "RFC 7301 §3", ("ClientHello",),
    ),
    Term(
        "GREASE",
        "Values without meaning that a client mixes into its lists, so that servers stay used to values they do not "
        "know. They are told apart from real ones by their pattern.",
        "RFC 8701 §2", ("ClientHello",),
    ),
    Term(
        "ECH",
        "Encrypted ClientHello: the true hello, with the true name of the server, is encrypted inside an outer one "
        "that names a public server in front. Clients without a key send random bytes of the same form, so an observer "
        "cannot tell whether it is really used.",
        "RFC 9849", ("SNI", "GREASE"),
    ),
    Term(
        "JA3",
        "A fingerprint of a ClientHello: the MD5 hash of its version, suites, extensions, groups and point formats in "
        "the order in which they came. Clients that shuffle their extensions have another one each time.",
        "", ("JA4", "ClientHello"),
    ),
    Term(
        "JA4",
        "A fingerprint of a ClientHello that sorts suites and extensions before it hashes them, so shuffling does not "
        "change it. It begins with the transport, the version, whether a name is sent, the counts and the first ALPN.",
        "", ("JA3", "ClientHello"),
    ),
    Term(
        "downgrade sentinel",
        "Eight fixed bytes at the end of the ServerHello's random number: a server that can speak TLS 1.3 marks with "
        "them that it was asked for less. A client that offered TLS 1.3 and sees them knows that somebody changed its "
        "offer.",
        "RFC 8446 §4.1.3", ("ServerHello",),
    ),
    Term(
        "renegotiation",
        "A new handshake within a connection, up to TLS 1.2. Without the extension that binds it to the one before, an "
        "attacker in the middle can put words of his own before those of the client.",
        "RFC 5746", ("TLS handshake",),
    ),
)

_KEYS: Final[tuple[Term, ...]] = (
    Term(
        "cipher suite",
        "A set of algorithms under one name. Up to TLS 1.2 it names key exchange, signature, cipher and hash; in TLS "
        "1.3 only cipher and hash, because the rest is negotiated by itself.",
        "RFC 8446 Appendix B.4; RFC 5246 Appendix A.5", ("AEAD", "forward secrecy"),
    ),
    Term(
        "key share",
        "A client's or server's public half of a key exchange in TLS 1.3, sent with the hello so that no round trip is "
        "lost. The client has to guess which group the server takes.",
        "RFC 8446 §4.2.8", ("HelloRetryRequest", "ECDHE"),
    ),
    Term(
        "ECDHE",
        "A Diffie-Hellman exchange on an elliptic curve with keys made for one connection only: each side sends a "
        "public half, and both compute the same secret that nobody else can.",
        "RFC 8422 §2", ("forward secrecy", "key share"),
    ),
    Term(
        "forward secrecy",
        "A recording stays closed even if the server's private key is stolen later, because the keys of the connection "
        "were made for it alone and thrown away. RSA key exchange does not have it.",
        "RFC 8446 Appendix E.1", ("ECDHE", "session ticket"),
    ),
    Term(
        "AEAD",
        "A way to encrypt that also checks that nothing was changed, such as AES-GCM or ChaCha20-Poly1305. TLS 1.3 "
        "allows nothing else.",
        "RFC 5116 §2", ("cipher suite",),
    ),
    Term(
        "session resumption",
        "Going on with an earlier session: the sides still share a secret, so the server need not show its certificate "
        "and sign again. By session id, by ticket, or in TLS 1.3 by a pre-shared key.",
        "RFC 8446 §2.2; RFC 5077 §3.1", ("session ticket", "PSK", "0-RTT"),
    ),
    Term(
        "session ticket",
        "The server's notes of a session, encrypted for itself, which the client keeps and shows when it comes back. "
        "Who gets the key of the tickets can read sessions that were resumed without a new key exchange.",
        "RFC 5077 §4; RFC 8446 §4.6.1", ("session resumption", "PSK"),
    ),
    Term(
        "PSK",
        "Pre-shared key: a secret that both sides already have, from an earlier session or set up by hand. The client "
        "names it in its hello and proves that it has it.",
        "RFC 8446 §4.2.11", ("session resumption", "0-RTT"),
    ),
    Term(
        "0-RTT",
        "Early data: a request that the client sends together with its ClientHello, under a key of an earlier session. "
        "It saves a round trip. It can be recorded and sent again by somebody else (replay), and it is not forward "
        "secret.",
        "RFC 8446 §8", ("PSK", "forward secrecy"),
    ),
    Term(
        "KeyUpdate",
        "A message of TLS 1.3 by which a side changes to its next key, derived from the present one, in the middle of "
        "a connection.",
        "RFC 8446 §4.6.3", ("AEAD",),
    ),
    Term(
        "key log",
        "A file into which a TLS library writes the secrets of its sessions, line by line, with the random number of "
        "the ClientHello they belong to. Browsers and curl write it where SSLKEYLOGFILE says.",
        "RFC 9850", ("ClientHello",),
    ),
    Term(
        "mutual TLS",
        "A handshake in which the client shows a certificate too, because the server asked for one.",
        "RFC 8446 §4.3.2", ("certificate",),
    ),
    Term(
        "certificate",
        "A statement, signed by an authority, that a public key belongs to a name. A server sends its own and those "
        "that lead to a root the client already trusts.",
        "RFC 5280 §3.1", ("OCSP stapling", "mutual TLS"),
    ),
    Term(
        "OCSP stapling",
        "The server sends along a fresh statement of the authority that its certificate was not withdrawn, so that the "
        "client need not ask there itself.",
        "RFC 6066 §8", ("certificate",),
    ),
)

TERMS: Final[tuple[Term, ...]] = _RECORDS + _HANDSHAKE + _KEYS
