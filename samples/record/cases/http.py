"""HTTP/1 between two hosts: connections, bodies, methods, statuses."""
from __future__ import annotations

import time

from samples.record.case import Case, Shows
from samples.record.cases.http_hosts import (
    SITE,
    URL,
    answers,
    case,
    curl,
    head,
    nginx,
    python_web,
    says,
    written,
)
from samples.record.lab import Lab
from samples.record.servers import text_of

THREE = {"a.txt": 1_200, "b.txt": 2_400, "c.txt": 600}


SMUGGLED = (f"POST /form HTTP/1.1\r\nHost: {SITE}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
            f"2e\r\nGET /login HTTP/1.1\r\nHost: {SITE}\r\nX: y\r\n\r\n\r\n0\r\n\r\n")


def requests(number: int) -> Shows:
    return Shows("http.request", "Requests" if number > 1 else "The request", number, number)


def status(code: int, says_what: str, number: int = 1) -> Shows:
    return Shows(f"http.response.code == {code}", says_what, number, number)


def opened(number: int) -> Shows:
    what = "One connection" if number == 1 else f"{number} connections"
    return Shows("tcp.flags.syn == 1 && tcp.flags.ack == 0", what, number, number)


def get(path: str, *fields: str) -> str:
    return "\r\n".join([f"GET {path} HTTP/1.1", f"Host: {SITE}", *fields, "", ""])


def _conditional(lab: Lab) -> None:
    tag = str(lab.scratch / "etag")
    curl("--etag-save", tag, f"{URL}/page.txt")(lab)
    curl("--etag-compare", tag, f"{URL}/page.txt")(lab)


def _upload(lab: Lab) -> None:
    body = written(lab, "upload.txt", text_of(3_000))
    curl("-H", "Expect: 100-continue", "-T", str(body), f"{URL}/items/7")(lab)


def _multipart(lab: Lab) -> None:
    picture = lab.scratch / "picture.png"
    picture.write_bytes(bytes.fromhex("89504e470d0a1a0a") + bytes(range(256)) * 4)
    curl("-F", "title=A picture", "-F", f"file=@{picture};type=image/png", f"{URL}/form")(lab)


def _password(lab: Lab) -> None:
    users = written(lab, "users", "ann:{PLAIN}not-a-real-secret\n")
    users.chmod(0o644)
    nginx({"page.txt": 900}, site=f'auth_basic "the back office"; auth_basic_user_file {users};')(lab)


def _late(lab: Lab) -> None:
    nginx({"long.txt": 30_000, "page.txt": 900}, site="limit_rate 10k;")(lab)
    lab.start("client", ["curl", "-sS", "-o", "/dev/null", "-o", "/dev/null", f"{URL}/long.txt", f"{URL}/page.txt"])
    time.sleep(0.6)


CONNECTIONS = (
    case("keep-alive", "several requests on one connection",
         "curl fetches three files from nginx. The connection stays open between them, so the second and third need "
         "no handshake.",
         nginx(THREE), curl(*(f"{URL}/{name}" for name in THREE)), opened(1), requests(3), status(200, "Responses", 3)),
    case("connection-each", "a connection for each request",
         "The same three files, but the client sends Connection: close, so that each takes a connection of its own and "
         "a round trip more.",
         nginx(THREE), curl("-H", "Connection: close", *(f"{URL}/{name}" for name in THREE)),
         opened(3), requests(3), Shows('http.connection == "close" && http.response', "Responses that close", 3, 3)),
    case("pipelining", "pipelining, and what stands at the head of the line",
         "Three requests in one segment, before any answer. The first takes the server half a second, and the other "
         "two answers wait behind it though they are ready.",
         python_web, says(get("/slow/0.5") + get("/news") + get("/news", "Connection: close")),
         Shows("http.request", "All three requests in one segment", 1, 1),
         Shows("http.response", "The answers, in order", 1, 3)),
    case("slow-server", "a server that thinks",
         "The request arrives at once, the answer comes after a second and a half: the network is not to blame.",
         python_web, curl(f"{URL}/slow/1.5"), requests(1),
         Shows("http.response && http.time > 1.4", "The response, late", 1, 1)),
    case("late-start", "the capture starts in a response",
         "The capture begins while a file is being sent. Its request and status were never seen; the next exchange on "
         "the same connection is whole.",
         _late, lambda lab: time.sleep(3.4), Shows("tcp.flags.syn == 1", "No SYN", 0, 0), requests(1),
         Shows('http.request.uri == "/page.txt"', "The second request", 1, 1)),
    case("http10", "HTTP/1.0",
         "curl speaks HTTP/1.0. The server ends its answer by closing the connection.",
         python_web, curl("--http1.0", f"{URL}/old"), Shows('http.request.version == "HTTP/1.0"', "The request", 1, 1),
         Shows('http.response.version == "HTTP/1.0"', "The response, without a length", 1, 1)),
    case("http09", "HTTP/0.9",
         "One line without version or headers, and the answer is the file alone: no status, no headers. nginx still "
         "answers that.",
         nginx({"page.txt": 900}), says("GET /page.txt\r\n"),
         Shows("tcp.len == 15", "The request: one line", 1, 1),
         Shows("tcp.len > 0 && tcp.srcport == 80", "The file", 1)),
    case("truncated-by-reset", "a response cut off by a reset",
         "The server announces 10000 bytes, sends 4000 and resets the connection.",
         answers(head("200 OK", 10_000) + text_of(4_000), "sleep:0.2", "reset"), curl(f"{URL}/page.txt", allowed=(56,)),
         Shows("tcp.flags.reset == 1 && tcp.srcport == 80", "The reset", 1, 1),
         Shows('tcp contains "Content-Length: 10000"', "What was announced", 1, 1)),
    case("truncated-by-close", "a response that ends early",
         "The server announces 10000 bytes, sends 4000 and closes the connection in order. Only the length tells that "
         "something is missing.",
         answers(head("200 OK", 10_000) + text_of(4_000), "sleep:0.2", "close", first=85),
         curl(f"{URL}/page.txt", allowed=(18, 56)),
         Shows("tcp.flags.reset == 1", "No reset", 0, 0), Shows("tcp.flags.fin == 1", "Both sides finish", 2, 2)),
)

BODIES = (
    case("chunked-trailer", "chunks and a trailer",
         "The server does not know the length when it begins: it sends chunks, and after the last one a trailer field "
         "that was announced.",
         python_web, curl(f"{URL}/chunked"), requests(1),
         Shows("http.chunk_size == 1000", "The response, whole", 1, 1),
         Shows("http.chunked_trailer_part", "Its trailer", 1, 1)),
    *(case(f"coding-{name}", f"a body coded with {title}",
           f"curl says which codings it can undo, and gets a text compressed with {title}.",
           python_web, curl("--compressed", f"{URL}/coded/{name}"), requests(1),
           Shows(f'http.content_encoding == "{name}"', "The compressed response", 1, 1))
      for name, title in (("gzip", "gzip"), ("deflate", "deflate"), ("br", "Brotli"), ("zstd", "Zstandard"))),
    case("gzip-nginx", "compressed while it is sent",
         "nginx compresses a file as it sends it, so it cannot say the length and uses chunks.",
         nginx({"page.txt": 20_000}, more="gzip on; gzip_types text/plain; gzip_vary on;"),
         curl("--compressed", f"{URL}/page.txt"), requests(1),
         Shows('http.content_encoding == "gzip" && http.transfer_encoding == "chunked"', "Compressed", 1, 1)),
    case("head", "HEAD",
         "curl asks for the headers of a file alone. The response names a length, and no body follows.",
         nginx({"page.txt": 5_000}), curl("-I", f"{URL}/page.txt"),
         Shows('http.request.method == "HEAD"', "The request", 1, 1),
         Shows("http.content_length == 5000 && tcp.len < 400", "The response, without a body", 1, 1)),
    case("not-modified", "asked again with an ETag",
         "curl fetches a file, keeps its ETag, and asks again with If-None-Match. The file did not change: 304, "
         "without a body.",
         nginx({"page.txt": 5_000}), _conditional, status(200, "The file"),
         Shows("http.request.line contains \"If-None-Match\"", "Asked again", 1, 1), status(304, "Not modified")),
    case("range", "a part of a file",
         "curl asks for 100 bytes of a file and gets them with status 206; then for a part beyond the end, which gives "
         "416.",
         nginx({"page.txt": 5_000}),
         curl("-r", "100-199", f"{URL}/page.txt", "--next", "-sS", "-r", "9000-", f"{URL}/page.txt"),
         status(206, "Partial content"), status(416, "Range not satisfiable")),
    case("ranges", "several parts of a file",
         "curl asks for three parts of a file in one request; they come as one multipart body.",
         nginx({"page.txt": 5_000}), curl("-r", "0-9,100-109,-10", f"{URL}/page.txt"), requests(1),
         Shows('http.content_type contains "multipart/byteranges"', "Three parts", 1, 1)),
    case("continue", "Expect: 100-continue",
         "curl sends the headers of an upload and waits for leave. The server says 100, the body follows, then the "
         "final status.",
         python_web, _upload, Shows('http.request.method == "PUT"', "The upload", 1, 1), status(100, "Go on"),
         status(204, "Done")),
    case("early-hints", "early hints",
         "Before its answer is ready the server names a style sheet in a 103 response, which the client could fetch "
         "meanwhile.",
         python_web, curl(f"{URL}/hints"), requests(1), status(103, "Early hints"), status(200, "The page")),
    case("post-form", "a form",
         "curl posts a form: names and values with percent signs, as a browser does.",
         python_web, curl("-d", "name=Ann&item=apples&note=ripe%2C+please", f"{URL}/form"),
         Shows('http.content_type == "application/x-www-form-urlencoded"', "The form", 1, 1), status(200, "Taken")),
    case("post-multipart", "a form with a file",
         "curl posts a form with a title and a file as multipart/form-data, with a boundary between the parts.",
         python_web, _multipart, Shows('http.content_type contains "multipart/form-data"', "The form", 1, 1),
         status(200, "Taken")),
    case("rest", "a collection of things",
         "A client lists, creates, replaces, reads, deletes and misses items of a collection: GET, POST with 201 and "
         "Location, PUT and DELETE with 204, and a 404.",
         python_web, curl(f"{URL}/items", "--next", "-sS", "--json", '{"name":"plums"}', f"{URL}/items",
                          "--next", "-sS", "-X", "PUT", "--json", '{"name":"cherries"}', f"{URL}/items/3",
                          "--next", "-sS", f"{URL}/items/3", "--next", "-sS", "-X", "DELETE", f"{URL}/items/3",
                          "--next", "-sS", f"{URL}/items/3"),
         opened(1), requests(6), status(201, "Created"), status(204, "Replaced, deleted", 2), status(404, "Gone")),
    case("graphql", "GraphQL",
         "A query in GraphQL: a POST whose JSON names an operation and its variables.",
         python_web, curl("-H", "Authorization: Bearer not-a-real-token", "--json",
                          '{"operationName":"Item","query":"query Item($id: ID!) { item(id: $id) { name price } }",'
                          '"variables":{"id":"1"}}', f"{URL}/graphql"),
         Shows('http.request.uri == "/graphql"', "The query", 1, 1), status(200, "Its answer")),
    case("json-rpc", "calls over JSON-RPC",
         "Two calls of a method that the server knows. Each answer has a member error, which is empty.",
         python_web, curl("--json", '{"jsonrpc":"2.0","id":1,"method":"price"}', f"{URL}/rpc", "--next", "-sS",
                          "--json", '{"jsonrpc":"2.0","id":2,"method":"price"}', f"{URL}/rpc"),
         requests(2), status(200, "Both succeed", 2)),
    case("error-in-success", "an error behind a status of success",
         "Two calls over JSON-RPC, of a method that the server does not know. The status is 200 all the same; only the "
         "answer itself tells of the error.",
         python_web, curl("--json", '{"jsonrpc":"2.0","id":1,"method":"cost"}', f"{URL}/rpc", "--next", "-sS",
                          "--json", '{"jsonrpc":"2.0","id":2,"method":"cost"}', f"{URL}/rpc"),
         requests(2), status(200, "Success, says the status", 2),
         Shows('json.value.number == "-32601"', "An error, says the answer", 2, 2)),
)

STATUSES = (
    case("redirects", "a chain of redirects",
         "A page has moved for good (301), then for now (302), then asks to repeat the method (307). curl follows from "
         "hop to hop on the same connection.",
         nginx({"page.txt": 900}, site="location = /old { return 301 /newer; } location = /newer { return 302 /new; } "
                                       "location = /new { return 307 /page.txt; }"),
         curl("-L", f"{URL}/old"), requests(4), status(301, "Moved permanently"), status(302, "Found"),
         status(307, "Temporary redirect"), status(200, "The page")),
    case("basic-authentication", "a password is asked for",
         "nginx wants a name and a password. curl asks without, is told so with 401, and asks again with both, which "
         "anybody on the way can read.",
         _password, curl("--anyauth", "-u", "ann:not-a-real-secret", f"{URL}/page.txt"), requests(2),
         status(401, "Unauthorized"), Shows("http.authbasic", "The password, hardly hidden", 1, 1),
         status(200, "Let in")),
    case("cookies", "a cookie",
         "The server sets a session cookie at the login; curl sends it with the next request.",
         python_web, curl("-c", "cookies", f"{URL}/login", f"{URL}/account"), requests(2),
         Shows("http.set_cookie", "It is set", 1, 1), Shows("http.cookie", "It comes back", 1, 1)),
    case("cors", "a request across origins",
         "A page of one origin posts JSON to another. As a browser would, the client first asks with OPTIONS whether "
         "that is allowed.",
         python_web, curl("-X", "OPTIONS", "-H", "Origin: https://www.shop.test", "-H",
                          "Access-Control-Request-Method: POST", "-H", "Access-Control-Request-Headers: content-type",
                          f"{URL}/form", "--next", "-sS", "-H", "Origin: https://www.shop.test", "--json", '{"x":1}',
                          f"{URL}/form"),
         Shows('http.request.method == "OPTIONS"', "The preflight", 1, 1), status(204, "It is allowed"),
         Shows('http.request.method == "POST"', "The request itself", 1, 1)),
    case("not-found", "404",
         "The client asks for a page that the server does not have, and is told so with status 404.",
         nginx({"page.txt": 900}), curl(f"{URL}/missing.txt"), requests(1), status(404, "Not found")),
    case("server-error", "500", "Something goes wrong inside the server while it handles the request: status 500.",
         nginx({"page.txt": 900}, site="location = /broken { return 500; }"), curl(f"{URL}/broken"), requests(1),
         status(500, "Internal server error")),
    case("bad-gateway", "502", "nginx should ask another server for the page, but nothing listens there: status 502.",
         nginx({}, site="location / { proxy_pass http://127.0.0.1:8081; }"), curl(f"{URL}/page.txt"), requests(1),
         status(502, "Bad gateway")),
    case("unavailable", "503, and when to come back",
         "The server is closed for maintenance and says in Retry-After when to ask again.",
         nginx({}, site='location / { add_header Retry-After 120 always; return 503; }'), curl(f"{URL}/page.txt"),
         requests(1), status(503, "Service unavailable")),
    case("header-too-large", "a header that is too large",
         "A cookie of 9 kB: nginx refuses the request before it has read it all.",
         nginx({"page.txt": 900}), curl("-H", f"Cookie: x={'y' * 9_000}", f"{URL}/page.txt", allowed=(0, 55, 56)),
         status(400, "Request header or cookie too large")),
)

BY_HAND = (
    case("smuggling-both-lengths", "two lengths that disagree",
         "A request has Content-Length and Transfer-Encoding. The server believes the length, so what it takes for a "
         "second request was part of the first: the shape of request smuggling.",
         python_web, says(SMUGGLED, "sleep:0.3", "shutdown", "eof", "close"),
         Shows("tcp.len > 0 && tcp.dstport == 80", "The request", 1, 1),
         Shows("http.response", "More than one answer", 1)),
    case("smuggling-refused", "two lengths, refused",
         "The same request to nginx, which answers 400 and closes, as RFC 9112 advises.",
         nginx({"page.txt": 900}),
         says(f"POST /page.txt HTTP/1.1\r\nHost: {SITE}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
              "0\r\n\r\n"), status(400, "Bad request")),
    case("repeated-length", "Content-Length twice",
         "A request with two lengths that differ. nginx refuses it.",
         nginx({"page.txt": 900}),
         says(f"POST /page.txt HTTP/1.1\r\nHost: {SITE}\r\nContent-Length: 4\r\nContent-Length: 7\r\n\r\nabcdefg"),
         status(400, "Bad request")),
    case("bare-line-feeds", "lines that end in LF alone",
         "A request typed by hand: its lines end in LF without CR. nginx takes it all the same.",
         nginx({"page.txt": 900}), says(f"GET /page.txt HTTP/1.1\nHost: {SITE}\nConnection: close\n\n"),
         Shows('http.request.uri == "/page.txt"', "The request", 1, 1), status(200, "The file")),
    case("missing-host", "no Host",
         "A request of HTTP/1.1 without a Host field: nginx must refuse it, and does.",
         nginx({"page.txt": 900}), says("GET /page.txt HTTP/1.1\r\n\r\n"), status(400, "Bad request")),
)

CASES: tuple[Case, ...] = CONNECTIONS + BODIES + STATUSES + BY_HAND
