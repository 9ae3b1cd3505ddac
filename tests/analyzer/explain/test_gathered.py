"""Of a capture that is told part by part, the events are kept that rules across conversations ask for."""
from __future__ import annotations

from dis import get_instructions
from types import CodeType, FunctionType

import pytest

from analyzer.explain import lasting, logins, ntp
from analyzer.explain.gathered import ASKED, ASKED_OF_STRAYS, ONCE
from analyzer.explain.leases import DHCP_CAPTURE_RULES
from analyzer.explain.rule import Rule
from analyzer.explain.rules import CAPTURE_RULES
from analyzer.model import Analysis
from dissectors.kit.event import Event

OURS = "analyzer.explain."



def names_in(code: CodeType, loaded: str) -> set[str]:
    """The names that it looks up by such instructions, also within comprehensions and functions of its own."""
    found = {str(one.argval) for one in get_instructions(code) if one.opname.startswith(loaded)}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= names_in(constant, loaded)
    return found


def asked_by(rule: Rule[Analysis]) -> set[type[Event]]:
    """The classes of events that are named in what it calls, as far as that is ours. Of a class of ours, a method is
    called where its name is looked up anywhere."""
    found: set[type[Event]] = set()
    todo: list[object] = [rule.examine]
    seen: set[object] = set()
    classes: set[type] = set()
    looked_up = {"__init__"}
    while todo:
        function = todo.pop()
        if isinstance(function, FunctionType) and function not in seen and function.__module__.startswith(OURS):
            seen.add(function)
            looked_up |= names_in(function.__code__, "LOAD_ATTR") | names_in(function.__code__, "LOAD_METHOD")
            for value in [function.__globals__.get(name) for name in names_in(function.__code__, "LOAD_GLOBAL")]:
                for one in value if isinstance(value, tuple) else (value,):
                    if isinstance(one, type) and issubclass(one, Event) and one is not Event:
                        found.add(one)
                    elif isinstance(one, type) and one.__module__.startswith(OURS):
                        classes.add(one)
                    else:
                        todo.append(one)
        if not todo:
            members = [vars(one)[name] for one in classes for name in looked_up & vars(one).keys()]
            members = [one.fget if isinstance(one, property) else one for one in members]
            todo += [one for one in members if isinstance(one, FunctionType) and one not in seen]
    return found


@pytest.mark.parametrize("rule", CAPTURE_RULES, ids=[rule.code for rule in CAPTURE_RULES])
def test_what_a_rule_across_conversations_asks_for_is_kept(rule: Rule[Analysis]) -> None:
    kept = ASKED + ASKED_OF_STRAYS if rule.code == "tcp.not_translated" else ASKED
    lost = [kind.__name__ for kind in asked_by(rule) if not issubclass(kind, kept)]
    assert not lost, f"{rule.code} asks for {lost}, which gathered.ASKED does not name"


def test_the_classes_are_found() -> None:
    """... or the test above would prove nothing."""
    assert ntp.NtpAnswer in asked_by(ntp.NTP_RULES[0])
    assert logins.Denied in asked_by(logins.LOGIN_CAPTURE_RULES[0])
    assert any(kind.__module__ == "dissectors.protocols.dhcp.events" for kind in asked_by(DHCP_CAPTURE_RULES[0]))
    assert sum(1 for rule in CAPTURE_RULES if asked_by(rule)) > 10


def test_a_rule_is_asked_in_one_way() -> None:
    assert not ONCE & lasting.CODES
    assert {rule.code for rule in CAPTURE_RULES} > ONCE | lasting.CODES
