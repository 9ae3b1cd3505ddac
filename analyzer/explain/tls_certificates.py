"""Findings about the certificates that a capture shows."""
from __future__ import annotations

from typing import Final

from analyzer.explain.rule import CERTAIN, FAILURE, LIKELY, POSSIBLE, WEAK, Case, Found, Rule, frames_of
from analyzer.explain.tls import UNKNOWN_CA, certificate_before, fatal
from dissectors.protocols.starttls.events import Agreed
from dissectors.protocols.tls.events import TlsEvent, capital
from dissectors.protocols.tls.events_data import ApplicationData
from dissectors.protocols.tls.events_proof import CertificateSeen, CertificateStatusSeen
from dissectors.protocols.tls.events_summary import TlsEstablished
from dissectors.wire.x509 import chain
from dissectors.wire.x509.chain import Problem
from dissectors.wire.x509.status import read_ocsp
from dissectors.wire.x509.times import day

SHOWN: Final = "tls.handshake.certificate"


def shown(case: Case) -> list[CertificateSeen]:
    """Each chain once, whenever it was shown first."""
    found: dict[tuple[int, tuple[bytes, ...]], CertificateSeen] = {}
    for event in case.of(CertificateSeen):
        if event.certificates:
            found.setdefault((event.direction, tuple(event.certificates)), event)
    return list(found.values())


class Judgement:
    """What the other side made of a certificate. refused: the alert by which it did not accept it.

    went_on: it sent data after the handshake.
    """

    def __init__(self, event: CertificateSeen, case: Case) -> None:
        refusals = [
            alert for alert in fatal(case) if certificate_before(alert, case) == [event]
        ]
        self.refused = refusals[:1]
        self.words = ""
        self.went_on = False
        if refusals:
            self.words = f" {capital(event.peer())} refused it with the alert {refusals[0].words()}."
        elif any(done.time >= event.time for done in case.of(TlsEstablished)):
            peer = capital(event.peer())
            self.went_on = any(
                run.direction != event.direction and not run.alert_size for run in case.of(ApplicationData)
            )
            if self.went_on:
                self.words = f" {peer} went on all the same."
            elif case.absence(1 - event.direction, event.time).proven:
                self.words = f" {peer} finished the handshake, and sent no data after it."
            else:
                self.words = f" {peer} finished the handshake."


def _severity(judgement: Judgement) -> str:
    """A certificate for which a connection failed is an error, whatever is wrong with it."""
    return "error" if judgement.refused else ""


def _confidence(problem: Problem) -> str:
    return CERTAIN if problem.sure else LIKELY


def _problems(case: Case, codes: tuple[str, ...], basis: str, lesser: str = "") -> list[Found]:
    """One finding for each problem of these kinds. lesser: the severity where it is not the first certificate's."""
    found = []
    for event in shown(case):
        judgement = Judgement(event, case)
        for problem in event.check(case.certificates).problems:
            if problem.code not in codes:
                continue
            found.append(Found(
                f"{capital(problem.words)}.{judgement.words}", frames_of([event, *judgement.refused]),
                case.conversation, severity=lesser if problem.index else _severity(judgement),
                confidence=_confidence(problem), basis=basis,
            ))
    return found


def expired(case: Case) -> list[Found]:
    return _problems(case, (chain.EXPIRED,), "the dates in the certificate and the time of the capture", "warn")


def not_yet_valid(case: Case) -> list[Found]:
    return _problems(case, (chain.NOT_YET_VALID,), "the dates in the certificate and the time of the capture", "warn")


def wrong_name(case: Case) -> list[Found]:
    """An error only for a client that refused it: many do not look at names, and of mail servers among themselves,
    which take TLS where they can get it, hardly any does (RFC 7435 §3, RFC 7672 §1.3)."""
    found = []
    for event in shown(case):
        judgement = Judgement(event, case)
        lenient = judgement.went_on and any(agreed.protocol == "SMTP" for agreed in case.of(Agreed))
        for problem in event.check(case.certificates).of(chain.WRONG_NAME):
            found.append(Found(
                f"{capital(problem.words)}.{judgement.words}", frames_of([event, *judgement.refused]),
                case.conversation, severity=_severity(judgement) or ("note" if lenient else "warn"),
                confidence=_confidence(problem),
                basis="the server name in the ClientHello and the names in the certificate",
            ))
    return found


def self_signed(case: Case) -> list[Found]:
    found = []
    for event in shown(case):
        check = event.check(case.certificates)
        for problem in check.of(chain.SELF_SIGNED):
            known = check.trust == chain.TRUSTED
            trusted = " You named it as one to trust." if known else ""
            judgement = Judgement(event, case)
            found.append(Found(
                f"{capital(problem.words)}.{trusted}{judgement.words}", frames_of([event, *judgement.refused]),
                case.conversation, severity=_severity(judgement) or ("note" if known else ""),
                basis="its subject is its issuer, and no other certificate came",
            ))
    return found


def weak(case: Case) -> list[Found]:
    return _problems(
        case, (chain.WEAK_KEY, chain.WEAK_SIGNATURE), "the key and the signature of the certificate", "note"
    )


def incomplete(case: Case) -> list[Found]:
    """One certificate alone may have been issued by a root; a client that then knows no issuer says that it was not."""
    found = []
    for event in shown(case):
        judgement = Judgement(event, case)
        refused = [alert for alert in judgement.refused if alert.description == UNKNOWN_CA]
        for problem in event.check(case.certificates).of(chain.MISSING_INTERMEDIATE):
            found.append(Found(
                f"{capital(problem.words)}.{judgement.words}", frames_of([event, *judgement.refused]),
                case.conversation, severity=_severity(judgement) or "note", confidence=LIKELY if refused else POSSIBLE,
                basis="the chain holds one certificate, which another one issued"
                + (", and the other side knows no authority for it" if refused else ""),
            ))
    return found


def disorder(case: Case) -> list[Found]:
    return _problems(case, (chain.WRONG_ORDER, chain.UNRELATED), "issuers and subjects in the order they came", "note")


def bad_signature(case: Case) -> list[Found]:
    return _problems(
        case, (chain.BAD_SIGNATURE, chain.NOT_A_CA), "the signatures in the chain were checked", "error"
    )


def wrong_purpose(case: Case) -> list[Found]:
    return _problems(case, (chain.WRONG_PURPOSE,), "the extended key usage of the certificate")


def unreadable(case: Case) -> list[Found]:
    return _problems(case, (chain.UNREADABLE,), "the library that reads certificates refuses it", "note")


def untrusted(case: Case) -> list[Found]:
    return _problems(case, (chain.UNTRUSTED,), "the chain was checked against the roots that you named")


def revoked(case: Case) -> list[Found]:
    """Only of the certificate whose number the answer names."""
    staples: list[tuple[TlsEvent, bytes]] = [(event, event.staple) for event in case.of(CertificateStatusSeen)]
    staples += [(event, one) for event in shown(case) for one in event.ocsp_staples]
    found = []
    for event, staple in staples:
        info = read_ocsp(staple)
        if info.status != "revoked":
            continue
        subjects = [
            one.title for event in shown(case) for one in event.check(case.certificates).certificates
            if one.serial == info.serial
        ]
        title = subjects[0] if subjects else f"the certificate with the number {info.serial}"
        reason = f" ({info.reason})" if info.reason else ""
        found.append(Found(
            f"The stapled OCSP answer says that {title} was revoked on {day(info.revoked_ns)}{reason}.",
            frames_of([event]), case.conversation, confidence=LIKELY,
            basis="the answer in the handshake, whose signature was not checked", narrow="tls.handshake",
        ))
    return found


CERTIFICATE_RULES: Final[tuple[Rule[Case], ...]] = (
    Rule(
        "tls.certificate_expired", "error", FAILURE, expired,
        "A certificate had expired.",
        "Renew the certificate, load it into the server, and see why the renewal did not happen by itself.",
        "A clock of the capturing system that is wrong.", SHOWN,
    ),
    Rule(
        "tls.certificate_not_yet_valid", "error", FAILURE, not_yet_valid,
        "A certificate was not valid yet.",
        "Compare the clocks of the authority, the server and the client.",
        "A clock of the capturing system that is wrong.", SHOWN,
    ),
    Rule(
        "tls.certificate_wrong_name", "error", FAILURE, wrong_name,
        "A certificate is not for the name that the client asked for.",
        "Ask for a certificate with this name among its subject alternative names, or use a name that it has.",
        "A client that checks another name than the one it sends in its ClientHello.", SHOWN,
    ),
    Rule(
        "tls.certificate_self_signed", "warn", WEAK, self_signed,
        "A certificate was signed by itself, and not by an authority.",
        "Use a certificate of an authority that the clients know, or give them this one by a safe way.",
        "A client that was set up to trust just this certificate.", SHOWN,
    ),
    Rule(
        "tls.certificate_weak", "warn", WEAK, weak,
        "A certificate has a key or a signature that is too weak for today.",
        "Ask for a new certificate: ECDSA P-256 or RSA with 2048 bits or more, signed with SHA-256.",
        "Another certificate that the server shows to clients of today.", SHOWN,
    ),
    Rule(
        "tls.chain_incomplete", "warn", WEAK, incomplete,
        "The server did not send an intermediate certificate.",
        "Let the server send the intermediate certificates along; its authority provides them.",
        "A root of that name among those the client trusts.", SHOWN,
    ),
    Rule(
        "tls.chain_order", "note", WEAK, disorder,
        "The certificates of a chain are out of order, or more than are needed.",
        "Put the server's own certificate first, then each one that issued the one before; leave out others.",
        "A client that builds the chain by itself, as most do.", SHOWN,
    ),
    Rule(
        "tls.certificate_bad_signature", "error", FAILURE, bad_signature,
        "A certificate was not signed by the one that follows it in the chain.",
        "Compare the chain with the one that the authority issued: it is damaged, mixed up, or forged.",
        "Another issuer with the same name whose key fits.", SHOWN,
    ),
    Rule(
        "tls.certificate_wrong_purpose", "warn", FAILURE, wrong_purpose,
        "A certificate is not meant for this use.",
        "Ask for a certificate whose extended key usage allows this use.", "A peer that does not look at usages.",
        SHOWN,
    ),
    Rule(
        "tls.certificate_unreadable", "note", WEAK, unreadable,
        "A certificate cannot be read.",
        "Look at the bytes with another tool, such as openssl asn1parse.", "Another library that reads it.", SHOWN,
    ),
    Rule(
        "tls.certificate_untrusted", "warn", FAILURE, untrusted,
        "A chain does not lead to a root that was given as trusted.",
        "If the root ought to be trusted, add it to the store that you name; otherwise find out who is in between.",
        "A root that is missing in the store you named.", SHOWN,
    ),
    Rule(
        "tls.certificate_revoked", "error", FAILURE, revoked,
        "A certificate was revoked.",
        "Replace certificate and key, and find out why it was revoked.",
        "A newer answer of the authority that says otherwise.", SHOWN,
    ),
)
