"""What the TLS cases share: certificates, OpenSSL as server and client, nginx and curl over TLS."""
from __future__ import annotations

import subprocess

from samples.record.case import Case, Shows
from samples.record.cases.hosts import SERVER, Act, pair
from samples.record.certificates import NAME, Authority, Identity
from samples.record.lab import Lab
from samples.record.network import Link
from samples.record.servers import text_of, web

PORT = 443
GET = "GET /page.txt HTTP/1.0\r\n\r\n"
PAGE = 2_000                     # bytes of the page that OpenSSL's server hands out
ROOT = "shop-test-root.pem"      # the file that Authority writes into the scratch folder

CLIENT_HELLO = Shows("tls.handshake.type == 1", "ClientHello", 1, 1)
SERVER_HELLO = Shows("tls.handshake.type == 2", "ServerHello", 1, 1)
CERTIFICATE = Shows("tls.handshake.type == 11", "The certificates", 1, 1)
REQUEST = Shows("http.request", "The request, decrypted", 1, 1)
RESPONSE = Shows("http.response", "The response, decrypted", 1, 1)
CLOSED = Shows("tls.alert_message.desc == 0", "close_notify", 1)
FINISHED = Shows("tls.handshake.type == 20", "Finished, from both sides", 2, 2)


def openssl_server(lab: Lab, *options: str, identity: Identity | None = None, port: int = PORT,
                   keyboard: bool = False) -> subprocess.Popen[bytes]:
    """`openssl s_server`, which hands out page.txt (-HTTP) or, with a keyboard, sends what is typed."""
    shown = identity or Authority(lab.scratch).identity()
    head = f"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {PAGE}\r\n\r\n"
    (lab.scratch / "page.txt").write_text(head + text_of(PAGE), newline="")
    command = ["openssl", "s_server", "-accept", str(port), "-cert", str(shown.leaf), "-key", str(shown.key),
               *(["-cert_chain", str(shown.rest)] if shown.rest.stat().st_size else []),
               *([] if keyboard else ["-HTTP"]), *options]
    process = lab.start("server", command, keyboard=keyboard)
    lab.listening("server", port)
    return process


def serving(*options: str, kind: str = "ec") -> Act:
    """OpenSSL's server with those options and a certificate of that kind of key."""
    def prepare(lab: Lab) -> None:
        openssl_server(lab, *options, identity=Authority(lab.scratch).identity(kind=kind))
    return prepare


def openssl_client(lab: Lab, *options: str, words: tuple[str | float, ...] = (0.2, GET), port: int = PORT,
                   allowed: tuple[int, ...] = (0,), keys: bool = True, name: str = NAME) -> None:
    """`openssl s_client`, which checks the server's certificate and types these words, until the server closes."""
    root = lab.scratch / ROOT
    command = ["openssl", "s_client", "-connect", f"{SERVER}:{port}", *(["-servername", name] if name else []),
               *(["-CAfile", str(root), "-verify_return_error"] if root.exists() else []),
               *(["-keylogfile", str(lab.keys)] if keys else []), *options]
    process = lab.start("client", command, keyboard=True)
    lab.say(process, *words)
    lab.finish(process, allowed)


def asking(*options: str, words: tuple[str | float, ...] = (0.2, GET), allowed: tuple[int, ...] = (0,),
           keys: bool = True, name: str = NAME) -> Act:
    """OpenSSL's client with those options, typing those words."""
    def drive(lab: Lab) -> None:
        openssl_client(lab, *options, words=words, allowed=allowed, keys=keys, name=name)
    return drive


def nginx_tls(lab: Lab, files: dict[str, int], identity: Identity | None = None, listen_more: str = "ssl",
              more: str = "", site: str = "") -> None:
    """nginx on port 443 with those files. more, site: directives of its http and of its server block."""
    shown = identity or Authority(lab.scratch).identity()
    web(lab, "server", files, listen=str(PORT), listen_more=listen_more, site=site,
        more=f"ssl_certificate {shown.chain}; ssl_certificate_key {shown.key}; "
             f"ssl_protocols TLSv1.2 TLSv1.3; {more}")


def curl(lab: Lab, url: str, *options: str, allowed: tuple[int, ...] = (0,), keys: bool = True) -> None:
    """curl from the client; names of the server are resolved without asking anybody."""
    root = lab.scratch / ROOT
    name = url.split("/")[2].split(":", maxsplit=1)[0]
    command = ["curl", "-sS", "-o", "/dev/null", "--resolve", f"{name}:*:{SERVER}".replace("*", _port(url)),
               *(["--cacert", str(root)] if root.exists() else []), *options, url]
    lab.run("client", command, allowed, {"SSLKEYLOGFILE": str(lab.keys)} if keys else None)


def _port(url: str) -> str:
    host = url.split("/")[2]
    if ":" in host:
        return host.rsplit(":", 1)[1]
    return "443" if url.startswith("https") else "80"


def fetching(url: str = f"https://{NAME}/page.txt", *options: str, allowed: tuple[int, ...] = (0,),
             keys: bool = True) -> Act:
    def drive(lab: Lab) -> None:
        curl(lab, url, *options, allowed=allowed, keys=keys)
    return drive


def case(name: str, title: str, summary: str, prepare: Act | None, drive: Act, *shows: Shows,
         links: dict[str, Link] | None = None, delay_ms: float = 6.0, settle_s: float = 0.4,
         names: tuple[str, ...] = ()) -> Case:
    """A case of the folder tls with the usual two hosts."""
    hosts = pair(delay_ms=delay_ms, names=names)
    return Case("tls", name, f"TLS: {title}", summary, hosts, drive, shows, prepare, links or {}, settle_s=settle_s)
