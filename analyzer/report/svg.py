"""A surface for diagrams as SVG: one file that stands alone, reads well in light and dark, and holds nothing active.

Text of the capture goes through `escaped`: no markup, no control, nothing that XML does not allow gets out of it.
"""
from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from analyzer.report.escape import terminal_text
from analyzer.report.rows import cells

WIDTH: Final = 1_000          # of every diagram, in units of its own
MARGIN: Final = 16
TEXT: Final = 12              # size of letters
CELL: Final = 7.0             # how wide a letter of that size is taken to be
BARS: Final = 6               # colours of bars, c0 to c5

# The colours of the page, and tcptrace's for the time-sequence graph.
STYLE: Final = """
svg{--back:#fbfbfa;--text:#1d2126;--dim:#5b6570;--line:#d9dde2;--mark:#fff3c4;--forward:#1b7f3b;--backward:#a3278f;
--error:#c2261d;--c0:#3b82c4;--c1:#2f9e8f;--c2:#a35bb5;--c3:#5d9e3a;--c4:#c98a1b;--c5:#6c78d6;--ack:#2f9e44;
--allowed:#a88600;--sack:#a35bb5;--ends:#d9822b}
@media(prefers-color-scheme:dark){svg{--back:#14171b;--text:#e5e8ec;--dim:#9aa5b1;--line:#343b44;--mark:#4b3f10;
--forward:#63c983;--backward:#e08ad3;--error:#ff7b72;--ack:#51cf66;--allowed:#e3c341}}
text{font:12px system-ui,sans-serif;fill:var(--text)}.h{font-size:14px;font-weight:600}.b{font-weight:600}
.s{font-size:10.5px;fill:var(--dim)}.e{text-anchor:end}.m{text-anchor:middle}.back{fill:var(--back)}
.band{fill:var(--mark)}.line{stroke:var(--line);fill:none}.life{stroke:var(--line);stroke-width:2}
.f{stroke:var(--forward);fill:none;stroke-width:1.5}.r{stroke:var(--backward);fill:none;stroke-width:1.5}
.c0{fill:var(--c0)}.c1{fill:var(--c1)}.c2{fill:var(--c2)}.c3{fill:var(--c3)}.c4{fill:var(--c4)}.c5{fill:var(--c5)}
.wait{opacity:.38}.blocked{fill:var(--dim);opacity:.3}.open{opacity:.5}.close{opacity:.7}
.data{stroke:var(--text)}.resent{stroke:var(--error);stroke-width:2.5}.ends{stroke:var(--ends);stroke-width:3}
.ack{stroke:var(--ack)}.allowed{stroke:var(--allowed)}.sack{stroke:var(--sack)}
.data,.resent,.ends,.ack,.allowed,.sack{fill:none}
"""


def escaped(text: str) -> str:
    """`text` as words in XML, on one line. What XML 1.0 §2.2 leaves out of a document is an escape by then."""
    return escape(terminal_text(text), quote=True)


def fitted(text: str, width: float) -> str:
    """`text` cut so that it is about `width` wide, with `…` where it was cut."""
    text = terminal_text(text)
    room = int(width / CELL)
    if cells(text) <= room:
        return text
    while text and cells(text) > room - 1:
        text = text[:max(min(len(text) - 1, room), 0)] if len(text) > room else text[:-1]
    return text.rstrip() + "…"


class Canvas:
    """What is drawn so far. y: the height that is used."""

    def __init__(self) -> None:
        self.y = float(MARGIN)
        self.parts: list[str] = []

    def text(self, x: float, y: float, text: str, kind: str = "") -> None:
        """Words with their base line at y. kind: classes of the style."""
        named = f' class="{kind}"' if kind else ""
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}"{named}>{escaped(text)}</text>')

    def box(self, x: float, y: float, width: float, height: float, kind: str, round_by: int = 0) -> None:
        rounded = f' rx="{round_by}"' if round_by else ""
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"{rounded} class="{kind}"/>'
        )

    def path(self, steps: str, kind: str) -> None:
        """steps: of numbers and letters of our own making, never of the capture; "" draws nothing."""
        if steps:
            self.parts.append(f'<path d="{steps}" class="{kind}"/>')

    def heading(self, text: str) -> None:
        self.text(MARGIN, self.y + 14, fitted(text, (WIDTH - 2 * MARGIN) * TEXT / 14), "h")
        self.y += 26

    def note(self, text: str) -> None:
        self.text(MARGIN, self.y + 11, fitted(text, WIDTH - 2 * MARGIN), "s")
        self.y += 20

    def document(self, title: str) -> Iterator[str]:
        """The file in pieces."""
        height = self.y + MARGIN
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" '
            f'height="{height:.0f}" role="img">\n<title>{escaped(title)}</title>\n<style>{STYLE}</style>\n'
            f'<rect width="100%" height="100%" class="back"/>\n'
        )
        for part in self.parts:
            yield part + "\n"
        yield "</svg>\n"
