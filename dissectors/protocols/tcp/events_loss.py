"""Events of loss, repair and reordering. direction is the sender's whose bytes were concerned."""
from __future__ import annotations

from typing import ClassVar, Final

from dissectors.kit.event import BASE, CORE, JsonValue
from dissectors.kit.event import TRANSFER as TRANSFER_RANK
from dissectors.kit.units import duration, plural, size
from dissectors.protocols.tcp.events import LIKELY, TRANSFER, TcpEvent, TcpObserved, capital, frame_list

# A first wait shorter than this was not the timer's; a later one of the same bytes may have been.
LEAST_WAIT_NS: Final = 100_000_000
LEAST_STEPS: Final = 4          # ACKs that each acknowledge part of what was under way, where one would do with a hole
# No timer of a deployed stack runs out sooner (RFC 6298 §2.4 asks for 1 s).
TIMER_NS: Final = 200_000_000


class Repair:
    """The numbers of one repair, from the first sign to the ACK that covers it.

    seq: raw, of the first byte resent. waited_ns: since the segment was sent first, -1 where unknown.
    longest_ns: the longest wait before the same bytes were sent. rounds: how often they were sent again.
    since_sign_ns: from the receiver's last sign to the first resend, -1 where there was none; prompt: it followed at
    once. timers: resends that came after a silence which only the sender's timer explains; silent_ns: the longest one.
    fresh: resent segments whose first copy the capture does not hold. lasted_ns: from the first sign to the
    ACK that covers it all (or to the last resend where repaired is False); answered_ns: from the first resend to it.
    failed: how often the first segment was sent again as large as it was, with no ACK behind it; shrunk: payload of the
    first smaller piece of it that was sent after that, in shrunk_frame at shrunk_ns, 0 for none; pieces_passed: an ACK
    came behind that; large_passed: one came before.     sacked_size: the largest SACK block until then.
    part: (octets sent, octets arrived) while it was repaired, where one was a steady part of the other; (0, 0) where
    not. went_on: the first new data that came after an ACK of the resend and before the rest was acknowledged, a frame.
    steps: ACKs that moved on behind the first resend.     rest: octets behind it that were under way; stamped: it has a
    timestamp. partly_by: the last frame that acknowledged what was resent first, with or without the rest. whole: the
    capture is not known to miss anything.
    """

    def __init__(self) -> None:
        self.frame = 0
        self.seq = 0
        self.segments = 0
        self.octets = 0
        self.duplicates = 0
        self.sacked = False
        self.sacked_later = False    # SACK came after the first resend
        self.waited_ns = -1
        self.longest_ns = -1
        self.since_sign_ns = -1
        self.prompt = False
        self.timers = 0
        self.silent_ns = 0
        self.rounds = 0
        self.backoff = False
        self.fresh = 0
        self.needless = 0
        self.lasted_ns = 0
        self.answered_ns = -1
        self.repaired = False
        self.repaired_by = 0
        self.size = 0                # payload of the first segment resent, and of the last; last_ns: when that was
        self.last_size = 0
        self.last_ns = 0
        self.passed = 0              # the largest payload of this direction that was acknowledged before
        self.failed = self.sacked_size = 0
        self.shrunk = self.shrunk_frame = self.shrunk_ns = 0
        self.pieces_passed = self.large_passed = False
        self.partly_by = 0
        self.fin = False
        self.tail = False            # the first segment resent was the last one sent
        self.part = (0, 0)
        self.went_on = 0
        self.rest = 0
        self.steps = 0
        self.stamped = False
        self.whole = True
        self.basis = ""
        self.within = "this capture" # or what else an ACK was looked for in

    def step_by_step(self) -> bool:
        """A receiver with a hole acknowledges all that waits behind it at once, when that is filled. Where one segment
        is sent again, without a sign of a hole, and the ACKs behind it go up step by step, there was none."""
        signs = self.duplicates or self.sacked or self.sacked_later
        return self.segments == 1 and not signs and not self.needless and self.rest > 0 and self.steps >= LEAST_STEPS

    def too_early(self) -> bool:
        """The timer ran out although nothing was lost, and the sender noticed: it went on with new data and resent
        nothing of the rest, which a timeout alone would make it do (RFC 5681 §3.1)."""
        return (
            self.needless > 0 and self.segments == 1 and self.waited_ns >= TIMER_NS and not self.duplicates
            and not self.sacked and self.rest > 0 and self.went_on > 0 and self.whole
        )

    def hasty(self) -> bool:
        """Nothing asked for it, and no ACK of the first copy could be missed so soon: of this one it took longer."""
        asked = self.duplicates or self.sacked or self.sacked_later or self.timers or self.fresh
        return self.repaired and not asked and 0 <= 2 * max(self.waited_ns, self.longest_ns) < self.answered_ns

    def waiting(self) -> bool:
        """Octets that had arrived waited for what was resent."""
        return self.repaired and self.sacked_size > 0 and not self.needless and self.lasted_ns > 0

    def data(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {
            "first_resend": self.frame, "seq": self.seq, "resent_segments": self.segments,
            "resent_octets": self.octets, "duplicate_acks": self.duplicates, "sacked": self.sacked,
            "rounds": self.rounds, "backoff": self.backoff, "first_copy_unseen": self.fresh,
            "needless": self.needless, "lasted_ns": self.lasted_ns, "repaired": self.repaired,
        }
        if self.waited_ns >= 0:
            out["waited_ns"] = self.waited_ns
        if self.timers and (self.duplicates or self.sacked):
            out |= {"after_timer": self.timers, "silent_ns": self.silent_ns}
        if self.waiting():
            out["waiting_octets"] = self.sacked_size
        if self.repaired_by:
            out["repaired_by"] = self.repaired_by
        if self.basis:
            out["basis"] = self.basis
        if self.part[1]:
            out |= {"sent_octets": self.part[0], "arrived_octets": self.part[1]}
        if self.too_early():
            out |= {"spurious_timeout": True, "went_on": self.went_on}
        return out


class LateArrivals:
    """Segments that came after others which were sent later. longest_ns: the longest delay.     overtaken: by how many
    segments of its sender, the most of one (RFC 4737 §4.2: the extent of reordering)."""

    def __init__(self, segments: int, longest_ns: int, frames: tuple[int, ...], overtaken: int = 0) -> None:
        self.segments = segments
        self.longest_ns = longest_ns
        self.frames = frames
        self.overtaken = overtaken


class UntoldLosses:
    """The sum of the episodes that are not told one by one. time, frame: of the first of them."""

    def __init__(self) -> None:
        self.time = 0
        self.frame = 0
        self.episodes = 0
        self.segments = 0       # resent
        self.octets = 0         # resent
        self.lasted_ns = 0


class Loss(TcpEvent):
    """Segments sent again, where neither duplicate ACKs nor a timeout explains it. Base of the kinds below."""

    name: ClassVar[str] = "tcp.loss"
    phase: ClassVar[str] = TRANSFER
    rank: ClassVar[int] = TRANSFER_RANK
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9293 §3.8"
    WHY: ClassVar[str] = (
        "The network may lose a packet without a word. The sender keeps each byte until it is acknowledged and "
        "sends it again when the acknowledgments, or their absence, suggest that it was lost."
    )

    def __init__(self, observed: TcpObserved, repair: Repair) -> None:
        super().__init__(observed)
        self.repair = repair

    def label(self) -> str:
        return "loss"

    def detail(self) -> str:
        r = self.repair
        end = f"repaired in part in {r.within}" if r.partly_by else f"not repaired in {r.within}"
        return f"{plural(r.segments, 'segment')} resent, {size(r.octets)}, " + (
            (f"repaired in {duration(r.lasted_ns)}" if r.lasted_ns > 0 else "repaired") if r.repaired else end
        )

    def resent(self) -> str:
        """`#205 resends seq 84001 (1448 bytes)`, and how many more followed."""
        r = self.repair
        if r.octets == 0 and r.fin:
            more = f", and {plural(r.segments - 1, 'segment')} more" if r.segments > 1 else ""
            return f"#{r.frame} resends the FIN (seq {r.seq}){more}"
        text = f"#{r.frame} resends seq {r.seq}"
        if r.segments == 1:
            return text + f" ({size(r.octets)})"
        return f"{text}, the first of {plural(r.segments, 'resent segment')} ({size(r.octets)})"

    def signs(self) -> str:
        r = self.repair
        if r.duplicates:
            return plural(r.duplicates, "duplicate ACK") + (" with SACK" if r.sacked else "")
        return "SACK blocks that leave a hole" if r.sacked else ""

    def ending(self) -> str:
        """How it ended, and where the first copy was lost."""
        r = self.repair
        text = "" if r.repaired else f" No ACK in {r.within} shows that {self.peer()} got it."
        if not r.repaired and r.partly_by:
            text = (
                f" #{r.partly_by} is a partial ACK: what was resent first arrived, and another segment that was sent "
                f"before it is not acknowledged in {r.within}."
            )
        copy, was = ("first copy", "it was") if r.segments == 1 else ("first copies", "they were")
        if r.hasty():
            text += " That was sooner than an ACK of the first copy can come: nothing says that anything was lost."
        elif r.fresh and r.fresh == r.segments:
            text += f" The capture does not hold the {copy}: {was} lost before this point, or missed here."
        elif r.fresh == 0 and r.repaired and not r.needless:
            if self.signs():
                text += f" The {copy} passed the capture, so {was} lost beyond this point."
            else:
                text += f" The {copy} passed the capture; beyond this point "
                one = r.segments == 1
                text += "it, or its ACK, was lost or late." if one else "they, or their ACKs, were lost or late."
        return text + self._waiting()

    def _waiting(self) -> str:
        """What had arrived behind the hole, as SACK says (RFC 2018 §4), and nobody could read."""
        r = self.repair
        if not r.waiting():
            return ""
        octets = size(r.sacked_size)
        return f" At least {octets} that had arrived behind it had to wait, for up to {duration(r.lasted_ns)}."

    def what(self) -> str:
        text = f"{capital(self.resent())}."
        if self.signs():
            text = f"{capital(self.signs())}, then {self.resent()}."
        if self.repair.repaired:
            answered = self.repair.answered_ns
            text += f" An ACK covers it {duration(answered)} later." if answered > 0 else " An ACK covers it."
        return text + self.ending()

    def fields(self) -> dict[str, JsonValue]:
        return self.repair.data()


class FastRetransmit(Loss):
    """Duplicate ACKs (or SACK) showed the hole, and the sender filled it at once."""

    name: ClassVar[str] = "tcp.fast_retransmit"
    spec: ClassVar[str] = "RFC 5681 §3.2"
    WHY: ClassVar[str] = (
        "Each segment that arrives beyond a hole makes the receiver repeat its last ACK. Three repetitions are "
        "taken as sign enough of a loss, so the sender need not wait for its timer, which is much slower."
    )

    def what(self) -> str:
        r = self.repair
        lost = "one segment was lost" if r.segments == 1 else f"{r.segments} segments ({size(r.octets)}) were resent"
        if r.rounds > 1:
            tail = f"the same bytes had to be sent {r.rounds} times again"
            tail += f", and {duration(r.lasted_ns)} passed until an ACK covered them." if r.repaired else "."
        elif r.repaired:
            took = f" in {duration(r.lasted_ns)}" if r.lasted_ns > 0 else ""
            tail = f"fast retransmit repaired it{took}, without waiting for a timeout."
        else:
            tail = "a fast retransmit, without waiting for a timeout."
        return f"{capital(self.signs())}, then #{r.frame} resends seq {r.seq}: {lost}; {tail}" + self.ending()


class Timeout(Loss):
    """No ACK came, and the sender's retransmission timer ran out: an inference from the silence."""

    name: ClassVar[str] = "tcp.timeout"
    spec: ClassVar[str] = "RFC 6298 §5"
    WHY: ClassVar[str] = (
        "When too little arrives to raise duplicate ACKs, or what they brought is lost too, only the timer is left. It "
        "must be longer than any normal round trip, so a timeout costs far more than a fast retransmit, and each "
        "further one waits twice as long."
    )

    def label(self) -> str:
        return "timeout"

    def _asked(self) -> str:
        """Where the receiver had asked for the bytes: what the sender did about it."""
        r = self.repair
        if r.prompt:
            return (
                f"{capital(self.signs())}, then {self.resent()}, at first as a fast retransmit. That was not enough: "
                f"up to {duration(r.silent_ns)} passed in silence before a later one, so it looks as if the "
                "retransmission timer ran out."
            )
        if r.since_sign_ns < 0:
            return f"{capital(self.signs())}, then {self.resent()}: {self._because()}"
        return (
            f"{capital(self.signs())}, but {duration(r.since_sign_ns)} passed after the last of them before "
            f"{self.resent()}: it looks as if the retransmission timer ran out, because what the receiver asks for is "
            "resent within about a round trip."
        )

    def _because(self) -> str:
        return "it looks as if the retransmission timer ran out, because " + (
            "nothing else explains so long a wait." if self.signs() else "no duplicate ACK or SACK asked for it."
        )

    def what(self) -> str:
        r = self.repair
        if self.signs() and r.timers:
            text = self._asked()
        elif r.waited_ns >= LEAST_WAIT_NS:
            what = "No ACK of it came" if self.signs() else "No ACK came"
            text = f"{what} for {duration(r.waited_ns)}, then {self.resent()}: {self._because()}"
        elif r.rounds > 1 and r.longest_ns > 0:
            text = f"{capital(self.resent())}, with up to {duration(r.longest_ns)} between the attempts: "
            text += self._because()
        else:
            text = f"{capital(self.resent())}: {self._because()}"
        if r.rounds > 1:
            text += f" It was sent {r.rounds} times again"
            text += ", each time after about twice the wait." if r.backoff else "."
        elif r.tail:
            text += " It was the last segment sent, so a tail loss probe is possible too."
        if r.repaired and r.answered_ns > 0:
            text += f" {duration(r.answered_ns)} after the first resend it was acknowledged."
        return text + self.ending()


class TailLossProbe(Loss):
    """The last segment sent again soon, before a timeout would be due: an inference."""

    name: ClassVar[str] = "tcp.tail_loss_probe"
    spec: ClassVar[str] = "RFC 8985 §7"
    WHY: ClassVar[str] = (
        "Nothing follows the last segment of a burst, so its loss raises no duplicate ACK. A probe after about two "
        "round trips makes the receiver speak before the timer would run out."
    )

    def label(self) -> str:
        return "tail loss probe"

    def what(self) -> str:
        r = self.repair
        text = (
            f"{capital(self.resent())}: it looks as if the sender probed for a lost tail, because it is the last "
            f"segment sent and only {duration(r.waited_ns)} had passed."
        )
        if r.sacked_later and r.segments > 1:
            text += " The SACK that it brought showed what else was missing."
        if r.repaired and r.answered_ns > 0:
            text += f" {duration(r.answered_ns)} after the probe all was acknowledged."
        return text + self.ending()


class SpuriousRetransmission(Loss):
    """Segments sent again which the receiver had already."""

    name: ClassVar[str] = "tcp.spurious_retransmission"
    spec: ClassVar[str] = "RFC 2883 §4"
    WHY: ClassVar[str] = (
        "A sender that takes a late packet or a lost ACK for a loss sends what already arrived, and slows down "
        "without need. A duplicate SACK or the echoed timestamp tells it so afterwards."
    )

    def label(self) -> str:
        return "needless resend"

    def what(self) -> str:
        r = self.repair
        text = f"{capital(self.resent())}, which was not needed: {r.basis}."
        if r.waited_ns > 0:
            text += f" The sender had waited {duration(r.waited_ns)}."
        if r.too_early():
            text += (
                " Its timer had run out too early (a spurious timeout), and it noticed: after the next ACK it went "
                f"on with new data (#{r.went_on}) and resent nothing of the {size(r.rest)} behind, as F-RTO does (RFC "
                "5682 §2.1)"
            )
            text += " or Eifel detection (RFC 3522 §3.2); which of them cannot be told." if r.stamped else (
                ", for which it needs no timestamps."
            )
        return text


class OldTimestamps(TcpEvent):
    """Segments that the receiver dropped because their timestamp is older than one that it had: an inference.

    count: duplicate ACKs that answered them; stamp: of the last of them; held: the newest that the receiver had.
    """

    name: ClassVar[str] = "tcp.old_timestamps"
    phase: ClassVar[str] = TRANSFER
    rank: ClassVar[int] = TRANSFER_RANK
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 7323 §5.3"
    WHY: ClassVar[str] = (
        "On a fast line sequence numbers come round while old segments are still about. The timestamp tells them "
        "apart: a segment with one that is older than the last is dropped and answered with an ACK (PAWS). A sender "
        "whose clock jumps back, or a machine between that changes timestamps, is never heard again."
    )

    def __init__(self, observed: TcpObserved, count: int, stamp: int, held: int) -> None:
        super().__init__(observed)
        self.count = count
        self.stamp = stamp
        self.held = held

    def label(self) -> str:
        return "old timestamp"

    def what(self) -> str:
        return (
            f"{capital(self.peer())} answers {plural(self.count, 'segment')} of {self.who()} with the same ACK as "
            "before. It looks as if it drops them for their timestamp, because they begin just at the byte that it "
            f"waits for, and carry {self.stamp}, where {self.peer()} has had {self.held}."
        )

    def fields(self) -> dict[str, JsonValue]:
        return {"count": self.count, "timestamp": self.stamp, "held": self.held, "confidence": LIKELY}


class Reordering(TcpEvent):
    """Segments that came out of order and were complete without a repair.

    late: None where the capture shows none, and only the receiver's signs tell of it.
    """

    name: ClassVar[str] = "tcp.reordering"
    phase: ClassVar[str] = TRANSFER
    rank: ClassVar[int] = TRANSFER_RANK
    importance: ClassVar[str] = BASE
    spec: ClassVar[str] = "RFC 9293 §3.10.7.4"
    WHY: ClassVar[str] = (
        "Packets may overtake one another. The receiver puts them back in order by their numbers; only a large "
        "displacement looks like a loss to the sender."
    )

    def __init__(self, observed: TcpObserved, duplicates: int, late: LateArrivals | None) -> None:
        super().__init__(observed)
        self.duplicates = duplicates
        self.late = late.segments if late is not None else 0
        self.late_ns = late.longest_ns if late is not None else 0
        self.late_frames: tuple[int, ...] = late.frames if late is not None else ()
        self.overtaken = late.overtaken if late is not None else 0
        self.seen = late is not None

    def label(self) -> str:
        return "out of order"

    def what(self) -> str:
        if self.seen:
            text = f"{plural(self.late, 'segment')} of {self.who()} came out of order"
            text += f", up to {duration(self.late_ns)} late" if self.late_ns > 0 else ""
            text += f", behind up to {plural(self.overtaken, 'later one')}" if self.overtaken else ""
            text += f" ({frame_list(self.late_frames)}). Nothing was resent."
        else:
            signs = plural(self.duplicates, "duplicate ACK") if self.duplicates else "SACK blocks that leave a hole"
            return (
                f"{capital(signs)} from {self.peer()}, then an ACK that moves on, and "
                "nothing was resent: it looks as if segments overtook one another after they passed the capture."
            )
        if self.duplicates:
            text += f" {capital(self.peer())} answered with {plural(self.duplicates, 'duplicate ACK')}."
        return text

    def fields(self) -> dict[str, JsonValue]:
        return {
            "late_segments": self.late, "late_frames": [*self.late_frames],
            "late_ns": self.late_ns, "duplicate_acks": self.duplicates,
            "seen_in_capture": self.seen, "overtaken_by": self.overtaken,
        }


class LossSummary(TcpEvent):
    """Episodes of loss and reordering that were counted but not told one by one."""

    name: ClassVar[str] = "tcp.loss_summary"
    phase: ClassVar[str] = TRANSFER
    rank: ClassVar[int] = TRANSFER_RANK
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 5681 §3.2"
    WHY: ClassVar[str] = "So many repairs are told as a sum; the first ones stand above."

    def __init__(self, direction: int, sides: tuple[str, str], losses: UntoldLosses) -> None:
        super().__init__(TcpObserved(losses.time, direction, (losses.frame,), sides))
        self.episodes = losses.episodes
        self.segments = losses.segments
        self.octets = losses.octets
        self.lasted_ns = losses.lasted_ns

    def label(self) -> str:
        return "loss"

    def what(self) -> str:
        return (
            f"{plural(self.episodes, 'more episode')} of loss or reordering of {self.who()}'s data, not told one by "
            f"one: {plural(self.segments, 'segment')} resent ({size(self.octets)}), {duration(self.lasted_ns)} in sum."
        )

    def fields(self) -> dict[str, JsonValue]:
        return {
            "episodes": self.episodes, "resent_segments": self.segments, "resent_octets": self.octets,
            "lasted_ns": self.lasted_ns,
        }


class CaptureLoss(TcpEvent):
    """Bytes that were acknowledged but never seen: the capture missed them, the receiver did not."""

    name: ClassVar[str] = "tcp.capture_loss"
    phase: ClassVar[str] = TRANSFER
    rank: ClassVar[int] = TRANSFER_RANK
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9293 §3.4"
    WHY: ClassVar[str] = (
        "An ACK proves that the bytes arrived. If the capture never saw them, the capture is incomplete and not the "
        "network: it dropped packets, or they took another way. Statements about this stretch are weaker for it."
    )

    def __init__(self, observed: TcpObserved, octets: int, times: int) -> None:
        super().__init__(observed)
        self.octets = octets
        self.times = times

    def label(self) -> str:
        return "not captured"

    def what(self) -> str:
        text = (
            f"{capital(self.peer())} acknowledges data of {self.who()} that the capture never saw "
            f"({frame_list(self.evidence.frames)})"
        )
        text += f": {size(self.octets)}" if self.octets else ""
        text += f", {plural(self.times, 'time')}" if self.times > 1 else ""
        return text + ". They arrived, so the capture missed them, not the network."

    def fields(self) -> dict[str, JsonValue]:
        return {"octets": self.octets, "times": self.times, "confidence": LIKELY}
