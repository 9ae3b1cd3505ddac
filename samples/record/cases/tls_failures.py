"""Handshakes that fail or hang, connections that end badly, and captures that cannot show all."""
from __future__ import annotations

import time

from samples.record.case import Case, Shows
from samples.record.cases.hosts import SERVER, Act
from samples.record.cases.tls_hosts import (
    CERTIFICATE,
    CLIENT_HELLO,
    PORT,
    REQUEST,
    RESPONSE,
    SERVER_HELLO,
    asking,
    case,
    fetching,
    nginx_tls,
    openssl_client,
    openssl_server,
    serving,
)
from samples.record.certificates import NAME, Authority
from samples.record.lab import Lab
from samples.record.network import Link
from samples.record.servers import web

PAGE = f"https://{NAME}/page.txt"
OTHER_PORT = 8443
CURL_HELLO = 517                 # bytes of curl's ClientHello: padded so that no old middlebox hangs (RFC 7685)
FAILS = (0, 1)
NO_SERVER_HELLO = Shows("tls.handshake.type == 2", "No ServerHello", 0, 0)
NOTHING_SAID = Shows("tls.record.content_type == 21", "No alert", 0, 0)


def refusal(number: int, says: str) -> Shows:
    return Shows(f"tls.alert_message.desc == {number} && tcp.srcport == 443", says, 1, 1)


def _nginx(more: str = "", listen_more: str = "ssl", site: str = "") -> Act:
    def prepare(lab: Lab) -> None:
        nginx_tls(lab, {"page.txt": 1_000}, listen_more=listen_more, more=more, site=site)
    return prepare


def _other_name(lab: Lab) -> None:
    openssl_client(lab, name="elsewhere.test", allowed=FAILS)


def _socket(*steps: str) -> Act:
    """A program that knows nothing of TLS listens on port 443."""
    def prepare(lab: Lab) -> None:
        lab.start("server", lab.python("tcp", "listen", SERVER, PORT, *steps))
        lab.listening("server", PORT)
    return prepare


def _plain_web(lab: Lab) -> None:
    web(lab, "server", {"page.txt": 1_000})


def _python_server(*steps: str) -> Act:
    def prepare(lab: Lab) -> None:
        shown = Authority(lab.scratch).identity()
        certificate = f"cert:{shown.chain}:{shown.key}"
        lab.start("server", lab.python("tls", "listen", SERVER, PORT, certificate, "open", *steps))
        lab.listening("server", PORT)
    return prepare


def _python_client(*steps: str) -> Act:
    def drive(lab: Lab) -> None:
        lab.run("client", lab.python("tls", "connect", SERVER, PORT, f"trust:{lab.scratch}/shop-test-root.pem",
                                     f"name:{NAME}", f"keys:{lab.keys}", "open", *steps))
    return drive


def _begun_before(lab: Lab) -> None:
    """A connection is open, and its handshake over, when the capture starts."""
    _python_server("handshake", *("send:700", "sleep:0.12") * 50, "notify")(lab)
    lab.start("client", lab.python("tls", "connect", SERVER, PORT, f"trust:{lab.scratch}/shop-test-root.pem",
                                   f"name:{NAME}", f"keys:{lab.keys}", "open", "handshake", "eof", "notify"))
    time.sleep(1.5)


def _two_servers(lab: Lab) -> None:
    shown = Authority(lab.scratch).identity()
    openssl_server(lab, identity=shown)
    openssl_server(lab, identity=shown, port=OTHER_PORT)


def _other_keys(lab: Lab) -> None:
    """The log that goes into the recording is that of another connection, to another port."""
    openssl_client(lab, keys=False)
    openssl_client(lab, port=OTHER_PORT)


CASES: tuple[Case, ...] = (
    case("no-shared-version", "no version in common",
         "The client speaks TLS 1.3 alone, the server 1.2 alone. The server answers the ClientHello with the alert "
         "protocol_version.",
         serving("-tls1_2"), asking("-tls1_3", allowed=FAILS, words=()),
         CLIENT_HELLO, refusal(70, "protocol_version"), NO_SERVER_HELLO),
    case("no-shared-suite", "no cipher suite in common",
         "The client offers suites for RSA certificates alone; the server's certificate has an elliptic-curve key. The "
         " server answers with the alert handshake_failure.",
         serving("-tls1_2"), asking("-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256", allowed=FAILS, words=()),
         CLIENT_HELLO, refusal(40, "handshake_failure"), NO_SERVER_HELLO),
    case("no-shared-group", "no group in common",
         "The client has key shares for X25519 alone, the server takes P-384 alone: no group for the key exchange. The "
         " server answers with the alert handshake_failure.",
         serving("-tls1_3", "-groups", "P-384"), asking("-tls1_3", "-groups", "X25519", allowed=FAILS, words=()),
         CLIENT_HELLO, refusal(40, "handshake_failure"), NO_SERVER_HELLO),
    case("no-shared-alpn", "no application protocol in common",
         "The client offers the application protocol imap to a web server. nginx answers with the alert "
         "no_application_protocol.",
         _nginx(listen_more="ssl http2"), asking("-alpn", "imap", allowed=FAILS, words=()),
         Shows('tls.handshake.extensions_alpn_str == "imap"', "What is offered", 1, 1),
         refusal(120, "no_application_protocol"), NO_SERVER_HELLO),
    case("unrecognized-name", "a name that the server does not know",
         "The client asks for elsewhere.test. nginx has no site of that name and refuses the handshake with the alert "
         "unrecognized_name.",
         _nginx("server { listen 443 ssl default_server; ssl_reject_handshake on; }", site=f"server_name {NAME};"),
         _other_name,
         Shows('tls.handshake.extensions_server_name == "elsewhere.test"', "The name that is wanted", 1, 1),
         refusal(112, "unrecognized_name"), NO_SERVER_HELLO),
    case("reset-after-client-hello", "reset after the ClientHello",
         "The connection opens, the client sends its ClientHello, and a reset comes back, as from a middlebox that "
         "dislikes the name it read there.",
         _socket("open", "recv:50", "reset"), fetching(allowed=(35,), keys=False),
         CLIENT_HELLO, Shows("tcp.flags.reset == 1 && tcp.srcport == 443", "The reset", 1, 1), NO_SERVER_HELLO),
    case("closed-after-client-hello", "closed after the ClientHello",
         "The server reads the ClientHello and closes the connection without a word of TLS.",
         _socket("open", f"recv:{CURL_HELLO}", "close"), fetching(allowed=(35,), keys=False),
         CLIENT_HELLO, Shows("tcp.flags.fin == 1 && tcp.srcport == 443", "The server's FIN", 1, 1), NO_SERVER_HELLO,
         NOTHING_SAID),
    case("stalled-after-client-hello", "nobody answers the ClientHello",
         "The server takes the connection and the ClientHello, but its program never answers. curl gives up after "
         "three seconds.",
         _socket("open", "sleep:8", "close"), fetching(PAGE, "--max-time", "3", allowed=(28,), keys=False),
         CLIENT_HELLO, NO_SERVER_HELLO,
         Shows("tcp.flags.fin == 1 && tcp.dstport == 443 && tcp.time_relative > 2.8", "The client gives up", 1, 1)),
    case("stalled-after-server-hello", "the client falls silent",
         "The server's half of the handshake arrives, and the client does nothing more for three seconds. Then its "
         "program ends; the unread answer makes that a reset.",
         serving("-tls1_2"), _python_client("hello", "sleep:3", "close"),
         CLIENT_HELLO, SERVER_HELLO, CERTIFICATE,
         Shows("tls.handshake.type == 16", "No ClientKeyExchange", 0, 0),
         Shows("tcp.flags.reset == 1 && tcp.dstport == 443", "The client's end", 1)),
    case("stalled-black-hole", "the certificate never arrives",
         "Large packets vanish on the path, as where a tunnel's MTU is not told. The ClientHello is small and arrives, "
         "the server's answer does not: only its last, short segment does.",
         serving("-tls1_2", kind="rsa"), fetching(PAGE, "--max-time", "4", "--tls-max", "1.2", allowed=(28,)),
         CLIENT_HELLO, NO_SERVER_HELLO,
         Shows("tcp.analysis.lost_segment", "A later segment shows that an earlier is missing", 1),
         Shows("tcp.flags.fin == 1 && tcp.dstport == 443 && tcp.time_relative > 3.8", "The client gives up", 1, 1),
         links={"lan": Link(largest_frame=1200)}),
    case("plaintext-http", "HTTP without TLS on port 443",
         "curl sends a plain HTTP request to the port for HTTPS. nginx notices and answers in plain HTTP too, with "
         "status 400.",
         _nginx(), fetching(f"http://{NAME}:443/page.txt", keys=False),
         Shows("tcp.len > 0 && tcp.dstport == 443", "The request, in clear", 1, 1),
         Shows("tcp.len > 0 && tcp.srcport == 443", "The answer, in clear", 1),
         Shows("tls.handshake", "No TLS", 0, 0)),
    case("plaintext-http-refused", "HTTP without TLS on port 443, closed",
         "The same with OpenSSL's server: it cannot read the request as a record and closes without a word.",
         serving(), fetching(f"http://{NAME}:443/page.txt", allowed=(0, 1, 52, 56), keys=False),
         Shows("tcp.len > 0 && tcp.dstport == 443", "The request, in clear", 1, 1),
         Shows("tls.handshake", "No handshake", 0, 0)),
    case("to-plaintext-port", "TLS to a plain port",
         "curl speaks TLS to port 80, where nginx speaks plain HTTP. The ClientHello is a bad request there; the "
         "client finds no TLS in the answer and says so with an alert.",
         _plain_web, fetching(f"https://{NAME}:80/page.txt", allowed=(35,), keys=False),
         Shows("tcp.len > 0 && tcp.dstport == 80", "The ClientHello, then an alert", 1),
         Shows("http.response.code == 400", "The server's answer in plain HTTP", 1, 1)),
    case("no-close-notify", "closed without close_notify",
         "The server sends its data and closes the TCP connection without close_notify: the client cannot know whether "
         "that was all, or whether somebody cut the connection.",
         _python_server("handshake", "recv:10", "send:4000", "close"), _python_client("send:10", "eof", "close"),
         Shows("tls.app_data_proto || data", "Data from both", 2),
         Shows("tls.alert_message.desc == 0", "No close_notify", 0, 0),
         Shows("tcp.flags.fin == 1 && tcp.srcport == 443", "The server's FIN", 1, 1)),
    case("reset-in-data", "reset during the transfer",
         "The server resets the connection while it sends an answer.",
         _python_server("handshake", "recv:10", "send:9000", "sleep:0.1", "reset"), _python_client("send:10", "eof"),
         Shows("tcp.flags.reset == 1 && tcp.srcport == 443", "The reset", 1, 1),
         Shows("tls.alert_message.desc == 0", "No close_notify", 0, 0)),
    case("late-start", "the capture starts after the handshake",
         "The capture begins in the middle of a session. Its keys are inside, but without the ClientHello nobody can "
         "tell that they belong to it: only records and their lengths are seen.",
         _begun_before, lambda lab: time.sleep(2.2),
         Shows("tcp.flags.syn == 1", "No SYN", 0, 0), Shows("tls.handshake", "No handshake", 0, 0),
         Shows("tls.record.content_type == 23", "Records", 4)),
    case("keys-missing", "no keys",
         "A full handshake and a page over TLS 1.3, and no keys inside: what is said after the ServerHello stays "
         "hidden, all but lengths and times.",
         serving("-tls1_3"), asking(keys=False),
         CLIENT_HELLO, SERVER_HELLO, Shows("tls.handshake.type == 11", "No certificate is seen", 0, 0),
         Shows("http", "No request is seen", 0, 0), Shows("tls.record.opaque_type == 23", "Encrypted records", 4)),
    case("keys-of-another", "the keys of another session",
         "Two sessions, and the keys of the second alone are inside.",
         _two_servers, _other_keys,
         Shows("tls.handshake.type == 1", "Two handshakes", 2, 2),
         Shows("tls.handshake.type == 11", "One certificate can be read", 1, 1), REQUEST, RESPONSE),
)
