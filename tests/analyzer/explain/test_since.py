"""What an earlier report had already is left out: matched by what it is about, never by frames, times or clients."""
from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

import pytest

from analyzer.explain.since import UnusableReport, earlier_of
from analyzer.finding import Concern, Finding
from analyzer.model import Analysis, Verdict
from analyzer.pipeline.run import Options, analyze
from analyzer.report.formats import Layout, by_name
from dissectors.kit.event import JsonValue

SAMPLES = Path(__file__).parents[3] / "samples"
GATEWAY, MISSING, CLEAN = "http1/bad-gateway", "http1/not-found", "tcp/clean"


def report(analysis: Analysis, anonymous: bool = False) -> dict[str, JsonValue]:
    form = by_name("json")
    assert form is not None
    made = json.loads(b"".join(form.write(analysis, Layout(anonymous=anonymous))))
    assert isinstance(made, dict)
    return made


def told(*samples: str, since: JsonValue = None) -> Analysis:
    earlier = earlier_of(since, "base.json") if since is not None else None
    return analyze([str(SAMPLES / sample / "capture.pcapng") for sample in samples], Options(since=earlier))


def codes(analysis: Analysis) -> list[str]:
    return [finding.code for finding in analysis.findings]


def test_the_same_capture_has_nothing_new_and_says_what_was_left_out() -> None:
    first = told(GATEWAY)
    assert codes(first) == ["http.server_error"]
    again = told(GATEWAY, since=report(first))
    assert again.findings == []
    assert again.verdict.kind == Verdict.CLEAN
    assert again.verdict.sentence.startswith("Nothing went wrong that the earlier report does not have (12 frames")
    assert again.verdict.known == "Left out: 1 finding that the earlier report has as well (1 error)."


def test_what_is_new_is_told_alone() -> None:
    both = told(GATEWAY, MISSING, since=report(told(GATEWAY)))
    assert codes(both) == ["http.client_error"]
    assert "404" in both.findings[0].sentence
    assert both.findings[0].number == 1
    assert both.verdict.known


def test_a_report_of_a_clean_capture_hides_nothing() -> None:
    analysis = told(GATEWAY, since=report(told(CLEAN)))
    assert codes(analysis) == ["http.server_error"]
    assert analysis.verdict.known == ""


def finding(code: str = "http.server_error", severity: str = "warn", *concerns: Concern) -> Finding:
    made = Finding(code, severity, "certain", "Something.", 1, (9,), "", "", "")
    made.concerns = concerns or (SHOP,)
    return made


SHOP = Concern("10.0.0.2", 443, "shop.test", "GET /cart")


@pytest.mark.parametrize(("now", "had"), [
    (finding(), True),
    (finding("http.server_error", "note"), True),                                              # milder than before
    (finding("http.server_error", "error"), False),                                            # worse
    (finding("http.client_error"), False),
    (finding("http.server_error", "warn", Concern("10.0.0.9", 443, "shop.test", "GET /cart")), True),   # moved
    (finding("http.server_error", "warn", Concern("10.0.0.2", 443, "", "GET /cart")), True),
    (finding("http.server_error", "warn", Concern("10.0.0.2", 443, "shop.test", "")), True),   # no request known
    (finding("http.server_error", "warn", Concern("10.0.0.2", 443, "shop.test", "GET /pay")), False),
    (finding("http.server_error", "warn", Concern("10.0.0.2", 8443, "shop.test", "GET /cart")), False),
    (finding("http.server_error", "warn", Concern("10.0.0.9", 443, "pay.test", "GET /cart")), False),
    (finding("http.server_error", "warn", SHOP, Concern("10.0.0.9", 443)), False),             # one more service
], ids=["same", "milder", "worse", "code", "moved", "nameless", "no-request", "request", "port", "name", "more"])
def test_it_is_known_by_what_it_is_about(now: Finding, had: bool) -> None:
    before = {"wiretale": {}, "findings": [finding().as_json()]}
    assert earlier_of(before, "base.json").had(now) is had


def test_ports_that_a_system_hands_out_count_as_alike() -> None:
    before = {"wiretale": {}, "findings": [finding("tcp.reset", "warn", Concern("127.0.0.1", 41_233)).as_json()]}
    earlier = earlier_of(before, "base.json")
    assert earlier.had(finding("tcp.reset", "warn", Concern("127.0.0.1", 52_001)))
    assert not earlier.had(finding("tcp.reset", "warn", Concern("127.0.0.1", 8080)))


def test_what_follows_from_something_known_says_so() -> None:
    """Of a certificate that is out of date and what a client makes of it, only the second is new."""
    sample = "tls/expired-certificate"
    first = told(sample)
    assert codes(first) == ["tls.certificate_expired", "tcp.reset", "tls.certificate_refused"]
    before = deepcopy(report(first))
    assert isinstance(before["findings"], list)
    before["findings"] = before["findings"][:1]
    after = told(sample, since=before)
    assert codes(after) == ["tcp.reset", "tls.certificate_refused"]
    said = "It follows from tls.certificate_expired, which the earlier report has."
    assert all(one.sentence.endswith(said) for one in after.findings)
    assert [one.number for one in after.findings] == [1, 2]


@pytest.mark.parametrize(("document", "says"), [
    ({}, "no JSON report"),
    ([], "no JSON report"),
    ({"wiretale": {}, "findings": [{}]}, "whom its findings are about"),
    ({"wiretale": {"anonymized": True}, "findings": []}, "anonymized"),
    ({"wiretale": {"since": "older.json"}, "findings": []}, "--since older.json"),
    ({"wiretale": {}, "findings": [{"code": 1, "severity": "warn", "concerns": []}]}, "no code"),
    ({"wiretale": {}, "findings": [{"code": "x", "severity": "warn", "concerns": [{"port": "y"}]}]}, "rightly"),
])
def test_what_cannot_be_compared_with_is_refused(document: JsonValue, says: str) -> None:
    with pytest.raises(UnusableReport, match=says):
        earlier_of(document, "base.json")


def test_reports_say_whether_they_can_be_compared_with() -> None:
    first = told(GATEWAY)
    with pytest.raises(UnusableReport, match="anonymized"):
        earlier_of(report(first, anonymous=True), "base.json")
    with pytest.raises(UnusableReport, match=r"--since base\.json"):
        earlier_of(report(told(MISSING, since=report(first))), "second.json")


def test_names_of_lookups_and_requests_are_what_a_finding_is_about() -> None:
    analysis = told("dns/nxdomain", "grpc/error-status")
    about = {one.code: [(each.port, each.what) for each in one.concerns] for one in analysis.findings}
    assert about["dns.no_name"] == [(53, "nothing.shop.test")]
    assert about["grpc.failed"] == [(8080, "POST /shop.v1.Catalogue/Get")]
