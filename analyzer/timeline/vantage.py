"""Where the capture was taken: an inference from how long each half of the handshakes takes.

Close to the caller, the SYN leaves long before its answer comes and the third segment follows at once; close to
the other side it is the reverse. What each connection suggests is a vote for one address.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from analyzer.model import Account, Silence
from dissectors.kit.event import OPENING
from dissectors.kit.units import duration, median, plural

AGREEMENT: Final = 0.8    # share of the handshakes that has to say the same


class Vote:
    """One handshake. side: "client", "server" or "between"; address: of that side, "" for between."""

    def __init__(self, side: str, address: str, answer_ns: int, ack_ns: int) -> None:
        self.side = side
        self.address = address
        self.answer_ns = answer_ns
        self.ack_ns = ack_ns


def seen_from(votes: list[Vote]) -> str:
    """In words, with the reason; "" where the handshakes do not tell or contradict one another."""
    if not votes:
        return ""
    for side in ("client", "server", "between"):
        agreed = [vote for vote in votes if vote.side == side]
        if len(agreed) >= AGREEMENT * len(votes):
            return _words(side, agreed, len(votes))
    addresses = [vote.address for vote in votes if vote.address]
    common = max(sorted(set(addresses)), key=addresses.count, default="")
    if common and addresses.count(common) >= AGREEMENT * len(votes):
        return (
            f"{common} (likely: of {plural(len(votes), 'handshake')}, {addresses.count(common)} answer or are "
            "answered fastest there)"
        )
    return ""


def votes_of(accounts: list[Account], silences: Sequence[Silence] = ()) -> list[Vote]:
    """What the handshakes of these conversations suggest."""
    votes: list[Vote] = []
    for account in accounts:
        for event in account.events:
            seen = event.vantage() if event.rank == OPENING else None
            if seen is not None and not any(seen.answer_ns + seen.ack_ns >= one.lasted_ns for one in silences):
                ends = (account.conversation.originator.address, account.conversation.responder.address)
                address = {"client": ends[seen.client], "server": ends[1 - seen.client]}.get(seen.side, "")
                votes.append(Vote(seen.side, address, seen.answer_ns, seen.ack_ns))
                break
    return votes


def _words(side: str, votes: list[Vote], total: int) -> str:
    answer = duration(int(median([vote.answer_ns for vote in votes])))
    ack = duration(int(median([vote.ack_ns for vote in votes])))
    middle = "" if total == 1 else f"median of {total} handshakes, "
    if side == "client":
        ends = "the client's side" if len({vote.address for vote in votes}) == 1 else "the clients' side"
        return f"{ends} (likely: {middle}the SYN leaves {answer} before its answer, which is acknowledged after {ack})"
    if side == "server":
        ends = "the server's side" if len({vote.address for vote in votes}) == 1 else "the servers' side"
        return f"{ends} (likely: {middle}the SYN is answered after {answer}, and the answer acknowledged after {ack})"
    return f"a point between both sides (likely: {middle}{answer} pass on one side of it and {ack} on the other)"
