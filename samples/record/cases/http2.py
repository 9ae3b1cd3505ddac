"""HTTP/2 in clear: streams side by side, windows, pushes, errors, floods."""
from __future__ import annotations

import time

from samples.record.case import Case, Shows
from samples.record.cases.hosts import SERVER, Act, pair
from samples.record.cases.http_hosts import SITE
from samples.record.cases.tls_hosts import ROOT, nginx_tls
from samples.record.certificates import NAME
from samples.record.lab import Lab
from samples.record.network import Action, Fault, Kind, Link
from samples.record.servers import text_of, web

URL = f"http://{SITE}"
LIBRARIES = ("h2",)
FILES = {"index.html": 1_500, "style.css": 9_000, "script.js": 14_000, "picture.svg": 20_000, "note.txt": 400}
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"        # RFC 9113 §3.4
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
PRIORITY_UPDATE = 16                                 # RFC 9218 §7.1
END_STREAM, ACK, END_HEADERS = 1, 1, 4
GET_ROOT = bytes([0x82, 0x86, 0x84, 0x41, len(SITE)]) + SITE.encode()   # fields of the static table (RFC 7541, A)


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def seen(kind: int, what: str, at_least: int = 1, at_most: int = 1_000_000) -> Shows:
    return Shows(f"http2.type == {kind}", what, at_least, at_most)


def requests(number: int, what: str = "") -> Shows:
    return Shows("http2.headers.method", what or ("The request" if number == 1 else "Requests"), 1, number)


def status(code: int, what: str) -> Shows:
    return Shows(f"http2.headers.status == {code}", what, 1)


def nghttpd(*options: str) -> Act:
    """nghttpd in clear on port 80, with a few files."""
    def prepare(lab: Lab) -> None:
        root = lab.scratch / "www"
        root.mkdir()
        for name, length in FILES.items():
            (root / name).write_text(text_of(length))
        lab.start("server", ["nghttpd", "--no-tls", "-d", str(root), *options, "80"])
        lab.listening("server", 80)
    return prepare


def fetches_over_tls(lab: Lab) -> None:
    """curl asks for all files at once, over one connection."""
    options = ["--http2", "--parallel", "--cacert", str(lab.scratch / ROOT), "--resolve", f"{NAME}:443:{SERVER}"]
    files = [word for name in FILES for word in ("-o", "/dev/null", f"https://{NAME}/{name}")]
    lab.run("client", ["curl", "-sS", *options, *files], environment={"SSLKEYLOGFILE": str(lab.keys)})


def nginx(more: str = "", **lengths: int) -> Act:
    def prepare(lab: Lab) -> None:
        web(lab, "server", FILES | {f"{name}.txt": length for name, length in lengths.items()}, listen_more="http2",
            more=more)
    return prepare


def python_server(lab: Lab) -> None:
    lab.start("server", lab.python("http2", "server", SERVER, 80, libraries=LIBRARIES))
    lab.listening("server", 80)


def _hypercorn(lab: Lab) -> None:
    lab.start("server", lab.python("asgi", "echo", SERVER, 80, libraries=("hypercorn",)))
    lab.listening("server", 80)


def python_client(*steps: str) -> Act:
    def drive(lab: Lab) -> None:
        lab.run("client", lab.python("http2", "client", SITE, 80, *steps, libraries=LIBRARIES))
    return drive


def nghttp(*options: str, names: tuple[str, ...] = ("index.html",)) -> Act:
    def drive(lab: Lab) -> None:
        lab.run("client", ["nghttp", "-n", *options, *(f"{URL}/{name}" for name in names)])
    return drive


def curl(*arguments: str, names: tuple[str, ...] = ("index.html",), allowed: tuple[int, ...] = (0,)) -> Act:
    def drive(lab: Lab) -> None:
        files = [word for name in names for word in ("-o", "/dev/null", f"{URL}/{name}")]
        lab.run("client", ["curl", "-sS", "--http2-prior-knowledge", *arguments, *files], allowed)
    return drive


def by_hand(*frames: bytes, steps: tuple[str, ...] = ("sleep:0.5", "shutdown", "eof", "close")) -> Act:
    """A socket program sends the preface with empty settings, and a little later exactly these frames."""
    def drive(lab: Lab) -> None:
        preface, data = lab.scratch / "preface", lab.scratch / "frames"
        preface.write_bytes(PREFACE + frame(SETTINGS))
        data.write_bytes(b"".join(frames))
        lab.run("client", lab.python("tcp", "connect", SITE, 80, "open", f"say:{preface}", "sleep:0.15", f"say:{data}",
                                     *steps))
    return drive


def case(name: str, title: str, summary: str, prepare: Act, drive: Act, *shows: Shows,
         links: dict[str, Link] | None = None) -> Case:
    return Case("http2", name, f"HTTP/2: {title}", summary, pair(names=(SITE,)), drive, shows, prepare, links or {})


def _early(lab: Lab) -> None:
    python_server(lab)
    lab.start("client", lab.python("http2", "client", SITE, 80, *("get:/page/300", "wait", "sleep:0.35") * 16, "leave",
                                   libraries=LIBRARIES))
    time.sleep(1.5)


def _later(lab: Lab) -> None:
    lab.finish(lab.processes[1][1])


SLOW = {"lan": Link(rate_kbit=3_000, queue_frames=100)}
LOSSY = {"lan": Link(rate_kbit=5_000, queue_frames=100, faults=(Fault(Action.DROP, "server", Kind.DATA, (12,)),))}
ALL_FILES = tuple(FILES)

OPENINGS = (
    case("prior-knowledge", "in clear, known beforehand",
         "curl knows that the server speaks HTTP/2 and begins with its preface. One request, one response.",
         nghttpd(), curl(), Shows("http2.magic", "The preface", 1, 1), seen(SETTINGS, "SETTINGS, acknowledged", 2),
         requests(1), status(200, "The response")),
    case("upgrade", "in clear, by an upgrade",
         "The client asks in HTTP/1.1 for an upgrade to h2c. The server answers 101, and the response comes as stream "
         "1 of HTTP/2.",
         python_server, python_client("upgrade:/page/800", "wait", "get:/page/90", "wait", "leave"),
         Shows('http.upgrade == "h2c"', "The upgrade is asked for", 1),
         Shows("http.response.code == 101", "Granted", 1, 1),
         Shows("http2.magic", "The preface", 1, 1), status(200, "The responses")),
    case("not-spoken", "a server that does not speak it",
         "The client begins with the preface of HTTP/2, and nginx, which was not told to speak it, answers in HTTP/1.1 "
         "with 400.",
         lambda lab: web(lab, "server", FILES), curl(allowed=(16, 56, 1, 52, 92)),
         Shows("http2.magic", "The preface", 1, 1), Shows('tcp contains "HTTP/1.1 400"', "The answer", 1, 1)),
)

STREAMS = (
    case("multiplexed", "five streams side by side",
         "nghttp asks for five files at once over a slow link: their DATA frames take turns on one connection.",
         nginx("http2_chunk_size 2k;"), nghttp(names=ALL_FILES), requests(5), seen(DATA, "DATA of all streams", 8),
         Shows("http2.streamid == 13 || http2.streamid == 21", "Later streams", 1), links=SLOW),
    case("many-streams", "sixty requests, ten at a time",
         "h2load asks for a small file sixty times over one connection, with ten streams open at any time. The "
         "headers of all but the first take thirteen bytes.",
         nghttpd(), lambda lab: lab.run("client", ["h2load", "-n", "60", "-c", "1", "-m", "10", f"{URL}/note.txt"]),
         requests(60), Shows("http2.streamid == 119", "The last stream", 1)),
    case("concurrency-limit", "two streams at a time",
         "The server allows two streams at a time (SETTINGS_MAX_CONCURRENT_STREAMS), but the client has sent five "
         "requests before it hears of that: three are refused and could be tried again.",
         nghttpd("-m", "2"), nghttp(names=ALL_FILES),
         Shows("http2.settings.max_concurrent_streams == 2", "The limit", 1), requests(5),
         Shows("http2.rst_stream.error == 7", "REFUSED_STREAM", 1)),
    case("push", "server push",
         "With the page the server promises its style sheet and its script and sends them unasked.",
         nghttpd("-p", "/index.html=/style.css,/script.js"), nghttp(), requests(3), seen(PUSH, "Promises", 1),
         Shows("http2.streamid == 2 && http2.type == 0", "Pushed data", 1)),
    case("push-refused", "no push, please",
         "The client switches push off (SETTINGS_ENABLE_PUSH 0), and the server sends only what is asked for.",
         nghttpd("-p", "/index.html=/style.css,/script.js"), nghttp("--no-push"),
         Shows("http2.settings.enable_push == 0", "Push is off", 1), seen(PUSH, "No promise", 0, 0)),
    case("priorities", "a tree of priorities",
         "nghttp arranges its streams in a tree of dependencies and weights, as RFC 7540 had it and RFC 9113 gave up.",
         nghttpd(), nghttp("-p", "200", "-p", "10", names=("style.css", "picture.svg")),
         seen(PRIORITY, "PRIORITY", 1), requests(2), links=SLOW),
    case("lost-segment", "one lost segment stalls all streams",
         "Five files at once, and one segment is lost. Data of every stream arrives behind the hole and waits there "
         "until TCP has repaired it.",
         nghttpd(), nghttp(names=ALL_FILES),
         Shows("tcp.analysis.retransmission || tcp.analysis.fast_retransmission", "The segment again", 1), requests(5),
         links=LOSSY),
    case("lost-segment-tls", "one lost segment stalls streams, over TLS",
         "Five files at once over TLS 1.3, and one segment is lost. The records behind the hole have arrived, and "
         "cannot be read before it is repaired.",
         lambda lab: nginx_tls(lab, FILES, listen_more="ssl http2", more="http2_chunk_size 2k;"), fetches_over_tls,
         Shows("tcp.analysis.retransmission || tcp.analysis.fast_retransmission", "The segment again", 1), requests(5),
         links={"lan": Link(rate_kbit=5_000, queue_frames=100, faults=(
             Fault(Action.DROP, "server", Kind.DATA, (18,)),))}),
    case("goaway", "the server says when to stop",
         "nginx serves three requests a connection. nghttp sends five at once; with the third comes a GOAWAY that "
         "names the last stream that counts, and the other two stay without an answer.",
         nginx("keepalive_requests 3;"), nghttp(names=ALL_FILES), seen(GOAWAY, "GOAWAY", 1), requests(5)),
    case("goaway-error", "the server gives up",
         "In the middle of its work the server sends GOAWAY with INTERNAL_ERROR and closes. One request had been "
         "answered, one had not.",
         python_server, python_client("get:/page/300", "wait", "get:/slow/2", "sleep:0.2", "get:/failed", "wait"),
         Shows("http2.goaway.error == 2", "GOAWAY", 1, 1)),
    case("reset", "streams that are reset",
         "The client cancels a download (CANCEL), the server breaks off an answer (INTERNAL_ERROR) and refuses a "
         "request (REFUSED_STREAM). The connection goes on.",
         python_server, python_client("get:/page/40000", "sleep:0.07", "reset:1:8", "get:/reset/2", "get:/refuse",
                                      "wait", "get:/page/50", "wait", "leave"),
         Shows("http2.rst_stream.error == 8", "CANCEL, by the client", 1, 1),
         Shows("http2.rst_stream.error == 2", "INTERNAL_ERROR", 1, 1),
         Shows("http2.rst_stream.error == 7", "REFUSED_STREAM", 1, 1), links=SLOW),
    case("late-start", "the capture starts later",
         "The capture begins in the middle of a connection: neither preface nor settings were seen, and the headers "
         "name table entries that nobody knows.",
         _early, _later,
         Shows("tcp.flags.syn == 1", "No SYN", 0, 0), Shows("tcp.len > 0", "Frames", 6)),
)

FRAMES = (
    case("flow-control", "a small window",
         "The client's windows are 1023 bytes for a stream and 4095 for the connection: the server must stop again and "
         "again until a WINDOW_UPDATE arrives, a round trip each time.",
         nghttpd(), nghttp("-w", "10", "-W", "12", names=("style.css",)),
         Shows("http2.settings.initial_window_size == 1023", "The window", 1), seen(WINDOW_UPDATE, "WINDOW_UPDATE", 4),
         seen(DATA, "DATA", 8)),
    case("flow-control-stall", "a client that does not read",
         "The client gives no room back for a second and a half. The server fills the window of 65535 bytes and waits, "
         "while TCP could carry more.",
         python_server, python_client("hold", "get:/page/70000", "sleep:1.5", "release", "wait", "leave"),
         Shows("http2.type == 8 && tcp.dstport == 80 && frame.time_relative > 1.4", "Room again", 1),
         seen(DATA, "DATA", 5)),
    case("continuation", "headers in two frames",
         "A client splits its header block: HEADERS is followed by a CONTINUATION that ends it.",
         nghttpd(), by_hand(frame(HEADERS, END_STREAM, 1, GET_ROOT[:5]),
                            frame(CONTINUATION, END_HEADERS, 1, GET_ROOT[5:] + b"\x7a\x06sample")),
         seen(CONTINUATION, "CONTINUATION", 1), status(200, "The response")),
    case("trailers", "trailers",
         "The server sends a header after the body, as trailers: a HEADERS frame that ends the stream.",
         nghttpd("--trailer", "x-lines: 25"), nghttp(),
         Shows('http2.header.name == "x-lines"', "The trailer", 1, 1)),
    case("request-trailers", "an upload with trailers",
         "The client posts 3000 bytes and sends two fields after them.",
         python_server, python_client("sleep:0.1", "post:/form:3000", "wait", "leave"),
         Shows('http2.headers.method == "POST"', "The request", 1, 1),
         Shows('http2.header.name == "x-checked"', "The trailers", 1, 1)),
    case("padding", "padding",
         "The server pads its frames with up to 64 bytes, to hide how long things are.",
         nghttpd("-b", "64"), nghttp(), Shows("http2.flags.padded == 1", "Padded frames", 1)),
    case("table-size", "a smaller header table",
         "The client allows the server no dynamic table at all, and the server says so at the head of its first header "
         "block.",
         nghttpd(), nghttp("-c", "0", names=("index.html", "note.txt")),
         Shows("http2.settings.header_table_size == 0", "No table", 1),
         Shows("http2.header_table_size_update || http2.header.repr contains \"Size Update\"", "The update", 1)),
    case("early-hints", "early hints",
         "Before its answer is ready the server names a style sheet: two HEADERS frames on one stream, 103 and 200.",
         python_server, python_client("get:/hints", "wait", "leave"), status(103, "Early hints"),
         status(200, "The page")),
    case("ping", "a round trip is measured",
         "The client sends a PING while it waits for a slow answer; it comes back at once with the same eight bytes.",
         python_server, python_client("get:/slow/0.8", "sleep:0.3", "ping", "sleep:0.2", "ping", "wait", "leave"),
         Shows("http2.type == 6 && http2.flags.ack.ping == 0", "PING", 2, 2),
         Shows("http2.type == 6 && http2.flags.ack.ping == 1", "Their acknowledgements", 2, 2)),
    case("alternative-service", "an alternative service",
         "The server says in an ALTSVC frame that it can be reached over HTTP/3 too.",
         python_server, python_client("get:/alternative", "wait", "leave"), seen(10, "ALTSVC", 1, 1)),
    case("unknown-frames", "frames that nobody knows",
         "A client sends a PRIORITY_UPDATE, a frame of an unknown type and an unknown setting. The server ignores "
         "what it does not know.",
         nghttpd(), by_hand(frame(SETTINGS, payload=bytes.fromhex("0a0a00000001")),
                            frame(PRIORITY_UPDATE, payload=(1).to_bytes(4, "big") + b"u=2, i"),
                            frame(0x0B, stream=0, payload=b"grease"),
                            frame(HEADERS, END_STREAM | END_HEADERS, 1, GET_ROOT)),
         Shows("http2.type == 16 || http2.type == 11", "Frames beyond RFC 9113", 1),
         Shows("http2.headers.status", "An answer", 1)),
    case("websocket", "a WebSocket on a stream",
         "The server allows extended CONNECT (RFC 8441). The client opens a WebSocket on a stream, sends two texts, "
         "gets them back, and closes.",
         _hypercorn, python_client("sleep:0.3", "websocket:/feed:hello:and good-bye", "wait", "leave"),
         Shows("http2.settings.id == 8", "Extended CONNECT is allowed", 1),
         Shows('http2.header.name == ":protocol"', "A WebSocket is asked for", 1, 1), status(200, "Granted"),
         seen(DATA, "Its frames", 4)),
    case("dns-over-https", "DNS over HTTPS, in clear",
         "A client asks for addresses over HTTP/2: once by GET, with the DNS message in the path, and once by POST, "
         "with the message as body (RFC 8484).",
         python_server, python_client("doh-get:www.shop.test", "wait", "doh-post:mail.shop.test", "wait", "leave"),
         Shows('http2.header.value == "application/dns-message"', "DNS messages", 3),
         Shows("dns.flags.response == 1", "Answers", 2, 2)),
)

HARM = (
    case("protocol-error", "a frame out of place",
         "A client sends DATA on a stream that was never opened. The server says GOAWAY with PROTOCOL_ERROR.",
         nghttpd(), by_hand(frame(DATA, END_STREAM, 1, b"out of the blue")),
         Shows("http2.goaway.error == 1", "GOAWAY", 1, 1)),
    case("compression-error", "a broken header block",
         "A client names an entry of the header table that does not exist. The state of the compression is lost, so "
         "the server ends the connection with COMPRESSION_ERROR.",
         nghttpd(), by_hand(frame(HEADERS, END_STREAM | END_HEADERS, 1, b"\xff\x80\x7f")),
         Shows("http2.goaway.error == 9", "GOAWAY", 1, 1)),
    case("rapid-reset", "a flood of resets",
         "A client opens three hundred streams and resets each at once: work for the server that no limit on streams "
         "holds back.",
         nghttpd(), by_hand(*(part for n in range(300) for part in (
             frame(HEADERS, END_STREAM | END_HEADERS, 2 * n + 1, GET_ROOT),
             frame(RST_STREAM, 0, 2 * n + 1, (8).to_bytes(4, "big"))))),
         seen(RST_STREAM, "RST_STREAM, many in a segment", 3)),
    case("ping-flood", "a flood of pings",
         "A client sends five hundred PING frames at once, each of which wants an answer.",
         nghttpd(), by_hand(*(frame(PING, 0, 0, n.to_bytes(8, "big")) for n in range(500))),
         seen(PING, "PING", 4)),
    case("settings-flood", "a flood of settings",
         "A client sends five hundred empty SETTINGS frames at once, each of which wants an acknowledgement.",
         nghttpd(), by_hand(*[frame(SETTINGS)] * 500), seen(SETTINGS, "SETTINGS", 4)),
    case("endless-headers", "headers that do not end",
         "A client begins a header block and goes on with empty CONTINUATION frames that never end it.",
         nghttpd(), by_hand(frame(HEADERS, END_STREAM, 1, GET_ROOT), *[frame(CONTINUATION, 0, 1)] * 400),
         seen(CONTINUATION, "CONTINUATION", 2)),
)


CASES: tuple[Case, ...] = OPENINGS + STREAMS + FRAMES + HARM
