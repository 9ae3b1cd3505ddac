"""Events of the first messages: what the client offers and what the server chooses."""
from __future__ import annotations

from typing import ClassVar, Final

from dissectors.kit.event import BASE, CORE, SECURING, SUMMED, JsonValue
from dissectors.kit.identity import HOST, Identity
from dissectors.kit.units import duration, plural
from dissectors.protocols.tls.events import HANDSHAKE, TlsEvent, TlsObserved, capital, numbers, some, texts
from dissectors.protocols.tls.state import Session
from dissectors.wire.tls.fingerprint import ja3, ja3s, ja4
from dissectors.wire.tls.hello import ClientHello, ServerHello
from dissectors.wire.tls.messages import EncryptedExtensions, NewSessionTicket
from dissectors.wire.tls.names import extension_name, group_name, is_grease, scheme_name, suite_name, version_name
from dissectors.wire.tls.suites import FALLBACK, RENEGOTIATION, suite

MAX_SHOWN: Final = 12    # entries of a list in one sentence
MAX_LISTED: Final = 512  # entries of a list as data


def known(values: list[int]) -> list[int]:
    """Without GREASE (RFC 8701), up to MAX_LISTED."""
    return [value for value in values if not is_grease(value)][:MAX_LISTED]


def real_suites(suites: list[int]) -> list[int]:
    """Without GREASE and without the numbers that are signals (RFC 5746 §3.3, RFC 7507 §2)."""
    return [number for number in known(suites) if number not in (FALLBACK, RENEGOTIATION)]


def newest_first(versions: list[int]) -> list[str]:
    return [version_name(version) for version in sorted(set(known(versions)), reverse=True)]


def offered_resumption(hello: ClientHello) -> str:
    """The means by which a client offers to go on with an earlier session."""
    if hello.psk_identities:
        return "PSK"
    if hello.ticket > 0:
        return "session ticket"
    # A client that can speak TLS 1.3 fills the field for the sake of old boxes on the way (RFC 8446 Appendix D.4).
    return "session id" if hello.session_id and 0x0304 not in hello.versions else ""


def groups_sent(hello: ClientHello) -> list[str]:
    """The groups for which the client sends a key share."""
    return [group_name(group) for group, _length in hello.key_shares if not is_grease(group)]


class ClientHelloSeen(TlsEvent):
    """A ClientHello. again: the second one, after a HelloRetryRequest. renegotiation: within a connection.

    resumes: the means of resumption that it offers, "" for none.
    """

    name: ClassVar[str] = "tls.client_hello"
    normally: ClassVar[str] = SUMMED
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = SECURING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 8446 §4.1.2"
    WHY: ClassVar[str] = (
        "The client speaks first and lists all that it is able to use; the server picks from the list. It also "
        "names the server it wants, because many share one address. All of this is readable by anyone on the way, "
        "unless it was encrypted to the server beforehand (ECH)."
    )

    def __init__(
        self, observed: TlsObserved, hello: ClientHello, *, again: bool = False, renegotiation: bool = False,
        carried: bool = False,
    ) -> None:
        """carried: without records, by QUIC."""
        super().__init__(observed)
        self.hello = hello
        self.carried = carried
        self.again = again
        self.renegotiation = renegotiation
        self.resumes = offered_resumption(hello)

    def label(self) -> str:
        return "ClientHello again" if self.again else "ClientHello"

    def detail(self) -> str:
        hello = self.hello
        words = ["/".join([name.removeprefix("TLS ") for name in newest_first(hello.versions)])]
        if hello.server_name:
            words.append(hello.server_name)
        if hello.alpn:
            words.append("ALPN " + some(hello.alpn, 4))
        words.append(plural(len(real_suites(hello.suites)), "suite"))
        shares = groups_sent(hello)
        if shares:
            words.append("key share " + some(shares, 3))
        return ", ".join([word for word in words if word])

    def what(self) -> str:
        hello = self.hello
        offered = newest_first(hello.versions)
        text = "The client asks again, with what the server wanted changed" if self.again else (
            f"The client offers {some(offered, 4)} with {plural(len(real_suites(hello.suites)), 'cipher suite')}"
        )
        if self.renegotiation:
            text = "Within the connection, " + text[:1].lower() + text[1:]
        if hello.server_name:
            text += f" and asks for the server {hello.server_name}"
        text += "."
        if not self.again:
            if hello.alpn:
                text += f" Above TLS it can speak {some(hello.alpn, MAX_SHOWN)}."
            text += self._resumption()
        shares = groups_sent(hello)
        if shares:
            text += f" It sends a key share for {some(shares, MAX_SHOWN)}, so that an answer can already be encrypted."
        if self.hello.ssl2:
            text += " It is framed as SSL 2.0, for servers that know nothing newer."
        return text + self._ech()

    def _resumption(self) -> str:
        if self.hello.early_data:
            return f" It wants to go on with an earlier session ({self.resumes}) and sends early data without waiting."
        if self.resumes:
            return f" It offers to go on with an earlier session ({self.resumes})."
        return ""

    def _ech(self) -> str:
        if self.hello.ech == "outer":
            return (
                " It carries an encrypted ClientHello (ECH): the name above may be a public one that stands in "
                "front of the true one. A client without a key sends random bytes of the same form (GREASE), and "
                "nobody on the way can tell which this is."
            )
        return ""

    def identifies(self) -> list[Identity]:
        return [(HOST, self.hello.server_name)] if self.hello.server_name else []

    def fields(self) -> dict[str, JsonValue]:
        hello = self.hello
        out: dict[str, JsonValue] = {
            "legacy_version": version_name(hello.legacy_version), "versions": texts(newest_first(hello.versions)),
            "server_name": hello.server_name, "alpn": texts(hello.alpn[:MAX_LISTED]),
            "suites": texts([suite_name(number) for number in known(hello.suites)]),
            "groups": texts([group_name(number) for number in known(hello.groups)]),
            "schemes": texts([scheme_name(number) for number in known(hello.schemes)]),
            "key_shares": texts([group_name(number) for number in known([share[0] for share in hello.key_shares])]),
            "extensions": texts(
                [extension_name(number) for number in known([extension.type for extension in hello.extensions])]
            ),
            "grease": any(is_grease(number) for number in hello.suites),
            "compressions": numbers(hello.compressions[:MAX_LISTED]), "session_id": hello.session_id.hex(),
            "random": hello.random.hex(), "psk_identities": len(hello.psk_identities), "resumes": self.resumes,
            "early_data": hello.early_data, "ech": hello.ech, "again": self.again,
            "extended_master_secret": hello.extended_master_secret, "encrypt_then_mac": hello.encrypt_then_mac,
            "ocsp_requested": hello.ocsp_requested,
        }
        if not self.hello.ssl2:
            out["ja3"] = ja3(hello)[1]
            out["ja4"] = ja4(hello, "q" if self.carried else "t")
        return out


class ServerHelloSeen(TlsEvent):
    """A ServerHello. thinking_ns: since the ClientHello, -1 where that was not seen. resumed: how it seems to resume
    an earlier session, "" where it does not.  offered: whether the client offered what it chose (True if unknown).
    """

    name: ClassVar[str] = "tls.server_hello"
    normally: ClassVar[str] = SUMMED
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = SECURING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 8446 §4.1.3"
    WHY: ClassVar[str] = (
        "The server chooses one version and one cipher suite from the client's list, and with TLS 1.3 adds its half "
        "of the key exchange. From here on both sides know the same secret, and in TLS 1.3 all that follows is "
        "encrypted."
    )

    def __init__(self, observed: TlsObserved, hello: ServerHello, session: Session) -> None:
        """session: that it answers, with what the server's choice means for it."""
        super().__init__(observed)
        self.hello = hello
        self.thinking_ns = session.server_ns
        self.resumed = session.resumption
        offer = session.hello
        self.offered = offer is None or hello.suite in offer.suites or bool(offer.problem)

    def label(self) -> str:
        return "ServerHello"

    def detail(self) -> str:
        hello = self.hello
        words = [version_name(hello.version), suite_name(hello.suite)]
        if hello.key_share:
            words.append(group_name(hello.key_share))
        if hello.alpn:
            words.append(f"ALPN {hello.alpn}")
        if self.resumed:
            words.append(f"resumed ({self.resumed})")
        return ", ".join(words)

    def what(self) -> str:
        hello = self.hello
        text = f"The server chooses {version_name(hello.version)} and {suite_name(hello.suite)}"
        if hello.key_share:
            text += f", with keys agreed over {group_name(hello.key_share)}"
        text += "."
        if self.thinking_ns >= 0:
            text += f" Its answer comes {duration(self.thinking_ns)} after the ClientHello."
        if self.resumed:
            text += f" It goes on with an earlier session ({self.resumed}), so no certificate is shown again."
        if hello.alpn:
            text += f" Above TLS, {hello.alpn} will be spoken."
        found = suite(hello.suite)
        if found is not None and found.weak:
            text += f" This suite is weak: {found.weak}."
        if hello.downgrade:
            text += (
                " The last bytes of its random number are the mark of a server that could speak a newer version: "
                "a client that had offered that version would have to break off, because somebody on the way would "
                "have changed its offer; one that offered no more goes on."
            )
        if not self.offered:
            text += " The client did not offer this suite."
        return text

    def fields(self) -> dict[str, JsonValue]:
        hello = self.hello
        out: dict[str, JsonValue] = {
            "version": version_name(hello.version), "suite": suite_name(hello.suite),
            "group": group_name(hello.key_share) if hello.key_share else "", "alpn": hello.alpn,
            "session_id": hello.session_id.hex(), "random": hello.random.hex(), "resumed": self.resumed,
            "downgrade": hello.downgrade, "extensions": texts([
                extension_name(extension.type) for extension in hello.extensions[:MAX_LISTED]
            ]), "extended_master_secret": hello.extended_master_secret, "encrypt_then_mac": hello.encrypt_then_mac,
            "offered": self.offered, "compression": hello.compression, "ja3s": ja3s(hello)[1],
        }
        if self.thinking_ns >= 0:
            out["thinking_ns"] = self.thinking_ns
        found = suite(hello.suite)
        if found is not None:
            out["forward_secret"] = found.forward_secret or found.tls13
            out["weak"] = found.weak
        return out


class HelloRetry(TlsEvent):
    """A HelloRetryRequest. wanted: the group that the server asks a key share for, "" for none."""

    name: ClassVar[str] = "tls.hello_retry"
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = SECURING
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 8446 §4.1.4"
    WHY: ClassVar[str] = (
        "The client guesses which key-exchange group the server likes and sends a key share for it. A wrong guess "
        "costs one more round trip: the server names its group, and the client asks again."
    )

    def __init__(self, observed: TlsObserved, hello: ServerHello, session: Session) -> None:
        super().__init__(observed)
        self.hello = hello
        self.wanted = group_name(hello.key_share) if hello.key_share else ""
        self.sent = groups_sent(session.hello) if session.hello is not None else []
        self.thinking_ns = session.server_ns

    def label(self) -> str:
        return "HelloRetryRequest"

    def detail(self) -> str:
        return f"wants {self.wanted}" if self.wanted else "wants the ClientHello again"

    def what(self) -> str:
        if not self.wanted:
            return "The server wants the ClientHello again with its cookie, to know that the client can be reached."
        text = f"The server wants a key share for {self.wanted}"
        if self.sent:
            text += f"; the client had sent {some(self.sent, MAX_SHOWN)}"
        return text + ". This costs one more round trip."

    def fields(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {
            "wanted": self.wanted, "sent": texts(self.sent), "suite": suite_name(self.hello.suite),
            "version": version_name(self.hello.version),
        }
        if self.thinking_ns >= 0:
            out["thinking_ns"] = self.thinking_ns
        return out


class EncryptedExtensionsSeen(TlsEvent):
    """EncryptedExtensions, readable with the keys only. early_data: the server takes the early data."""

    name: ClassVar[str] = "tls.encrypted_extensions"
    normally: ClassVar[str] = SUMMED
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = SECURING
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 8446 §4.3.1"
    WHY: ClassVar[str] = (
        "Answers to the client's extensions that are not needed to agree on keys wait until here, because from here "
        "on nobody on the way can read them."
    )

    def __init__(self, observed: TlsObserved, answer: EncryptedExtensions) -> None:
        super().__init__(observed)
        self.alpn = answer.alpn
        self.extensions = answer.extensions.types()
        self.early_data = answer.early_data

    def label(self) -> str:
        return "EncryptedExtensions"

    def detail(self) -> str:
        return f"ALPN {self.alpn}" if self.alpn else plural(len(self.extensions), "extension")

    def what(self) -> str:
        text = "The server answers the remaining extensions, now encrypted"
        if self.extensions:
            text += f": {some([extension_name(number) for number in self.extensions], MAX_SHOWN)}"
        text += "."
        if self.alpn:
            text += f" Above TLS, {self.alpn} will be spoken."
        if self.early_data:
            text += " It takes the early data."
        return text

    def fields(self) -> dict[str, JsonValue]:
        return {
            "alpn": self.alpn, "early_data": self.early_data,
            "extensions": texts([extension_name(number) for number in self.extensions[:MAX_LISTED]]),
        }


class NewSessionTicketSeen(TlsEvent):
    """A session ticket. lifetime: seconds. early_data: bytes of early data that it allows, -1 where none."""

    name: ClassVar[str] = "tls.new_session_ticket"
    normally: ClassVar[str] = SUMMED
    phase: ClassVar[str] = HANDSHAKE
    rank: ClassVar[int] = SECURING
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 8446 §4.6.1; RFC 5077 §3.3"
    WHY: ClassVar[str] = (
        "The ticket lets the client come back without a full handshake: the server put its own notes of the session "
        "into it, encrypted for itself alone, so it need not remember anything. An observer who sees the same "
        "ticket used twice knows that it is the same client."
    )

    def __init__(self, observed: TlsObserved, ticket: NewSessionTicket) -> None:
        super().__init__(observed)
        self.lifetime = ticket.lifetime
        self.length = len(ticket.ticket)
        self.early_data = ticket.early_data or -1

    def label(self) -> str:
        return "NewSessionTicket"

    def detail(self) -> str:
        return f"valid {duration(self.lifetime * 1_000_000_000)}, {self.length} bytes"

    def what(self) -> str:
        valid = f"valid for {duration(self.lifetime * 1_000_000_000)}" if self.lifetime else "without a stated lifetime"
        text = f"{capital(self.who())} gives a session ticket of {plural(self.length, 'byte')}, {valid}."
        if self.early_data >= 0:
            text += f" With it the client may send up to {self.early_data} bytes of early data next time."
        return text

    def fields(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {"lifetime_s": self.lifetime, "length": self.length}
        if self.early_data >= 0:
            out["max_early_data"] = self.early_data
        return out
