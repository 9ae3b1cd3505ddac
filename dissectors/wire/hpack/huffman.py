"""The Huffman code for strings in header fields (RFC 7541 §5.2, Appendix B)."""
from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64

EOS: Final = 256
LONGEST_PADDING: Final = 7    # bits; more of it is a decoding error (RFC 7541 §5.2)

# The length in bits of the code of each octet, then of EOS. The code is canonical: codes of one length are
# consecutive numbers in the order of their symbols, so the lengths say everything.
LENGTHS: Final = (
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28,
    28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15,
    6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20,
    20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23,
    24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22,
    22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27,
    24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26,
    26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
)

# What the next four bits do in a state. No code is shorter than five bits, so they complete one octet at most.
_GOES_ON: Final = 0
_COMPLETES: Final = 1
_FAILS: Final = 2      # EOS within a string, which is a decoding error


class _Tables:
    """The code as a machine. A state is an inner node of its tree, 0 the root; an index is state << 4 | four bits.

    kind: one of the three above.  target: the next state.  symbol: the octet that is complete.
    final: for each state, 1 where a string may end: what was read of a code is nothing but padding.
    """

    def __init__(self) -> None:
        children = _tree()
        kind = bytearray(len(children) << 4)
        target = bytearray(len(children) << 4)
        symbol = bytearray(len(children) << 4)
        for state in range(len(children)):
            for bits in range(16):
                at = state << 4 | bits
                node = state
                for shift in (3, 2, 1, 0):
                    node = children[node][bits >> shift & 1]
                    if node >= 0:
                        continue
                    if ~node == EOS:
                        kind[at] = _FAILS
                        break
                    kind[at] = _COMPLETES
                    symbol[at] = ~node
                    node = 0
                target[at] = max(node, 0)
        final = bytearray(len(children))
        node = 0
        for _ in range(LONGEST_PADDING + 1):
            final[node] = 1
            node = children[node][1]
        self.kind = bytes(kind)
        self.target = bytes(target)
        self.symbol = bytes(symbol)
        self.final = bytes(final)


def _tree() -> list[list[int]]:
    """Inner nodes, each with what follows a 0 and a 1: another node, or ~symbol."""
    nodes: list[list[int]] = [[0, 0]]
    code = 0
    before = 0
    for length, symbol in sorted([(length, symbol) for symbol, length in enumerate(LENGTHS)]):
        code <<= length - before
        before = length
        at = 0
        for shift in range(length - 1, 0, -1):
            bit = code >> shift & 1
            if nodes[at][bit] == 0:
                nodes.append([0, 0])
                nodes[at][bit] = len(nodes) - 1
            at = nodes[at][bit]
        nodes[at][code & 1] = ~symbol
        code += 1
    return nodes


_TABLES: Final = _Tables()


def decode(data: bytes, start: i64, end: i64) -> bytes | None:
    """The string coded in data[start:end]; None where that is no Huffman code."""
    kinds, targets, symbols = _TABLES.kind, _TABLES.target, _TABLES.symbol
    out = BytesWriter()
    state: i64 = 0
    at = start
    while at < end:
        octet = i64(data[at])
        at += 1
        step = state << 4 | octet >> 4
        kind = i64(kinds[step])
        if kind:
            if kind == _FAILS:
                return None
            out.append(symbols[step])
        step = i64(targets[step]) << 4 | (octet & 15)
        kind = i64(kinds[step])
        if kind:
            if kind == _FAILS:
                return None
            out.append(symbols[step])
        state = i64(targets[step])
    if not _TABLES.final[state]:
        return None
    return out.getvalue()
