"""QUIC and HTTP/3: handshakes of every kind, what is told of them with keys and without, losses and ends."""
from __future__ import annotations

import json
from pathlib import Path

from samples.record.case import Case, Shows
from samples.record.cases.hosts import SERVER, Act, pair
from samples.record.certificates import NAME, Authority
from samples.record.lab import Lab
from samples.record.network import Action, Capture, Fault, Kind, Link

PORT = 443
LIBRARIES = ("aioquic",)
ROOT = "shop-test-root.pem"
INITIAL = Shows("quic.long.packet_type == 0", "Initial packets", 2)
ONE_RTT = Shows("quic.header_form == 0", "1-RTT packets", 2)
REQUEST = Shows("http3.frame_type == 1", "HEADERS of HTTP/3, decrypted", 1)


def serving(*options: str, name: str = NAME, kind: str = "ec") -> Act:
    """aioquic's server with those options. name: in its certificate."""
    def prepare(lab: Lab) -> None:
        shown = Authority(lab.scratch).identity(name, kind=kind)
        lab.start("server", lab.python("quic", "serve", SERVER, PORT, shown.chain, shown.key, *options,
                                       libraries=LIBRARIES))
        lab.listening("server", PORT, udp=True)
    return prepare


def asking(*options: str, keys: bool = True) -> Act:
    """aioquic's client asks for these paths."""
    def drive(lab: Lab) -> None:
        lab.run("client", lab.python(
            "quic", "get", SERVER, PORT, NAME, lab.scratch / ROOT, *(["--keys", str(lab.keys)] if keys else []),
            *options, libraries=LIBRARIES,
        ))
    return drive


def logged(*options: str) -> Act:
    """The same, and what the client logs of it (qlog) goes beside the recording."""
    def drive(lab: Lab) -> None:
        asking("--qlog", str(lab.scratch), *options)(lab)
        log = next(lab.scratch.glob("*.qlog"))
        text = json.dumps(json.loads(log.read_text()), separators=(",", ":"))
        kept = Path(__file__).parents[2] / lab.key / "client.qlog"
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(text + "\n")
    return drive


def nobody(lab: Lab) -> None:
    """No server; only the root that the client wants to read."""
    Authority(lab.scratch)


def case(name: str, title: str, summary: str, prepare: Act, drive: Act, *shows: Shows,
         links: dict[str, Link] | None = None, capture: Capture | None = None) -> Case:
    return Case("quic", name, f"QUIC: {title}", summary, pair(), drive, shows, prepare, links or {},
                capture or Capture())


CASES = (
    case("http3", "three requests over HTTP/3",
         "A client of aioquic asks for three texts at once over HTTP/3. The keys of the connection are in the capture.",
         serving(), asking("/300", "/2000", "/5000"), INITIAL, ONE_RTT, REQUEST,
         Shows("http3.frame_type == 4", "SETTINGS of both sides", 2)),
    case("hidden", "the same without keys",
         "A client of aioquic asks for two texts over HTTP/3, and nobody has the keys: what can be told is the "
         "handshake's first flight, sizes and times.",
         serving(), asking("/300", "/2000", keys=False), INITIAL, ONE_RTT),
    case("retry", "a Retry",
         "The server wants to know that the client can be reached before it goes on: its Retry costs a round trip.",
         serving("--retry"), asking("/300"), Shows("quic.long.packet_type == 3", "The Retry", 1, 1), ONE_RTT),
    case("version-negotiation", "a version that the server does not speak",
         "The client begins with version 0x1a2a3a4a, which is reserved. The server names what it speaks, and the "
         "client begins again.",
         serving("--versions", "1"), asking("--versions", "1,0x1a2a3a4a", "--first", "0x1a2a3a4a", "/300"),
         Shows("quic.version == 0", "Version Negotiation", 1, 1), ONE_RTT),
    case("no-version", "no version in common",
         "The client speaks version 2 of QUIC alone, and the server version 1 alone.",
         serving("--versions", "1"), asking("--versions", "0x6b3343cf", "/300"),
         Shows("quic.version == 0", "Version Negotiation", 1, 1)),
    case("version-2", "version 2, agreed on along the way",
         "The client begins with version 1 and says that it would rather speak version 2 (RFC 9368, RFC 9369). The "
         "server answers in that, without a packet of negotiation.",
         serving("--versions", "0x6b3343cf,1"), asking("--versions", "0x6b3343cf,1", "--first", "1", "/300"),
         Shows("quic.version == 0x6b3343cf", "Version 2", 1)),
    case("resumed", "0-RTT",
         "The client fetches a text, then another over a second connection: it resumes the session, and its request is "
         "among its first packets.",
         serving(), asking("--again", "/300"), Shows("quic.long.packet_type == 1", "0-RTT packets", 1), REQUEST),
    case("key-update", "new keys",
         "Between two requests the client goes on with new keys, and the server follows.",
         serving(), asking("--update", "/300", "/500"), Shows("quic.key_phase == 1", "Packets of the next phase", 2)),
    case("chacha20", "ChaCha20-Poly1305",
         "The client offers that cipher alone, in which the mask of headers is made in another way.",
         serving(), asking("--cipher", "CHACHA20_POLY1305_SHA256", "/300"), ONE_RTT, REQUEST),
    case("wrong-name", "a certificate for another name",
         "The certificate of the server is not for the name that the client wants. The client ends the connection with "
         "an alert of TLS within its CONNECTION_CLOSE.",
         serving(name="other.test"), asking("/300"), Shows("quic.cc.error_code.tls_alert", "The alert", 1)),
    case("no-protocol", "no protocol in common",
         "The client wants to speak a protocol that the server does not know, who ends the connection in its first "
         "packet: everybody on the way can read why.",
         serving(), asking("--alpn", "chess", "/300", keys=False),
         Shows("quic.cc.error_code.tls_alert == 120", "The alert", 1)),
    case("unanswered", "no answer",
         "Nothing that comes to the server's port is answered: the client sends its first packet again and again, "
         "each time after a longer wait.",
         nobody, asking("--idle", "4", "/300", keys=False), Shows("quic.long.packet_type == 0", "Initial packets", 3),
         links={"lan": Link(faults=(Fault(Action.DROP, "client", Kind.UDP, tuple(range(1, 40))),))}),
    case("loss", "lost packets of a download",
         "Two datagrams of the server are lost while the client downloads a text: the ACKs of later ones show it, seen "
         "from the server.",
         serving(), asking("/60000"), ONE_RTT, REQUEST,
         links={"lan": Link(faults=(Fault(Action.DROP, "server", Kind.UDP, (14, 15)),))},
         capture=Capture("server")),
    case("loss-parallel", "a lost packet of parallel downloads",
         "Four texts come at once when a datagram of the server is lost, as seen from the client: the streams of which "
         "it carried something wait until it is sent again, and the others go on.",
         serving(), asking("/12000", "/12000", "/12000", "/12000"), REQUEST,
         links={"lan": Link(faults=(Fault(Action.DROP, "server", Kind.UDP, (9,)),))}),
    case("migration", "a client that moves",
         "Between two requests the client goes on from another port, with a connection ID that it has not used before. "
         "The server checks the new path, and answers there.",
         serving(), asking("--move", "migration", "/300", "/2000"), REQUEST,
         Shows("quic.frame_type == 0x1a", "PATH_CHALLENGE", 1), Shows("quic.frame_type == 0x1b", "PATH_RESPONSE", 1)),
    case("rebinding", "a NAT that forgets",
         "While a text of 60 kB is on its way the client's port changes, as behind a NAT that has forgotten it. The "
         "connection ID stays, and the rest of the text comes to the new port.",
         serving(), asking("--move", "rebinding", "/60000"), REQUEST,
         Shows("quic.frame_type == 0x1a", "PATH_CHALLENGE", 1)),
    case("rebinding-hidden", "a NAT that forgets, without keys",
         "The same without keys: the connection ID alone tells that the packets between the new ports are of the "
         "same connection.",
         serving(), asking("--move", "rebinding", "/60000", keys=False), ONE_RTT),
    case("migration-failed", "a client that moves to where no answer comes",
         "Between two requests the client goes on from another port. Whatever it sends from there is lost, so that its "
         "second request is not answered.",
         serving(), asking("--move", "migration", "--idle", "4", "/300", "/2000"), REQUEST,
         links={"lan": Link(faults=(Fault(Action.DROP, "client", Kind.UDP, tuple(range(6, 60))),))}),
    case("early-refused", "0-RTT that the server does not take",
         "The client comes again and sends its request with its first packets, under keys of the earlier session. The "
         "server has forgotten that, so the request is sent once more.",
         serving("--forget"), asking("--again", "/300"), Shows("quic.long.packet_type == 1", "0-RTT packets", 1),
         REQUEST),
    case("early-unused", "0-RTT that the client could have used",
         "The client comes again with a session that allows early data, and sends its request only when the handshake "
         "is over.",
         serving(), asking("--again", "--late", "/300"), REQUEST),
    case("window", "a small window",
         "The client takes 8 kB at once, of a stream and in all, so that the server has to wait for it again and "
         "again.",
         serving(), asking("--window", "8192", "/60000"), REQUEST, Shows("quic.frame_type == 0x10", "MAX_DATA", 3)),
    case("qpack-blocked", "fields that wait for the table",
         "Of four responses the first brings entries for the compression table, and is lost on the way. Those that "
         "come behind it refer to these entries, and have to wait until they are sent again.",
         serving("--apart", "0.01"), asking("/300", "/400", "/500", "/600"), REQUEST,
         links={"lan": Link(faults=(Fault(Action.DROP, "server", Kind.UDP, (5,)),))}),
    case("dns", "lookups over QUIC",
         "A client looks up three names at once over QUIC, one of which does not exist: each on a stream of its own.",
         serving("--alpn", "doq"), asking("--alpn", "doq", "www.shop.test", "api.shop.test", "xyz.shop.test"), ONE_RTT),
    case("logged", "what the client logs of it",
         "Two requests over HTTP/3. Beside the recording is what the client, aioquic, logged of the same connection "
         "(`client.qlog`).",
         serving(), logged("/300", "/20000"), REQUEST),
    case("idle-forgotten", "a request after the idle timeout",
         "The server gives a connection up after a second of silence. The client pauses for three and asks again over "
         "the same connection: nobody answers.",
         serving("--idle", "1"),
         asking("--one-by-one", "--after", "3", "--stubborn", "--patience", "3", "/300", "/500"), REQUEST),
    case("idle", "an idle timeout",
         "After its request the client says no more, and nobody else does: after two seconds the connection is over "
         "without a word.",
         serving(), asking("--idle", "2", "/300"), REQUEST),
)
