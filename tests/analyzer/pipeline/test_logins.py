"""Who guesses, who only keeps an old login, and what is only how a login begins."""
from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest
from crowd import MS, SECOND, START, Crowd
from test_survey_and_tell import PSH_ACK, tcp

from analyzer.model import Finding
from analyzer.pipeline.run import Options, analyze

CLIENT, SERVER = "10.0.0.9", "10.0.3.20"
REFUSED = b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n"


def found(path: Path, logins: list[bytes]) -> list[Finding]:
    """Each on a connection of its own, with this field of the request, and refused."""
    made = Crowd(1, 60, 5)
    for number, field in enumerate(logins):
        port, at = 40_000 + number, START + number * SECOND
        at = made.opened(CLIENT, port, SERVER, at)
        request = b"GET / HTTP/1.1\r\nHost: x\r\n" + field + b"\r\n"
        made.frames += [
            (at + MS, tcp(CLIENT, port, SERVER, 80, 1001, 9001, PSH_ACK, request)),
            (at + 9 * MS, tcp(SERVER, 80, CLIENT, port, 9001, 1001 + len(request), PSH_ACK, REFUSED)),
        ]
        made.closed(CLIENT, port, SERVER, at + 20 * MS, 1001 + len(request), 9001 + len(REFUSED))
    analysis = analyze([made.write(path / "made.pcap")], Options())
    return [one for one in analysis.findings if one.code.startswith("login.")]


def basic(number: int) -> bytes:
    return b"Authorization: Basic " + b64encode(b"ann:wrong%d" % number) + b"\r\n"


@pytest.mark.parametrize(("logins", "code", "severity"), [
    ([basic(number) for number in range(12)], "login.guessed", "warn"),
    ([basic(1)] * 12, "login.refused", "warn"),
    ([basic(1)], "login.refused", "note"),
    ([basic(number) for number in range(4)], "login.refused", "warn"),
], ids=["twelve different ones", "the same twelve times", "one", "four different ones"])
def test_logins_in_vain(tmp_path: Path, logins: list[bytes], code: str, severity: str) -> None:
    *rest, finding = sorted(found(tmp_path, logins), key=lambda one: one.code == code)
    assert [one.code for one in rest] == (["login.refused"] if code == "login.guessed" else [])
    assert not rest or rest[0].explained_by == (finding.number,)
    assert (finding.code, finding.severity) == (code, severity)
    assert "wrong" not in finding.sentence
    assert ("the same each time" in finding.sentence) == (len(logins) == 12 and code == "login.refused")


@pytest.mark.parametrize("field", [
    b"", b"Authorization: NTLM TlRMTVNTUAABAAAA\r\n", b"Authorization: Negotiate YIIFpw==\r\n",
], ids=["a challenge", "ntlm", "negotiate"])
def test_how_a_login_begins_is_no_refusal(tmp_path: Path, field: bytes) -> None:
    assert found(tmp_path, [field] * 12) == []
