"""Findings about TLS handshakes that fail."""
from __future__ import annotations

from typing import Final

from analyzer.explain.rule import CERTAIN, FAILURE, LIKELY, POSSIBLE, Case, Found, Rule, frames_of, place
from analyzer.explain.usual import TOO_SOON, TRIPS, patience
from dissectors.kit.event import NEITHER
from dissectors.kit.observation import OBSERVED_ENDED, OCTETS, Absence, what_ended
from dissectors.kit.units import span
from dissectors.protocols.tcp.events_teardown import Fin, TcpReset
from dissectors.protocols.tls.events import TlsEvent, capital
from dissectors.protocols.tls.events_data import ApplicationData
from dissectors.protocols.tls.events_end import RESET, AlertSeen, Plaintext, Stalled, TlsRefused
from dissectors.protocols.tls.events_hello import ClientHelloSeen
from dissectors.protocols.tls.events_proof import CertificateSeen
from dissectors.protocols.tls.protocol import TLS
from dissectors.wire.x509 import chain

PATIENCE_NS: Final = 1_000_000_000   # a capture that ends sooner after a message does not show that nothing came

# AlertDescription (RFC 8446 §6, RFC 5246 §7.2), by what they are about.
FATAL: Final = 2
HANDSHAKE_FAILURE: Final = 40
NO_CERTIFICATE: Final = 41
PROTOCOL_VERSION: Final = 70
INSUFFICIENT_SECURITY: Final = 71
UNRECOGNIZED_NAME: Final = 112
CERTIFICATE_REQUIRED: Final = 116
NO_APPLICATION_PROTOCOL: Final = 120
UNKNOWN_CA: Final = 48
DECODE_ERROR: Final = 50
OF_CERTIFICATES: Final = (42, 43, 44, 45, 46, UNKNOWN_CA, 49, 113)
HARMLESS: Final = (-1, 0, 90, 100)   # encrypted, close_notify, user_canceled, no_renegotiation

# Problems of a chain for which nobody refuses it.
IRRELEVANT: Final = (chain.WRONG_ORDER, chain.UNRELATED)

NO_VERSION: Final = "tls.no_shared_version"
NO_SUITE: Final = "tls.no_shared_suite"
NO_ALPN: Final = "tls.no_shared_alpn"
NO_NAME: Final = "tls.unknown_name"
NO_CLIENT_CERTIFICATE: Final = "tls.client_certificate"
NO_SERVER_CERTIFICATE: Final = "tls.certificate_refused"
OTHER: Final = "tls.alert"
NEEDS_ALL: Final = (NO_SUITE, OTHER)    # what an alert is taken for where nothing that came before tells more


def sender(event: TlsEvent, case: Case) -> str:
    """`The server (10.0.0.2:443)`."""
    return f"{capital(event.who())} ({case.end(event.direction)})"


def asked_for(name: str) -> str:
    return f" for {name}" if name else ""


# -- alerts ------------------------------------------------------------------------------------------------

def fatal(case: Case) -> list[AlertSeen]:
    """Alerts that end a handshake or a connection."""
    alerts = case.of_base(AlertSeen)
    return [
        alert for alert in alerts
        if isinstance(alert, TlsRefused) or (alert.description not in HARMLESS and alert.level == FATAL)
    ]


def kind_of(alert: AlertSeen) -> str:
    """The code of the finding that an alert is."""
    number, from_client = alert.description, alert.from_client()
    if number == PROTOCOL_VERSION:
        return NO_VERSION
    if number == NO_APPLICATION_PROTOCOL:
        return NO_ALPN
    if number == UNRECOGNIZED_NAME:
        return NO_NAME
    if number in OF_CERTIFICATES or (number < 0 and from_client and alert.cause):
        return NO_SERVER_CERTIFICATE if from_client else NO_CLIENT_CERTIFICATE
    failed = number == HANDSHAKE_FAILURE and not from_client
    if number in (CERTIFICATE_REQUIRED, NO_CERTIFICATE) or (failed and alert.wanted):
        return NO_CLIENT_CERTIFICATE
    if number < 0 and alert.wanted and alert.cause:
        return NO_CLIENT_CERTIFICATE
    if alert.answered or from_client:
        return OTHER     # the server had found what both sides accept
    return NO_SUITE if number in (HANDSHAKE_FAILURE, INSUFFICIENT_SECURITY) else OTHER


def before(alert: AlertSeen, case: Case) -> Absence:
    """That nothing else preceded an alert in its handshake than what was seen."""
    return case.absence(NEITHER, alert.began_ns, alert.time, OCTETS)


def went_on(alert: AlertSeen, case: Case) -> bool:
    """Its sender said more afterwards: a record of that size was no alert that ended a handshake."""
    return any(run.direction == alert.direction and run.time >= alert.time for run in case.of(ApplicationData))


def _alerts(case: Case, code: str) -> list[Found]:
    found = []
    for alert in fatal(case):
        if kind_of(alert) != code or (alert.by_size and went_on(alert, case)):
            continue
        when = "ended the handshake" if isinstance(alert, TlsRefused) else "broke off the connection"
        what = f"with the alert {alert.words()}"
        if alert.by_size:
            what = f"with an encrypted record of the size of an alert ({alert.length} bytes)"
        elif alert.description < 0:
            what = "with an alert that is encrypted"
        whole = before(alert, case)
        cause, less, basis = _grounds(alert, case, code, whole)
        frames = frames_of([*case.of(ClientHelloSeen)[:1], *certificate_before(alert, case), alert])
        sentence = f"{sender(alert, case)} {when}{asked_for(alert.server_name)} {what}{cause}."
        sure = LIKELY if alert.cause or alert.description < 0 else CERTAIN
        found.append(Found(
            sentence, frames, case.conversation, confidence=sure, severity=less, basis=basis,
            narrow=f"(tls.handshake.type == 1 || tls.alert_message.desc == {alert.description})"
            if alert.description >= 0 else "tls",
        ))
    return found


def _grounds(alert: AlertSeen, case: Case, code: str, whole: Absence) -> tuple[str, str, str]:
    """What an alert goes back to, the severity where it is not the rule's, and what both rest on."""
    if explained(alert, case):
        return ", for what is wrong with the certificate", "chat", "the alert and the certificate before it"
    cut = _cut_off(alert, case)
    cause = f": {cut}" if cut else f": {alert.cause}" if alert.cause else ""
    less = "note" if cut else "warn" if alert.description < 0 and not cause else ""
    basis = "the alert"
    if alert.by_size:
        basis = "the size of the record, since no message of the handshake is as short; what it says is hidden"
    elif alert.cause:
        basis = "the alert; its cause is concluded from the messages before"
    if not whole.proven and code in NEEDS_ALL:
        return cause, "note", f"{basis}; but {whole.why}"
    return cause, less, basis


def certificate_before(alert: AlertSeen, case: Case) -> list[CertificateSeen]:
    """The certificate that an alert is about: the last one that the other side showed before; [] for none."""
    if alert.description not in OF_CERTIFICATES:
        return []
    return [
        event for event in case.of(CertificateSeen)
        if event.direction != alert.direction and event.time <= alert.time and event.certificates
    ][-1:]


def explained(alert: AlertSeen, case: Case) -> bool:
    """The capture shows what is wrong with the certificate, so that the finding about it tells of the alert too."""
    return any(
        problem.code not in IRRELEVANT
        for event in certificate_before(alert, case) for problem in event.check(case.certificates).problems
    )


def _cut_off(alert: AlertSeen, case: Case) -> str:
    """OpenSSL sends decode_error where a connection ends without close_notify."""
    ends = [fin for fin in case.of(Fin) if fin.direction != alert.direction and fin.time <= alert.time]
    if alert.description != DECODE_ERROR or isinstance(alert, TlsRefused) or not ends:
        return ""
    return "the other side had closed without close_notify, which OpenSSL reports in this way"


def no_version(case: Case) -> list[Found]:
    return _alerts(case, NO_VERSION)


def no_suite(case: Case) -> list[Found]:
    return _alerts(case, NO_SUITE)


def no_alpn(case: Case) -> list[Found]:
    return _alerts(case, NO_ALPN)


def no_name(case: Case) -> list[Found]:
    """As an alert that ends the handshake, or as a warning after which it goes on."""
    found = _alerts(case, NO_NAME)
    warned = [
        alert for alert in case.of(AlertSeen) if alert.description == UNRECOGNIZED_NAME and alert.level != FATAL
    ]
    if warned:
        found.append(Found(
            f"{sender(warned[0], case)} warned that it knows no server{asked_for(warned[0].server_name)}, and went on "
            "with another certificate.", frames_of(warned), case.conversation, severity="note",
            basis="the alert unrecognized_name of the level warning", narrow="tls.alert_message.desc == 112",
        ))
    return found


def client_certificate(case: Case) -> list[Found]:
    return _alerts(case, NO_CLIENT_CERTIFICATE)


def certificate_refused(case: Case) -> list[Found]:
    return _alerts(case, NO_SERVER_CERTIFICATE)


def other_alert(case: Case) -> list[Found]:
    return _alerts(case, OTHER)


# -- silence -----------------------------------------------------------------------------------------------

def _reset_after(case: Case, event: Stalled) -> list[TcpReset]:
    """RSTs that ended the connection while the handshake waited."""
    hellos = case.of(ClientHelloSeen)
    began = hellos[-1].time if hellos else event.time
    until = event.time + event.waited_ns
    return [reset for reset in case.of(TcpReset) if began <= reset.time <= until and not reset.survived]


def reset_after_hello(case: Case) -> list[Found]:
    found = []
    for event in case.of(Stalled):
        resets = _reset_after(case, event)
        if event.after != "ClientHello" or not (resets or event.how == RESET):
            continue
        who = place(case.end(resets[0].direction)) if resets else "Somebody"
        hellos = case.of(ClientHelloSeen)[-1:]
        after = f" {span(max(resets[0].time - hellos[0].time, 0))}" if resets and hellos else ""
        what = f"{who} reset the connection{after} after the ClientHello{asked_for(event.server_name)}"
        until = resets[0].time if resets else event.time
        found.append(Found(
            f"{what}, and said no word of TLS.", frames_of([*hellos, *resets[:1], event]), case.conversation,
            basis="a RST follows the ClientHello, without ServerHello or alert",
            narrow="(tls.handshake.type == 1 || tcp.flags.reset == 1)",
            absent=case.absence(NEITHER, event.began_ns, until, OCTETS),
            otherwise=f"{what}; what was said between the two is not in the capture.",
        ))
    return found


def stalled(case: Case) -> list[Found]:
    found = []
    for event in case.of(Stalled):
        resets = _reset_after(case, event)
        if event.after == "ClientHello" and (resets or event.how == RESET):
            continue
        early = (
            event.how in OBSERVED_ENDED and not resets
            and event.waited_ns < patience(case.conversation, PATIENCE_NS)
        )
        side = "the client" if event.missing_from_client else "the server"
        end = {"fin": "the connection was closed", "timeout": "nothing more came"}.get(
            event.how, f"{what_ended(event.how)} ends"
        )
        fins = [fin for fin in case.of(Fin) if fin.first]
        if resets:
            end = f"{place(case.end(resets[0].direction))} reset the connection"
        elif event.how == "fin" and fins:
            end = f"{place(case.end(fins[0].direction))} closed the connection"
        waited = min(resets[0].time - event.time + event.waited_ns, event.waited_ns) if resets else event.waited_ns
        later = f"{span(waited)} later" if waited > 0 else "then"
        sentence = (
            f"The TLS handshake{asked_for(event.server_name)} stopped after {event.after}: {event.awaited} of {side} "
            f"({case.end(event.direction)}) did not come, and {later} {end}."
        )
        found.append(Found(
            sentence, frames_of([event, *resets[:1]]), case.conversation, cost_ns=max(waited, 0),
            severity="note" if early else "", confidence=POSSIBLE if early else LIKELY,
            basis=f"{what_ended(event.how)} ends soon after the last message" if early else
            "no later message of the handshake is in the capture",
            absent=case.absence(NEITHER, event.began_ns, -1 if event.how in OBSERVED_ENDED else event.time, OCTETS),
            otherwise=f"The end of the TLS handshake{asked_for(event.server_name)} was not seen: the last message in "
            f"the capture is {event.after}, and what followed may be missing.",
        ))
    return found


# -- plain text --------------------------------------------------------------------------------------------

def plaintext(case: Case) -> list[Found]:
    """Plain text where TLS was due: in answer to a ClientHello, or on a port of TLS."""
    found = []
    port = case.conversation.responder.port
    for event in case.of(Plaintext):
        if not event.answer and (port not in TLS.ports["tcp"] or not case.absence(NEITHER, kinds=OCTETS).proven):
            continue         # nothing but a likeness speaks for TLS here, or the port, where something is missing
        looks = f", but {event.guess}" if event.guess else ""
        if event.answer:
            sentence = f"{sender(event, case)} answered the ClientHello with bytes that are no TLS{looks}."
            sure = CERTAIN
        else:
            sentence = f"{sender(event, case)} began with bytes that are no TLS{looks}, where TLS was due."
            sure = LIKELY
        found.append(Found(
            sentence, frames_of([*case.of(ClientHelloSeen)[:1], event]), case.conversation, confidence=sure,
            severity="" if event.answer else "warn",
            basis=f"the first bytes are {event.first.hex(' ')}, which begin no record",
        ))
    if port in TLS.ports["tcp"] and case.conversation.protocol in ("http", "http2") and not found:
        found.append(Found(
            f"HTTP in plain text was spoken to {place(case.conversation.responder)}, a port on which TLS is expected.",
            (case.conversation.first_frame,), case.conversation, severity="warn", confidence=LIKELY,
            basis=f"the bytes are HTTP, and port {port} is one of TLS", narrow="http",
        ))
    return found


ALERT: Final = "tls.alert_message"

TLS_RULES: Final[tuple[Rule[Case], ...]] = (
    Rule(
        NO_VERSION, "error", FAILURE, no_version,
        "Client and server share no version of TLS.",
        "Let both sides speak TLS 1.2 or 1.3; the ClientHello lists what the client offers.",
        "A later connection of the same two that agrees on a version.", ALERT,
    ),
    Rule(
        NO_SUITE, "error", FAILURE, no_suite,
        "Client and server share no cipher suite, group or signature.",
        "Compare what the ClientHello offers (versions, suites, groups, signatures) with the server's settings.",
        "A server that sends this alert for another reason: its log says which.", ALERT,
    ),
    Rule(
        NO_ALPN, "error", FAILURE, no_alpn,
        "Client and server share no application protocol (ALPN).",
        "Compare the protocols that the client offers with those the server is set up for.",
        "A later connection with the same offer that succeeds.", ALERT,
    ),
    Rule(
        NO_NAME, "error", FAILURE, no_name,
        "The server has no site for the name that the client asks for.",
        "Check the name that the client uses, and that the server has a certificate and a site for it.",
        "The same name on another connection to this server that works.", "tls.handshake.extensions_server_name",
    ),
    Rule(
        NO_CLIENT_CERTIFICATE, "error", FAILURE, client_certificate,
        "The server wanted a certificate of the client, and did not get one that it takes.",
        "Give the client a certificate, with its chain, of an authority that the CertificateRequest names.",
        "A certificate of the client that the server took on another connection.", ALERT,
    ),
    Rule(
        NO_SERVER_CERTIFICATE, "error", FAILURE, certificate_refused,
        "The client refused the server's certificate.",
        "Look at the certificate in the capture: name, dates, chain; then at the roots that the client trusts.",
        "Another client with the usual roots that accepts the same certificate.", ALERT,
    ),
    Rule(
        OTHER, "error", FAILURE, other_alert,
        "A side ended TLS with an alert of an error.",
        "Look at the message before the alert, and in the log of the side that sent it.",
        "An alert that was sent for a reason outside of TLS.", ALERT,
    ),
    Rule(
        "tls.reset_after_hello", "error", FAILURE, reset_after_hello,
        "The connection was reset right after the ClientHello.",
        "Try another server name from the same place, and the same name from elsewhere: a filter on the way reads it.",
        "A log of the server that shows it closed the connection itself.", "tls.handshake.type == 1", absence=True,
    ),
    Rule(
        "tls.stalled", "warn", FAILURE, stalled,
        "A handshake of TLS did not go on.",
        "See whether large segments arrive (path MTU), and what the silent side was doing.",
        "The missing message, in another capture of the same connection.", "tls.handshake", absence=True,
        threshold=f"{span(PATIENCE_NS)}, or {TRIPS} round trips, without a message: {TOO_SOON}.", lasting=True,
    ),
    Rule(
        "tls.plaintext", "error", FAILURE, plaintext,
        "Plain text where TLS was due.",
        "Check scheme and port on both sides: one speaks TLS, the other plain text.",
        "A protocol of its own that only looks like plain text.",
    ),
)
