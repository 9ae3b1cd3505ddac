"""gRPC over HTTP/2: four patterns of calls, and the ways a call ends."""
from __future__ import annotations

from samples.record.case import Case, Shows
from samples.record.cases.hosts import SERVER, pair
from samples.record.lab import Lab
from samples.record.network import Action, Fault, Kind, Link

PORT = 8080                      # where tshark looks for HTTP; gRPC has no port of its own
NAME = "catalogue.shop.test"
LIBRARIES = ("grpcio", "protobuf")
WEB_LIBRARIES = ("sonora", "hypercorn", "protobuf")
CLIENT_HELD, SERVER_HELD = f"tcp.dstport == {PORT}", f"tcp.srcport == {PORT}"


def _server(lab: Lab) -> None:
    lab.start("server", lab.python("catalogue", "server", f"{SERVER}:{PORT}", libraries=LIBRARIES))
    lab.listening("server", PORT)


def _web_server(lab: Lab) -> None:
    lab.start("server", lab.python("asgi", "grpc-web", SERVER, PORT, libraries=WEB_LIBRARIES))
    lab.listening("server", PORT)


def _web_client(lab: Lab) -> None:
    lab.run("client", lab.python("catalogue", "web", f"http://{NAME}:{PORT}", "get:1", "watch:1", "get:404",
                                 libraries=WEB_LIBRARIES))


def messages(number: int, from_client: bool, what: str) -> Shows:
    """At least so many frames: several messages may share one."""
    side = CLIENT_HELD if from_client else SERVER_HELD
    return Shows(f"grpc.message_length && {side}", what, number)


def ends(code: int, what: str) -> Shows:
    return Shows(f'http2.header.name == "grpc-status" && http2.header.value == "{code}"', what, 1)


def called(method: str, what: str, number: int = 1) -> Shows:
    return Shows(f'http2.headers.path == "/shop.v1.Catalogue/{method}"', what, number, number)


def case(name: str, title: str, summary: str, calls: tuple[str, ...], *shows: Shows,
         links: dict[str, Link] | None = None) -> Case:
    def drive(lab: Lab) -> None:
        lab.run("client", lab.python("catalogue", "client", f"{NAME}:{PORT}", *calls, libraries=LIBRARIES))
    return Case("grpc", name, f"gRPC: {title}", summary, pair(names=(NAME,)), drive, shows, _server, links or {})


CASES: tuple[Case, ...] = (
    case("unary", "one question, one answer",
         "The client asks for an item, and the server sends it: one message each way, and the status in trailers.",
         ("get:1",), called("Get", "The call"), messages(1, True, "The request"), messages(1, False, "The response"),
         ends(0, "OK")),
    case("server-streaming", "one question, many answers",
         "The client asks once, and the server sends six messages over a second.",
         ("watch:1",), called("Watch", "The call"), messages(1, True, "The request"),
         messages(6, False, "Six messages"), ends(0, "OK")),
    case("client-streaming", "many messages, one answer",
         "The client sends four items, one after the other, and the server answers with a summary when it has them "
         "all.",
         ("add:4",), called("Add", "The call"), messages(4, True, "Four messages"),
         messages(1, False, "The summary"), ends(0, "OK")),
    case("bidirectional", "both sides talk",
         "Client and server send messages on one call: each item that the client names comes back cheaper.",
         ("haggle:4",), called("Haggle", "The call"), messages(4, True, "Four messages"),
         messages(4, False, "Four answers"), ends(0, "OK")),
    case("several-calls", "several calls on one connection",
         "Three calls one after the other, with a token in their metadata. The connection is kept, and the headers of "
         "the later calls take a few bytes.",
         ("get:1", "get:3", "watch:7"), called("Get", "Two calls of one method", 2), called("Watch", "One of another"),
         Shows("tcp.flags.syn == 1 && tcp.flags.ack == 0", "One connection", 1, 1)),
    case("deadline", "the deadline passes",
         "The client gives half a second (grpc-timeout), and the answer would take two. When the time is up the client "
         "resets the stream.",
         ("deadline",), Shows('http2.header.name == "grpc-timeout"', "The time allowed", 1, 1),
         Shows(f"http2.type == 3 && {CLIENT_HELD}", "The client resets the stream", 1)),
    case("cancelled", "the client cancels",
         "The client takes two messages of a stream and wants no more: RST_STREAM with CANCEL.",
         ("cancel",), called("Watch", "The call"),
         Shows(f"http2.rst_stream.error == 8 && {CLIENT_HELD}", "CANCEL", 1, 1)),
    case("error-status", "an error with a message",
         "Two calls fail: one item is not found, the other not allowed. The message in the trailers is written with "
         "percent signs.",
         ("get:404", "get:403"), ends(5, "NOT_FOUND"), ends(7, "PERMISSION_DENIED"),
         Shows('http2.header.name == "grpc-message"', "What the server says about it", 2, 2)),
    case("unimplemented", "a method that nobody has",
         "The client calls a method that the server does not have. It answers with trailers alone.",
         ("missing:Nothing",), ends(12, "UNIMPLEMENTED"),
         Shows(f"grpc.message_length && {SERVER_HELD}", "No message", 0, 0)),
    case("retry", "tried again",
         "The server is unavailable at the first attempt. The client's policy lets it try again after a moment, and "
         "says so in grpc-previous-rpc-attempts.",
         ("get:503",), called("Get", "Two attempts", 2), ends(14, "UNAVAILABLE"),
         Shows('http2.header.name == "grpc-previous-rpc-attempts"', "The second attempt", 1, 1), ends(0, "OK")),
    case("compressed", "compressed messages",
         "The client compresses two messages with gzip and says so in grpc-encoding.",
         ("compressed:2",), Shows('http2.header.name == "grpc-encoding" && http2.header.value == "gzip"', "gzip", 1),
         Shows("grpc.compressed_flag == 1", "Compressed messages", 2), ends(0, "OK")),
    case("large-message", "a large message",
         "The answer is one message of 80 kB. gRPC raised its windows to 4 MB when the connection began, so it comes "
         "as one DATA frame without a stop.",
         ("picture",), called("Picture", "The call"),
         Shows("http2.settings.initial_window_size == 4194304", "The windows that both announce", 2),
         Shows(f"http2.type == 0 && http2.length > 79000 && {SERVER_HELD}", "DATA, whole", 1, 1), ends(0, "OK")),
    case("flow-control", "a message larger than the window",
         "The same message to a client that keeps the windows of 65535 bytes: it comes in several DATA frames, and the "
         "server waits for WINDOW_UPDATE before the rest.",
         ("modest", "picture"), called("Picture", "The call"), Shows(f"http2.type == 0 && {SERVER_HELD}", "DATA", 4),
         Shows(f"http2.type == 8 && {CLIENT_HELD}", "WINDOW_UPDATE", 1), ends(0, "OK")),
    case("lost-segment", "a lost segment stalls calls that lost nothing",
         "Three streams of messages come on one connection, and a segment with a message of one of them is lost. "
         "Messages of the others arrive behind the hole, and nobody can read them until TCP has repaired it.",
         ("together", "watch:1", "watch:3", "watch:5"), Shows("http2.headers.path", "The calls", 1),
         messages(6, False, "Messages"),
         Shows("tcp.analysis.retransmission || tcp.analysis.out_of_order || tcp.analysis.fast_retransmission",
               "The segment again", 1),
         links={"lan": Link(faults=(Fault(Action.DROP, "server", Kind.DATA, (8,)),))}),
    case("keep-alive", "nothing is said",
         "After one call the connection is idle for two seconds. The client sends a PING every half second to know "
         "that the server is there.",
         ("get:1", "idle:2.3"), called("Get", "The call"),
         Shows(f"http2.type == 6 && http2.flags.ack.ping == 0 && {CLIENT_HELD}", "PING", 2)),
    Case("grpc", "web", "gRPC-Web: calls over HTTP/1.1",
         "A client calls over HTTP/1.1, as browsers must: a unary call, a stream, and one that is not found. Messages "
         "and trailers share the body, and a flag tells them apart.",
         pair(names=(NAME,)), _web_client, (
             Shows('http.content_type contains "application/grpc-web" && http.request', "Three calls", 3, 3),
             Shows('http.content_type contains "application/grpc-web" && http.response', "Their answers", 3, 3),
         ), _web_server),
)
