"""The words that the reports share: levels, severities, states, section titles, units of a summary."""
from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from analyzer.model import SEVERITIES, Analysis, Cause, Finding, Silence, Verdict
from dissectors.kit.event import BACKWARD, FORWARD
from dissectors.kit.units import duration, plural

BRIEF: Final = "brief"     # the verdict and the story
NORMAL: Final = "normal"   # the story: every event that matters, in a sentence
TEACH: Final = "teach"     # everything, with the reasons and the terms
LEVELS: Final = (BRIEF, NORMAL, TEACH)

OF_POINTS: Final = ("sequence", "flight", "trips")    # diagrams of every segment of a connection

SAMPLE: Final = "sample:"      # before the name of a bundled capture

VERDICT: Final = "VERDICT"
STORY: Final = "THE STORY"
FINDINGS: Final = "FINDINGS"
TIME: Final = "WHERE THE TIME WENT"
CONVERSATION: Final = "CONVERSATION"
WORDS: Final = "WORDS USED HERE"
ABOUT: Final = "ALSO IN THE CAPTURE"

WIDEST_PROSE: Final = 140      # columns: longer lines are hard to read; only the story's bars use more

ARROWS: Final = {FORWARD: "→", BACKWARD: "←"}
BOTH_WAYS: Final = "⇄"
AT_MOST: Final = "≤"

# One and many of each severity, as the header counts them.
SEVERITY_COUNTS: Final = {
    "error": ("error", "errors"), "warn": ("warning", "warnings"), "note": ("note", "notes"),
    "chat": ("chat remark", "chat remarks"),
}

SEVERITIES_FALLING: Final = tuple(reversed(SEVERITIES))
_SENTENCE_END: Final = re.compile(r"[.!?] (?=[A-Z])")
NAMED_CODES: Final = 4         # of findings that a cause explains

# Zeek's conn_state: https://docs.zeek.org/en/master/scripts/base/protocols/conn/main.zeek.html
TCP_STATES: Final = {
    "S0": "tried, never answered",
    "S1": "answered, and not seen to end",
    "SF": "opened and closed in order",
    "REJ": "refused",
    "S2": "the originator closed, the responder did not answer",
    "S3": "the responder closed, the originator did not answer",
    "RSTO": "established, reset by the originator",
    "RSTR": "established, reset by the responder",
    "RSTOS0": "SYN, then a reset by the originator; no SYN-ACK seen",
    "RSTRH": "SYN-ACK, then a reset by the responder; no SYN seen",
    "SH": "SYN, then FIN of the originator; no SYN-ACK seen",
    "SHR": "SYN-ACK, then FIN of the responder; no SYN seen",
    "OTH": "began before what was read",
}
UDP_STATES: Final = {"S0": "never answered", "SF": "answered", "SHR": "only the answers seen", "OTH": "one-sided"}


def state_in_words(transport: str, state: str) -> str:
    """What Zeek's conn_state means for this transport; "" where it has no meaning."""
    if transport == "tcp":
        return TCP_STATES.get(state, "")
    return UDP_STATES.get(state, "") if transport == "udp" else ""


def counted(findings: list[Finding]) -> str:
    """`1 error, 2 warnings`; `no findings`."""
    pieces = []
    for severity in SEVERITIES_FALLING:
        count = sum(1 for finding in findings if finding.severity == severity)
        if count:
            pieces.append(plural(count, *SEVERITY_COUNTS[severity]))
    return ", ".join(pieces) or "no findings"


def of_cause(analysis: Analysis, cause: Cause) -> Finding:
    """The finding that says it."""
    return next(finding for finding in analysis.findings if finding.number == cause.finding)


def first_sentence(text: str) -> str:
    """Up to the first full stop that a sentence follows."""
    end = _SENTENCE_END.search(text)
    return text[:end.start() + 1] if end else text


def taken(verdict: Verdict) -> set[int]:
    """Numbers of the findings that stand in a verdict or follow from one that does."""
    return {number for cause in verdict.causes for number in (cause.finding, *cause.also, *cause.explains)}


def explained(analysis: Analysis, cause: Cause) -> str:
    """`explains 3 findings: tcp.timeout, http.slow (2)`; "" for none."""
    if not cause.explains:
        return ""
    codes: dict[str, int] = {}
    for finding in analysis.findings:
        if finding.number in cause.explains:
            codes[finding.code] = codes.get(finding.code, 0) + 1
    named = [code if count == 1 else f"{code} ({count})" for code, count in list(codes.items())[:NAMED_CODES]]
    more = len(codes) - NAMED_CODES
    rest = f" and {plural(more, 'more kind')}" if more > 0 else ""
    return f"explains {plural(len(cause.explains), 'finding')}: {', '.join(named)}{rest}"


def frame_list(frames: tuple[int, ...]) -> str:
    """Frame numbers in little room: `#7`, `#3,#9`, `#201–#205` for a run, `#201…#230` for a run with holes."""
    if not frames:
        return ""
    first, last = frames[0], frames[-1]
    if first == last:
        return f"#{first}"
    if len(frames) == 2 and last - first > 1:
        return f"#{first},#{last}"
    return f"#{first}–#{last}" if last - first == len(frames) - 1 else f"#{first}…#{last}"


def frame_runs(frames: tuple[int, ...], most: int = 4) -> str:
    """Every frame, as runs: `#40, #300, #380–#384`; beyond `most` runs `and 12 more frames`."""
    runs: list[list[int]] = []
    for frame in frames:
        if runs and frame == runs[-1][-1] + 1:
            runs[-1].append(frame)
        else:
            runs.append([frame])
    text = ", ".join(frame_list((run[0], run[-1])) if len(run) < 3 else frame_list(tuple(run)) for run in runs[:most])
    hidden = sum(len(run) for run in runs[most:])
    return f"{text} and {plural(hidden, 'more frame')}" if hidden else text


def since_start(ns: int) -> str:
    """Time since a conversation began: `+0.000`, `+24.1 ms`; milliseconds stay readable however late it is."""
    if ns == 0:
        return "+0.000"
    sign = "-" if ns < 0 else "+"
    if abs(ns) < 999_500_000:
        return sign + duration(abs(ns))
    milliseconds = (abs(ns) + 500_000) // 1_000_000
    return f"{sign}{milliseconds // 1000}.{milliseconds % 1000:03d} s"


def took(start_ns: int, end_ns: int, silences: Sequence[Silence]) -> str:
    """How long something lasted: `24.1 ms`; `≤60 min 0 s` across a silence that may be a step of the clock."""
    text = duration(max(end_ns - start_ns, 0))
    return AT_MOST + text if unsure(start_ns, end_ns, silences) else text


def unsure(start_ns: int, end_ns: int, silences: Sequence[Silence]) -> bool:
    """Does a time span a silence that may be a step of the clock?"""
    return any(not one.stood and one.within(start_ns, end_ns) for one in silences)


def doubtful(silences: Sequence[Silence]) -> list[str]:
    """What times across these silences are worth, a sentence each."""
    found = []
    for one in silences:
        where = f"{duration(one.lasted_ns)} without any frame, between #{one.before} and #{one.after}"
        if one.stood:
            hosts, were = " and ".join(one.stood), "were" if len(one.stood) > 1 else "was"
            found.append(f"{where}, passed while {hosts} {were} suspended, by the TCP timestamps.")
        else:
            found.append(
                f"{where}, rest on the clock of the capture alone, which may have been set there: what goes on across "
                f"them may have taken less, which {AT_MOST} says."
            )
    return found


def flag_in_words(flag: str) -> str:
    """`duplicate_ack` as `duplicate ACK`."""
    return " ".join("ACK" if word == "ack" else word for word in flag.split("_"))


def left_out_of_table(unlisted: int) -> str:
    """What a table says of the conversations that it does not list."""
    return f"… {plural(unlisted, 'more conversation')}; --all lists all" if unlisted > 0 else ""
