"""Events of the messages that prove who is who and agree on keys, up to Finished."""
from __future__ import annotations

from typing import ClassVar, Final

from dissectors.kit.event import BASE, CORE, EXTRA, SECURING, SUMMED, JsonValue
from dissectors.kit.identity import PARTY, UNIQUE, Identity, host_of, hosts_in
from dissectors.kit.units import plural
from dissectors.protocols.tls.events import HANDSHAKE, TlsEvent, TlsObserved, capital, some, texts
from dissectors.protocols.tls.state import Session
from dissectors.wire.tls.messages import (
    Certificate,
    CertificateRequest,
    CertificateStatus,
    CertificateVerify,
    ServerKeyExchange,
)
from dissectors.wire.tls.names import group_name, scheme_name
from dissectors.wire.x509.chain import TRUSTED, Certificates, ChainCheck
from dissectors.wire.x509.status import ocsp, read_ocsp, sct

MAX_SHOWN: Final = 8       # entries of a list in one sentence


class CertificateSeen(TlsEvent):
    """A Certificate message. certificates: DER, the sender's own first.

    ocsp_staples: OCSP responses that came along. scts: signed certificate timestamps of the sender's own certificate.
    compressed: the name of the algorithm, "" for none. server_name: what the client asked for. trusted: the roots that
    the user named. left_out: certificates beyond the cap on those of one chain.
    The certificates are read when a text or the data is asked for.
    """

    name: ClassVar[str] = "tls.certificate"
    normally: ClassVar[str] = SUMMED
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = SECURING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 8446 §4.4.2; RFC 5246 §7.4.2"
    WHY: ClassVar[str] = (
        "A certificate binds a name to a public key, vouched for by an authority. It proves nothing by itself, "
        "because anyone can copy it: that its sender holds the private key is shown by a signature or by the key "
        "exchange."
    )

    def __init__(
        self, observed: TlsObserved, message: Certificate, session: Session, trusted: list[bytes], *,
        compressed: str = "",
    ) -> None:
        super().__init__(observed)
        self.certificates = message.ders
        self.ocsp_staples = [one.ocsp for one in message.chain if one.ocsp]
        self.scts = message.chain[0].scts if message.chain else []
        self.compressed = compressed
        self.server_name = session.server_name
        self.trusted = trusted
        self.length = observed.length
        self.left_out = message.left_out
        self.checked: ChainCheck | None = None

    def label(self) -> str:
        return "Certificate"

    def check(self, known: Certificates | None = None) -> ChainCheck:
        """What the certificates say, and what is wrong with them at the time of the capture. Worked out once.

        known: what was read of certificates before, so that a chain which many connections show is read once.
        """
        if self.checked is None:
            name = "" if self.from_client() else self.server_name
            store = known if known is not None else Certificates()
            self.checked = store.check(self.certificates, name, self.time, self.trusted, self.from_client())
        return self.checked

    def detail(self) -> str:
        if not self.certificates:
            return "none"
        first = self.check().certificates[0]
        return f"{first.title}, {first.key}, {plural(len(self.certificates), 'certificate')}"

    def what(self) -> str:
        who = capital(self.who())
        if not self.certificates:
            return f"{who} shows no certificate."
        check = self.check()
        text = f"{who} shows a certificate: {check.certificates[0].words()}."
        further = len(check.certificates) - 1
        if further:
            titles = some([info.title for info in check.certificates[1:]], MAX_SHOWN)
            text += f" With it {'comes' if further == 1 else 'come'} {titles}."
        for problem in check.problems[:MAX_SHOWN]:
            text += f" But {problem.words}."
        if check.trust == TRUSTED:
            text += f" The chain leads to {check.root}, which you trust."
        if self.scts:
            text += f" Beside it came {sct(self.scts)}."
        for staple in self.ocsp_staples[:1]:
            text += f" A stapled OCSP answer says: {read_ocsp(staple).words(self.time)}."
        if self.left_out:
            text += f" {plural(self.left_out, 'further certificate')} are not examined."
        if self.compressed:
            text += f" The message is compressed with {self.compressed}."
        return text

    def identifies(self) -> list[Identity]:
        check = self.check()
        found: list[Identity] = [(PARTY, check.root)] if check.root else []
        for info in check.certificates:
            found += [(PARTY, info.subject), (PARTY, info.issuer), (UNIQUE, info.serial), (UNIQUE, info.fingerprint)]
            for name in info.names:
                found += hosts_in(name) or host_of(name)
        return found

    def fields(self) -> dict[str, JsonValue]:
        check = self.check()
        chain: list[JsonValue] = []
        for info in check.certificates:
            chain.append(info.fields())
        out: dict[str, JsonValue] = {
            "certificates": chain, "length": self.length, "compressed": self.compressed,
            "ocsp": texts([ocsp(one) for one in self.ocsp_staples[:MAX_SHOWN]]),
            "sct": sct(self.scts) if self.scts else "", "left_out": self.left_out,
        }
        out.update(check.fields())
        return out


class CertificateStatusSeen(TlsEvent):
    """A stapled OCSP answer in a message of its own, as up to TLS 1.2."""

    name: ClassVar[str] = "tls.certificate_status"
    normally: ClassVar[str] = SUMMED
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = SECURING
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 6066 §8"
    WHY: ClassVar[str] = (
        "A certificate can be withdrawn before it expires. The server sends a fresh, signed statement of the "
        "authority along, so that the client need not ask there, which would cost time and tell the authority where "
        "the client goes."
    )

    def __init__(self, observed: TlsObserved, status: CertificateStatus) -> None:
        super().__init__(observed)
        self.staple = status.ocsp

    def label(self) -> str:
        return "CertificateStatus"

    def detail(self) -> str:
        return ocsp(self.staple) if self.staple else "empty"

    def what(self) -> str:
        if not self.staple:
            return "The server staples an empty OCSP answer."
        return f"The server staples an OCSP answer: {read_ocsp(self.staple).words(self.time)}."

    def fields(self) -> dict[str, JsonValue]:
        return {"ocsp": self.detail(), "length": len(self.staple)}


class CertificateRequestSeen(TlsEvent):
    """The server wants a certificate of the client. authorities: how many it names that it accepts."""

    name: ClassVar[str] = "tls.certificate_request"
    normally: ClassVar[str] = SUMMED
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = SECURING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 8446 §4.3.2; RFC 5246 §7.4.4"
    WHY: ClassVar[str] = (
        "Usually only the server proves who it is. Here it wants the same of the client (mutual TLS). A client "
        "without a fitting certificate answers with an empty one, and the server decides whether to go on."
    )

    def __init__(self, observed: TlsObserved, request: CertificateRequest) -> None:
        super().__init__(observed)
        self.schemes = request.schemes
        self.authorities = len(request.authorities)

    def label(self) -> str:
        return "CertificateRequest"

    def detail(self) -> str:
        return some([scheme_name(number) for number in self.schemes], 3)

    def what(self) -> str:
        text = "The server asks the client for a certificate"
        if self.authorities:
            text += " of one authority" if self.authorities == 1 else f" of one of {self.authorities} authorities"
        if self.schemes:
            text += f", signed with {some([scheme_name(number) for number in self.schemes], MAX_SHOWN)}"
        return text + "."

    def fields(self) -> dict[str, JsonValue]:
        return {"schemes": texts([scheme_name(n) for n in self.schemes[:512]]), "authorities": self.authorities}


class CertificateVerifySeen(TlsEvent):
    """The proof that the sender of a certificate holds its private key."""

    name: ClassVar[str] = "tls.certificate_verify"
    normally: ClassVar[str] = SUMMED
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = SECURING
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 8446 §4.4.3; RFC 5246 §7.4.8"
    WHY: ClassVar[str] = (
        "Certificates are public. Only the holder of the private key can sign what was said so far in this very "
        "handshake, so this message ties the certificate to the connection."
    )

    def __init__(self, observed: TlsObserved, verify: CertificateVerify) -> None:
        super().__init__(observed)
        self.scheme = verify.scheme
        self.length = len(verify.signature)

    def label(self) -> str:
        return "CertificateVerify"

    def detail(self) -> str:
        return scheme_name(self.scheme) if self.scheme >= 0 else f"{self.length} bytes"

    def what(self) -> str:
        way = f" with {scheme_name(self.scheme)}" if self.scheme >= 0 else ""
        return f"{capital(self.who())} signs the handshake so far{way}: it holds the key of its certificate."

    def fields(self) -> dict[str, JsonValue]:
        return {"scheme": scheme_name(self.scheme) if self.scheme >= 0 else "", "length": self.length}


class ServerKeyExchangeSeen(TlsEvent):
    """The server's half of a key exchange up to TLS 1.2. kind: "ECDHE", "DHE", "PSK" ...; group: 0 where none is named.

    bits: of the prime for DHE, else 0. scheme: -1 where the version names none.
    """

    name: ClassVar[str] = "tls.server_key_exchange"
    normally: ClassVar[str] = SUMMED
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = SECURING
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 5246 §7.4.3; RFC 8422 §5.4"
    WHY: ClassVar[str] = (
        "The server makes a key pair for this connection alone and signs its public half. Once both sides have "
        "thrown their halves away, nobody can read the recording later, not even with the server's private key: "
        "that is forward secrecy."
    )

    def __init__(self, observed: TlsObserved, kind: str, exchange: ServerKeyExchange | None) -> None:
        """exchange: None where the suite does not say how to read it."""
        super().__init__(observed)
        self.kind = kind
        self.group = exchange.group if exchange is not None else 0
        self.bits = exchange.prime_bits if exchange is not None else 0
        self.scheme = exchange.scheme if exchange is not None else -1
        self.length = observed.length

    def label(self) -> str:
        return "ServerKeyExchange"

    def _with(self) -> str:
        if self.group:
            return group_name(self.group)
        return f"a prime of {self.bits} bits" if self.bits else ""

    def detail(self) -> str:
        words = [self.kind, self._with(), scheme_name(self.scheme) if self.scheme >= 0 else ""]
        return ", ".join([word for word in words if word])

    def what(self) -> str:
        text = f"The server sends its half of the key exchange ({self.kind or 'of an unknown kind'}"
        if self._with():
            text += f" over {self._with()}"
        text += ")"
        if self.scheme >= 0:
            text += f", signed with {scheme_name(self.scheme)}"
        text += "."
        if 0 < self.bits < 2048:
            text += f" {self.bits} bits are too few today."
        return text

    def fields(self) -> dict[str, JsonValue]:
        return {
            "kind": self.kind, "group": group_name(self.group) if self.group else "", "bits": self.bits,
            "scheme": scheme_name(self.scheme) if self.scheme >= 0 else "", "length": self.length,
        }


class ServerHelloDoneSeen(TlsEvent):
    """The server has said all that it has to say for now."""

    name: ClassVar[str] = "tls.server_hello_done"
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = SECURING
    importance: ClassVar[str] = EXTRA
    spec: ClassVar[str] = "RFC 5246 §7.4.5"
    WHY: ClassVar[str] = (
        "What the server sends before it depends on the suite, so the client must be told when to go on."
    )

    def label(self) -> str:
        return "ServerHelloDone"

    def what(self) -> str:
        return "The server is done for now; it is the client's turn."


class HelloRequestSeen(TlsEvent):
    """The server wants the client to begin a new handshake within the connection."""

    name: ClassVar[str] = "tls.hello_request"
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = SECURING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 5246 §7.4.1.1"
    WHY: ClassVar[str] = (
        "Up to TLS 1.2 the server can ask for a new handshake at any time, mostly to ask for a client certificate "
        "once it knows which page is wanted."
    )

    def label(self) -> str:
        return "HelloRequest"

    def what(self) -> str:
        return "The server asks the client to negotiate again."


class ClientKeyExchangeSeen(TlsEvent):
    """The client's half of a key exchange up to TLS 1.2. kind: as the suite says, "" where it is not known."""

    name: ClassVar[str] = "tls.client_key_exchange"
    normally: ClassVar[str] = SUMMED
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = SECURING
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 5246 §7.4.7"
    WHY: ClassVar[str] = (
        "With it both sides can compute the same master secret. With RSA key exchange the client chooses the secret "
        "itself and encrypts it to the server's certificate: whoever gets that private key later can then read the "
        "recording."
    )

    def __init__(self, observed: TlsObserved, kind: str) -> None:
        super().__init__(observed)
        self.kind = kind
        self.length = observed.length

    def label(self) -> str:
        return "ClientKeyExchange"

    def detail(self) -> str:
        return f"{self.kind}, {self.length} bytes" if self.kind else f"{self.length} bytes"

    def what(self) -> str:
        if self.kind == "RSA":
            return "The client sends the premaster secret, encrypted with the key of the server's certificate."
        if self.kind:
            return f"The client sends its half of the key exchange ({self.kind})."
        return "The client sends its half of the key exchange."

    def fields(self) -> dict[str, JsonValue]:
        return {"kind": self.kind, "length": self.length}


class ChangeCipherSpecSeen(TlsEvent):
    """A ChangeCipherSpec. dummy: in TLS 1.3, where it has no meaning. early: before any keys were agreed on."""

    name: ClassVar[str] = "tls.change_cipher_spec"
    normally: ClassVar[str] = SUMMED
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = SECURING
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 5246 §7.1; RFC 8446 Appendix D.4"
    WHY: ClassVar[str] = (
        "Up to TLS 1.2 it marks the point from which the sender encrypts. TLS 1.3 does not need it and sends it "
        "all the same, so that boxes on the way take the connection for an older one and let it pass."
    )

    def __init__(self, observed: TlsObserved, *, dummy: bool, early: bool) -> None:
        super().__init__(observed)
        self.dummy = dummy
        self.early = early

    def label(self) -> str:
        return "ChangeCipherSpec"

    def what(self) -> str:
        if self.dummy:
            return f"{capital(self.who())} sends a ChangeCipherSpec that is there for older machines on the way alone."
        text = f"From here on {self.who()} encrypts with the new keys."
        if self.early:
            text += " No keys were agreed on before: a peer must refuse this."
        return text

    def fields(self) -> dict[str, JsonValue]:
        return {"dummy": self.dummy, "early": self.early}


class FinishedSeen(TlsEvent):
    """A Finished. encrypted: it was not read, its place tells what it is. inferred: even that is told by its size.

    verified: "" where it was not checked, "yes", or "no".
    """

    name: ClassVar[str] = "tls.finished"
    normally: ClassVar[str] = SUMMED
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = SECURING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 8446 §4.4.4; RFC 5246 §7.4.9"
    WHY: ClassVar[str] = (
        "It is a keyed checksum over the whole handshake. If anybody on the way had changed a single byte, such as "
        "an offer of the client, the two sides would not agree here, and the connection would end."
    )

    def __init__(self, observed: TlsObserved, verified: str, *, encrypted: bool, inferred: bool) -> None:
        super().__init__(observed)
        self.encrypted = encrypted
        self.inferred = inferred
        self.verified = verified

    def label(self) -> str:
        return "Finished (likely)" if self.inferred else "Finished"

    def what(self) -> str:
        who = self.who()
        if self.inferred:
            return f"It looks as if {who} finishes its part of the handshake here: the size of the record fits."
        text = f"{capital(who)} finishes its part of the handshake with a checksum over all of it."
        if self.encrypted:
            text += " It is encrypted; its place after ChangeCipherSpec tells what it is."
        if self.verified == "yes":
            text += " The checksum is right."
        elif self.verified == "no":
            text += " The checksum does not fit what the capture holds of the handshake."
        return text

    def fields(self) -> dict[str, JsonValue]:
        return {"encrypted": self.encrypted, "inferred": self.inferred, "verified": self.verified}
