"""WebSocket: messages, fragments, compression, ways to open and to close."""
from __future__ import annotations

import base64
import hashlib

from samples.record.case import Case, Shows
from samples.record.cases.hosts import SERVER, Act, pair
from samples.record.cases.http_hosts import SITE, written
from samples.record.cases.tls_hosts import ROOT
from samples.record.certificates import Authority
from samples.record.lab import Lab

URL = f"ws://{SITE}/feed"
KEY = "dGhlIHNhbXBsZSBub25jZQ=="      # RFC 6455 §1.3
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
LIBRARIES = ("websockets",)
UPGRADE = (
    f"GET /feed HTTP/1.1\r\nHost: {SITE}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n")
ACCEPT = base64.b64encode(hashlib.sha1(f"{KEY}{GUID}".encode()).digest()).decode()
OPENED = Shows("http.response.code == 101", "The upgrade is accepted", 1, 1)
ASKED = Shows('http.upgrade == "websocket" && http.request', "The upgrade is asked for", 1, 1)


def server(act: str) -> Act:
    """The server of the websockets library on port 80."""
    def prepare(lab: Lab) -> None:
        lab.start("server", lab.python("websocket", "server", SERVER, 80, act, libraries=LIBRARIES))
        lab.listening("server", 80)
    return prepare


def client(*words: str) -> Act:
    def drive(lab: Lab) -> None:
        lab.run("client", lab.python("websocket", "client", URL, *words, libraries=LIBRARIES))
    return drive


def by_hand(*frames: bytes, steps: tuple[str, ...] = ("sleep:0.3", "eof", "close")) -> Act:
    """A socket program asks for the upgrade, waits, and sends exactly these bytes."""
    def drive(lab: Lab) -> None:
        opening = written(lab, "upgrade.txt", UPGRADE)
        data = lab.scratch / "frames"
        data.write_bytes(b"".join(frames))
        lab.run("client", lab.python("tcp", "connect", SITE, 80, "open", f"say:{opening}", "recv:90", "sleep:0.2",
                                     f"say:{data}", *steps))
    return drive


def answering(text: str, *steps: str) -> Act:
    """A socket program accepts the upgrade with exactly this text."""
    def prepare(lab: Lab) -> None:
        file = written(lab, "answer.txt", text)
        lab.start("server", lab.python("tcp", "listen", SERVER, 80, "open", "recv:100", f"say:{file}", *steps))
        lab.listening("server", 80)
    return prepare


def frame(opcode: int, payload: bytes, mask: bytes = b"\x11\x22\x33\x44", fin: int = 0x80) -> bytes:
    """A frame of a client (RFC 6455 §5.2); an empty mask leaves it unmasked, as no client may."""
    head = bytes([fin | opcode, (0x80 if mask else 0) | len(payload)])
    if not mask:
        return head + payload
    return head + mask + bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload))


def message(opcode: int, number: int, what: str) -> Shows:
    return Shows(f"websocket.opcode == {opcode}", what, number)


def closes(code: int, what: str, at_least: int = 1) -> Shows:
    return Shows(f"websocket.payload.close.status_code == {code}", what, at_least)


def case(name: str, title: str, summary: str, prepare: Act, drive: Act, *shows: Shows) -> Case:
    return Case("websocket", name, f"WebSocket: {title}", summary, pair(names=(SITE,)), drive, shows, prepare)


def _secure(lab: Lab) -> None:
    shown = Authority(lab.scratch).identity()
    lab.start("server", lab.python("websocket", "server", SERVER, 443, "echo", shown.chain, shown.key,
                                   libraries=LIBRARIES))
    lab.listening("server", 443)


def _secure_client(lab: Lab) -> None:
    lab.run("client", lab.python("websocket", "client", f"wss://{SITE}/feed", f"trust:{lab.scratch}/{ROOT}",
                                 f"keys:{lab.keys}", "text:a secret", "recv", "close:1000:", libraries=LIBRARIES))


def _old(lab: Lab) -> None:
    asked = written(lab, "upgrade.txt", UPGRADE.replace("Version: 13", "Version: 8"))
    lab.run("client", lab.python("tcp", "connect", SITE, 80, "open", f"say:{asked}", "eof", "close"))


MESSAGES = (
    case("text", "text both ways",
         "The client opens a WebSocket, sends two texts, one of them JSON, and gets each back. Both sides close with "
         "code 1000.",
         server("plain"), client("plain", "text:Grüße", "recv", 'text:{"ask":"price","of":"apples"}', "recv",
                                 "close:1000:done"),
         ASKED, OPENED, message(1, 4, "Texts and their echoes"), closes(1000, "Both close", 2)),
    case("binary", "binary messages",
         "The client sends 300 bytes that are no text, and gets them back.",
         server("plain"), client("plain", "bytes:300", "recv"),
         OPENED, message(2, 2, "Binary messages"), closes(1000, "Both close", 2)),
    case("lengths", "three forms of length",
         "Messages of 125, 126 and 70000 bytes: the length stands in 7 bits, in 16, and in 64.",
         server("silent"), client("plain", "bytes:125", "bytes:126", "bytes:70000", "close:1000:"),
         Shows("websocket.payload_length == 125", "7 bits", 1),
         Shows("websocket.payload_length_ext_16 == 126", "16 bits", 1),
         Shows("websocket.payload_length_ext_64 == 70000", "64 bits", 1)),
    case("push", "the server speaks alone",
         "After the upgrade the client is silent: the server sends a price every 0.3 s, six in all, and closes.",
         server("push"), client("plain", "all"), OPENED, message(1, 6, "Prices"),
         Shows("websocket.mask == 1 && websocket.opcode < 8", "The client says nothing", 0, 0)),
    case("fragments", "a message in fragments",
         "The client sends one text in three frames, with a ping between them; the server answers the ping, then the "
         "text.",
         server("plain"), client("plain", "parts:The delivery :comes on :Tuesday.", "recv", "close:1000:"),
         Shows("websocket.opcode == 1 && websocket.fin == 0", "The first fragment", 1, 1),
         message(0, 2, "Continuations"), message(9, 1, "A ping between them"), message(10, 1, "Its pong")),
    case("heartbeat", "ping and pong",
         "The server sends a ping every 0.4 s, and the client answers each with a pong of the same bytes. Nothing "
         "else is said.",
         server("ping"), client("sleep:2.2", "close:1000:"), message(9, 4, "Pings"), message(10, 4, "Pongs")),
    case("client-ping", "the client asks whether anybody is there",
         "The client sends a ping and waits for the pong.",
         server("plain"), client("plain", "ping", "close:1000:"), message(9, 1, "The ping"),
         message(10, 1, "The pong")),
    case("subprotocol", "a subprotocol is chosen",
         "The client offers three subprotocols, and the server chooses the one it likes best.",
         server("chat"), client("protocols:chat.v1,chat.v2,telegraph", "text:hello", "recv", "close:1000:"),
         Shows('http.sec_websocket_protocol contains "telegraph"', "Offered", 1, 1),
         Shows('http.sec_websocket_protocol == "chat.v2"', "Chosen", 1, 1), message(1, 2, "A text and its echo")),
    case("secure", "over TLS",
         "The same inside TLS (wss): upgrade, a text, its echo, and the close, all decrypted with the keys inside.",
         _secure, _secure_client, Shows("tls.handshake.type == 1", "ClientHello", 1, 1), OPENED,
         message(1, 2, "A text and its echo"), closes(1000, "Both close", 2)),
)

COMPRESSED = (
    case("deflate", "compression",
         "Both sides agree on permessage-deflate. The same text is sent three times; from the second time on it takes "
         "a few bytes, because the window remembers.",
         server("echo"), client(*["text:the quick brown fox jumps over the lazy dog, again and again", "recv"] * 3,
                                "close:1000:"),
         Shows('http.sec_websocket_extensions contains "permessage-deflate"', "Offered, and agreed", 2, 2),
         Shows("websocket.pmc == 1", "Compressed messages", 6),
         Shows("websocket.opcode == 1 && websocket.payload_length < 20", "Those the window remembers", 4)),
    case("deflate-forgetting", "compression without memory",
         "permessage-deflate with windows of 512 bytes and no context takeover: each message is compressed for itself.",
         server("thrifty"), client(*["text:the quick brown fox jumps over the lazy dog, again and again", "recv"] * 3,
                                   "close:1000:"),
         Shows('http.sec_websocket_extensions contains "no_context_takeover"', "Agreed", 1),
         Shows("websocket.pmc == 1", "Compressed messages", 6)),
)

ENDS = (
    case("going-away", "the server goes away",
         "At the first message the server closes with code 1001: it goes away.",
         server("leave"), client("plain", "text:hello", "all"), closes(1001, "Going away, and the same back", 2)),
    case("policy-violation", "a message against the rules",
         "The server dislikes a message and closes with code 1008 and a reason.",
         server("policy"), client("plain", "text:hello", "all"), closes(1008, "Policy violation", 2),
         Shows('websocket.payload.close.reason contains "not said here"', "The reason", 1)),
    case("too-big", "a message that is too big",
         "The server takes messages of up to 1000 bytes. It sees the length of a larger one and closes with code 1009.",
         server("limit"), client("plain", "bytes:3000", "all"), closes(1009, "Message too big")),
    case("abort", "the connection drops",
         "The server drops the connection without a close frame. The client's program is told 1006, a code that never "
         "travels.",
         server("abort"), client("plain", "text:hello", "all"), message(1, 1, "The text"),
         Shows("websocket.opcode == 8", "No close frame", 0, 0),
         Shows("tcp.flags.fin == 1 || tcp.flags.reset == 1", "The end", 1)),
    case("no-status", "a close without a code",
         "The client closes with an empty close frame: no code travels, and programs call that 1005.",
         server("plain"), by_hand(frame(1, b"hello"), frame(8, b"")), message(8, 2, "Close, without a code"),
         Shows("websocket.payload.close.status_code", "No code", 0, 0)),
    case("bad-text", "a text that is not UTF-8",
         "A client sends a text message that is not UTF-8. The server closes with code 1007.",
         server("plain"), by_hand(frame(1, b"\xc3\x28\xa0\xff")), closes(1007, "Invalid frame payload data")),
)

WRONG = (
    case("unmasked", "a client that does not mask",
         "A client sends a frame without a mask, which RFC 6455 §5.1 forbids. The server closes with code 1002.",
         server("plain"), by_hand(frame(1, b"hello", mask=b"")),
         Shows("websocket.mask == 0 && tcp.dstport == 80", "The unmasked frame", 1, 1), closes(1002, "Protocol error")),
    case("reserved-bits", "reserved bits",
         "A client sets a reserved bit that no extension has given a meaning. The server closes with code 1002.",
         server("plain"), by_hand(frame(1, b"hello", fin=0xA0)),
         Shows("websocket.rsv > 0 && tcp.dstport == 80", "The bit", 1, 1), closes(1002, "Protocol error")),
    case("unknown-opcode", "an unknown opcode",
         "A client sends a frame with opcode 3, which is reserved. The server closes with code 1002.",
         server("plain"), by_hand(frame(3, b"hello")), message(3, 1, "Opcode 3"), closes(1002, "Protocol error")),
    case("bad-accept", "an answer that does not fit the key",
         "The server accepts the upgrade, but its Sec-WebSocket-Accept was not made from the client's key, as of a "
         "cache that repeats an old answer. The client gives up.",
         answering("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   f"Sec-WebSocket-Accept: {ACCEPT}\r\n\r\n", "eof", "close"), client("text:hello"),
         ASKED, OPENED, Shows("websocket", "No frame", 0, 0)),
    case("refused", "the upgrade is refused",
         "The server wants members only and answers the upgrade with status 403.",
         server("refuse"), client("text:hello"), ASKED, Shows("http.response.code == 403", "Refused", 1, 1)),
    case("old-version", "a version that nobody speaks",
         "A client asks for version 8 of the protocol, a draft. The server answers 426 or 400 and names the version it "
         "speaks.",
         server("plain"), _old, ASKED, Shows("http.response.code >= 400", "Refused", 1, 1)),
)


CASES: tuple[Case, ...] = MESSAGES + COMPRESSED + ENDS + WRONG
