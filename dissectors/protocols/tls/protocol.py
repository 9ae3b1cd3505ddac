"""The protocol record of TLS."""
from __future__ import annotations

from typing import Final

from dissectors.kit.protocol import MESSAGES, STARTTLS, Context, Dissector, Protocol
from dissectors.protocols.tls.disguise import disguise
from dissectors.protocols.tls.display_fields import FIELDS
from dissectors.protocols.tls.dissector import TlsDissector
from dissectors.protocols.tls.events import MessageSeen, RecordSeen, Resynchronised
from dissectors.protocols.tls.events_data import (
    ApplicationData,
    DataSummary,
    Decryption,
    EarlyData,
    EncryptedHandshake,
    EndOfEarlyDataSeen,
    HeartbeatSeen,
    KeyUpdateSeen,
    Renegotiation,
    UnknownMessage,
)
from dissectors.protocols.tls.events_end import (
    AlertSeen,
    BackToClear,
    Plaintext,
    Ssl2Answer,
    Stalled,
    TlsClosed,
    TlsRefused,
)
from dissectors.protocols.tls.events_hello import (
    ClientHelloSeen,
    EncryptedExtensionsSeen,
    HelloRetry,
    NewSessionTicketSeen,
    ServerHelloSeen,
)
from dissectors.protocols.tls.events_proof import (
    CertificateRequestSeen,
    CertificateSeen,
    CertificateStatusSeen,
    CertificateVerifySeen,
    ChangeCipherSpecSeen,
    ClientKeyExchangeSeen,
    FinishedSeen,
    HelloRequestSeen,
    ServerHelloDoneSeen,
    ServerKeyExchangeSeen,
)
from dissectors.protocols.tls.events_summary import TlsEstablished
from dissectors.protocols.tls.probe import probe
from dissectors.protocols.tls.terms import TERMS


def create(context: Context) -> Dissector:
    return TlsDissector(context)


TLS: Final = Protocol(
    name="tls",
    title="TLS",
    summary="Encrypted connections: handshakes, certificates, alerts, and the inside where the keys are given.",
    specs=(
        "RFC 8446", "RFC 5246", "RFC 4346", "RFC 2246", "RFC 6101", "RFC 5077", "RFC 5746", "RFC 6066", "RFC 6520",
        "RFC 7301", "RFC 7366", "RFC 7627", "RFC 8422", "RFC 8701", "RFC 8879",
    ),
    create=create,
    reached_by=((STARTTLS, "tls"), (MESSAGES, "tls")),
    whole_by=(MESSAGES,),
    carriers=("tcp",),
    ports={"tcp": (443, 465, 636, 853, 989, 990, 992, 993, 995, 5061, 6697, 8443)},
    events=(
        RecordSeen, MessageSeen, Resynchronised, ClientHelloSeen, ServerHelloSeen, HelloRetry, EncryptedExtensionsSeen,
        CertificateSeen, CertificateStatusSeen, CertificateRequestSeen, CertificateVerifySeen, ServerKeyExchangeSeen,
        ServerHelloDoneSeen, HelloRequestSeen, ClientKeyExchangeSeen, ChangeCipherSpecSeen, FinishedSeen,
        NewSessionTicketSeen, EncryptedHandshake, EarlyData, EndOfEarlyDataSeen, Decryption, TlsEstablished,
        ApplicationData, DataSummary, KeyUpdateSeen, Renegotiation, HeartbeatSeen, UnknownMessage, AlertSeen,
        TlsRefused, Stalled, Plaintext, Ssl2Answer, BackToClear, TlsClosed,
    ),
    terms=TERMS,
    fields=FIELDS,
    disguise=disguise,
    probe=probe,
    names_others=True,
    encrypts=True,
)
