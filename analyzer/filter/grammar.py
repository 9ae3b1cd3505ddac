"""From the text of a filter to its tree, with types checked on the way.

Wireshark's grammar (its manual, wireshark-filter(4)), read from left to right with the bindings below. A parser of this
size is smaller than a grammar for a parser generator and what would have to turn its tree into ours, and it alone knows
what was expected where.

    filter  = term, { ("or" | "||"), term }                 the loosest
    term    = factor, { ("and" | "&&"), factor }
    factor  = ("not" | "!"), factor | "(", filter, ")" | test
    test    = operand, [ relation, (value | operand) | ["not"], "in", set ]
    operand = ["any" | "all"], part, ["&", value] | function, "(", part, ")"
    part    = field, ["#", (number | "[", ranges, "]")], ["[", ranges, "]"]
    set     = "{", value, [ "..", value ], { ",", value, [ "..", value ] }, "}"
"""
from __future__ import annotations

from dataclasses import replace
from typing import Final

from analyzer.filter.errors import FilterError, meant
from analyzer.filter.fields import PROTOCOL, Field, instead_of
from analyzer.filter.literals import ARTICLES, octets_of, value_of, wrong
from analyzer.filter.parts import Part, length_of, parts_of
from analyzer.filter.regular import Pattern, PatternError
from analyzer.filter.tree import (
    ALL,
    ANY,
    AT_LEAST,
    AT_MOST,
    CONTAINS,
    EQUAL,
    GREATER,
    LESS,
    MATCHES,
    UNEQUAL,
    Comparison,
    Junction,
    Membership,
    Negation,
    Operand,
    Pair,
    Presence,
    Range,
    Tree,
)
from analyzer.filter.words import END, NAME, OPERATOR, TEXT, Word, words
from dissectors.kit.display_field import BOOLEAN, IPV4, IPV6, MAC, MARK, NUMBER, OCTETS
from dissectors.kit.display_field import TEXT as TEXTS

MAX_DEPTH: Final = 60       # of brackets and negations
# How each operator compares, and of which values of a field, where nothing is said.
RELATIONS: Final = {
    "==": (EQUAL, ANY), "eq": (EQUAL, ANY), "any_eq": (EQUAL, ANY), "===": (EQUAL, ALL), "all_eq": (EQUAL, ALL),
    "!=": (UNEQUAL, ALL), "ne": (UNEQUAL, ALL), "all_ne": (UNEQUAL, ALL), "!==": (UNEQUAL, ANY), "~=": (UNEQUAL, ANY),
    "any_ne": (UNEQUAL, ANY), "<": (LESS, ANY), "lt": (LESS, ANY), "<=": (AT_MOST, ANY), "le": (AT_MOST, ANY),
    ">": (GREATER, ANY), "gt": (GREATER, ANY), ">=": (AT_LEAST, ANY), "ge": (AT_LEAST, ANY),
    "contains": (CONTAINS, ANY), "matches": (MATCHES, ANY), "~": (MATCHES, ANY),
}
SLICED: Final = (TEXTS, OCTETS, PROTOCOL, MAC, IPV4, IPV6)      # kinds whose octets can be asked for
LAYERS_OF: Final = "those of ip, ipv6, icmp, icmpv6 and of ports are: ip.src#1"
FUNCTIONS: Final = ("lower", "upper", "len", "count")
KEYWORDS: Final = ("and", "or", "not", "in", "any", "all", *[word for word in RELATIONS if word.isalpha()])
AND: Final = ("and", "&&")
OR: Final = ("or", "||")
NOT: Final = ("not", "!")


class Parser:
    """names: what texts may be compared with a field that has names of its own: of events, of findings."""

    def __init__(self, text: str, known: dict[str, Field], names: dict[str, tuple[str, ...]]) -> None:
        self.text = text
        self.known = known
        self.names = names
        self.words = words(text)
        self.at = 0
        self.depth = 0

    def tree(self) -> Tree:
        """All of it. Raises FilterError."""
        if self.word.kind == END:
            raise FilterError("it is empty", self.text, 0)
        tree = self._filter()
        word = self.word
        if word.kind != END:
            if word.text in (")", "}", "]"):
                raise self._wrong(word, f"`{word.text}` closes nothing")
            if word.text in ("[", "#"):
                raise self._wrong(word, f"`{word.text}` stands behind a field: eth.src[0:3], ip.src#1")
            raise self._wrong(word, f"{_shown(word)} stands where `and`, `or` or the end was expected")
        return tree

    @property
    def word(self) -> Word:
        return self.words[self.at]

    def _is(self, choices: tuple[str, ...]) -> bool:
        word = self.word
        return word.kind != TEXT and word.text.lower() in choices

    def _take(self) -> Word:
        word = self.word
        if word.kind != END:
            self.at += 1
        return word

    def _wrong(self, word: Word, reason: str) -> FilterError:
        return FilterError(reason, self.text, word.at, word.length)

    def _filter(self) -> Tree:
        parts = [self._term()]
        while self._is(OR):
            self._take()
            parts.append(self._term())
        return parts[0] if len(parts) == 1 else Junction(False, tuple(parts))

    def _term(self) -> Tree:
        parts = [self._factor()]
        while self._is(AND):
            self._take()
            parts.append(self._factor())
        return parts[0] if len(parts) == 1 else Junction(True, tuple(parts))

    def _factor(self) -> Tree:
        word = self.word
        if self.depth > MAX_DEPTH:
            raise self._wrong(word, f"more than {MAX_DEPTH} brackets are open here")
        self.depth += 1
        try:
            if self._is(NOT):
                self._take()
                return Negation(self._factor())
            if self._is(("(",)):
                self._take()
                inside = self._filter()
                self._close(word, ")")
                return inside
            return self._test()
        finally:
            self.depth -= 1

    def _close(self, opened: Word, bracket: str) -> None:
        word = self._take()
        if word.kind == OPERATOR and word.text == bracket:
            return
        if word.kind == END:
            raise self._wrong(opened, f"`{opened.text}` is not closed")
        raise self._wrong(word, f"{_shown(word)} stands where `{bracket}` or `and` was expected")

    # -- one test --------------------------------------------------------------------------------------

    def _test(self) -> Tree:
        quantity = ""
        if self._is((ANY, ALL)) and self.words[self.at + 1].kind == NAME:
            quantity = self._take().text.lower()
        operand = self._operand()
        if self._is(("in",)):
            self._take()
            return Membership(operand, quantity or ANY, self._set(operand))
        if self._is(("not",)) and self.words[self.at + 1].text.lower() == "in":
            self.at += 2
            return Negation(Membership(operand, quantity or ANY, self._set(operand)))
        word = self.word
        found = RELATIONS.get(word.text.lower()) if word.kind != TEXT else None
        if found is None:
            if quantity:
                raise self._wrong(word, f"`{quantity}` needs a comparison: {quantity} tcp.port > 1024")
            if operand.function:
                raise self._wrong(word, f"{operand.function}(…) needs a comparison")
            return Presence(operand)
        self._take()
        return self._compared(operand, word, found[0], quantity or found[1])

    def _operand(self) -> Operand:
        word = self._take()
        if word.kind == NAME and word.text.lower() in FUNCTIONS and self._is(("(",)):
            return self._applied(word)
        operand = self._plain(word)
        if self._is(("&", "bitand", "bitwise_and")):
            sign = self._take()
            if operand.kind != NUMBER and not operand.parts:
                what = ARTICLES[operand.kind]
                raise self._wrong(sign, f"`{operand.field.name}` is {what}; & looks at bits of a number")
            mask = value_of(operand, self._take(), self.text).low
            assert not isinstance(mask, str)
            return replace(operand, mask=mask)
        return operand

    def _plain(self, word: Word) -> Operand:
        if word.kind == END:
            raise self._wrong(word, "it ends where a field was expected")
        if word.kind != NAME or (word.text.lower() in KEYWORDS and word.text not in self.known):
            raise self._wrong(word, f"{_shown(word)} stands where a field was expected, such as tcp.port")
        field = self._field(word.text)
        if field is None:
            raise self._unknown(word)
        return self._part(field, word)

    def _part(self, field: Field, word: Word) -> Operand:
        """The field with what stands behind it: which of its headers, which of its octets."""
        operand = Operand(field, field.kind)
        if self._is(("#",)):
            sign = self._take()
            if not field.each:
                raise self._wrong(sign, f"the headers that have `{field.name}` are not told apart; {LAYERS_OF}")
            operand = replace(operand, layers=self._layers(sign))
        if self._is(("[",)):
            if field.kind not in SLICED or (field.kind == PROTOCOL and field.header is None):
                what = "; of TCP, `tcp.payload` has octets, and every frame has `frame`"
                reason = f"`{field.name}` is {ARTICLES[field.kind]}, whose octets cannot be asked for"
                raise self._wrong(self.word, reason + (what if field.kind == PROTOCOL else ""))
            operand = replace(operand, kind=OCTETS, parts=self._brackets())
        return operand

    def _layers(self, sign: Word) -> tuple[Part, ...]:
        if self._is(("[",)):
            return self._brackets()
        word = self._take()
        if word.kind != NAME or not word.text.isdigit() or len(word.text) > 9:
            raise self._wrong(word, f"the number of a header was expected behind `{sign.text}`: ip.src#1")
        return (Part(int(word.text), 1),)

    def _brackets(self) -> tuple[Part, ...]:
        found = self.words[self.at:]
        parts = parts_of(found, self.word, self.text)
        self.at += length_of(found)
        return parts

    def _field(self, name: str) -> Field | None:
        return self.known.get(name) or self.known.get(name.lower())

    def _unknown(self, word: Word) -> FilterError:
        name = word.text
        if instead := instead_of(name):
            return self._wrong(word, f"`{name}` cannot be asked for here; {instead}")
        if name[0].isdigit() or name[0] in "-:":
            return self._wrong(word, f"`{name}` is a value, and a test begins with a field: ip.addr == 10.0.0.1")
        return self._wrong(word, f"no field `{name}`{meant(name, self.known) or '; `wiretale fields` lists them'}")

    def _applied(self, function: Word) -> Operand:
        opened = self._take()
        word = self._take()
        operand = self._plain(word)
        self._close(opened, ")")
        name = function.text.lower()
        if name == "count":
            return replace(operand, kind=NUMBER, function=name)
        texts = (TEXTS, OCTETS, PROTOCOL) if name == "len" else (TEXTS,)
        if operand.kind == PROTOCOL and operand.field.header is None:
            raise self._wrong(word, f"the octets of `{operand.field.name}` cannot be asked for")
        if operand.kind not in texts:
            raise self._wrong(word, f"{name}() takes a text; `{operand.field.name}` is {ARTICLES[operand.kind]}")
        return replace(operand, kind=NUMBER if name == "len" else operand.kind, function=name)

    # -- what it is compared with --------------------------------------------------------------------------------------

    def _compared(self, operand: Operand, sign: Word, how: str, quantity: str) -> Tree:
        word = self.word
        if word.kind in (END, OPERATOR):
            raise self._wrong(word, f"a value was expected behind `{sign.text}`")
        if how == CONTAINS:
            return Comparison(operand, how, quantity, self._searched(operand, sign))
        if how == MATCHES:
            return Comparison(operand, how, quantity, self._pattern(operand, sign))
        if operand.kind == PROTOCOL and not operand.function:
            name = operand.field.name
            raise self._wrong(sign, f"`{name}` is a protocol: write it alone, or search it with `contains`")
        other = self._other(word, operand)
        if other is not None:
            if other.kind != operand.kind:
                kinds = (ARTICLES[operand.kind], ARTICLES[other.kind])
                raise self._wrong(word, f"`{operand.field.name}` is {kinds[0]}, and `{word.text}` is {kinds[1]}")
            return Pair(operand, how, quantity, other)
        value = self._value(operand)
        if how in (EQUAL, UNEQUAL):
            return Comparison(operand, how, quantity, value)
        if operand.kind == BOOLEAN:
            raise self._wrong(sign, f"`{operand.field.name}` is true or false, which have no order")
        if value.low != value.high:
            raise self._wrong(word, f"`{sign.text}` compares with one address; a network is asked for with ==")
        return Comparison(operand, how, quantity, value.low)

    def _other(self, word: Word, operand: Operand) -> Operand | None:
        """A field of the same frame, to compare with; numbers and addresses are none."""
        if word.kind != NAME:
            return None
        field = self._field(word.text)
        if field is None or field.kind == MARK:
            return None
        parted = self.words[self.at + 1].kind == OPERATOR and self.words[self.at + 1].text in ("[", "#")
        if field.kind == PROTOCOL and not parted:
            return None
        if operand.kind == TEXTS and field.kind != TEXTS:       # a text without quotes
            return None
        self._take()
        return self._part(field, word)

    def _value(self, operand: Operand) -> Range:
        word = self._take()
        if word.kind in (OPERATOR, END):
            raise self._wrong(word, "a value was expected here")
        value = value_of(operand, word, self.text)
        names = self.names.get(operand.field.name)
        if names is not None and value.low not in names and not operand.function:
            hint = meant(word.text, names) or f"; `wiretale explain` knows them: {', '.join(names[:3])} …"
            raise self._wrong(word, f"there is no {operand.field.name} `{word.text}`{hint}")
        return value

    def _searched(self, operand: Operand, sign: Word) -> str | bytes:
        word = self._take()
        if operand.kind in (OCTETS, PROTOCOL):
            self._searchable(operand, sign)
            octets = octets_of(word)
            if octets is None:
                raise wrong(replace(operand, kind=OCTETS), word, self.text)
            return octets
        if operand.kind != TEXTS:
            raise self._wrong(
                sign, f"`contains` searches texts and bytes; `{operand.field.name}` is {ARTICLES[operand.kind]}"
            )
        return word.text

    def _pattern(self, operand: Operand, sign: Word) -> str:
        word = self._take()
        if operand.kind not in (TEXTS, OCTETS, PROTOCOL):
            raise self._wrong(
                sign, f"`matches` searches texts and bytes; `{operand.field.name}` is {ARTICLES[operand.kind]}"
            )
        self._searchable(operand, sign)
        if word.kind != TEXT:
            raise self._wrong(word, f'a regular expression stands in double quotes: "{word.text}"')
        try:
            Pattern(word.text)
        except PatternError as error:
            raise FilterError(str(error), self.text, word.at, word.length) from error
        return word.text

    def _searchable(self, operand: Operand, sign: Word) -> None:
        if operand.kind == PROTOCOL and (not operand.field.searched or operand.layers):
            raise self._wrong(
                sign, f"the octets of `{operand.field.name}` cannot be searched; those of `frame`, `tcp.payload` and "
                "`udp.payload` can, and so can every text"
            )

    def _set(self, operand: Operand) -> tuple[Range, ...]:
        opened = self._take()
        if opened.text != "{" or opened.kind == TEXT:
            raise self._wrong(opened, "a set was expected behind `in`: {80, 443, 8000..8080}")
        if operand.kind == PROTOCOL and not operand.function:
            raise self._wrong(opened, f"`{operand.field.name}` is a protocol, which is in no set")
        ranges: list[Range] = []
        while True:
            first = self.word
            value = self._value(operand)
            if self._is(("..",)):
                self._take()
                last = self._value(operand)
                if last.low < value.low:  # type: ignore[operator]  # of one type
                    raise self._wrong(first, "this range ends before it begins")
                value = Range(value.low, last.high)
            ranges.append(value)
            word = self._take()
            if word.kind == OPERATOR and word.text == "}":
                return tuple(ranges)
            if word.kind == END:
                raise self._wrong(opened, "`{` is not closed")
            if word.text != "," or word.kind == TEXT:
                raise self._wrong(word, f"{_shown(word)} stands where `,` or `}}` was expected")


def _shown(word: Word) -> str:
    return "the end" if word.kind == END else f'"{word.text}"' if word.kind == TEXT else f"`{word.text}`"


def parse(text: str, known: dict[str, Field], names: dict[str, tuple[str, ...]]) -> Tree:
    """The tree of a filter. Raises FilterError."""
    return Parser(text, known, names).tree()
