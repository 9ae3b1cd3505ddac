"""What is known of a dialogue in plain text, of a command in it, and of what was seen."""
from __future__ import annotations


class Dialogue:
    """protocol: its title, `SMTP`. client: the direction in which the client sends, -1 before anybody spoke.

    began_ns: time of the first bytes, -1 for none. commands: of the client so far. offered: the server offered TLS.
    """

    def __init__(self, protocol: str) -> None:
        self.protocol = protocol
        self.client = -1
        self.began_ns = -1
        self.commands = 0
        self.offered = False
        self.login = 0         # which login was sent: the same number for the same one, which says nothing of it


class StarttlsObserved:
    """When something of a dialogue was seen, of which direction it tells, and in which frames."""

    def __init__(self, time: int, direction: int, frames: tuple[int, ...], dialogue: Dialogue) -> None:
        self.time = time
        self.direction = direction
        self.frames = frames
        self.dialogue = dialogue


class Pending:
    """A command that waits for its answer. text: as it may be shown. word: by which its answer is found.

    secret: part of it is not shown, and the words of the answer may repeat it.
    """

    def __init__(self, word: str, text: str, frames: tuple[int, ...], time: int, secret: bool = False) -> None:
        self.word = word
        self.text = text
        self.frames = frames
        self.time = time
        self.secret = secret
