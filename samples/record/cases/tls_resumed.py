"""Sessions that begin again, early data, and what is done to keys during a connection."""
from __future__ import annotations

import os

from samples.record.case import Case, Shows
from samples.record.cases.hosts import SERVER, Act
from samples.record.cases.tls_hosts import (
    CERTIFICATE,
    CLIENT_HELLO,
    FINISHED,
    GET,
    REQUEST,
    RESPONSE,
    SERVER_HELLO,
    case,
    nginx_tls,
    openssl_client,
    openssl_server,
    serving,
)
from samples.record.certificates import NAME, Authority
from samples.record.lab import Lab

OTHER_PORT = 8443
REQUEST_LINES = f"GET /page.txt HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n"
TWO_HELLOS = Shows("tls.handshake.type == 1", "Two handshakes begin", 2, 2)
ONE_CERTIFICATE = Shows("tls.handshake.type == 11", "Only the first shows a certificate", 1, 1)
TWO_RESPONSES = Shows("http.response", "Both requests are answered", 2, 2)


def _twice(*options: str) -> Act:
    """Two connections, the second with the session of the first."""
    def drive(lab: Lab) -> None:
        session = str(lab.scratch / "session.pem")
        openssl_client(lab, *options, "-sess_out", session, words=(0.3, GET))
        openssl_client(lab, *options, "-sess_in", session)
    return drive


def _two_servers(lab: Lab) -> None:
    """They share the certificate, but not the key of their tickets."""
    shown = Authority(lab.scratch).identity()
    openssl_server(lab, "-tls1_3", identity=shown)
    openssl_server(lab, "-tls1_3", identity=shown, port=OTHER_PORT)


def _wrong_ticket(lab: Lab) -> None:
    session = str(lab.scratch / "session.pem")
    openssl_client(lab, "-sess_out", session, words=(0.3, GET), port=OTHER_PORT)
    openssl_client(lab, "-sess_in", session)


def _early_data(lab: Lab) -> None:
    """nginx takes early data on port 443 and none on the other; the key of its tickets is one."""
    key = lab.scratch / "ticket.key"
    key.write_bytes(os.urandom(80))
    other = f"server {{ listen {OTHER_PORT} ssl; root {lab.scratch}/www-server; ssl_early_data off; }}"
    nginx_tls(lab, {"page.txt": 1_000}, more=f"ssl_session_ticket_key {key}; ssl_early_data on; {other}")


def _with_early_data(port: int, *later: str | float) -> Act:
    def drive(lab: Lab) -> None:
        session = str(lab.scratch / "session.pem")
        file = lab.scratch / "early.txt"
        file.write_text(REQUEST_LINES, newline="")
        openssl_client(lab, "-sess_out", session, words=(0.3, REQUEST_LINES))
        openssl_client(lab, "-sess_in", session, "-early_data", str(file), words=later, port=port)
    return drive


def _update(lab: Lab) -> None:
    """Both sides talk; the client asks for new keys, the server then too."""
    server = openssl_server(lab, "-tls1_3", identity=Authority(lab.scratch).identity(), keyboard=True)
    client = lab.start("client", ["openssl", "s_client", "-connect", f"{SERVER}:443", "-servername", NAME,
                                  "-keylogfile", str(lab.keys)], keyboard=True)
    lab.say(client, 0.4, "before the update\n", 0.2, "K\n", 0.2, "after the update\n", 0.2)
    lab.say(server, "the answer, with new keys\n", 0.2, "k\n", 0.2, "newer keys still\n", 0.2)
    lab.say(client, "Q\n")
    lab.finish(client)


def _renegotiate(lab: Lab) -> None:
    openssl_client(lab, "-tls1_2", words=(0.3, "R\n", 0.4, GET))


CASES: tuple[Case, ...] = (
    case("tls12-resumed-ticket", "version 1.2, resumed with a ticket",
         "Two connections. The server gives the client a ticket in the first and takes it in the second, which "
         "needs one round trip instead of two and shows no certificate again.",
         serving("-tls1_2"), _twice("-tls1_2"),
         TWO_HELLOS, ONE_CERTIFICATE,
         Shows("tls.handshake.type == 4", "The ticket, and a new one in the second handshake", 1, 2),
         Shows("tls.handshake.type == 1 && tls.handshake.extension.len > 150", "The second ClientHello shows it", 1, 1),
         TWO_RESPONSES),
    case("tls12-resumed-id", "version 1.2, resumed with a session identifier",
         "Two connections to a server that gives no tickets but remembers sessions by an identifier. The second "
         "ServerHello repeats the identifier that the client offered: the session goes on, without certificates.",
         serving("-tls1_2", "-no_ticket"), _twice("-tls1_2", "-no_ticket"),
         TWO_HELLOS, ONE_CERTIFICATE,
         Shows("tls.handshake.type == 4", "No ticket", 0, 0),
         Shows("tls.handshake.type == 1 && tls.handshake.session_id_length == 32",
               "The second ClientHello offers the identifier", 1, 1),
         TWO_RESPONSES),
    case("tls13-resumed", "version 1.3, resumed with a pre-shared key",
         "Two connections. The second ClientHello names the ticket of the first as a pre-shared key and has a fresh "
         "key share too: no certificate is needed, and there is forward secrecy.",
         serving("-tls1_3"), _twice("-tls1_3"),
         TWO_HELLOS, ONE_CERTIFICATE,
         Shows("tls.handshake.type == 1 && tls.handshake.extension.type == 41", "A pre-shared key is offered", 1, 1),
         Shows("tls.handshake.type == 2 && tls.handshake.extension.type == 41", "And taken", 1, 1),
         TWO_RESPONSES),
    case("tls13-resumption-refused", "a ticket that the server does not know",
         "The client offers a ticket of another server. It cannot be decrypted there, so a full handshake follows, "
         "without a word about it.",
         _two_servers, _wrong_ticket,
         TWO_HELLOS, Shows("tls.handshake.type == 11", "Both show a certificate", 2, 2),
         Shows("tls.handshake.type == 1 && tls.handshake.extension.type == 41", "The ticket is offered", 1, 1),
         Shows("tls.handshake.type == 2 && tls.handshake.extension.type == 41", "It is not taken", 0, 0),
         TWO_RESPONSES),
    case("tls13-early-data", "early data (0-RTT)",
         "The second connection sends its request together with the ClientHello, encrypted with a key from the session "
         "before. nginx answers along with its half of the handshake; such a request can be replayed.",
         _early_data, _with_early_data(443, 0.5),
         TWO_HELLOS,
         Shows("tls.handshake.type == 1 && tls.handshake.extension.type == 42", "Early data is announced", 1, 1),
         Shows("tls.handshake.type == 8 && tls.handshake.extension.type == 42", "The server takes it", 1, 1),
         Shows("tls.handshake.type == 5", "EndOfEarlyData", 1, 1),
         TWO_RESPONSES),
    case("tls13-early-data-refused", "early data that is refused",
         "The client sends its request as early data to a server that takes the session but no early data. It skips "
         "those records, and the client has to send the request once more.",
         _early_data, _with_early_data(OTHER_PORT, 0.4, REQUEST_LINES),
         TWO_HELLOS,
         Shows("tls.handshake.type == 1 && tls.handshake.extension.type == 42", "Early data is announced", 1, 1),
         Shows("tls.handshake.type == 8 && tls.handshake.extension.type == 42", "Not taken", 0, 0),
         Shows("tls.handshake.type == 5", "No EndOfEarlyData", 0, 0),
         TWO_RESPONSES),
    case("tls13-key-update", "key update",
         "In the middle of a conversation the client changes its key and asks the server to change its own; later "
         "the server does so again by itself.",
         None, _update,
         CLIENT_HELLO, SERVER_HELLO, CERTIFICATE, FINISHED,
         Shows("tls.handshake.type == 24", "KeyUpdate: the client's, the server's answer, the server's own", 3, 3),
         Shows("tls.app_data_proto", "Both talk, before and after", 4)),
    case("tls12-renegotiation", "renegotiation",
         "The client begins a second handshake inside the first one's encryption (RFC 5746 binds the two), and "
         "sends its request afterwards.",
         serving("-tls1_2", "-client_renegotiation"), _renegotiate,
         Shows("tls.handshake.type == 1", "Two ClientHellos on one connection", 2, 2),
         Shows("tls.handshake.type == 11", "The certificates twice", 2, 2),
         Shows("tls.handshake.type == 20", "Finished four times", 4, 4),
         REQUEST, RESPONSE),
)
