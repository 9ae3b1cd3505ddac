"""Certificates that a client does not accept, and what it says about them."""
from __future__ import annotations

from samples.record.case import Case, Shows
from samples.record.cases.hosts import SERVER, Act
from samples.record.cases.tls_hosts import (
    CERTIFICATE,
    CLIENT_HELLO,
    PORT,
    REQUEST,
    RESPONSE,
    SERVER_HELLO,
    case,
    curl,
    fetching,
    openssl_client,
    openssl_server,
)
from samples.record.certificates import NAME, Authority, Identity
from samples.record.lab import Lab

PAGE = f"https://{NAME}/page.txt"
REFUSED = (60,)                  # curl: the peer's certificate cannot be verified
NO_RESPONSE = Shows("http.response", "No response", 0, 0)
NO_REQUEST = Shows("http.request", "Nothing is asked for", 0, 0)


def _dated(first: int, last: int) -> Act:
    """A server whose certificate is valid between those days, counted from today."""
    def prepare(lab: Lab) -> None:
        openssl_server(lab, identity=Authority(lab.scratch).identity(days=(first, last)))
    return prepare


def _elsewhere(lab: Lab) -> None:
    openssl_server(lab, identity=Authority(lab.scratch).identity("mail.shop.test"))


def _stranger(lab: Lab) -> None:
    """The client trusts one authority, and the server's certificate comes from another."""
    Authority(lab.scratch)
    openssl_server(lab, identity=Authority(lab.scratch, "Other Test").identity())


def _self_signed(lab: Lab) -> None:
    openssl_server(lab, identity=Authority(lab.scratch).self_signed())


def _lonely(lab: Lab) -> None:
    """The server was not given the certificate of the authority that signed its own."""
    shown = Authority(lab.scratch).identity()
    shown.rest.write_bytes(b"")
    openssl_server(lab, identity=shown)


def _wrong_order(lab: Lab) -> None:
    """Two certificates above the leaf, the nearer one last, and the root besides."""
    authority = Authority(lab.scratch)
    shown = authority.identity()
    shown.rest.write_bytes(authority.root.read_bytes() + authority.issuing.read_bytes())
    openssl_server(lab, identity=shown)


def _checked_in_handshake(lab: Lab) -> None:
    """Python's ssl compares the name while it verifies, and says so with an alert."""
    lab.run("client", lab.python("tls", "connect", SERVER, PORT, f"trust:{lab.scratch}/shop-test-root.pem",
                                 f"name:{NAME}", f"keys:{lab.keys}", "open", "handshake", "close"))


def _demanding(version: str) -> Act:
    def prepare(lab: Lab) -> None:
        authority = Authority(lab.scratch)
        openssl_server(lab, "-Verify", "2", "-verify_return_error", "-CAfile", str(authority.root), version,
                       identity=authority.identity())
    return prepare


def _with_expired(lab: Lab) -> None:
    """The client shows a certificate that ran out."""
    authority = Authority(lab.scratch)
    old = authority.identity("ann@shop.test", (-400, -35))
    openssl_server(lab, "-Verify", "2", "-verify_return_error", "-CAfile", str(authority.root),
                   identity=authority.identity())
    old.leaf.rename(lab.scratch / "ann.pem")
    old.key.rename(lab.scratch / "ann.key")


def _as_expired(lab: Lab) -> None:
    openssl_client(lab, "-cert", str(lab.scratch / "ann.pem"), "-key", str(lab.scratch / "ann.key"),
                   "-cert_chain", str(lab.scratch / "shop-test-issuing.pem"), allowed=(0, 1))


def _without(version: str) -> Act:
    def drive(lab: Lab) -> None:
        openssl_client(lab, version, allowed=(0, 1))
    return drive


def alert(number: int, says: str, port: str = "dstport") -> Shows:
    return Shows(f"tls.alert_message.desc == {number} && tcp.{port} == 443", says, 1, 1)


def _stapled(lab: Lab) -> None:
    authority = Authority(lab.scratch)
    shown: Identity = authority.identity()
    staple = lab.scratch / "staple.der"
    staple.write_bytes(authority.status(shown))
    openssl_server(lab, "-status_file", str(staple), identity=shown)


def _asking_status(lab: Lab) -> None:
    openssl_client(lab, "-status")


def _insecure(lab: Lab) -> None:
    curl(lab, PAGE, "--insecure")


CASES: tuple[Case, ...] = (
    case("expired-certificate", "an expired certificate",
         "The server's certificate ran out 35 days ago. curl says so with the alert certificate_expired, which is "
         "encrypted in TLS 1.3, and asks for nothing.",
         _dated(-400, -35), fetching(PAGE, allowed=REFUSED),
         CLIENT_HELLO, SERVER_HELLO, CERTIFICATE, alert(45, "certificate_expired"), NO_REQUEST),
    case("not-yet-valid-certificate", "a certificate that is not valid yet",
         "The server's certificate begins to be valid in a week: its clock, or the client's, may be wrong. curl "
         "refuses, over TLS 1.2 in clear.",
         _dated(7, 97), fetching(PAGE, "--tls-max", "1.2", allowed=REFUSED),
         CLIENT_HELLO, SERVER_HELLO, CERTIFICATE,
         Shows("tls.alert_message.level == 2 && tcp.dstport == 443", "A fatal alert", 1, 1), NO_REQUEST),
    case("wrong-name", "a certificate for another name",
         "The client wants www.shop.test and is shown a certificate for mail.shop.test. Python's ssl compares the "
         "name during the handshake and ends it with the alert bad_certificate.",
         _elsewhere, _checked_in_handshake,
         Shows('tls.handshake.extensions_server_name == "www.shop.test"', "The name that is wanted", 1, 1),
         Shows('x509ce.dNSName == "mail.shop.test"', "The name that is shown", 1, 1),
         alert(42, "bad_certificate"), NO_REQUEST),
    case("wrong-name-after-handshake", "a certificate for another name, noticed late",
         "curl compares the name only when the handshake is over. No alert tells of it: the client closes without "
         "having asked for anything.",
         _elsewhere, fetching(PAGE, allowed=REFUSED),
         Shows('x509ce.dNSName == "mail.shop.test"', "The name that is shown", 1, 1),
         Shows("tls.handshake.type == 20 && tcp.dstport == 443", "The client finishes the handshake", 1, 1),
         Shows("tls.alert_message.level == 2", "No fatal alert", 0, 0), NO_REQUEST),
    case("unknown-authority", "a certificate of an unknown authority",
         "The server's certificate is signed by an authority that the client does not trust. It ends the handshake "
         "with the alert unknown_ca, over TLS 1.2 in clear.",
         _stranger, fetching(PAGE, "--tls-max", "1.2", allowed=REFUSED),
         CLIENT_HELLO, SERVER_HELLO, CERTIFICATE, alert(48, "unknown_ca"), NO_REQUEST),
    case("self-signed", "a self-signed certificate",
         "The server shows a single certificate that is signed with its own key. The client trusts none such and "
         "ends the handshake with the alert unknown_ca.",
         _self_signed, fetching(PAGE, allowed=REFUSED),
         CERTIFICATE, alert(48, "unknown_ca"), NO_REQUEST),
    case("self-signed-accepted", "a self-signed certificate, accepted unseen",
         "The same server, but the user told curl to verify nothing (--insecure): the page is fetched, and nobody "
         "knows from whom.",
         _self_signed, _insecure, CERTIFICATE, REQUEST, RESPONSE),
    case("missing-intermediate", "an incomplete chain",
         "The server shows its own certificate but not that of the authority between it and the root. A client that "
         "has never seen it cannot connect the two, and says unknown_ca.",
         _lonely, fetching(PAGE, "--tls-max", "1.2", allowed=REFUSED),
         CERTIFICATE, alert(48, "unknown_ca"), NO_REQUEST),
    case("chain-out-of-order", "a chain out of order",
         "The server sends its certificate, then the root, then the authority between them. TLS 1.2 asked for an "
         "order, most clients do without it, and the page is fetched.",
         _wrong_order, fetching(PAGE, "--tls-max", "1.2"),
         CERTIFICATE, REQUEST, RESPONSE),
    case("client-certificate-missing-12", "no client certificate, version 1.2",
         "The server demands a certificate; the client has none and sends an empty list. The server ends the "
         "handshake with the alert handshake_failure.",
         _demanding("-tls1_2"), _without("-tls1_2"),
         Shows("tls.handshake.type == 13", "CertificateRequest", 1, 1),
         alert(40, "handshake_failure", "srcport"), NO_REQUEST),
    case("client-certificate-missing-13", "no client certificate, version 1.3",
         "The server demands a certificate and the client has none. In TLS 1.3 the client has finished before it is "
         "told: the alert certificate_required meets its first request.",
         _demanding("-tls1_3"), _without("-tls1_3"),
         Shows("tls.handshake.type == 13", "CertificateRequest", 1, 1),
         Shows("tls.handshake.type == 20", "Both sides finish", 2, 2),
         alert(116, "certificate_required", "srcport"), NO_RESPONSE),
    case("client-certificate-expired", "an expired client certificate",
         "The server asks for a certificate and is shown one that ran out. It ends the connection with the alert "
         "certificate_expired.",
         _with_expired, _as_expired,
         Shows("tls.handshake.type == 11", "Certificates of the server, then of the client", 2, 2),
         alert(45, "certificate_expired", "srcport"), NO_RESPONSE),
    case("ocsp-staple", "a stapled certificate status",
         "The client asks for the status of the certificate. The server sends along an OCSP response that the "
         "authority signed: not revoked.",
         _stapled, _asking_status,
         Shows("tls.handshake.type == 1 && tls.handshake.extension.type == 5", "The status is asked for", 1, 1),
         Shows("ocsp.responseStatus == 0", "The stapled response", 1, 1), REQUEST, RESPONSE),
)
