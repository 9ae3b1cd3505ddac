"""What is printed beside the words of protocols: states and histories of conversations, severities, confidences."""
from __future__ import annotations

from typing import Final

from analyzer.report.words import TCP_STATES, UDP_STATES
from dissectors.kit.protocol import Term

ZEEK: Final = "Zeek's conn.log"
# Zeek's history letters, as far as they are given: a capital is the originator's, a small one the responder's.
LETTERS: Final = {
    "s": "a SYN without ACK", "h": "a SYN-ACK", "a": "an ACK without data", "d": "data", "f": "a FIN", "r": "a RST",
    "t": "a retransmission", "g": "a gap: bytes that are not in the capture", "w": "a closed window",
    "q": "several of SYN, FIN and RST in one segment", "^": "the direction was turned round",
}
LEAST_LETTERS: Final = 3      # of what is taken for a history where it is nothing else
PRINTED: Final = (
    Term(
        "community ID",
        "A hash of addresses, ports and transport, the same in every tool that knows it (Zeek, Suricata, "
        "Wireshark): by it a conversation is found again in their logs. It says nothing of what was sent.",
        "Community ID 1.0", ("state", "history"),
    ),
    Term(
        "state",
        f"What became of a conversation, in Zeek's words: {', '.join(TCP_STATES)}. Each can be explained.",
        ZEEK, ("history", *TCP_STATES),
    ),
    Term(
        "history",
        "What a connection saw, in order: a letter when something comes for the first time (of resends, gaps "
        "and closed windows also the 10th, 100th …). Capitals are the originator's, small ones the responder's. "
        + "; ".join([f"{letter}: {means}" for letter, means in LETTERS.items()]) + ".", ZEEK, ("state",),
    ),
    Term(
        "originator",
        "Who began a conversation: the sender of the SYN, or of the first datagram; where the beginning is "
        "not in the capture, the side with the port that is no service's.", ZEEK, ("responder",),
    ),
    Term(
        "responder",
        "Who was spoken to first: the other side of the originator, mostly the server.", ZEEK,
        ("originator",),
    ),
    Term(
        "severity",
        "How much a finding matters, on Wireshark's scale: error (something failed), warn (something is "
        "wrong), note (worth knowing), chat (a remark).", "", ("confidence", "verdict"),
    ),
    Term(
        "confidence",
        "How sure a finding is: certain (the frames prove it), likely (little else looks like it), possible "
        "(something else may look the same, or the capture may not show it). What it rests on is said beside it.",
        "", ("severity",),
    ),
    Term(
        "verdict",
        "The shortest list of root causes that explains what went wrong, dearest first, three at most; or that nothing "
        "went wrong that the capture shows; or that it cannot show it.", "", ("severity", "confidence"),
    ),
    Term(
        "display filter",
        "What Wireshark takes in its filter line: it shows the frames that a finding is about.", "",
    ),
)


def state_terms() -> list[Term]:
    """Each state of the table of conversations."""
    found = []
    for name in dict.fromkeys([*TCP_STATES, *UDP_STATES]):
        texts = [f"TCP: {TCP_STATES[name]}." if name in TCP_STATES else "",
                 f"UDP: {UDP_STATES[name]}." if name in UDP_STATES else ""]
        found.append(Term(name, " ".join([text for text in texts if text]), ZEEK, ("state", "history")))
    return found


def history_in_words(text: str) -> str:
    """`ShADadFf`, letter by letter; "" where it is no history."""
    if len(text) < LEAST_LETTERS or any(letter.lower() not in LETTERS for letter in text):
        return ""
    if text.islower():      # a word; where only one side is seen, its letters are mostly told as the originator's
        return ""
    words = []
    for letter in text:
        who = "" if letter == "^" else " of the originator" if letter.isupper() else " of the responder"
        words.append(f"{letter}: {LETTERS[letter.lower()]}{who}")
    return "; ".join(words) + "."
