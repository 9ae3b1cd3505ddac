"""Every kind of secret that is known to have been shown somewhere, each in a conversation of its own.

A kind is a name and a function from its marker (a value that nothing else holds) to what the two sides say.
"""
from __future__ import annotations

import struct
from base64 import b64encode
from collections.abc import Callable

from grpc_wire import message, octets
from hpack import Encoder
from hpack.hpack import NeverIndexedHeaderTuple
from http2_wire import END_HEADERS, END_STREAM, GOAWAY, HEADERS, PREFACE, settings
from http2_wire import frame as http2_frame
from pcap_bytes import ethernet, ipv4, tcp, udp
from websocket_wire import ACCEPT, NONCE
from websocket_wire import frame as websocket_frame

CLIENT, SERVER = 0, 1
SYN, ACK, FIN = 2, 16, 17
Say = list[tuple[int, bytes]]
Kind = tuple[str, int, Callable[[bytes], Say]]


class Talk:
    """The segments of one connection. again: say something a second time, cut otherwise."""

    def __init__(self, client: int, server: int) -> None:
        self.ports = (client, server)
        self.next = [1_000, 5_000]
        self.frames = [
            self._frame(CLIENT, b"", 999, 0, SYN), self._frame(SERVER, b"", 4_999, 1_000, SYN | ACK),
            self._frame(CLIENT, b"", 1_000, 5_000, ACK),
        ]

    def _frame(self, side: int, payload: bytes, seq: int, ack: int, flags: int) -> bytes:
        ends = (b"\x0a\0\0\1", b"\x0a\0\0\2")
        segment = tcp(payload, self.ports[side], self.ports[1 - side], seq, ack, flags, 60_000)
        return ethernet(ipv4(segment, 6, ends[side], ends[1 - side]))

    def say(self, side: int, payload: bytes) -> None:
        for at in range(0, len(payload), 1_400):
            piece = payload[at:at + 1_400]
            self.frames.append(self._frame(side, piece, self.next[side], self.next[1 - side], ACK))
            self.next[side] += len(piece)

    def again(self, side: int, payload: bytes, cut: int) -> None:
        """The last bytes once more, in two segments."""
        begin = self.next[side] - len(payload)
        for start, end in ((0, cut), (cut, len(payload))):
            self.frames.append(self._frame(side, payload[start:end], begin + start, self.next[1 - side], ACK))

    def end(self) -> list[bytes]:
        for side in (CLIENT, SERVER):
            self.frames.append(self._frame(side, b"", self.next[side], self.next[1 - side], FIN))
            self.next[side] += 1
        return self.frames


# -- HTTP/1 ----------------------------------------------------------------------------------------------------

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def get(target: bytes = b"/", *lines: bytes, answer: bytes = OK) -> Say:
    head = b"".join(line + b"\r\n" for line in (b"GET " + target + b" HTTP/1.1", b"Host: shop.test", *lines))
    return [(CLIENT, head + b"\r\n"), (SERVER, answer)]


def post(type: bytes, body: bytes) -> Say:
    head = b"POST /in HTTP/1.1\r\nHost: shop.test\r\nContent-Type: " + type
    return [(CLIENT, head + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body), (SERVER, OK)]


def answered(type: bytes, body: bytes, *lines: bytes) -> Say:
    head = b"".join(line + b"\r\n" for line in (b"HTTP/1.1 200 OK", b"Content-Type: " + type, *lines))
    return get(answer=head + b"Content-Length: %d\r\n\r\n" % len(body) + body)


def chunked(*lines: bytes) -> Say:
    head = b"POST /in HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n\r\n"
    return [(CLIENT, head + b"".join(lines)), (SERVER, OK)]


def basic(marker: bytes) -> bytes:
    return b64encode(b"joe:" + marker)


def multipart(marker: bytes) -> Say:
    part = b'--edge\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    body = part % (b"user", b"joe") + part % (b"password", marker) + b"--edge--\r\n"
    return post(b"multipart/form-data; boundary=edge", body)


JSON = b"application/json"
FORM = b"application/x-www-form-urlencoded"
HTTP: tuple[tuple[str, Callable[[bytes], Say]], ...] = (
    ("user of CONNECT", lambda m: [(CLIENT, b"CONNECT joe:" + m + b"@far.test:443 HTTP/1.1\r\n\r\n"), (SERVER, OK)]),
    ("user of a target", lambda m: get(b"http://joe:" + m + b"@shop.test/")),
    ("user of a referer", lambda m: get(b"/", b"Referer: http://joe:" + m + b"@shop.test/")),
    ("behind a bare CR, in base64", lambda m: get(b"/", b"A: b\rAuthorization: Basic " + basic(m))),
    ("behind a bare CR, without a colon", lambda m: get(b"/", b"A: b\rAuthorization " + m)),
    ("a field without a colon", lambda m: get(b"/", b"Authorization Bearer " + m)),
    ("another field without a colon", lambda m: get(b"/", b"X-Api-Key " + m)),
    ("a space before the colon", lambda m: get(b"/", b"X-Api-Key : " + m)),
    ("a folded field", lambda m: get(b"/", b"Authorization:\r\n Bearer " + m)),
    ("a name that is none", lambda m: get(b"/", b"my password is " + m + b": yes")),
    ("a body where a chunk size belongs", lambda m: chunked(b"password=" + m + b"\r\n")),
    ("a bare value where a chunk size belongs", lambda m: chunked(m + b"\r\n")),
    ("an odd chunk size", lambda m: chunked(b"3 " + m + b"\r\nabc\r\n0\r\n\r\n")),
    ("JSON under the type of a form", lambda m: post(FORM, b'{"password":"' + m + b'"}')),
    ("a bare value under the type of a form", lambda m: post(FORM, m)),
    ("a form", lambda m: post(FORM, b"user=joe&password=" + m)),
    ("a form with pwd", lambda m: post(FORM, b"user=joe&pwd=" + m)),
    ("a list under a secret name", lambda m: answered(b"text/plain", b'{"tokens":["a","' + m + b'"]}')),
    ("an object under a secret name", lambda m: answered(b"text/plain", b'{"credentials":{"a":{"b":"' + m + b'"}}}')),
    ("long JSON", lambda m: post(JSON, b'{"secret":["' + m + b'"],"pad":"' + b"x" * 17_000 + b'"}')),
    ("sig in a query", lambda m: get(b"/f?sv=1&sig=" + m)),
    ("X-Amz-Signature", lambda m: get(b"/f?X-Amz-Date=1&X-Amz-Signature=" + m)),
    ("key in a query", lambda m: get(b"/f?q=1&key=" + m)),
    ("code in a query", lambda m: get(b"/cb?state=1&code=" + m)),
    ("pwd in a query", lambda m: get(b"/f?pwd=" + m)),
    ("a name with percent signs", lambda m: get(b"/f?p%61ssw%6Frd=" + m)),
    ("a query within a query", lambda m: get(b"/f?to=%2Fcb%3Ftoken%3D" + m + b"%26x%3D1")),
    ("a fragment", lambda m: answered(b"text/html", b"", b"Location: http://a.test/#access_token=" + m)),
    ("Refresh", lambda m: answered(b"text/html", b"", b"Refresh: 0; url=/?token=" + m)),
    ("X-Auth-Key", lambda m: get(b"/", b"X-Auth-Key: " + m)),
    ("X-Csrf-Token", lambda m: get(b"/", b"X-Csrf-Token: " + m)),
    ("Cookie", lambda m: get(b"/", b"Cookie: a=1; sid=" + m)),
    ("a cookie without a name", lambda m: get(b"/", b"Cookie: " + m)),
    ("Set-Cookie", lambda m: answered(b"text/html", b"", b"Set-Cookie: sid=" + m + b"; HttpOnly")),
    ("Proxy-Authorization", lambda m: get(b"/", b"Proxy-Authorization: Basic " + basic(m))),
    ("a scheme of one's own", lambda m: get(b"/", b"Authorization: Shop key=" + m + b", id=1")),
    ("a secret in any field", lambda m: get(b"/", b"X-Debug: user=joe password=" + m)),
    ("a secret in User-Agent", lambda m: get(b"/", b"User-Agent: curl token=" + m)),
    ("a text", lambda m: answered(b"text/plain", b"Your new password: " + m + b" (keep it)")),
    ("a text in SQL", lambda m: answered(b"text/plain", b"ALTER USER joe PASSWORD '" + m + b"'")),
    ("a reason phrase", lambda m: get(answer=b"HTTP/1.1 401 token=" + m + b"\r\nContent-Length: 0\r\n\r\n")),
    ("multipart", multipart),
    ("an element", lambda m: answered(b"application/problem+xml", b"<p><password>" + m + b"</password></p>")),
    ("an attribute", lambda m: answered(b"application/problem+xml", b"<user id='1' password='" + m + b"'/>")),
    ("a list of properties", lambda m: answered(
        b"application/problem+xml", b"<dict><key>password</key><string>" + m + b"</string></dict>")),
    ("variables of GraphQL", lambda m: post(
        JSON, b'{"query":"mutation($p:String!){login(password:$p)}","variables":{"password":"' + m + b'"}}')),
    ("an argument of GraphQL", lambda m: post(
        JSON, b'{"query":"mutation{login(password: \\"' + m + b'\\"){id}}"}')),
    ("trailers", lambda m: chunked(b"3\r\nabc\r\n0\r\nX-Secret-Token: " + m + b"\r\n\r\n")),
    ("a private key", lambda m: answered(
        b"text/plain", b"-----BEGIN PRIVATE KEY-----\n" + m + b"\n-----END PRIVATE KEY-----\n")),
    ("a web token", lambda m: answered(b"text/plain", b"see eyJhbGciOiJub25lIn0." + m + b".x for more")),
)

TEXT = b"text/plain"
XML = b"application/problem+xml"


def in_chunks(type: bytes, body: bytes, size: int) -> Say:
    pieces = [body[at:at + size] for at in range(0, len(body), size)]
    coded = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    head = b"POST /in HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\nContent-Type: " + type
    return [(CLIENT, head + b"\r\n\r\n" + coded), (SERVER, OK)]


def xml_rpc(marker: bytes) -> Say:
    value = b"<param><value><string>%s</string></value></param>"
    name = b"<methodCall><methodName>login</methodName><params>"
    return post(b"text/xml", name + value % b"joe" + value % marker + b"</params></methodCall>")


STRUCTURES: tuple[tuple[str, Callable[[bytes], Say]], ...] = (
    ("a name behind a plus sign", lambda m: get(b"/?+password+=" + m)),
    ("percent signs four deep", lambda m: get(b"/x?p%25252561ssword=" + m)),
    ("percent signs deeper than is looked", lambda m: get(b"/x?p%2525252525252525252561ssword=" + m)),
    ("a secret within a long name", lambda m: get(b"/?" + b"x" * 170 + b"password" + b"y" * 170 + b"=" + m)),
    ("a secret at the end of a long name", lambda m: get(b"/", b"X-" + b"a" * 150 + b"-Token: " + m)),
    ("a value before its name in XML", lambda m: answered(XML, b"<param value='" + m + b"' name='password'/>")),
    ("a value before its name in JSON", lambda m: post(JSON, b'[{"value":"' + m + b'","name":"password"}]')),
    ("a field of HTML", lambda m: answered(b"text/html", b"<input type=hidden name=csrf_token value=" + m + b">")),
    ("a value before its name in HTML", lambda m: answered(
        b"text/html", b"<input value='" + m + b"' name='csrf_token'>")),
    ("multipart in bare line feeds", lambda m: post(
        b"multipart/form-data; boundary=e",
        b'--e\nContent-Disposition: form-data; name="token"\n\n' + m + b"\n--e--\n")),
    ("multipart without quotation marks", lambda m: post(
        b"multipart/form-data; boundary=e",
        b"--e\r\nContent-Disposition: form-data; name=password\r\n\r\n" + m + b"\r\n--e--\r\n")),
    ("several words", lambda m: answered(TEXT, b"password: two words " + m)),
    ("a sentence", lambda m: answered(TEXT, b"Your temporary password is " + m + b".")),
    ("netrc", lambda m: answered(TEXT, b"machine a login joe password " + m + b"\n")),
    ("a variable of a shell", lambda m: answered(TEXT, b"export DB_PASS=" + m + b"\n")),
    ("a user of curl", lambda m: answered(TEXT, b"curl -u joe:" + m + b" http://a.test")),
    ("an option", lambda m: post(JSON, b'{"cmd":"mysql --password ' + m + b'"}')),
    ("a slash in a password", lambda m: answered(TEXT, b"postgresql://joe:a/" + m + b"@db.test/x")),
    ("a list of YAML", lambda m: answered(TEXT, b"passwords:\n  - " + m + b"\n")),
    ("a block of YAML", lambda m: post(b"application/yaml", b"a: 1\npassword: |\n  " + m + b"\n")),
    ("the next line", lambda m: answered(TEXT, b"Your password:\n\n   " + m + b"\n")),
    ("a block of GraphQL", lambda m: post(
        JSON, b'{"query":"mutation{login(password:\\"\\"\\"' + m + b'\\"\\"\\"){id}}"}')),
    ("much white space", lambda m: post(JSON, b'{"password":' + b" " * 40 + b'"' + m + b'"}')),
    ("many line ends", lambda m: post(JSON, b'{"password" :\n\n\n' + b"\t" * 30 + b'"' + m + b'"')),
    ("a name and its value in two chunks", lambda m: in_chunks(FORM, b"user=joe&password=" + m, 17)),
    ("base64 in a field", lambda m: get(b"/", b"X-Data: " + b64encode(b'{"password":"' + m + b'"}'))),
    ("the signature of a hook", lambda m: get(b"/", b"X-Hub-Signature-256: sha256=" + m)),
    ("an app token of Slack", lambda m: answered(TEXT, b"use xapp-1-" + m + b" now")),
    ("a key of PuTTY", lambda m: answered(TEXT, b"PuTTY-User-Key-File-2: x\nPrivate-Lines: 1\n" + m)),
    ("cvv", lambda m: post(JSON, b'{"card":{"cvv":"' + m + b'"}}')),
    ("XML-RPC", xml_rpc),
    ("a segment behind token", lambda m: get(b"/api/token/" + m)),
    ("a segment of a bot", lambda m: get(b"/bot123456:" + m + b"/sendMessage")),
    ("a segment of a hook", lambda m: get(b"/services/T00/B00/" + m)),
    ("a link to reset a password", lambda m: answered(TEXT, b"", b"Location: /reset-password/" + m)),
)

# -- HTTP/2 and gRPC -------------------------------------------------------------------------------------------


def call(
    marker_fields: list[tuple[bytes, bytes]], body: bytes = b"", answer: bytes = b"", trailers: object = None,
    grpc: bool = False, path: bytes = b"/shop.v1.Shop/Get", authority: bytes = b"shop.test",
) -> Say:
    """One request over HTTP/2 and its answer. trailers: fields behind it."""
    client, server = Encoder(), Encoder()
    type = [(b"content-type", b"application/grpc")] if grpc else [(b"content-type", b"text/plain")]
    head = [(b":method", b"POST"), (b":scheme", b"http"), (b":authority", authority), (b":path", path), *type]
    asked = PREFACE + settings() + http2_frame(
        HEADERS, END_HEADERS | (0 if body else END_STREAM), 1, client.encode(head + marker_fields, huffman=False))
    if body:
        asked += http2_frame(0, END_STREAM, 1, body)
    head = [(b":status", b"200"), *type]
    said = settings() + http2_frame(HEADERS, END_HEADERS, 1, server.encode(head, huffman=False))
    said += http2_frame(0, 0 if trailers else END_STREAM, 1, answer)
    if trailers:
        said += http2_frame(HEADERS, END_HEADERS | END_STREAM, 1, server.encode(trailers, huffman=False))
    return [(CLIENT, asked), (SERVER, said)]


def goaway(marker: bytes) -> Say:
    first, (side, said) = call([])
    debug = struct.pack(">II", 1, 11) + b"too much; password: " + marker
    return [first, (side, said + http2_frame(GOAWAY, 0, 0, debug))]


HTTP2: tuple[tuple[str, Callable[[bytes], Say]], ...] = (
    ("GOAWAY", goaway),
    ("a field that is never indexed", lambda m: call([NeverIndexedHeaderTuple(b"x-plain", m)])),
    ("a field of HTTP/2", lambda m: call([(b"x-api-key", m)])),
    ("user of an authority", lambda m: call([], authority=b"joe:" + m + b"@shop.test")),
    ("a query of HTTP/2", lambda m: call([], path=b"/f?sig=" + m)),
    ("a body of HTTP/2", lambda m: call([], b"", b"password: " + m)),
    ("trailers of HTTP/2", lambda m: call([], trailers=[(b"x-session-id", m)])),
    ("grpc-message", lambda m: call(
        [], message(b""), message(b""), [(b"grpc-status", b"16"), (b"grpc-message", b"bad token: " + m)], True)),
    ("grpc-message with percent signs", lambda m: call(
        [], message(b""), message(b""), [(b"grpc-status", b"16"), (b"grpc-message", b"bad%20token%3A%20" + m)], True)),
    ("metadata of gRPC", lambda m: call([(b"x-auth-key", m)], message(b""), message(b""), grpc=True)),
    ("a string of gRPC", lambda m: call([], message(octets(1, b'{"password":"' + m + b'"}')), grpc=True)),
    ("an entry of a map", lambda m: call(
        [], message(octets(1, octets(1, b"password") + octets(2, m))), grpc=True)),
    ("details of a status", lambda m: call(
        [], message(b""), message(b""),
        [(b"grpc-status", b"16"), (b"grpc-status-details-bin", b64encode(octets(2, b"token: " + m)))], True)),
    ("a login of gRPC", lambda m: call(
        [], message(octets(1, b"joe") + octets(2, m)), grpc=True, path=b"/shop.v1.Auth/Login")),
)

# -- WebSocket and server-sent events --------------------------------------------------------------------------


def upgraded(*sent: bytes, offered: bytes = b"", chosen: bytes = b"", answered: bytes = b"") -> Say:
    lines = [b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 13"]
    lines.append(b"Sec-WebSocket-Key: " + NONCE)
    if offered:
        lines.append(b"Sec-WebSocket-Protocol: " + offered)
    answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
    answer += ACCEPT + (b"\r\nSec-WebSocket-Protocol: " + chosen if chosen else b"") + b"\r\n\r\n"
    return [*get(b"/chat", *lines, answer=answer), *[(CLIENT, one) for one in sent], (SERVER, answered)]


def text(payload: bytes) -> bytes:
    return websocket_frame(1, payload, masked=False)


def events(block: bytes) -> Say:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    return get(b"/events", answer=head + block + b"\n\n")


STREAMS: tuple[tuple[str, Callable[[bytes], Say]], ...] = (
    ("a token among subprotocols", lambda m: upgraded(offered=b"chat, bearer, " + m, chosen=b"chat")),
    ("a token as a subprotocol that was chosen", lambda m: upgraded(offered=b"access_token, " + m, chosen=m)),
    ("a token within a subprotocol", lambda m: upgraded(
        offered=b"base64url.bearer.authorization.k8s.io." + m + b", v4.channel.k8s.io", chosen=b"v4.channel.k8s.io")),
    ("JSON of WebSocket", lambda m: upgraded(answered=text(b'{"auth":{"secret":["' + m + b'"]}}'))),
    ("a text of WebSocket", lambda m: upgraded(answered=text(b"login joe password: " + m))),
    ("binary data of WebSocket", lambda m: upgraded(answered=websocket_frame(2, b'{"password":"' + m + b'"}'))),
    ("a reason to close", lambda m: upgraded(answered=websocket_frame(8, b"\x03\xe8token=" + m))),
    ("a PING", lambda m: upgraded(answered=websocket_frame(9, b"token=" + m))),
    ("a message in pieces", lambda m: upgraded(answered=(
        websocket_frame(1, b'{"password":"' + m[:4], fin=False) + websocket_frame(0, m[4:] + b'"}')))),
    ("an event in text", lambda m: events(b"data: password: " + m)),
    ("an event in JSON", lambda m: events(b'event: login\ndata: {"credentials":["' + m + b'"]}')),
    ("an event in two lines", lambda m: events(b"data: password:\ndata:  " + m)),
    ("PASS in a text of WebSocket", lambda m: upgraded(answered=text(b"PASS " + m))),
    ("a word and a space in WebSocket", lambda m: upgraded(websocket_frame(1, b"password " + m))),
    ("an event in lines", lambda m: events(b'data: {"password":\ndata: "' + m + b'"}')),
)

# -- dialogues -------------------------------------------------------------------------------------------------


def dialogue(*lines: bytes) -> Say:
    """The server speaks first, then both in turn."""
    return [(SERVER if index % 2 == 0 else CLIENT, line) for index, line in enumerate(lines)]


def ber(tag: int, content: bytes) -> bytes:
    return bytes([tag, len(content)]) + content


def ldap(choice: bytes) -> Say:
    bind = ber(0x60, ber(2, b"\3") + ber(4, b"cn=joe,dc=test") + choice)
    answer = ber(0x30, ber(2, b"\1") + ber(0x61, ber(10, b"\0") + ber(4, b"") + ber(4, b"")))
    return [(CLIENT, ber(0x30, ber(2, b"\1") + bind)), (SERVER, answer)]


def postgresql(marker: bytes) -> Say:
    start = struct.pack(">I", 196_608) + b"user\0joe\0database\0shop\0\0"
    password = b"p" + struct.pack(">I", len(marker) + 5) + marker + b"\0"
    return [
        (CLIENT, struct.pack(">I", len(start) + 4) + start), (SERVER, b"R" + struct.pack(">II", 8, 3)),
        (CLIENT, password), (SERVER, b"R" + struct.pack(">II", 8, 0)),
    ]


def xmpp(auth: bytes) -> Say:
    opening = b"<?xml version='1.0'?><stream:stream xmlns='jabber:%s' xmlns:stream='http://etherx.jabber.org/streams'>"
    features = b"<stream:features><mechanisms><mechanism>PLAIN</mechanism></mechanisms></stream:features>"
    return [
        (CLIENT, opening % b"client"), (SERVER, opening % b"client" + features), (CLIENT, auth),
        (SERVER, b"<success/>"),
    ]


def starting(marker: bytes) -> Say:
    """A password among the parameters of PostgreSQL."""
    start = struct.pack(">I", 196_608) + b"user\0joe\0password\0" + marker + b"\0\0"
    return [(CLIENT, struct.pack(">I", len(start) + 4) + start), (SERVER, b"R" + struct.pack(">II", 8, 0))]


def failing(marker: bytes) -> Say:
    """An error of PostgreSQL that quotes the password, which was not seen."""
    fields = b"SFATAL\0C28P01\0Mpassword " + marker + b" failed\0\0"
    return [postgresql(marker)[0], (SERVER, b"E" + struct.pack(">I", 4 + len(fields)) + fields)]


def quoting(marker: bytes) -> Say:
    """Another that quotes it behind the login."""
    fields = b"SERROR\0C42601\0Msyntax error at " + marker + b"\0\0"
    return [*postgresql(marker), (SERVER, b"E" + struct.pack(">I", 4 + len(fields)) + fields)]


def plain(marker: bytes) -> bytes:
    return b64encode(b"\0joe\0" + marker)


SMTP = (b"220 mail.test ESMTP\r\n", b"EHLO me\r\n", b"250-mail.test\r\n250 AUTH LOGIN PLAIN\r\n")
FTP = (b"220 FTP here\r\n", b"USER joe\r\n", b"331 Password\r\n")
IMAP = (b"* OK IMAP4rev1\r\n",)
DIALOGUES: tuple[tuple[str, int, Callable[[bytes], Say]], ...] = (
    ("LDAP bind", 389, lambda m: ldap(ber(0x80, m))),
    ("LDAP bind by SASL", 389, lambda m: ldap(ber(0xA3, ber(4, b"PLAIN") + ber(4, b"\0joe\0" + m)))),
    ("SMTP AUTH LOGIN", 25, lambda m: dialogue(
        *SMTP, b"AUTH LOGIN\r\n", b"334 VXNlcm5hbWU6\r\n", b64encode(b"joe") + b"\r\n", b"334 UGFzc3dvcmQ6\r\n",
        b64encode(m) + b"\r\n", b"235 ok\r\n")),
    ("SMTP AUTH PLAIN", 25, lambda m: dialogue(*SMTP, b"AUTH PLAIN " + plain(m) + b"\r\n", b"235 ok\r\n")),
    ("SMTP AUTH PLAIN behind", 25, lambda m: dialogue(
        *SMTP, b"AUTH PLAIN\r\n", b"334 \r\n", plain(m) + b"\r\n", b"535 bad " + m + b"\r\n")),
    ("IMAP LOGIN", 143, lambda m: dialogue(*IMAP, b"a1 LOGIN joe " + m + b"\r\n", b"a1 OK\r\n")),
    ("IMAP LOGIN in quotes", 143, lambda m: dialogue(*IMAP, b'a1 LOGIN "joe" "' + m + b'"\r\n', b"a1 OK\r\n")),
    ("IMAP literals", 143, lambda m: dialogue(
        *IMAP, b"a1 LOGIN {3}\r\n", b"+ go\r\n", b"joe {%d}\r\n" % len(m), b"+ go\r\n", m + b"\r\n", b"a1 OK\r\n")),
    ("IMAP AUTHENTICATE", 143, lambda m: dialogue(
        *IMAP, b"a1 AUTHENTICATE PLAIN\r\n", b"+ \r\n", plain(m) + b"\r\n", b"a1 OK\r\n")),
    ("POP3 PASS", 110, lambda m: dialogue(
        b"+OK POP3 here\r\n", b"USER joe\r\n", b"+OK\r\n", b"PASS " + m + b"\r\n", b"-ERR " + m + b" is wrong\r\n")),
    ("POP3 APOP", 110, lambda m: dialogue(b"+OK POP3 <1@x>\r\n", b"APOP joe " + m + b"\r\n", b"+OK\r\n")),
    ("FTP PASS", 21, lambda m: dialogue(
        b"220 FTP here\r\n", b"USER joe\r\n", b"331 Password\r\n", b"PASS " + m + b"\r\n", b"230 in\r\n")),
    ("XMPP PLAIN", 5222, lambda m: xmpp(
        b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" + plain(m) + b"</auth>")),
    ("PostgreSQL", 5432, postgresql),
    ("a parameter of PostgreSQL", 5432, starting),
    ("an error of PostgreSQL", 5432, failing),
    ("a later error of PostgreSQL", 5432, quoting),
    ("XMPP SASL2", 5222, lambda m: xmpp(
        b"<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>" + plain(m)
        + b"</initial-response></authenticate>")),
    ("XMPP response", 5222, lambda m: xmpp(b"<response>" + plain(m) + b"</response>")),
    ("XMPP handshake", 5222, lambda m: xmpp(b"<handshake>" + m + b"</handshake>")),
    ("FTP behind Telnet", 21, lambda m: dialogue(
        *FTP, b"\xff\xf4\xff\xf2PASS " + m + b"\r\n", b"530 " + m + b" is wrong\r\n")),
    ("FTP without an end", 21, lambda m: dialogue(*FTP, b"PASS " + m)),
    ("FTP with CR alone", 21, lambda m: dialogue(*FTP, b"PASS " + m + b"\r", b"530 no\r\n")),
    ("FTP with CR alone between", 21, lambda m: dialogue(*FTP, b"NOOP\rPASS " + m + b"\r\n", b"530 no\r\n")),
    ("FTP SITE PSWD", 21, lambda m: dialogue(*FTP, b"SITE PSWD old " + m + b"\r\n", b"530 " + m + b"\r\n")),
    ("FTP misspelt", 21, lambda m: dialogue(*FTP, b"PASSWD " + m + b"\r\n", b"500 what\r\n")),
    ("SMTP misspelt", 25, lambda m: dialogue(*SMTP, b"AUTHPLAIN " + plain(m) + b"\r\n", b"500 what\r\n")),
    ("POP3 misspelt", 110, lambda m: dialogue(
        b"+OK POP3 here\r\n", b"PASSWORD " + m + b"\r\n", b"-ERR what\r\n")),
    ("POP3 over the limits", 110, lambda m: dialogue(
        b"+OK POP3 here\r\n", b"PASS " + b"x" * 9_000 + m + b"\r\n", b"-ERR what\r\n")),
    ("IMAP without a tag", 143, lambda m: dialogue(*IMAP, b"LOGIN joe " + m + b"\r\n", b"* BAD what\r\n")),
)

def bulk(*strings: bytes) -> bytes:
    """A command of Redis."""
    return b"*%d\r\n" % len(strings) + b"".join(b"$%d\r\n%s\r\n" % (len(one), one) for one in strings)


def mqtt(level: int, marker: bytes) -> Say:
    """CONNECT with a will, a user and a password."""
    none = b"\0" if level >= 5 else b""
    head = b"\0\4MQTT" + bytes([level]) + b"\xc6\0\x3c" + none + b"\0\1a" + none + b"\0\1t\0\1w\0\3joe"
    content = head + struct.pack(">H", len(marker)) + marker
    return [(CLIENT, bytes([0x10, len(content)]) + content), (SERVER, b"\x20\2\0\0")]


# What no dissector reads: only the bytes of the page show it.
UNREAD: tuple[tuple[str, int, Callable[[bytes], Say]], ...] = (
    ("telnet", 23, lambda m: dialogue(
        b"\xff\xfb\x01login: ", b"joe\r\n", b"\r\nPassword: ", m + b"\r\n", b"$ ", b"ls\r\n")),
    ("Redis AUTH", 6379, lambda m: [(CLIENT, bulk(b"AUTH", m)), (SERVER, b"+OK\r\n")]),
    ("Redis AUTH with a user", 6379, lambda m: [
        (CLIENT, bulk(b"HELLO", b"3", b"AUTH", b"joe", m)), (SERVER, b"%1\r\n")]),
    ("Redis AUTH in a line", 6379, lambda m: [(CLIENT, b"AUTH " + m + b"\r\n"), (SERVER, b"+OK\r\n")]),
    ("Redis requirepass", 6379, lambda m: [
        (CLIENT, bulk(b"CONFIG", b"SET", b"requirepass", m)), (SERVER, b"+OK\r\n")]),
    ("IRC PASS", 6667, lambda m: [(CLIENT, b"PASS " + m + b"\r\nNICK joe\r\n"), (SERVER, b":x 001\r\n")]),
    ("IRC NickServ", 6667, lambda m: [
        (CLIENT, b"NICK joe\r\nPRIVMSG NickServ :IDENTIFY " + m + b"\r\n"), (SERVER, b":x 001\r\n")]),
    ("IRC NS", 6667, lambda m: [(CLIENT, b"NICK joe\r\nNS IDENTIFY " + m + b"\r\n"), (SERVER, b":x 001\r\n")]),
    ("IRC OPER", 6667, lambda m: [(CLIENT, b"NICK joe\r\nOPER joe " + m + b"\r\n"), (SERVER, b":x 001\r\n")]),
    ("NNTP", 119, lambda m: dialogue(
        b"200 news\r\n", b"AUTHINFO USER joe\r\n", b"381 go\r\n", b"AUTHINFO PASS " + m + b"\r\n", b"281 ok\r\n")),
    ("ManageSieve", 4190, lambda m: dialogue(
        b'"SASL" "PLAIN"\r\nOK\r\n', b'AUTHENTICATE "PLAIN" "' + plain(m) + b'"\r\n', b"OK\r\n")),
    ("ManageSieve by a literal", 4190, lambda m: dialogue(
        b'"SASL" "PLAIN"\r\nOK\r\n', b'AUTHENTICATE "PLAIN" {%d+}\r\n' % len(plain(m)) + plain(m) + b"\r\n",
        b"OK\r\n")),
    ("SIP", 5060, lambda m: [
        (CLIENT, b"REGISTER sip:joe:" + m + b"@a SIP/2.0\r\n\r\n"), (SERVER, b"SIP/2.0 200 OK\r\n\r\n")]),
    ("SOCKS5", 1080, lambda m: [
        (CLIENT, b"\5\1\2"), (SERVER, b"\5\2"), (CLIENT, b"\1\3joe" + bytes([len(m)]) + m), (SERVER, b"\1\0")]),
    ("MQTT 3.1.1", 1883, lambda m: mqtt(4, m)),
    ("MQTT 5", 1883, lambda m: mqtt(5, m)),
)

KINDS: tuple[Kind, ...] = (
    *[(name, 80, make) for name, make in HTTP], *[(name, 80, make) for name, make in STRUCTURES],
    *[(name, 80, make) for name, make in HTTP2],
    *[(name, 80, make) for name, make in STREAMS], *DIALOGUES, *UNREAD,
)


def marker_of(index: int) -> bytes:
    """A value that nothing else holds, and that does not look like a secret by itself."""
    return b"Qk%03dwombatZr%03d" % (index, 999 - index)


def txt(marker: bytes) -> list[bytes]:
    """A record of DNS that holds a secret, in a datagram."""
    name = b"\4shop\4test\0"
    data = b"password=" + marker
    question = name + struct.pack(">HH", 16, 1)
    record = b"\xc0\x0c" + struct.pack(">HHIH", 16, 1, 300, len(data) + 1) + bytes([len(data)]) + data
    query = struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 0) + question
    answer = struct.pack(">HHHHHH", 7, 0x8180, 1, 1, 0, 0) + question + record
    return [
        ethernet(ipv4(udp(query, 40_000, 53), 17)),
        ethernet(ipv4(udp(answer, 53, 40_000), 17, b"\x0a\0\0\2", b"\x0a\0\0\1")),
    ]


def conversation(index: int) -> list[bytes]:
    """The frames of one kind."""
    _name, port, make = KINDS[index]
    talk = Talk(30_000 + index, port)
    for side, payload in make(marker_of(index)):
        talk.say(side, payload)
    return talk.end()


def in_pieces(index: int, cut: int, again: bool) -> list[bytes]:
    """The same, with the marker in two segments; or whole, and sent again in two."""
    _name, port, make = KINDS[index]
    marker = marker_of(index)
    talk = Talk(30_000 + index, port)
    for side, payload in make(marker):
        at = payload.find(marker)
        if at < 0 or again:
            talk.say(side, payload)
            if at >= 0:
                talk.again(side, payload, at + cut)
        else:
            talk.say(side, payload[:at + cut])
            talk.say(side, payload[at + cut:])
    return talk.end()
