"""What records look like: downloads, small records, long messages, a browser."""
from __future__ import annotations

from samples.record.browser import chromium
from samples.record.case import Case, Shows
from samples.record.cases.hosts import SERVER, Act
from samples.record.cases.tls_hosts import (
    CERTIFICATE,
    CLIENT_HELLO,
    FINISHED,
    PORT,
    REQUEST,
    RESPONSE,
    SERVER_HELLO,
    asking,
    case,
    fetching,
    nginx_tls,
    serving,
)
from samples.record.certificates import NAME, Authority
from samples.record.lab import Lab

PAGE = f"https://{NAME}/page.txt"
DOWNLOAD = 150_000


def _nginx(length: int, listen_more: str = "ssl", more: str = "") -> Act:
    def prepare(lab: Lab) -> None:
        nginx_tls(lab, {"page.txt": length}, listen_more=listen_more, more=more)
    return prepare


def _chromium(lab: Lab) -> None:
    chromium(lab, PAGE)


def _tlslite(act: str, kind: str = "ec") -> Act:
    """tlslite-ng serves one page."""
    def prepare(lab: Lab) -> None:
        shown = Authority(lab.scratch).identity(kind=kind)
        lab.start("server", lab.python("tlslite_talk", "server", SERVER, PORT, shown.chain, shown.key, act,
                                       libraries=("tlslite-ng",)))
        lab.listening("server", PORT)
    return prepare


def _tlslite_client(act: str) -> Act:
    def drive(lab: Lab) -> None:
        lab.run("client", lab.python("tlslite_talk", "client", SERVER, PORT, NAME, lab.keys, act,
                                     libraries=("tlslite-ng",)))
    return drive


CASES: tuple[Case, ...] = (
    case("download-http1", "a download over HTTP/1.1",
         "curl fetches 150 kB from nginx over TLS 1.3 and HTTP/1.1: ten records of 16 kB, each in a dozen segments.",
         _nginx(DOWNLOAD), fetching(PAGE, "--http1.1"),
         CLIENT_HELLO, SERVER_HELLO, CERTIFICATE, REQUEST, RESPONSE,
         Shows("tls.record.opaque_type == 23 && tls.record.length > 16000", "Full records", 8),
         Shows("tls.alert_message.desc == 0", "close_notify", 1)),
    case("download-http2", "a download over HTTP/2",
         "curl and nginx agree on h2 in the handshake (ALPN). 150 kB come as DATA frames of one stream.",
         _nginx(DOWNLOAD, "ssl http2"), fetching(PAGE),
         Shows('tls.handshake.type == 8 && tls.handshake.extensions_alpn_str == "h2"', "h2 is chosen", 1, 1),
         Shows("http2.type == 1 && http2.headers.method", "The request", 1, 1),
         Shows("http2.type == 0", "DATA frames", 10)),
    case("messages-over-records", "messages longer than a record",
         "The server puts no more than 512 bytes into a record, so that its certificates and its tickets take "
         "several, and so does the page.",
         serving("-tls1_2", "-max_send_frag", "512", kind="rsa"), asking("-tls1_2"),
         CLIENT_HELLO, SERVER_HELLO, CERTIFICATE, FINISHED, REQUEST, RESPONSE,
         Shows("tls.record.length == 536", "Full records: 512 bytes, with nonce and tag", 1)),
    case("fragment-length-agreed", "a maximum fragment length is agreed",
         "The client asks for records of at most 512 bytes (RFC 6066), as devices with little memory do, and the "
         "server agrees.",
         serving("-tls1_3"), asking("-tls1_3", "-maxfraglen", "512"),
         Shows("tls.handshake.type == 1 && tls.handshake.extension.type == 1", "It is asked for", 1, 1),
         Shows("tls.handshake.type == 8 && tls.handshake.extension.type == 1", "And agreed", 1, 1), REQUEST, RESPONSE),
    case("long-client-hello", "a ClientHello in two segments",
         "The ClientHello offers so many application protocols that it does not fit into one segment.",
         serving("-alpn", "http/1.0"),
         asking("-alpn", ",".join([*(f"experiment-{n:03d}.shop.test" for n in range(60)), "http/1.0"])),
         Shows("tls.handshake.type == 1 && tls.handshake.length > 1460", "A long ClientHello", 1, 1),
         Shows('tls.handshake.type == 8 && tls.handshake.extensions_alpn_str == "http/1.0"', "One is chosen", 1, 1),
         REQUEST, RESPONSE),
    case("browser", "a browser",
         "Chromium fetches a page from nginx. Its ClientHello has made-up values (GREASE), extensions in an order that "
         "changes each time, a hybrid key share and an ECH extension that may be empty show.",
         _nginx(900, "ssl http2"), _chromium,
         Shows("tls.handshake.type == 1 && tls.handshake.extension.type == 65037", "An ECH extension", 1),
         Shows("tls.handshake.type == 2", "ServerHello", 1),
         Shows('http2.headers.path == "/page.txt"', "The request", 1, 1), names=(NAME,)),
    case("ssl30", "SSL 3.0",
         "tlslite-ng at both ends, told to speak SSL 3.0 of 1996, which RFC 7568 forbids since 2015: AES-CBC with a "
         "MAC that is older than HMAC, and padding that nobody checks.",
         _tlslite("ssl30", "rsa"), _tlslite_client("ssl30"),
         Shows("tls.handshake.type == 2 && tls.handshake.version == 0x0300", "SSL 3.0 is chosen", 1, 1), CERTIFICATE,
         REQUEST, RESPONSE),
    case("heartbeat", "heartbeat",
         "tlslite-ng at both ends. The client sends two heartbeat requests (RFC 6520), and the server answers with the "
         "same bytes.",
         _tlslite("heartbeat"), _tlslite_client("heartbeat"),
         Shows("tls.handshake.type == 1 && tls.handshake.extension.type == 15", "Heartbeat is offered", 1, 1),
         Shows("tls.record.content_type == 24 && tcp.dstport == 443", "Requests", 2, 2),
         Shows("tls.record.content_type == 24 && tcp.srcport == 443", "Answers", 2, 2)),
    case("compressed-certificate", "a compressed certificate",
         "Chromium offers to read compressed certificates (RFC 8879), and tlslite-ng compresses its own with Brotli.",
         _tlslite("any"), _chromium,
         Shows("tls.handshake.type == 1 && tls.handshake.extension.type == 27", "The browser offers it", 1),
         Shows("tls.handshake.type == 25", "CompressedCertificate", 1), names=(NAME,)),
)
