"""Scans, floods and reflections are found, and what looks like them is not taken for one."""
from __future__ import annotations

import socket
from pathlib import Path

import pytest
from crowd import MS, RST_ACK, SECOND, Crowd
from test_survey_and_tell import ACK, PSH_ACK, RST, SYN, SYN_ACK, ip, tcp, udp

from analyzer.flows.flow import TcpFlow
from analyzer.flows.scans import BY_RST, BY_SYN, MAX_HELD, Scans
from analyzer.flows.tally import Attempt, Tally
from analyzer.model import Analysis, Finding
from analyzer.pipeline.run import Options, analyze

FIN, PSH, URG = 1, 8, 32
SCANS = ("tcp.scan", "udp.scan", "icmp.sweep", "tcp.syn_flood", "udp.reflected")
ME, SERVER = "10.0.0.9", "10.0.3.20"
ALARMING = ("warn", "error")


def crowd(others: int = 10) -> Crowd:
    """A minute in which some connections go well."""
    made = Crowd(1, 60, 5)
    made.sound(others)
    return made


def found(made: Crowd, path: Path) -> Analysis:
    return analyze([made.write(path / "made.pcap")], Options())


def of(analysis: Analysis, *codes: str) -> list[Finding]:
    return [one for one in analysis.findings if one.code in codes]


def one(analysis: Analysis, code: str) -> Finding:
    finding, = of(analysis, code)
    return finding


def asks(
    made: Crowd, at: int, source: int, host: str, port: int, again: tuple[int, ...] = (), client: str = ME
) -> None:
    """A SYN, and the same again after so many seconds."""
    for after in (0, *again):
        made.frames.append((at + after * SECOND, tcp(client, source, host, port, 1000, 0, SYN)))


def refused(made: Crowd, at: int, source: int, host: str, port: int, client: str = ME) -> None:
    made.frames += [(at, tcp(client, source, host, port, 1000, 0, SYN)),
                    (at + MS, tcp(host, port, client, source, 0, 1001, RST_ACK))]


@pytest.mark.parametrize(("flags", "says"), [
    (FIN, "with FIN and nothing else set"), (0, "with no flag set"), (FIN | PSH | URG, "with FIN, PSH and URG set"),
    (URG | PSH, "with flags set that exclude one another"),
])
@pytest.mark.parametrize("source", [40_000, 53], ids=["from a client's port", "from a server's port"])
def test_segments_that_no_tcp_sends(tmp_path: Path, flags: int, says: str, source: int) -> None:
    made = crowd()
    at = made.start()
    for port in range(1, 41):
        made.frames.append((at + port * MS, tcp(ME, source, SERVER, 1100 + port, 0, 0, flags)))
        if port != 22:
            made.frames.append((at + port * MS + MS // 2, tcp(SERVER, 1100 + port, ME, source, 0, 0, RST_ACK)))
    finding = one(found(made, tmp_path), "tcp.scan")
    assert finding.sentence.startswith(f"{ME} sent segments {says}, of no connection, to 40 ports of {SERVER}")
    assert "39 refused, 1 without an answer. Open, or behind a filter: 1122." in finding.sentence
    assert finding.severity == "warn"


def test_a_few_of_them_are_a_note(tmp_path: Path) -> None:
    made = crowd()
    at = made.start()
    for number, flags in enumerate((0, FIN | PSH | URG, SYN | FIN | PSH | URG)):
        made.frames.append((at + number * MS, tcp(ME, 40_000 + number, SERVER, 80, 0, 0, flags)))
    analysis = found(made, tmp_path)
    assert of(analysis, *SCANS) == []
    finding = one(analysis, "tcp.odd_flags")
    assert finding.severity == "note"
    assert "1 segment with no flag set" in finding.sentence
    assert "exclude one another" in finding.sentence


def test_the_end_of_connections_older_than_the_capture_is_no_scan(tmp_path: Path) -> None:
    """A server that closes forty old connections: their FINs carry an ACK."""
    made = crowd()
    at = made.start()
    for port in range(40):
        made.frames += [(at + port * MS, tcp(SERVER, 8080, ME, 40_000 + port, 5000, 900, FIN | ACK)),
                        (at + port * MS + MS // 2, tcp(ME, 40_000 + port, SERVER, 8080, 900, 0, RST))]
    assert of(found(made, tmp_path), *SCANS, "tcp.odd_flags") == []


def test_who_was_found_is_named(tmp_path: Path) -> None:
    made = crowd()
    at = made.start()
    for port in range(1, 61):
        if port in (22, 53):
            made.frames += [(at + port * MS, tcp(ME, 40_000, SERVER, port, 1000, 0, SYN)),
                            (at + port * MS + 1, tcp(SERVER, port, ME, 40_000, 77, 1001, SYN_ACK)),
                            (at + port * MS + 2, tcp(ME, 40_000, SERVER, port, 1001, 0, RST))]
        else:
            refused(made, at + port * MS, 40_000, SERVER, port)
    finding = one(found(made, tmp_path), "tcp.scan")
    assert "58 refused. Open: 22, 53. It looks like a scan." in finding.sentence


def test_the_failure_of_another_does_not_drown_in_a_scan(tmp_path: Path) -> None:
    made = crowd()
    made.scan(90, ME, SERVER)
    refused(made, made.start(), 50_000, "10.0.4.4", 5432, "10.0.0.8")
    analysis = found(made, tmp_path)
    assert one(analysis, "tcp.scan").sentence.startswith(f"{ME} tried 90 ports of {SERVER}")
    assert one(analysis, "tcp.refused").sentence.startswith("10.0.4.4:5432 refused the connection")
    assert of(analysis, "tcp.unanswered") == []
    assert {cause.finding for cause in analysis.verdict.causes} == {
        one(analysis, "tcp.scan").number, one(analysis, "tcp.refused").number,
    }


def test_a_monitor_asks_again_and_again(tmp_path: Path) -> None:
    """Each of 25 services that are down, every five seconds."""
    made = crowd()
    at = made.start(55)
    for turn in range(10):
        for host in range(25):
            refused(made, at + turn * 5 * SECOND + host * MS, 20_000 + turn * 100 + host, f"10.0.3.{host + 1}", 22)
    analysis = found(made, tmp_path)
    assert of(analysis, *SCANS) == []
    assert "250 connections were refused" in one(analysis, "tcp.refused").sentence


def test_a_way_out_that_is_cut_is_no_scan(tmp_path: Path) -> None:
    """A browser tries forty hosts all over the Internet, and nobody answers."""
    made = crowd()
    at = made.start(30)
    for host in range(40):
        asks(made, at + host * 20 * MS, 30_000 + host, f"{20 + host}.{host}.7.9", 443, (1, 3, 7))
    analysis = found(made, tmp_path)
    finding = one(analysis, "tcp.scan")
    assert (finding.severity, finding.confidence) == ("note", "possible")
    assert "a client of many servers, all over the Internet, whose own way out is cut" in finding.sentence
    assert one(analysis, "tcp.unanswered").severity == "error"
    assert analysis.verdict.causes[0].finding == one(analysis, "tcp.unanswered").number


def test_ports_that_were_agreed_upon_are_no_scan(tmp_path: Path) -> None:
    """FTP in passive mode through a filter that drops its data connections."""
    made = crowd()
    at = made.opened(ME, 30_000, SERVER, made.start(50), 21)
    made.frames.append((at + MS, tcp(SERVER, 21, ME, 30_000, 9001, 1001, PSH_ACK, b"220 hello\r\n")))
    for number in range(25):
        asks(made, at + number * SECOND, 30_100 + number, SERVER, 31_000 + 77 * number, (1,))
    analysis = found(made, tmp_path)
    assert "FTP in passive mode" in one(analysis, "tcp.scan").sentence
    assert one(analysis, "tcp.scan").severity == "note"
    assert "25 connections had no answer" in one(analysis, "tcp.unanswered").sentence


def test_a_swarm_is_no_scan(tmp_path: Path) -> None:
    made = crowd()
    for host in range(60):
        asks(made, made.start(), 30_000 + host, f"{20 + host}.3.3.3", 20_000 + 331 * host)
    assert of(found(made, tmp_path), *SCANS) == []


def test_a_traceroute_through_silent_routers_is_no_scan(tmp_path: Path) -> None:
    made = crowd()
    at = made.start()
    for number in range(60):
        probe = udp(ME, 50_000, "203.0.113.9", 33_434 + number, b"probe")
        made.frames.append((at + number * 100 * MS, probe))
        if number < 3:
            quote = b"\x0b\x00" + bytes(6) + probe[14:14 + 28]
            made.frames.append((at + number * 100 * MS + MS, ip("192.0.2.1", ME, 1, quote)))
    assert of(found(made, tmp_path), *SCANS) == []


def test_a_resolver_that_nobody_answers_is_no_scan(tmp_path: Path) -> None:
    made = crowd()
    query = b"\0\7\1\0\0\1\0\0\0\0\0\0\4shop\4test\0\0\1\0\1"
    for host in range(30):
        made.frames.append((made.start(), udp(ME, 40_000 + host, f"198.51.100.{host + 1}", 53, query)))
    finding = one(found(made, tmp_path), "udp.scan")
    assert (finding.severity, finding.confidence) == ("note", "possible")


def echo(source: str, target: str, kind: int, number: int) -> bytes:
    return ip(source, target, 1, bytes((kind, 0, 0, 0)) + number.to_bytes(2) + b"\0\1" + b"x" * 16)


@pytest.mark.parametrize("there", [3, 40], ids=["hardly anybody is there", "everybody is there"])
def test_who_pings_a_whole_network(tmp_path: Path, there: int) -> None:
    """A monitor whose hosts are up is none; a host that answers is named."""
    made = crowd()
    at = made.start()
    for host in range(40):
        made.frames.append((at + host * MS, echo(ME, f"10.0.3.{host + 1}", 8, host)))
        if host < there:
            made.frames.append((at + host * MS + 1, echo(f"10.0.3.{host + 1}", ME, 0, host)))
    sweeps = of(found(made, tmp_path), "icmp.sweep")
    assert [finding.sentence.partition(" within ")[0] for finding in sweeps] == (
        [f"{ME} sent echo requests to 37 hosts"] if there == 3 else []
    )
    if sweeps:
        assert "There: 10.0.3.1, 10.0.3.2, 10.0.3.3." in sweeps[0].sentence


# -- floods -----------------------------------------------------------------------------------------------------------


def forged(number: int) -> str:
    return f"{30 + number}.9.{number}.77"


@pytest.mark.parametrize("others", [10, 0], ids=["among other connections", "by itself"])
def test_a_flood_that_the_server_does_not_answer(tmp_path: Path, others: int) -> None:
    """Where the capture holds nothing but SYNs, a filter may have left the rest out."""
    made = crowd(others)
    at = made.start()
    for number in range(80):
        asks(made, at + number * 5 * MS, 1024 + number, SERVER, 80, client=forged(number))
    for after in (0, 1, 3):
        made.frames.append((at + after * SECOND, tcp(ME, 50_000, SERVER, 80, 5000, 0, SYN)))
    analysis = found(made, tmp_path)
    finding = one(analysis, "tcp.syn_flood")
    assert finding.severity == ("error" if others else "note")
    if others:
        assert "got 80 SYNs from 80 addresses" in finding.sentence
        assert "answered none, and no handshake was completed" in finding.sentence
        client = one(analysis, "tcp.unanswered")
        assert "did not answer 3 SYNs" in client.sentence
        assert client.explained_by == (finding.number,)
    else:
        assert "and nothing more of these connections" in finding.sentence


def test_the_clients_of_a_service_that_is_down_are_no_flood(tmp_path: Path) -> None:
    """They exist, and so they send their SYN again."""
    made = crowd()
    at = made.start(20)
    for number in range(80):
        asks(made, at + number * 5 * MS, 30_000, SERVER, 80, (1, 3), forged(number))
    analysis = found(made, tmp_path)
    assert of(analysis, *SCANS) == []
    assert "80 connections had no answer" in one(analysis, "tcp.unanswered").sentence


# -- answers that nobody asked for ------------------------------------------------------------------------------------


@pytest.mark.parametrize("heard", [True, False])
def test_answers_to_questions_of_somebody_else(tmp_path: Path, heard: bool) -> None:
    """Of a host that is never heard, the questions may have taken another way."""
    made = crowd()
    at = made.start()
    for number in range(90):
        server = f"198.51.100.{number % 6 + 1}"
        made.frames.append((at + number * MS, udp(server, 53, ME, 4444, b"\0\7\x81\x80" + bytes(1000))))
    if heard:
        made.closed(ME, 50_000, SERVER, made.opened(ME, 50_000, SERVER, at), 1001, 9001)
    finding = one(found(made, tmp_path), "udp.reflected")
    assert finding.severity == ("warn" if heard else "note")
    if heard:
        assert finding.sentence.startswith(f"{ME} got 90 datagrams (")
        assert "from port 53 of 6 servers" in finding.sentence
    else:
        assert finding.sentence.startswith(f"No question of {ME} is in the capture")


@pytest.mark.parametrize("number", [20, 90], ids=["few", "small"])
def test_answers_from_before_the_capture_are_no_reflection(tmp_path: Path, number: int) -> None:
    made = crowd()
    for index in range(number):
        size = 1000 if number == 20 else 60
        made.frames.append((made.start(), udp("198.51.100.1", 53, ME, 40_000 + index, b"\0\7\x81\x80" + bytes(size))))
    assert of(found(made, tmp_path), "udp.reflected") == []


def test_a_client_that_fails_for_days_is_kept_in_little_and_counted_whole(tmp_path: Path) -> None:
    made = crowd()
    at = made.start()
    for source in range(3 * MAX_HELD):
        refused(made, at + source * MS, 20_000 + source, SERVER, 80)
    analysis = found(made, tmp_path)
    assert of(analysis, *SCANS) == []
    assert analysis.capture.together["tcp.refused"].count == 3 * MAX_HELD


def test_what_one_client_tried_is_added_up_beyond_a_cap() -> None:
    scans = Scans()
    me, server = socket.inet_aton(ME), socket.inet_aton(SERVER)
    flow = TcpFlow(0, 6, me + server + b"\x4e\x20\0\x50", server + me + b"\0\x50\x4e\x20", 4, b"")
    for _ in range(2 * MAX_HELD + 7):
        scanner = scans.failed(flow, BY_SYN, BY_RST)
        assert scanner is not None
        scanner.keep(Attempt(flow, 1, 1, 2))
        assert len(scanner.held) <= MAX_HELD
    tallies: dict[int, Tally] = {}
    scans.others(tallies)
    assert tallies[1].count == 2 * MAX_HELD + 7
