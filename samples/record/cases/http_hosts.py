"""What the HTTP cases share: nginx, the small Python server, curl, and requests written by hand."""
from __future__ import annotations

from pathlib import Path

from samples.record.case import Case, Shows
from samples.record.cases.hosts import SERVER, Act, pair
from samples.record.lab import Lab
from samples.record.network import Link
from samples.record.servers import web

SITE = "www.shop.test"
URL = f"http://{SITE}"


def nginx(files: dict[str, int], more: str = "", site: str = "") -> Act:
    """nginx on port 80. more, site: directives of its http and of its server block."""
    def prepare(lab: Lab) -> None:
        web(lab, "server", files, more=more, site=site)
    return prepare


def python_web(lab: Lab) -> None:
    """The small server with paths of special behaviour, on port 80."""
    lab.start("server", lab.python("web", SERVER, 80))
    lab.listening("server", 80)


def curl(*arguments: str, allowed: tuple[int, ...] = (0,)) -> Act:
    """curl from the client; every body goes to /dev/null."""
    def drive(lab: Lab) -> None:
        bodies: list[str] = []
        for word in arguments:
            if word.startswith("http://"):
                bodies += ["-o", "/dev/null"]
        lab.run("client", ["curl", "-sS", *bodies, *arguments], allowed)
    return drive


def says(text: str, *steps: str, name: str = "request.txt") -> Act:
    """A socket program sends exactly this and takes further steps (default: read to the end, close)."""
    def drive(lab: Lab) -> None:
        file = written(lab, name, text)
        lab.run("client", lab.python("tcp", "connect", SERVER, 80, "open", f"say:{file}", *(steps or ("eof", "close"))))
    return drive


def answers(text: str, *steps: str, first: int = 60) -> Act:
    """A socket program on port 80 reads a request, sends exactly this, and takes further steps."""
    def prepare(lab: Lab) -> None:
        file = written(lab, "answer.txt", text)
        lab.start("server", lab.python("tcp", "listen", SERVER, 80, "open", f"recv:{first}", f"say:{file}", *steps))
        lab.listening("server", 80)
    return prepare


def written(lab: Lab, name: str, text: str) -> Path:
    file = lab.scratch / name
    file.write_text(text, newline="")
    return file


def head(status: str, length: int, *fields: str) -> str:
    """A response with a text of that length announced; the text itself is the caller's."""
    return "\r\n".join([f"HTTP/1.1 {status}", "Content-Type: text/plain", f"Content-Length: {length}", *fields, "", ""])


def case(name: str, title: str, summary: str, prepare: Act, drive: Act, *shows: Shows,
         links: dict[str, Link] | None = None, settle_s: float = 0.4, seconds: float = 20.0) -> Case:
    """A case of the folder http1 with the usual two hosts."""
    return Case("http1", name, f"HTTP: {title}", summary, pair(names=(SITE,)), drive, shows, prepare, links or {},
                seconds=seconds, settle_s=settle_s)
