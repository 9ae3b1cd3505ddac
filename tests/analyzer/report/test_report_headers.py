"""The line over a conversation says what was sent, and nothing that its frames do not show."""
import pytest

from analyzer.model import CaptureSummary, Conversation, Endpoint
from analyzer.report.terminal import coverage
from analyzer.report.terminal_conversation import title_pieces


@pytest.mark.parametrize(("end", "payload", "text"), [
    (1000, 417, "417 bytes in 1.00 µs"), (0, 417, "417 bytes"), (0, 0, "no payload"), (1000, 0, "no payload, 1.00 µs"),
])
def test_what_has_no_duration_is_told_without_one(end: int, payload: int, text: str) -> None:
    conversation = Conversation(1, "udp", Endpoint("10.0.0.1", 1), Endpoint("10.0.0.2", 2))
    conversation.end_ns, conversation.payload = end, [payload, 0]
    assert title_pieces(conversation)[-1] == text


def covered(drawn: int, read: int, conversations: int) -> str:
    capture = CaptureSummary(["made.pcap"])
    capture.read, capture.conversations = read, conversations
    return coverage(drawn, capture)


def test_the_header_says_what_the_findings_rest_on() -> None:
    assert covered(30, 30, 85_681) == (
        "what 30 conversations carried; of 85\u202f651 others what TCP, UDP and ICMP show (--all reads all)"
    )
    assert covered(38, 2_108, 2_108) == "all conversations; 38 of them are drawn (--all draws all)"
    capture = CaptureSummary([])
    capture.conversations = 2
    capture.half_told = True
    assert coverage(1, capture) == "what 1 conversation carried; of 1 other what TCP, UDP and ICMP show"
