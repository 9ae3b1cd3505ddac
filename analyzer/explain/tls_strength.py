"""Findings about what protects a TLS connection, and how it ends."""
from __future__ import annotations

from typing import Final

from analyzer.explain.rule import (
    CERTAIN,
    FAILURE,
    LIKELY,
    OUTLOOK,
    POSSIBLE,
    SLOW,
    WEAK,
    Case,
    Found,
    Rule,
    frames_of,
    times,
)
from analyzer.explain.tls import asked_for, sender
from dissectors.kit.event import NEITHER
from dissectors.kit.observation import OCTETS
from dissectors.kit.units import plural, size, span
from dissectors.protocols.tcp.events_teardown import Fin
from dissectors.protocols.tls.events import some
from dissectors.protocols.tls.events_data import (
    ACCEPTED,
    KEYS_MISSING,
    KEYS_PARTIAL,
    KEYS_WRONG,
    OFFERED,
    DataSummary,
    Decryption,
    EarlyData,
    HeartbeatSeen,
    Renegotiation,
)
from dissectors.protocols.tls.events_end import FIN, RESET, Ssl2Answer, TlsClosed
from dissectors.protocols.tls.events_hello import ClientHelloSeen, HelloRetry, ServerHelloSeen
from dissectors.protocols.tls.events_proof import ServerKeyExchangeSeen
from dissectors.protocols.tls.events_summary import TlsEstablished
from dissectors.wire.tls.extensions import RENEGOTIATION_INFO
from dissectors.wire.tls.names import SSL3, TLS12, TLS13, version_name
from dissectors.wire.tls.suites import suite

WEAK_PRIME: Final = 2_048      # bits of a Diffie-Hellman group below which it is weak (RFC 9325 §4.5)

# Suites that protect nothing at all, by words in their names.
WORTHLESS: Final = ("NULL", "anon", "EXPORT", "TLS_SHA")


def _chosen(case: Case) -> list[ServerHelloSeen]:
    """ServerHellos, each choice once."""
    found: dict[tuple[int, int], ServerHelloSeen] = {}
    for event in case.of(ServerHelloSeen):
        found.setdefault((event.hello.version, event.hello.suite), event)
    return list(found.values())


def no_forward_secrecy(case: Case) -> list[Found]:
    events = [event for event in case.of(TlsEstablished) if event.summary.forward == "no"]
    if not events:
        return []
    one = events[0].summary
    how = "the key exchange rests on the server's long-term key"
    if one.tls13 or "_PSK_" in one.suite:
        how = "its keys come from a pre-shared key alone"
    return [Found(
        f"The connection{asked_for(one.server_name)} is not forward secret ({one.suite}): {how}, so whoever gets that "
        "key later can read this recording.", frames_of(events[:1]), case.conversation,
        basis="the key exchange that was negotiated",
    )]


def weak_suite(case: Case) -> list[Found]:
    found = []
    for event in _chosen(case):
        known = suite(event.hello.suite)
        if known is None or not known.weak:
            continue
        if "CBC" in known.cipher and event.hello.encrypt_then_mac and "CBC" in known.weak:
            continue         # encrypt-then-MAC mends what is wrong with it (RFC 7366 §1)
        worthless = any(word in known.name for word in WORTHLESS)
        only_cbc = "CBC" in known.weak
        found.append(Found(
            f"{sender(event, case)} chose {known.name}, which is weak: {known.weak}.", frames_of([event]),
            case.conversation, severity="error" if worthless else "note" if only_cbc else "",
            basis="the cipher suite in the ServerHello",
            narrow=f"tls.handshake.ciphersuite == {event.hello.suite:#06x}",
        ))
    for exchange in case.of(ServerKeyExchangeSeen)[:1]:
        if 0 < exchange.bits < WEAK_PRIME:
            found.append(Found(
                f"{sender(exchange, case)} uses a Diffie-Hellman prime of {exchange.bits} bits, where {WEAK_PRIME} are "
                "the least.", frames_of([exchange]), case.conversation, basis="the prime in the ServerKeyExchange",
                narrow="tls.handshake.type == 12",
            ))
    return found


def old_version(case: Case) -> list[Found]:
    found = []
    for event in _chosen(case):
        version = event.hello.version
        if version >= TLS12:
            continue
        offers = [hello.hello.version for hello in case.of(ClientHelloSeen)]
        newest = max(offers, default=0)
        whose = f" The client offered {version_name(newest)} too." if newest >= TLS12 else (
            f" The client offered nothing newer than {version_name(newest)}." if newest else ""
        )
        rule = "is broken (RFC 7568)" if version <= SSL3 else "must no longer be used (RFC 8996)"
        found.append(Found(
            f"{sender(event, case)} chose {version_name(version)}, which {rule}.{whose}", frames_of([event]),
            case.conversation, severity="error" if version <= SSL3 else "",
            basis="the version in the ServerHello", narrow=f"tls.handshake.version == {version:#06x}",
        ))
    for answer in case.of(Ssl2Answer)[:1]:
        found.append(Found(
            f"{sender(answer, case)} speaks SSL 2.0, which is broken and must not be used (RFC 6176).",
            frames_of([answer]), case.conversation, severity="error", basis="the answer has the form of SSL 2.0",
            narrow="tls",
        ))
    return found


def downgrade(case: Case) -> list[Found]:
    """RFC 8446 §4.1.3: the mark in the server's random that a client with a newer version has to look at."""
    found = []
    newest = max([event.hello.version for event in case.of(ClientHelloSeen)], default=0)
    for event in _chosen(case):
        hello = event.hello
        if hello.downgrade and newest > hello.version and (newest >= TLS13 or newest >= TLS12 > hello.version):
            found.append(Found(
                f"{sender(event, case)} chose {version_name(hello.version)}, though the client offered "
                f"{version_name(newest)} and the server marks that it could speak a newer version: somebody on the way "
                "may have changed the offer.", frames_of([*case.of(ClientHelloSeen)[:1], event]), case.conversation,
                confidence=LIKELY, basis="the last eight bytes of the server's random",
            ))
    return found


def _ended_first(case: Case, direction: int) -> bool:
    """This side closed the connection; the other one had not said that it needs no more."""
    firsts = [fin for fin in case.of(Fin) if fin.first]
    return not firsts or firsts[0].direction == direction


def truncated(case: Case) -> list[Found]:
    """An end without close_notify matters for what the receiver did not know to be whole: the answer of the server."""
    sums = case.of(DataSummary)
    found = []
    for event in case.of(TlsClosed):
        server = 1 - event.client
        cut = [event.client if name == "client" else server for name in event.unfinished]
        octets = sums[-1].octets[server] if sums else 0
        if event.unfinished and event.how in (FIN, RESET):
            found.append(Found(
                f"A TLS record of the {' and of the '.join(event.unfinished)} is cut off in its middle: what it held "
                "did not arrive.", frames_of([event]), case.conversation, severity="warn",
                basis="the length in the header of the last record",
                absent=case.absence(cut[0] if len(cut) == 1 else NEITHER, -1, event.time, OCTETS),
            ))
        elif "server" not in (*event.notified, *event.unseen) and event.how == FIN and octets \
                and _ended_first(case, server):
            found.append(Found(
                f"The server closed without close_notify after {size(octets)} of data. From TLS alone the client "
                "cannot know that nothing was cut off; it can where the protocol above states its lengths.",
                frames_of([event]), case.conversation,
                basis="no alert of the server was seen before its FIN, which came first",
                absent=case.absence(server, sums[-1].time, event.time, OCTETS),
            ))
    return found


def early_data(case: Case) -> list[Found]:
    found = []
    for event in case.of(EarlyData):
        if event.outcome not in (ACCEPTED, OFFERED):
            continue
        taken = event.outcome == ACCEPTED
        who = "The server took" if taken else "The client sent"
        found.append(Found(
            f"{who} {size(event.octets)} of early data (0-RTT): that saves a round trip, and whoever recorded these "
            "bytes can send them to the server again.",
            frames_of([event]), case.conversation, severity="" if taken else "chat",
            basis="early data in the handshake; whether a request may be repeated, only the server's program knows",
        ))
    return found


def keys_missing(case: Case) -> list[Found]:
    half = [event for event in case.of(Decryption) if event.outcome == KEYS_PARTIAL]
    if half:
        lacking = " and ".join([event.reason for event in half])
        return [Found(
            f"The keys that were given open this TLS session in part: {lacking}. What is sent there is not told.",
            frames_of(half), case.conversation, severity="note",
            basis="the secrets in the key log for the client's random number", narrow="tls",
        )]
    events = [event for event in case.of(Decryption) if event.outcome == KEYS_MISSING]
    return [Found(
        "The keys for this TLS session are not among those that were given, so its inside is not told.",
        frames_of(events[:1]), case.conversation,
        basis=events[0].reason or "the client's random number is not in the key log",
    )] if events else []


def keys_wrong(case: Case) -> list[Found]:
    events = [event for event in case.of(Decryption) if event.outcome == KEYS_WRONG]
    return [Found(
        "The keys that were given for this TLS session do not open its records"
        + (f": {events[0].reason}." if events[0].reason else "."),
        frames_of(events[:1]), case.conversation, basis="the records do not authenticate under these keys",
    )] if events else []


def heartbleed(case: Case) -> list[Found]:
    beats = case.of(HeartbeatSeen)
    over = [event for event in beats if event.overread]
    if not over:
        return _loose_heartbeat(case, beats)
    first = over[0]
    over = [event for event in over if event.direction == first.direction]   # an answer in pieces looks the same
    larger = [
        event for event in beats
        if event.direction != first.direction and event.time >= first.time and event.length > first.length
    ]
    text = (
        f"{sender(first, case)} sent {plural(len(over), 'heartbeat')} that {'claims' if len(over) == 1 else 'claim'} "
        f"more payload than the record holds ({first.claimed} bytes in a record of {first.length}): the shape of "
        "Heartbleed."
    )
    if larger:
        most = max([event.length for event in larger])
        text += f" The other side answered with up to {size(most)}, which is memory that it should not show."
    return [Found(
        text, frames_of([*over, *larger]), case.conversation, severity="error" if larger else "",
        confidence=CERTAIN if larger else LIKELY, basis="the payload length against the length of the record"
        + ("" if larger else "; no answer of that size is in the capture"),
    )]


def _loose_heartbeat(case: Case, beats: list[HeartbeatSeen]) -> list[Found]:
    """RFC 6520 §4: payload and at least 16 octets of padding must fit. Who answers otherwise does not check."""
    loose = [event for event in beats if event.loose and event.kind == "request"]
    if not loose:
        return []
    first = loose[0]
    answers = [event for event in beats if event.direction != first.direction and event.time >= first.time]
    text = (
        f"{sender(first, case)} sent a heartbeat of {plural(first.length, 'byte')} that names {first.claimed} of "
        f"payload and so has {first.padding} of padding, where at least 16 must follow: whoever gets it has to drop it "
        "(RFC 6520)."
    )
    if answers:
        text += " The other side answered all the same: it lacks the check whose absence is Heartbleed."
    return [Found(
        text, frames_of([*loose, *answers[:1]]), case.conversation, severity="" if answers else "note",
        confidence=LIKELY, basis="the payload length against the length of the record"
        + ("" if answers else "; no answer is in the capture"),
    )]


def compression(case: Case) -> list[Found]:
    return [
        Found(
            f"{sender(event, case)} chose compression (method {event.hello.compression}): the size of what is "
            "encrypted then depends on its content, by which cookies can be guessed (CRIME).", frames_of([event]),
            case.conversation, basis="the compression method in the ServerHello",
        )
        for event in _chosen(case) if event.hello.compression and event.hello.version < TLS13
    ]


def renegotiation(case: Case) -> list[Found]:
    """RFC 5746: a handshake within a connection must be bound to the one before."""
    events = case.of(Renegotiation)
    answers = [event for event in case.of(ServerHelloSeen) if event.hello.version < TLS13]
    lacking = [event for event in answers if not event.hello.extended.has(RENEGOTIATION_INFO)]
    loose = [event for event in events if event.readable and not event.bound]
    if not loose and events and lacking:
        loose = events
    if loose:
        return [Found(
            f"{sender(loose[0], case)} negotiated anew within the connection ({times(len(loose))}), and nothing binds "
            "that to the handshake before: somebody in the middle can put words of his own first.",
            frames_of(loose), case.conversation, basis="no renegotiation_info with the data of the first handshake",
        )]
    offered = any(event.hello.secure_renegotiation for event in case.of(ClientHelloSeen))
    if lacking and offered:
        return [Found(
            f"{sender(lacking[0], case)} does not know secure renegotiation (RFC 5746), which the client offered.",
            frames_of(lacking[:1]), case.conversation, severity="note", confidence=LIKELY,
            basis="its ServerHello lacks renegotiation_info; no renegotiation took place in the capture",
        )]
    return []


def not_offered(case: Case) -> list[Found]:
    return [
        Found(
            f"{sender(event, case)} chose a cipher suite that the client had not offered.",
            frames_of([*case.of(ClientHelloSeen)[:1], event]), case.conversation,
            basis="the list in the ClientHello and the choice in the ServerHello",
        )
        for event in case.of(ServerHelloSeen) if not event.offered and not event.hello.problem
    ]


def hello_retry(case: Case) -> list[Found]:
    found = []
    for event in case.of(HelloRetry):
        if not event.wanted:
            continue
        cost = max(event.thinking_ns, 0)
        sent = f" instead of {some(event.sent, 3)}" if event.sent else ""
        lost = f", {span(cost)}" if cost else ""
        found.append(Found(
            f"{sender(event, case)} wanted a key share for {event.wanted}{sent}: one more round trip{lost}.",
            frames_of([event]), case.conversation, cost_ns=cost, confidence=CERTAIN if sent else POSSIBLE,
            basis="the HelloRetryRequest",
        ))
    return found


STRENGTH_RULES: Final[tuple[Rule[Case], ...]] = (
    Rule(
        "tls.no_forward_secrecy", "warn", WEAK, no_forward_secrecy,
        "Who gets the server's key later can read this connection.",
        "Prefer TLS 1.3, or suites with ECDHE, on the server.", "Keys that were agreed in another way.",
        "tls.handshake.type == 2",
    ),
    Rule(
        "tls.weak_suite", "warn", WEAK, weak_suite,
        "The cipher suite is weak.",
        "Take the suite out of the server's list; prefer AES-GCM or ChaCha20-Poly1305 with ECDHE.",
        "A better suite that the same server chooses for clients of today.", "tls.handshake.type == 2",
    ),
    Rule(
        "tls.old_version", "warn", WEAK, old_version,
        "The version of TLS is older than 1.2.",
        "Switch off everything below TLS 1.2 on the server, and update the side that offers nothing newer.",
        "A newer version that the same two agree on elsewhere.", "tls.handshake.type == 2",
    ),
    Rule(
        "tls.downgrade", "error", FAILURE, downgrade,
        "Somebody made client and server agree on an older version than both speak.",
        "Compare the ClientHello at the client with the one at the server.",
        "A server whose random ends in these bytes by chance or by mistake.", "tls.handshake.type <= 2",
    ),
    Rule(
        "tls.truncated", "note", WEAK, truncated,
        "The connection ended without TLS having said so (close_notify).",
        "Check in the protocol above that the answer is whole; let the server shut TLS down before it closes.",
        "An encrypted alert that the capture missed.", "tls", absence=True,
    ),
    Rule(
        "tls.early_data", "note", WEAK, early_data,
        "Data were sent before the handshake was over, and could be sent again by somebody else.",
        "See that only requests which may be repeated are answered from early data (RFC 8470).",
        "A server that refuses what it has seen before.", "tls",
    ),
    Rule(
        "tls.keys_missing", "chat", OUTLOOK, keys_missing,
        "There are no keys to see inside.",
        "Record the key log (SSLKEYLOGFILE) of the program that made this connection.",
        "A key log that holds the client's random number.", "tls.handshake.type == 1",
    ),
    Rule(
        "tls.keys_wrong", "warn", OUTLOOK, keys_wrong,
        "The keys that were given do not fit.",
        "Check that the key log belongs to this capture.", "Records that were damaged on the way.", "tls",
    ),
    Rule(
        "tls.heartbleed", "warn", WEAK, heartbleed,
        "A heartbeat asks for more than it holds: the attack Heartbleed.",
        "Update OpenSSL, then replace the server's key: what was in memory may be known to others.",
        "A heartbeat whose record is longer than the capture shows.", "tls.heartbeat_message",
    ),
    Rule(
        "tls.compression", "warn", WEAK, compression,
        "TLS compresses, which lets others guess what is inside.",
        "Switch TLS compression off.", "Nothing secret in what is compressed.", "tls.handshake.type == 2",
    ),
    Rule(
        "tls.insecure_renegotiation", "warn", WEAK, renegotiation,
        "A handshake within a connection is not bound to the one before.",
        "Update the side without RFC 5746, or forbid renegotiation.",
        "The extension in a message that the capture missed.", "tls.handshake.type <= 2",
    ),
    Rule(
        "tls.not_offered", "warn", FAILURE, not_offered,
        "The server chose something that the client did not offer.",
        "Look for a machine in between that changes the hellos.", "A ClientHello that the capture missed.",
        "tls.handshake.type <= 2",
    ),
    Rule(
        "tls.hello_retry", "chat", SLOW, hello_retry,
        "The server asked for another key share, which took a round trip more.",
        "Let the client send a key share for the group that its servers prefer.",
        "A server that asks again on purpose, to see whether the client is really there.", "tls.handshake.type <= 2",
    ),
)
