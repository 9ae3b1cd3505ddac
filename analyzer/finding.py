"""What was found, and what it amounts to."""
from __future__ import annotations

from typing import Final

from dissectors.kit.event import JsonValue

# Severities on Wireshark's scale, lowest first.
SEVERITIES: Final = ("chat", "note", "warn", "error")


class FindingKind:
    """What is said of all findings of a code, for documents. severity: the usual one.

    means: what a finding of it says, in a sentence.     threshold: from which time or count on it is one, and why it is
    that; "" where no fixed one decides.     absence: it rests on what was not seen.
    """

    def __init__(
        self, code: str, severity: str, means: str, next_step: str, refute: str, display_filter: str = "",
        absence: bool = False, threshold: str = "",
    ) -> None:
        self.code = code
        self.severity = severity
        self.means = means
        self.next_step = next_step
        self.refute = refute
        self.display_filter = display_filter
        self.absence = absence
        self.threshold = threshold


class Concern:
    """Whom a finding is about: a service, or another address (port 0), as its name where the capture gives one.

    what: what was asked for there, where it is about that: the name of a lookup, the method and path of a request. ""
    where that is not known, or does not matter.
    """

    def __init__(self, address: str, port: int = 0, name: str = "", what: str = "") -> None:
        self.address = address
        self.port = port
        self.name = name
        self.what = what

    def as_json(self) -> dict[str, JsonValue]:
        return {"address": self.address, "port": self.port, "name": self.name, "what": self.what}


class Finding:
    """What events together mean. frames prove it; filter shows it in Wireshark; refute would disprove it.

    confidence: "certain", "likely" or "possible", with what it rests on in `basis`.
    number: its place among the findings of the capture, from 1; 0 as long as it has none.
    explains, explained_by: numbers of other findings (`analyzer/explain/verdict.py`).
    cost_ns: time that it cost, 0 where nobody can say.     victims: how many conversations have it, 0 likewise.
    proof: every frame that it rests on, where `frames` are the first of them.
    about: addresses and services that it is about, where no conversation says so.     clients: of one about many
    conversations all of its clients, where they are few and all known.
    examples: of a finding about several conversations, the numbers of a few that show it best; members: of all of them,
    as far as they were told and are not too many.
    concerns: whom it is about (`analyzer/explain/since.py`); () where it is about the capture.
    """

    def __init__(
        self, code: str, severity: str, confidence: str, sentence: str, conversation: int,
        frames: tuple[int, ...], display_filter: str, next_step: str, refute: str, basis: str = "",
    ) -> None:
        self.code = code
        self.severity = severity
        self.confidence = confidence
        self.sentence = sentence
        self.conversation = conversation   # 0 where it concerns the capture
        self.frames = frames
        self.display_filter = display_filter
        self.next_step = next_step
        self.refute = refute
        self.basis = basis
        self.number = 0
        self.explains: tuple[int, ...] = ()
        self.explained_by: tuple[int, ...] = ()
        self.cost_ns = 0
        self.victims = 0
        self.proof = frames
        self.about: tuple[str, ...] = ()
        self.clients: tuple[str, ...] = ()
        self.members: tuple[int, ...] = ()
        self.concerns: tuple[Concern, ...] = ()
        self.examples: tuple[int, ...] = (conversation,) if conversation else ()

    def as_json(self) -> dict[str, JsonValue]:
        return {
            "number": self.number, "code": self.code, "severity": self.severity, "confidence": self.confidence,
            "sentence": self.sentence, "conversation": self.conversation, "frames": list(self.frames),
            "display_filter": self.display_filter, "next_step": self.next_step, "refute": self.refute,
            "basis": self.basis, "cost_ns": self.cost_ns, "victims": self.victims,
            "explains": list(self.explains), "explained_by": list(self.explained_by),
            "concerns": [one.as_json() for one in self.concerns],
        }


class Cause:
    """One root cause. finding: its number.     also: numbers of findings that say the same of other conversations.

    explains: numbers of all findings that follow from it, directly or not.     severity: the worst of all these.
    cost_ns, victims: of all of them together; 0 where nobody can say.     more: what `also` amounts to, in a sentence.
    """

    def __init__(self, finding: int, severity: str) -> None:
        self.finding = finding
        self.severity = severity
        self.also: tuple[int, ...] = ()
        self.explains: tuple[int, ...] = ()
        self.cost_ns = 0
        self.victims = 0
        self.more = ""


class Verdict:
    """What went wrong in a capture: root causes, dearest first, or one sentence where there are none to be told.

    kind: CAUSES, CLEAN (nothing went wrong that this capture shows) or UNSURE (it is too poor to say).
    sentence: for the two last, whose causes are only worth knowing.     covered: what it rests on, in words.
    doubts: what it cannot see, a sentence each.     known: in a sentence, what an earlier report had already.
    """

    CAUSES: Final = "causes"
    CLEAN: Final = "clean"
    UNSURE: Final = "unsure"

    def __init__(self) -> None:
        self.kind = self.CLEAN
        self.sentence = ""
        self.covered = ""
        self.known = ""
        self.doubts: list[str] = []
        self.causes: list[Cause] = []
