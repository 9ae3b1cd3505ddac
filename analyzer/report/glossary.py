"""The glossary: terms, analysis flags and events of every protocol, found by name."""
from __future__ import annotations

import re
from typing import Final

from analyzer.finding import FindingKind
from analyzer.report.printed import PRINTED, history_in_words, state_terms
from dissectors.kit.captured import ABOUT_THE_CAPTURE
from dissectors.kit.event import DissectorFault, Event, LimitReached, Malformed, OtherProtocol
from dissectors.kit.protocol import Flag, Protocol, Term

SUGGESTIONS: Final = 5
CLOSE: Final = 0.6            # how alike a name must be to be suggested, 0 to 1


class Entry:
    """What the glossary says under one name. kind: "term", "flag", "event", "finding", "state" or "protocol".

    more: further points, each with its label.
    """

    def __init__(
        self, kind: str, name: str, text: str, spec: str = "", see: tuple[str, ...] = (),
        more: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self.kind = kind
        self.name = name
        self.text = text
        self.spec = spec
        self.see = see
        self.more = more


class Glossary:
    """Every name that can be explained. Case, and `-`, `_` and spaces, make no difference."""

    def __init__(self, protocols: tuple[Protocol, ...], findings: tuple[FindingKind, ...] = ()) -> None:
        self.terms: dict[str, Term] = {}
        self.entries: dict[str, list[Entry]] = {}
        self._seen: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        for protocol in protocols:
            self._protocol(protocol)
        common: tuple[type[Event], ...] = (Malformed, OtherProtocol, LimitReached, DissectorFault)
        for event in common + ABOUT_THE_CAPTURE:
            self._add(event.name, Entry("event", event.name, event.WHY, event.spec))
        for protocol in protocols:
            for flag in protocol.flags:
                self._flag(flag)
        for kind in findings:
            self._add(kind.code, Entry("finding", kind.code, kind.means, more=(
                ("Severity: ", kind.severity), ("Next: ", kind.next_step), ("Would disprove it: ", kind.refute),
                ("Filter: ", kind.display_filter), ("From when on: ", kind.threshold),
            )))
        for kind_of, terms in (("state", state_terms()), ("term", PRINTED)):
            for term in terms:
                if term.term not in self.terms:
                    self._add(term.term, Entry(kind_of, term.term, term.text, term.spec, term.see))

    def _protocol(self, protocol: Protocol) -> None:
        text = protocol.summary
        see = tuple(event.name for event in protocol.events)
        entry = Entry("protocol", protocol.title, text, ", ".join(protocol.specs), see)
        self._add(protocol.name, entry)
        if plain(protocol.title) != plain(protocol.name):
            self._add(protocol.title, entry)
        for event in protocol.events:
            self._event(event)
        for term in protocol.terms:
            if term.term not in self.terms:
                self.terms[term.term] = term
                self._add(term.term, Entry("term", term.term, term.text, term.spec, term.see))

    def _event(self, event: type[Event]) -> None:
        self._add(event.name, Entry("event", event.name, event.WHY, event.spec))

    def _flag(self, flag: Flag) -> None:
        """A flag under Wireshark's full name, and under its short one where no term has that."""
        known = self.terms.get(flag.term)
        entry = Entry(
            "flag", flag.name, f"{flag.text} Severity: {flag.severity}.", known.spec if known is not None else "",
            (flag.term,) if known is not None else (),
        )
        self._add(flag.name, entry)
        if plain(flag.short) not in self.entries:
            self._add(flag.short, entry)

    def _add(self, name: str, entry: Entry) -> None:
        self.entries.setdefault(plain(name), []).append(entry)

    def find(self, name: str) -> list[Entry]:
        """Every entry of that name; an empty list where there is none."""
        found = self.entries.get(plain(name))
        if found is None and plain(name).endswith("s"):
            found = self.entries.get(plain(name)[:-1])
        return found or self._beginning_with(plain(name)) or self._history(name)

    def _beginning_with(self, key: str) -> list[Entry]:
        """The term of several words of which this is the first, where there is but one: `Nagle`."""
        found = [
            entries for name, entries in self.entries.items()
            if name.startswith(f"{key} ") and any(entry.kind == "term" for entry in entries)
        ]
        return found[0] if len(found) == 1 and key else []

    def _history(self, name: str) -> list[Entry]:
        text = history_in_words(name)
        return [Entry("state", name, text, see=("history",))] if text else []

    def suggestions(self, name: str) -> list[str]:
        """Names that look like `name`, or hold it."""
        from difflib import get_close_matches

        key = plain(name)
        near = [known for known in self.entries if len(key) > 2 and key in known]
        near += [known for known in get_close_matches(key, self.entries, SUGGESTIONS, CLOSE) if known not in near]
        return [self.entries[known][0].name for known in near[:SUGGESTIONS]]

    def new_words_in(self, texts: list[str]) -> list[tuple[str, str, str]]:
        """Terms that `texts` use and that were not returned before: (term, text, spec), by name."""
        if self._pattern is None:
            self._pattern = self._compile()
        found = {plain(match.group(1)) for text in texts for match in self._pattern.finditer(text)}
        fresh = [
            term for term in self.terms.values() if plain(term.term) in found and plain(term.term) not in self._seen
        ]
        self._seen.update(plain(term.term) for term in fresh)
        return sorted(((term.term, term.text, term.spec) for term in fresh), key=lambda item: item[0].lower())

    def _compile(self) -> re.Pattern[str]:
        """Any term as a whole word or its plural; abbreviations only as they are written."""
        forms: set[str] = set()
        for name in self.terms:
            if len(name) == 1:      # the record type A, and not the article
                continue
            forms |= {name} if name.isupper() else {name, name.lower(), name[:1].upper() + name[1:]}
        longest_first = sorted(forms, key=len, reverse=True)
        return re.compile(r"(?<![\w-])(" + "|".join(map(re.escape, longest_first)) + r")s?(?![\w-])")


def plain(name: str) -> str:
    """A name as it is looked up."""
    return " ".join(name.lower().replace("-", " ").replace("_", " ").split())
