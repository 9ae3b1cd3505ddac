"""Findings become causes: what explains what, which of them come first, and what is said where nothing went wrong."""
from __future__ import annotations

from graphlib import TopologicalSorter

import pytest

from analyzer.explain.causes import EXPLAINS, ORDINARY, RELATIONS, SAID_TWICE, UPSTREAM
from analyzer.explain.related import RELATION
from analyzer.explain.rules import CODES
from analyzer.explain.verdict import judge, said_once
from analyzer.model import Analysis, CaptureSummary, Conversation, Endpoint, Finding, Told, Verdict
from dissectors.kit.lookup import Lookup
from dissectors.kit.observation import ALWAYS, HIDDEN

MS = 1_000_000
SECOND = 1_000 * MS


def connection(number: int, client: str = "10.0.0.1", server: str = "10.0.0.2", port: int = 80) -> Conversation:
    made = Conversation(number, "tcp", Endpoint(client, 40_000 + number), Endpoint(server, port))
    made.first_frame, made.last_frame, made.start_ns, made.end_ns = 1, 100, 0, 10 * SECOND
    made.frames, made.payload = [50, 50], [1000, 1000]
    return made


def capture(*conversations: Conversation) -> Analysis:
    analysis = Analysis(CaptureSummary(["x.pcap"]))
    analysis.capture.frames, analysis.capture.conversations = 100, len(conversations)
    analysis.capture.start_ns, analysis.capture.end_ns = 0, 10 * SECOND
    analysis.conversations = list(conversations)
    analysis.told = [Told(one, []) for one in conversations]
    return analysis


def finding(
    code: str, severity: str = "warn", conversation: int = 1, frames: tuple[int, ...] = (10, 20), *, cost: int = 0,
    confidence: str = "likely", about: tuple[str, ...] = (),
) -> Finding:
    made = Finding(code, severity, confidence, f"{code} happened.", conversation, frames, "", f"Mend {code}.", "")
    made.cost_ns, made.about = cost, about
    return made


def judged(analysis: Analysis, *findings: Finding) -> Verdict:
    analysis.findings = said_once(analysis, list(findings))
    judge(analysis)
    return analysis.verdict


def roots(analysis: Analysis) -> list[str]:
    codes = {one.number: one.code for one in analysis.findings}
    return [codes[cause.finding] for cause in analysis.verdict.causes]


# -- the table ----------------------------------------------------------------------------------------------------


def test_the_table_speaks_of_codes_that_there_are() -> None:
    named = {code for row in EXPLAINS for code in (*row.causes, *row.symptoms)}
    named |= {code for row in SAID_TWICE for code in (*row.more, row.less)}
    assert (named | ORDINARY) - set(CODES) == set()
    assert {row.relation for row in EXPLAINS} <= set(RELATIONS)
    assert set(RELATION) == set(RELATIONS)
    assert all(row.ground for row in EXPLAINS)


def test_nothing_explains_what_explains_it() -> None:
    """Of one conversation; a server behind another one may have any trouble that the first has."""
    causes: dict[str, set[str]] = {}
    for row in EXPLAINS:
        if row.relation != UPSTREAM:
            for symptom in row.symptoms:
                causes.setdefault(symptom, set()).update(set(row.causes) - {symptom})
    assert len(list(TopologicalSorter(causes).static_order())) > 80      # a circle raises


# -- what explains what -------------------------------------------------------------------------------------------


def test_a_loss_explains_the_wait_that_spans_it_and_one_finding_says_it() -> None:
    analysis = capture(connection(1))
    verdict = judged(
        analysis, finding("tcp.timeout", frames=(30, 34), cost=3 * SECOND),
        finding("http.slow", "note", frames=(8, 40), cost=3 * SECOND),
        finding("tcp.slow_answer", "note", frames=(8, 40), cost=3 * SECOND),
    )
    assert roots(analysis) == ["tcp.timeout"]
    assert [one.code for one in analysis.findings] == ["tcp.timeout", "http.slow"]
    assert analysis.findings[0].explains == (2,)
    assert analysis.findings[1].explained_by == (1,)
    assert verdict.causes[0].explains == (2,)
    assert verdict.causes[0].cost_ns == 3 * SECOND      # once, not twice


@pytest.mark.parametrize(("frames", "cost", "number"), [
    ((50, 52), 3 * SECOND, 1),      # after the answer
    ((30, 34), SECOND, 1),          # far less than the wait
    ((30, 34), 3 * SECOND, 2),      # of another connection
])
def test_a_loss_elsewhere_explains_no_wait(frames: tuple[int, ...], cost: int, number: int) -> None:
    analysis = capture(connection(1), connection(2, server="10.0.0.9"))
    judged(
        analysis, finding("tcp.timeout", conversation=number, frames=frames, cost=cost),
        finding("http.slow", frames=(8, 40), cost=3 * SECOND),
    )
    assert analysis.findings[1].explained_by == ()
    assert len(analysis.verdict.causes) == 2


def test_what_many_have_is_not_explained_by_what_happened_to_one_of_them() -> None:
    def among(*members: int, victims: int = 0) -> Finding:
        made = finding("http.slow", conversation=0, frames=(10, 40), cost=SECOND)
        made.members, made.victims = members, victims or len(members)
        return made

    analysis = capture(connection(1), connection(2), connection(3))
    losses = [finding("tcp.timeout", conversation=one, frames=(20, 30), cost=SECOND) for one in (1, 2, 3)]
    judged(analysis, losses[0], among(1, 2, 3))
    assert not analysis.findings[1].explained_by
    every = finding("tcp.timeout", conversation=0, frames=(20, 30), cost=3 * SECOND)
    every.members, every.victims = (1, 2, 3), 3
    judged(analysis, every, among(1, 2))
    assert analysis.findings[1].explained_by == (1,)
    judged(analysis, every, among(1, 2, victims=900))      # of the others nothing is known here
    assert not analysis.findings[1].explained_by


def test_a_cause_comes_before_what_it_explains_is_over() -> None:
    analysis = capture(connection(1))
    judged(analysis, finding("tcp.reset", frames=(60, 61)), finding("http.cut", frames=(8, 40)))
    assert sorted(roots(analysis)) == ["http.cut", "tcp.reset"]
    judged(analysis, finding("tcp.reset", frames=(39, 40)), finding("http.cut", frames=(8, 40)))
    assert roots(analysis) == ["tcp.reset"]


def test_a_doubt_does_not_explain_away_what_is_known() -> None:
    analysis = capture(connection(1))
    lost = finding("tcp.data_unanswered", "error")
    judged(analysis, lost, finding("tcp.black_hole", "note", confidence="possible"))
    assert roots(analysis)[0] == "tcp.data_unanswered"
    judged(analysis, lost, finding("tcp.black_hole", "warn", confidence="possible"))
    assert roots(analysis) == ["tcp.black_hole"]
    assert analysis.verdict.causes[0].severity == "error"


def test_an_ordinary_end_explains_nothing_worse_than_itself() -> None:
    analysis = capture(connection(1))
    judged(analysis, finding("http.unanswered"), finding("tcp.reset", "note", frames=(60, 61)))
    assert roots(analysis) == ["http.unanswered"]


def test_an_address_that_two_machines_claim_explains_the_reset_of_its_connections_alone() -> None:
    analysis = capture(connection(1), connection(2, server="10.0.0.9"))
    judged(
        analysis, finding("link.address_claimed_twice", "error", 0, (2, 3), about=("10.0.0.2",)),
        finding("tcp.reset", conversation=1), finding("tcp.reset", conversation=2),
    )
    assert analysis.findings[1].explained_by == (1,)
    assert analysis.findings[2].explained_by == ()


def test_an_answer_in_doubt_explains_a_connection_to_the_address_that_it_gave() -> None:
    asked = connection(1, server="10.0.0.53", port=53)
    analysis = capture(asked, connection(2, server="6.6.6.6"))
    lookup = Lookup("shop.test", "A", "10.0.0.1", "10.0.0.53", 0)
    lookup.addresses, lookup.conversations = ["10.0.0.2", "6.6.6.6"], [1]
    analysis.lookups = [lookup]
    judged(analysis, finding("tcp.refused", "error", 2, (30,)), finding("dns.answers_differ", "warn", 1, (1, 3)))
    assert roots(analysis) == ["dns.answers_differ"]


def test_a_server_waits_for_the_one_behind_it() -> None:
    analysis = capture(connection(1, server="10.0.0.2"), connection(2, client="10.0.0.2", server="10.0.0.3", port=81))
    judged(
        analysis, finding("http.server_error", "error", 1, (5, 30)), finding("tcp.refused", "error", 2, (10, 11)),
    )
    assert roots(analysis) == ["tcp.refused"]
    judged(
        analysis, finding("http.server_error", "error", 1, (5, 30)), finding("tcp.refused", "error", 2, (40, 41)),
    )
    assert len(analysis.verdict.causes) == 2      # after the answer


def test_causes_never_run_in_a_circle() -> None:
    """Two resolvers that ask each other."""
    one, other = connection(1, "10.0.0.2", "10.0.0.3"), connection(2, "10.0.0.3", "10.0.0.2")
    analysis = capture(one, other)
    judged(
        analysis, finding("dns.unanswered", "error", 1, (2, 49)), finding("dns.unanswered", "error", 2, (2, 50)),
    )
    assert len(analysis.verdict.causes) == 1


def test_on_a_loopback_nobody_can_tell_who_asks_for_whom() -> None:
    analysis = capture(connection(1, "127.0.0.1", "127.0.0.1"), connection(2, "127.0.0.1", "127.0.0.1", 81))
    judged(
        analysis, finding("http.server_error", "error", 1, (5, 30)), finding("tcp.refused", "error", 2, (10, 11)),
    )
    assert len(analysis.verdict.causes) == 2


def test_a_certificate_that_was_accepted_explains_no_reset() -> None:
    analysis = capture(connection(1))
    judged(analysis, finding("tcp.reset"), finding("tls.certificate_self_signed", "warn", frames=(8,)))
    assert roots(analysis) == ["tcp.reset", "tls.certificate_self_signed"]
    judged(analysis, finding("tcp.reset"), finding("tls.certificate_self_signed", "error", frames=(8,)))
    assert roots(analysis) == ["tls.certificate_self_signed"]


# -- the order ----------------------------------------------------------------------------------------------------


def test_the_dearest_come_first_and_three_at_most() -> None:
    analysis = capture(*[connection(number, server=f"10.0.1.{number}") for number in range(1, 6)])
    judged(
        analysis, finding("tcp.loss", "warn", 1, cost=40 * MS), finding("tcp.timeout", "warn", 2, cost=2 * SECOND),
        finding("tcp.refused", "error", 3), finding("tcp.zero_window", "warn", 4, cost=8 * SECOND),
        finding("http.plain_credentials", "warn", 5),
    )
    assert roots(analysis) == ["tcp.zero_window", "tcp.timeout", "tcp.refused"]


def test_a_note_never_stands_before_a_warning_however_dear() -> None:
    analysis = capture(connection(1), connection(2, server="10.0.0.9"))
    judged(analysis, finding("dns.slow", "note", 1, cost=9 * SECOND, confidence="certain"),
           finding("http.cookie", "warn", 2))
    assert roots(analysis) == ["http.cookie", "dns.slow"]


def test_what_many_connections_with_a_service_have_is_said_once() -> None:
    analysis = capture(*[connection(number) for number in range(1, 5)])
    verdict = judged(
        analysis, *[finding("tcp.unanswered", "error", number, (number,), cost=SECOND) for number in range(1, 5)]
    )
    assert len(verdict.causes) == 1
    assert verdict.causes[0].also == (2, 3, 4)
    assert verdict.causes[0].victims == 4
    assert verdict.causes[0].cost_ns == 4 * SECOND
    assert verdict.causes[0].more == "3 more of this kind, in conversations 2, 3, 4."


def test_what_a_client_has_with_many_services_is_said_of_the_client() -> None:
    analysis = capture(*[connection(number, server=f"10.0.1.{number}") for number in range(1, 5)])
    judged(analysis, *[finding("tcp.unanswered", "error", number, (number,)) for number in range(1, 5)])
    assert len(analysis.verdict.causes) == 1
    judged(analysis, *[finding("tcp.unanswered", "error", number, (number,)) for number in range(1, 3)])
    assert len(analysis.verdict.causes) == 2


# -- where nothing went wrong, or the capture cannot say ------------------------------------------------------------


def test_nothing_went_wrong() -> None:
    verdict = judged(capture(connection(1)), finding("tcp.not_ended", "chat"), finding("tcp.reordering", "note"))
    assert verdict.kind == Verdict.CLEAN
    assert verdict.sentence == (
        "Nothing went wrong that this capture shows (100 frames, 1 conversation, all read)."
    )
    assert len(verdict.causes) == 1      # the note, as worth knowing


@pytest.mark.parametrize(("cost", "kind"), [(2 * SECOND, Verdict.CAUSES), (100 * MS, Verdict.CLEAN)])
def test_a_note_makes_a_verdict_where_it_cost_a_tenth_of_the_time(cost: int, kind: str) -> None:
    assert judged(capture(connection(1)), finding("http.slow", "note", cost=cost)).kind == kind


def test_a_capture_of_one_direction_is_too_poor() -> None:
    heard = connection(1)
    heard.frames, heard.payload = [0, 50], [0, 1000]
    verdict = judged(capture(heard))
    assert verdict.kind == Verdict.UNSURE
    assert "one direction only" in verdict.sentence


def test_a_capture_cut_short_is_too_poor() -> None:
    analysis = capture(connection(1))
    analysis.capture.truncated_frames = 60
    assert judged(analysis).kind == Verdict.UNSURE
    analysis.capture.truncated_frames = 20
    assert judged(analysis).kind == Verdict.CLEAN


def test_what_is_encrypted_may_have_failed() -> None:
    analysis = capture(connection(1))
    analysis.told[0].observed.miss(HIDDEN, 1, 5, ALWAYS, 9, "it is encrypted")
    verdict = judged(analysis)
    assert verdict.kind == Verdict.UNSURE
    assert verdict.sentence == (
        "What was said in 1 connection is encrypted without keys, so an error of the programs would not be seen; "
        "nothing went wrong that can be seen."
    )
    assert judged(analysis, finding("tcp.timeout", cost=SECOND)).kind == Verdict.CAUSES
    assert analysis.verdict.doubts == [
        "What was said in 1 connection is encrypted without keys, so an error of the programs would not be seen."
    ]


@pytest.mark.parametrize("frames", [0, 4])
def test_a_capture_without_a_conversation_shows_nothing(frames: int) -> None:
    analysis = capture()
    analysis.capture.frames = frames
    assert judged(analysis).kind == Verdict.UNSURE
