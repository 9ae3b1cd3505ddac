"""Regular expressions that take time in proportion to the text, whatever they are.

Python's and Perl's engines go back and try again, and some short expressions then take for ever on some short texts;
both come from strangers here. This one follows all ways at once (Thompson, "Regular Expression Search Algorithm", 1968)
and keeps what it found out as states of an automaton. What cannot be told so (references back, looking around) is
refused. Letters match in either case, as with Wireshark, unless the expression begins with (?-i).
"""
from __future__ import annotations

from itertools import pairwise
from typing import Final

MAX_PATTERN: Final = 1_000      # characters
MAX_NODES: Final = 1_000        # after counted repetitions are written out
MAX_GROUPS: Final = 40          # within one another
MAX_SEARCHED: Final = 1 << 14   # characters of a text that are looked at
MAX_REPEAT: Final = 1_000       # of a counted repetition
MAX_STATES: Final = 2_000       # of the automaton, before it is begun anew
MAX_MOVES: Final = 50_000       # from one to another that are remembered

# Kinds of nodes.
ONE, SPLIT, BEGIN, FINISH, MATCH = range(5)
Ranges = tuple[tuple[str, str], ...]
WORD: Final[Ranges] = (("0", "9"), ("A", "Z"), ("_", "_"), ("a", "z"))
DIGIT: Final[Ranges] = (("0", "9"),)
SPACE: Final[Ranges] = (("\t", "\r"), (" ", " "))
CLASSES: Final = {"w": WORD, "d": DIGIT, "s": SPACE}
ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v", "a": "\a", "0": "\0"}
SPECIAL: Final = "\\^$.|?*+()[]{}/-\"' #&~!%,:;<=>@_`"


class PatternError(Exception):
    """A regular expression that is wrong, or cannot be taken; the message says why."""


class Node:
    """ranges: what ONE takes; negative: all but that.   first, second: what follows."""

    def __init__(self, kind: int, ranges: Ranges = (), negative: bool = False) -> None:
        self.kind = kind
        self.ranges = ranges
        self.negative = negative
        self.first = -1
        self.second = -1

    def takes(self, character: str, folded: bool) -> bool:
        for one in {character, character.lower(), character.upper()} if folded else (character,):
            if any(low <= one <= high for low, high in self.ranges):
                return not self.negative
        return self.negative


class _Piece:
    """A part of the expression: where it begins, and the (node, second) ends that wait for what follows."""

    def __init__(self, start: int, ends: list[tuple[int, bool]]) -> None:
        self.start = start
        self.ends = ends


class Pattern:
    """Raises PatternError where it is wrong or too large."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_PATTERN:
            raise PatternError(f"a regular expression of {len(text)} characters; {MAX_PATTERN} at most are taken")
        self.folded = True
        if text.startswith(("(?-i)", "(?i)")):
            self.folded = text.startswith("(?i)")
            text = text[text.index(")") + 1:]
        self.text = text
        self.at = 0
        self.depth = 0
        self.nodes: list[Node] = []
        whole = self._choice()
        if self.at < len(text):
            raise PatternError("the regular expression closes a bracket that is not open")
        self._join(whole, self._node(Node(MATCH)))
        self.start = whole.start
        self._forget()

    def search(self, text: str) -> bool:
        """Whether it matches in the first characters of the text, MAX_SEARCHED of them."""
        state = self.begin
        if self.over[state]:
            return True
        for character in text[:MAX_SEARCHED]:
            following = self.moves.get((state, character))
            if following is None:
                following = self._move(state, character)
            state = following
            if self.over[state]:
                return True
        return len(text) <= MAX_SEARCHED and self._at_end(state, not text)

    # -- the automaton ---------------------------------------------------------------------------------

    def _forget(self) -> None:
        self.numbers: dict[frozenset[int], int] = {}
        self.sets: list[frozenset[int]] = []
        self.over: list[bool] = []
        self.ends: dict[int, bool] = {}
        self.moves: dict[tuple[int, str], int] = {}
        self.begin = self._state(self._closure([self.start], True, False))

    def _state(self, nodes: frozenset[int]) -> int:
        number = self.numbers.get(nodes)
        if number is None:
            number = len(self.sets)
            self.numbers[nodes] = number
            self.sets.append(nodes)
            self.over.append(any(self.nodes[node].kind == MATCH for node in nodes))
        return number

    def _closure(self, nodes: list[int], begin: bool, end: bool) -> frozenset[int]:
        """These and all that follow them without a character. begin, end: of the text."""
        found: set[int] = set()
        waiting = list(nodes)
        while waiting:
            at = waiting.pop()
            if at in found:
                continue
            found.add(at)
            node = self.nodes[at]
            if node.kind == SPLIT:
                waiting += [one for one in (node.first, node.second) if one >= 0]
            elif (node.kind == BEGIN and begin) or (node.kind == FINISH and end):
                waiting.append(node.first)
        return frozenset(found)

    def _move(self, state: int, character: str) -> int:
        nodes = self.sets[state]
        taken = [
            self.nodes[at].first for at in nodes
            if self.nodes[at].kind == ONE and self.nodes[at].takes(character, self.folded)
        ]
        following = self._closure([*taken, self.start], False, False)
        if len(self.sets) > MAX_STATES or len(self.moves) > MAX_MOVES:
            self._forget()
            return self._state(following)
        number = self._state(following)
        self.moves[(state, character)] = number
        return number

    def _at_end(self, state: int, begin: bool) -> bool:
        found = self.ends.get(state)
        if found is None or begin:
            closed = self._closure(list(self.sets[state]), begin, True)
            found = any(self.nodes[node].kind == MATCH for node in closed)
            if not begin:
                self.ends[state] = found
        return found

    # -- the expression ----------------------------------------------------------------------------------

    def _node(self, node: Node) -> int:
        if len(self.nodes) >= MAX_NODES:
            raise PatternError("the regular expression repeats too much")
        self.nodes.append(node)
        return len(self.nodes) - 1

    def _join(self, piece: _Piece, to: int) -> None:
        for at, second in piece.ends:
            if second:
                self.nodes[at].second = to
            else:
                self.nodes[at].first = to

    def _peek(self) -> str:
        return self.text[self.at:self.at + 1]

    def _next(self) -> str:
        character = self._peek()
        if not character:
            raise PatternError("the regular expression ends where more was expected")
        self.at += 1
        return character

    def _choice(self) -> _Piece:
        self.depth += 1
        if self.depth > MAX_GROUPS:
            raise PatternError(f"more than {MAX_GROUPS} brackets are open in the regular expression")
        piece = self._sequence()
        while self._peek() == "|":
            self.at += 1
            other = self._sequence()
            split = self._node(Node(SPLIT))
            self.nodes[split].first, self.nodes[split].second = piece.start, other.start
            piece = _Piece(split, piece.ends + other.ends)
        self.depth -= 1
        return piece

    def _sequence(self) -> _Piece:
        empty = self._node(Node(SPLIT))
        whole = _Piece(empty, [(empty, False)])
        while self._peek() not in ("", "|", ")"):
            begun = self.at
            piece = self._repeated(begun, self._atom())
            self._join(whole, piece.start)
            whole = _Piece(whole.start, piece.ends)
        return whole

    def _repeated(self, begun: int, piece: _Piece) -> _Piece:
        """An atom with what stands behind it. The atom is read anew for each copy of a counted repetition."""
        ended = self.at
        least, most = self._count()
        if (least, most) == (1, 1):
            return piece
        after = self.at
        copies: list[_Piece] = []
        for number in range(max(most, least, 1)):
            if number:
                self.at = begun
                copies.append(self._atom())
                assert self.at == ended
            else:
                copies.append(piece)
        self.at = after
        if most < 0:
            return self._endless(copies, least)
        start = self._node(Node(SPLIT))
        whole = _Piece(start, [(start, False)])
        left: list[tuple[int, bool]] = []
        for number, copy in enumerate(copies if most else []):
            if number >= least:
                split = self._node(Node(SPLIT))
                self.nodes[split].first = copy.start
                self._join(whole, split)
                left.append((split, True))
            else:
                self._join(whole, copy.start)
            whole = _Piece(start, copy.ends)
        return _Piece(start, whole.ends + left)

    def _endless(self, copies: list[_Piece], least: int) -> _Piece:
        for one, following in pairwise(copies):
            self._join(one, following.start)
        split = self._node(Node(SPLIT))
        self.nodes[split].first = copies[-1].start
        self._join(copies[-1], split)
        return _Piece(copies[0].start if least else split, [(split, True)])

    def _count(self) -> tuple[int, int]:
        """How often, from and to; -1 for without end. That as few as possible are taken changes nothing here."""
        sign = self._peek()
        if sign in ("*", "+", "?") and sign:
            self.at += 1
            found = {"*": (0, -1), "+": (1, -1), "?": (0, 1)}[sign]
        elif sign == "{":
            end = self.text.find("}", self.at)
            low, comma, high = self.text[self.at + 1:end].partition(",")
            if end < 0 or not low.isdecimal() or (high and not high.isdecimal()):
                raise PatternError("a { of the regular expression is no repetition such as {2,5}; write \\{")
            self.at = end + 1
            found = (int(low[:6]), int(high[:6]) if high else (-1 if comma else int(low[:6])))
            if found[0] > MAX_REPEAT or found[1] > MAX_REPEAT or 0 <= found[1] < found[0]:
                raise PatternError(f"a repetition of the regular expression is above {MAX_REPEAT}, or runs backwards")
        else:
            return 1, 1
        if self._peek() == "?":
            self.at += 1
        if self._peek() in ("*", "+", "{") and self._peek():
            raise PatternError("two repetitions follow one another in the regular expression")
        return found

    def _atom(self) -> _Piece:
        character = self._next()
        if character == "(":
            if self._peek() == "?":
                if not self.text.startswith("?:", self.at):
                    raise PatternError("of (?…) the regular expression may have (?:…), and (?-i) at its beginning")
                self.at += 2
            piece = self._choice()
            if self._peek() != ")":
                raise PatternError("a bracket of the regular expression is not closed")
            self.at += 1
            return piece
        if character in "*+?{":
            raise PatternError(f"nothing stands before `{character}` in the regular expression")
        if character == "^":
            return self._one(Node(BEGIN))
        if character == "$":
            return self._one(Node(FINISH))
        if character == ".":
            return self._one(Node(ONE, (("\n", "\n"),), True))
        if character == "[":
            return self._one(self._set())
        if character == "\\":
            return self._one(self._escaped())
        return self._one(Node(ONE, ((character, character),)))

    def _one(self, node: Node) -> _Piece:
        at = self._node(node)
        return _Piece(at, [(at, False)])

    def _escaped(self) -> Node:
        character = self._next()
        if character.lower() in CLASSES:
            return Node(ONE, CLASSES[character.lower()], character.isupper())
        found = self._character(character)
        return Node(ONE, ((found, found),))

    def _character(self, character: str) -> str:
        """What stands behind a backslash, as one character."""
        if character == "x":
            digits = self.text[self.at:self.at + 2]
            if len(digits) < 2 or not all(one in "0123456789abcdefABCDEF" for one in digits):
                raise PatternError("\\x of the regular expression needs two digits")
            self.at += 2
            return chr(int(digits, 16))
        if character in ESCAPES:
            return ESCAPES[character]
        if character not in SPECIAL:
            raise PatternError(
                f"\\{character} of the regular expression cannot be taken: without going back over a text there are "
                "\\d \\w \\s, and no references and no looking around"
            )
        return character

    def _set(self) -> Node:
        negative = self._peek() == "^"
        if negative:
            self.at += 1
        ranges: list[tuple[str, str]] = []
        first = True
        while self._peek() != "]" or first:
            first = False
            low = self._next()
            if low == "\\":
                low = self._next()
                if low in CLASSES:
                    ranges += CLASSES[low]
                    continue
                low = self._character(low)
            high = low
            if self._peek() == "-" and self.text[self.at + 1:self.at + 2] not in ("]", ""):
                self.at += 1
                high = self._next()
                if high == "\\":
                    high = self._character(self._next())
                if high < low:
                    raise PatternError("a range of the regular expression runs backwards")
            ranges.append((low, high))
        self.at += 1
        return Node(ONE, tuple(ranges), negative)
