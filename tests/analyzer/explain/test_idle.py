"""The same silence before each RST, and a signed SYN that nobody answers."""
from __future__ import annotations

import pytest
from sample_feeds import SAMPLES
from told_accounts import SECOND, SIDES, Account, analysis, conversation, opened, reset, unanswered
from told_accounts import account as account_of

from analyzer.explain.forgotten import forgotten
from analyzer.explain.idle import idle_timeout
from analyzer.explain.opening import OPENING_RULES
from analyzer.explain.rule import Case, Found
from analyzer.model import Analysis, CaptureSummary, Silence
from analyzer.pipeline.run import Options, analyze
from dissectors.kit.event import NEITHER
from dissectors.kit.observation import NOT_CAPTURED
from dissectors.protocols.tcp.events_handshake import Attempt, Syn
from dissectors.protocols.tcp.flags import SYN
from dissectors.protocols.tcp.options import AUTHENTICATION, MD5, TcpOptions
from dissectors.protocols.tcp.segment import Segment


def ended(
    number: int, at: float, silence: float, cause: str = "aborted", direction: int = 1, waits: bool = True
) -> Account:
    """A connection of which this end was reset at that second, after so long a silence."""
    event = reset(cause, direction=direction)
    event.time = int(at * SECOND)
    event.idle_ns, event.waits = int(silence * SECOND), waits
    made = account_of(*opened(), event, of=conversation(number, port=50_000 + number))
    made.conversation.end_ns = event.time
    return made


def found(*accounts: Account, capture: CaptureSummary | None = None) -> list[Found]:
    return idle_timeout(analysis(*accounts, capture=capture))


def test_the_same_silence_each_time_is_a_timer() -> None:
    one, = found(ended(1, 10, 5), ended(2, 17, 5.01), ended(3, 40, 4.99))
    assert "3 connections with 10.0.0.2:443 were reset after 4.99 s to 5.01 s each" in one.sentence
    assert "of the server itself, or of a machine" in one.sentence
    assert (one.severity, one.confidence, one.victims) == ("", "likely", 3)
    assert "every 4.99 s" in one.next_step


def test_two_may_be_chance() -> None:
    one, = found(ended(1, 10, 5), ended(2, 17, 5))
    assert (one.severity, one.confidence) == ("note", "possible")


def test_rsts_that_go_on_with_the_clock_of_their_sender_are_its_own() -> None:
    one, = idle_timeout(of_sample("idle-resets"))
    assert one.sentence.endswith("an idle timeout, of the server itself.")
    assert "in each RST its timestamp and its IP identification go on" in one.basis


def of_sample(name: str) -> Analysis:
    return analyze([str(SAMPLES / "tcp" / name / "capture.pcapng")], Options())


def test_what_is_silent_for_too_long_is_forgotten_on_the_way() -> None:
    told = of_sample("forgotten-by-router")
    one, = forgotten(told)
    assert one.sentence == (
        "3 connections with 10.0.2.20 were no longer answered after 4.00 s to 5.20 s in which neither side had sent "
        "anything, though 10.0.2.20 was heard later, in a new one (#53): it looks as if a machine on the way, or a "
        "filter on that host, forgets a connection after 1.20 s to 4.00 s of silence."
    )
    assert (one.severity, one.confidence, one.victims) == ("", "likely", 3)
    told.told.pop()                                     # nothing shows that the host is still there
    assert forgotten(told) == []


def test_what_is_forgotten_may_be_reset_by_whoever_forgot_it() -> None:
    one, = forgotten(of_sample("forgotten-and-reset"))
    assert one.sentence.startswith("3 connections with 10.0.2.20 were reset when they went on after 4.00 s to 5.20 s")
    assert one.sentence.endswith("it looks as if a machine on the way forgets a connection after 1.21 s to 4.00 s of "
                                 "silence.")


@pytest.mark.parametrize("name", ["idle-resets", "idle-timeout", "gives-up", "keep-alive-dead-peer", "reset-by-router"])
def test_what_else_falls_silent_is_not_forgotten(name: str) -> None:
    assert forgotten(of_sample(name)) == []


def test_where_the_rsts_show_another_machine_it_is_that() -> None:
    one, = found(*[ended(number, 10 * number, 5, "another machine", direction=0, waits=False) for number in (1, 2, 3)])
    assert "of a machine on the way that speaks in the name of the client" in one.sentence
    assert "it came so" in one.basis


@pytest.mark.parametrize("accounts", [
    [ended(1, 10, 5)],
    [ended(1, 10, 5), ended(2, 17, 9), ended(3, 40, 30)],                      # no two alike
    [ended(1, 10, 5), ended(2, 10.01, 5), ended(3, 10.02, 5)],                 # one moment ends all
    [ended(number, 10 * number, 0.5) for number in (1, 2, 3)],                 # no silence to speak of
    [ended(number, 10 * number, 5, direction=0) for number in (1, 2, 3)],      # a client that waits no longer
    [ended(number, 10 * number, 5, waits=False) for number in (1, 2, 3)],      # a server with something to answer
    [ended(number, 10 * number, 5, "gave up") for number in (1, 2, 3)],
    [ended(number, 10 * number, 5, "unread data") for number in (1, 2, 3)],
], ids=["one", "none-alike", "one-moment", "no-silence", "client", "has-data", "gave-up", "unread-data"])
def test_what_only_looks_like_it_is_not(accounts: list[Account]) -> None:
    assert found(*accounts) == []


def test_a_silence_that_was_not_observed_is_none() -> None:
    accounts = [ended(number, 10 * number, 5) for number in (1, 2, 3)]
    for account in accounts:
        account.observed.miss(NOT_CAPTURED, NEITHER, 0, 60 * SECOND, 5, "frames are missing")
    assert found(*accounts) == []


def test_a_silence_of_the_whole_capture_whose_length_nobody_knows_is_none() -> None:
    capture = CaptureSummary(["made.pcap"])
    capture.silences = [
        Silence(4 * SECOND, 1, 2, (10 * number - 4) * SECOND, (10 * number - 1) * SECOND) for number in (1, 2, 3)
    ]
    assert found(*[ended(number, 10 * number, 5) for number in (1, 2, 3)], capture=capture) == []


def sample(name: str) -> Analysis:
    return analyze([str(SAMPLES / name / "capture.pcapng")], Options())


def test_the_sample_has_one_cause() -> None:
    told = sample("tcp/idle-resets")
    cause, = told.verdict.causes
    assert next(one for one in told.findings if one.number == cause.finding).code == "tcp.idle_timeout"
    assert len(cause.explains) == 3


# A signed SYN.

def signed(*kinds: int) -> Syn:
    options = TcpOptions()
    options.kinds = [2, *kinds]
    return Syn(Segment(1, 0, 0, SYN, 1_000, 0, 64_240, 0), SIDES, options, Attempt(1, -1, backoff=False))


def silent(*syns: Syn) -> Found:
    made = analysis(account_of(*syns, unanswered()))
    rule, = [rule for rule in OPENING_RULES if rule.code == "tcp.unanswered"]
    one, = rule.examine(Case(made.told[0], made.capture))
    return one


@pytest.mark.parametrize(("kind", "name"), [(int(MD5), "RFC 2385"), (int(AUTHENTICATION), "RFC 5925")])
def test_a_signed_syn_without_an_answer_may_have_another_key(kind: int, name: str) -> None:
    one = silent(signed(kind), signed(kind))
    assert name in one.sentence
    assert "Compare the keys" in one.next_step


def test_a_syn_that_is_not_signed_each_time_has_no_such_cause() -> None:
    for syns in ([signed()], [signed(int(MD5)), signed()]):
        one = silent(*syns)
        assert "signed" not in one.sentence
        assert one.next_step == ""


def test_the_sample_of_another_key_says_so() -> None:
    told = sample("tcp/md5-mismatch")
    one, = [one for one in told.findings if one.code == "tcp.unanswered"]
    assert "signed (TCP MD5, RFC 2385)" in one.sentence
    assert "signed" not in next(one for one in sample("tcp/unanswered-syn").findings).sentence
