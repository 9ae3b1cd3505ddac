"""LDAP and its change to TLS (RFC 4511): messages in BER, of which only the beginnings are read."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.framer import NEED, NONE, NOTHING, PART, Framer
from dissectors.kit.inputs import Chunk
from dissectors.kit.protocol import MORE, NO, YES, Context, Dissector, Protocol
from dissectors.protocols.starttls.dialogue import Pending
from dissectors.protocols.starttls.events import EVENTS
from dissectors.protocols.starttls.observer import StarttlsObserver

START_TLS: Final = b"1.3.6.1.4.1.1466.20037"       # RFC 4511 §4.14.1
MAX_HEAD: Final = 256             # octets of a message that are looked at; the rest is counted past
MAX_MESSAGE: Final = 1 << 26      # octets of a message; more is no LDAP

SEQUENCE: Final = 0x30            # X.690 §8.9
LONGEST_LENGTH: Final = 6         # octets of a tag and a length, as far as Element reads it

# Tags of the operations, RFC 4511 §4.2 to §4.13.
BIND: Final = 0x60
EXTENDED: Final = 0x77
REQUESTS: Final[dict[int, str]] = {
    BIND: "BindRequest", 0x42: "UnbindRequest", 0x63: "SearchRequest", 0x66: "ModifyRequest", 0x68: "AddRequest",
    0x4A: "DelRequest", 0x6C: "ModifyDNRequest", 0x6E: "CompareRequest", 0x50: "AbandonRequest",
    EXTENDED: "ExtendedRequest",
}
UNANSWERED: Final = (0x42, 0x50)  # requests without an answer (RFC 4511 §4.3, §4.11)
PARTIAL: Final = (0x64, 0x73, 0x79)   # answers that others follow: an entry, a reference, an intermediate response
ANSWERS: Final[dict[int, str]] = {
    0x61: "BindResponse", 0x65: "SearchResultDone", 0x67: "ModifyResponse", 0x69: "AddResponse", 0x6B: "DelResponse",
    0x6D: "ModifyDNResponse", 0x6F: "CompareResponse", 0x78: "ExtendedResponse",
}
SIMPLE: Final = 0x80              # AuthenticationChoice, RFC 4511 §4.2
SASL: Final = 0xA3
IN_PROGRESS: Final = 14           # saslBindInProgress: another BindRequest follows

# resultCode, RFC 4511 §4.1.9: those that a bind or a StartTLS meets.
RESULTS: Final[dict[int, str]] = {
    0: "success", 1: "operationsError", 2: "protocolError", 7: "authMethodNotSupported", 8: "strongerAuthRequired",
    10: "referral", 13: "confidentialityRequired", 14: "saslBindInProgress", 32: "noSuchObject",
    48: "inappropriateAuthentication", 49: "invalidCredentials", 50: "insufficientAccessRights", 51: "busy",
    52: "unavailable", 53: "unwillingToPerform",
}


class Element:
    """A BER element: where its content begins and ends; tag -1 where it is cut short or of indefinite length."""

    def __init__(self, data: bytes, at: i64) -> None:
        self.tag: i64 = -1
        self.start: i64 = at
        self.end: i64 = at
        size: i64 = len(data)
        if at + 2 > size:
            return
        length = i64(data[at + 1])
        start = at + 2
        if length & 0x80:
            octets = length & 0x7F
            if not 0 < octets <= 4 or start + octets > size:
                return
            length = 0
            for _ in range(octets):
                length = length << 8 | i64(data[start])
                start += 1
        self.tag = i64(data[at])
        self.start = start
        self.end = start + length


def number(data: bytes, of: Element) -> int:
    """The value of a short integer or enumeration."""
    return int.from_bytes(data[of.start:min(of.end, of.start + 8)], "big")


class LdapFramer(Framer):
    """Messages of one direction. What stands for a header is the beginning of a message, up to MAX_HEAD octets."""

    def __init__(self) -> None:
        super().__init__()
        self.parted = True     # nothing of what follows is held

    def header(self, data: bytes, at: i64) -> i64:
        left: i64 = len(data) - at
        whole = Element(data, at)
        if whole.tag < 0 and left < LONGEST_LENGTH:
            return NEED
        size = whole.end - at
        if whole.tag != SEQUENCE or size > MAX_MESSAGE:
            return NONE
        head = min(size, MAX_HEAD)
        if left < head:
            return NEED
        self.length = size - head
        return head


class LdapObserver(StarttlsObserver):
    """From the first message to StartTLS, or to a bind with a password without it."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, "LDAP")
        self.framers = (LdapFramer(), LdapFramer())
        self.entries = 0
        self.sasl = False                     # a bind under SASL is under way
        self.frames: tuple[int, ...] = ()     # of the chunk in hand

    def is_server(self, data: bytes) -> bool:
        tag = operation(data)
        return tag in ANSWERS or tag in PARTIAL

    def between(self, direction: int) -> bool:
        return not self.framers[direction].within

    def lost(self, direction: int) -> None:
        self.hush()     # nothing marks where a message begins

    def read(self, chunk: Chunk) -> None:
        side = chunk.direction
        framer = self.framers[side]
        framer.feed(chunk)
        self.frames = (chunk.released_by,)
        if side != self.dialogue.client and self.request is None and START_TLS in framer.buffer:
            self.offer(self.now, self.frames)      # among the supportedExtension values of the root
        while not self.over and not self.quiet:
            step = framer.step()
            if step == PART:
                if framer.begins:
                    end = framer.part + framer.length - framer.before
                    begin = framer.part - framer.head
                    self._message(framer.buffer[begin:framer.part], chunk, int(end), int(begin - framer.before))
            elif step == NOTHING:
                return
            else:
                self.hush()
        if self.quiet and not self.over:
            self.octets[side] += int(framer.left())
            self.last_frame = chunk.released_by
            framer.lose()

    def _message(self, head: bytes, chunk: Chunk, end: int, start: int) -> None:
        """head: the first octets of a message, which begins at chunk.data[start] and ends at chunk.data[end - 1]."""
        identifier = Element(head, Element(head, 0).start)
        found = Element(head, identifier.end)
        if identifier.tag != 2 or found.tag < 0:
            self.hush()
            return
        tag, word = int(found.tag), str(number(head, identifier))
        if chunk.direction == self.dialogue.client:
            self.behind(self.frames, self.now, len(head))
            self._request(tag, word, head, found, chunk, start)
        else:
            self._answer(tag, word, head, found, chunk, end)

    def _request(self, tag: int, word: str, head: bytes, found: Element, chunk: Chunk, start: int) -> None:
        name = REQUESTS.get(tag, "")
        if not name or tag in UNANSWERED:
            return
        if tag == BIND:
            self._bind(word, head, found, chunk, start)
        elif tag == EXTENDED and START_TLS in head[found.start:found.start + 64]:
            command = self.command(word, "StartTLS", self.frames, self.now)
            if not self.inside:
                self.ask(command)
        else:
            self.command(word, name, self.frames, self.now)

    def _bind(self, word: str, head: bytes, found: Element, chunk: Chunk, start: int) -> None:
        """A simple bind carries the password as it is, unless it is empty, which is anonymous (RFC 4513 §5.1)."""
        version = Element(head, found.start)
        name = Element(head, version.end)
        choice = Element(head, name.end) if name.end < len(head) else Element(b"", 0)
        if choice.tag in (SIMPLE, SASL):
            self._secret(head, choice, chunk, start)
        if choice.tag == SIMPLE and choice.end > choice.start:
            self.expose("credentials", self.command(word, "BindRequest (simple)", self.frames, self.now))
            return
        kind = {SIMPLE: "anonymous", SASL: "SASL"}.get(int(choice.tag), "")
        text = f"BindRequest ({kind})" if kind else "BindRequest"
        self.command(word, text, self.frames, self.now)
        self.sasl = kind == "SASL"

    def _secret(self, head: bytes, choice: Element, chunk: Chunk, start: int) -> None:
        """The password, or what SASL proves itself with; all of its place, however long, and what is here of it."""
        octets = head[choice.start:min(int(choice.end), len(head))]
        self.context.mark(octets, chunk, start + int(choice.start))
        if not self.inside:
            at = max(chunk.position + start, 0)
            self.context.marks.place(chunk.direction, at + int(choice.start), at + int(choice.end))
        if choice.tag == SASL:
            mechanism = Element(head, choice.start)
            answer = Element(head, mechanism.end) if mechanism.end < len(head) else mechanism
            self.known(head[answer.start:min(int(answer.end), len(head))])

    def _answer(self, tag: int, word: str, head: bytes, found: Element, chunk: Chunk, end: int) -> None:
        if tag in PARTIAL:
            self.entries += 1
            return
        name = ANSWERS.get(tag, "")
        waiting = [command for command in self.pending if command.word == word]
        if not name or not waiting:
            return
        code = number(head, Element(head, found.start))
        text = f"{name} {RESULTS.get(code, f'resultCode {code}')}"
        lines, self.entries = self.entries + 1, 0
        self._ended(waiting[0], text, lines, code, chunk, end)

    def _ended(self, command: Pending, text: str, lines: int, code: int, chunk: Chunk, end: int) -> None:
        self.pending.remove(command)
        self.pending.insert(0, command)
        self.answered(text, lines, self.frames, self.now)
        if self.sasl and command.text.startswith("BindRequest") and code != IN_PROGRESS:
            self.hush()      # from here on it may be protected by a layer of its own (RFC 4422 §3.7)
        if command is not self.request:
            return
        if code == 0:
            self.agree(text, self.frames, chunk, end)
        else:
            self.refuse(text, self.frames, self.now)


def operation(data: bytes) -> int:
    """The tag of the operation of a message that begins with the data; -1 where it is none, -2 where more is needed."""
    if not data or data[0] != 0x30:
        return -1
    whole = Element(data, 0)
    if whole.tag < 0:
        return -2 if len(data) < 6 else -1
    identifier = Element(data, whole.start)
    if identifier.tag < 0 or identifier.end >= len(data):
        return -2 if len(data) < 16 else -1
    if identifier.tag != 2 or not 1 <= identifier.end - identifier.start <= 4:
        return -1
    found = Element(data, identifier.end)
    if found.tag < 0:
        return -2 if len(data) < 24 else -1
    fits = found.end <= whole.end <= MAX_MESSAGE
    return int(found.tag) if fits else -1


def probe(data: bytes, direction: int) -> int:
    """A message whose lengths agree, with an operation that LDAP knows."""
    tag = operation(data)
    if tag == -2 or not data:
        return MORE
    return YES if tag in REQUESTS or tag in ANSWERS or tag in PARTIAL else NO


def create(context: Context) -> Dissector:
    return LdapObserver(context)


LDAP: Final = Protocol(
    name="ldap",
    title="LDAP",
    summary="Directories, as far as StartTLS.",
    specs=("RFC 4511", "RFC 4513"),
    create=create,
    carriers=("tcp",),
    ports={"tcp": (389, 3268)},
    events=EVENTS,
    probe=probe,
)
