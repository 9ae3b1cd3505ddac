"""Nothing of a packet is more than words in Markdown: a real renderer with all that forges add to it says so."""
from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_example import Said, example
from sample_feeds import SAMPLES
from test_report_formats import HOSTILE, hostile

from analyzer.model import Analysis
from analyzer.pipeline.run import Options, analyze
from analyzer.report.escape import terminal_text
from analyzer.report.markdown import diagram_text, markdown, plain
from dissectors.kit.event import FORWARD

MarkdownIt = pytest.importorskip("markdown_it", reason="markdown-it-py is not installed").MarkdownIt
pytest.importorskip("linkify_it", reason="linkify-it-py is not installed")
plugins = pytest.importorskip("mdit_py_plugins", reason="mdit-py-plugins is not installed")

ATTACKS = (
    "http://\u200bevil.test", "http://evil.test/a_b_c", "https://user:x@evil.com:8080/?a=b&c=d#e", "ftp://evil.com",
    "www.evil.com", "evil.com", "//evil.com", "mail me@evil.com", "mailto:me@evil.com", "xmpp:me@evil.com/x",
    "<http://evil.com>", "<me@evil.com>", "<javascript:alert(1)>", "[x](javascript:alert(1))",
    "![x](http://evil.com/a)", "[x][y]", "[x]: http://evil.com", "<b>bold</b>", "<script>alert(1)</script>",
    "<!-- x -->", "<img src=x onload=y>", "&lt;b&gt;", "&#60;", "# heading", "* item", "- item", "+ item", "1. item",
    "> quoted", "- [ ] task", "[x] task", "a | b | c", "|---|---|", "a|b", "a\\|b", "\\", "\\\\|", "a\\", "`code`",
    "``", "`", "a`b``c", "*em* **strong**", "_em_ __strong__", "a_b_c", "~~gone~~", "~sub~", "^sup^", "$x^2$",
    "$$x$$", "[^1]", "[^1]: note", "^[note]", ":smile:", ":100:", "12:100:5", "@user", "@org/team", "#12", "GH-12",
    "JIRA-7", "org/repo#12", "!12", "~label", "%1", "a5c3785ed8", "==mark==", "++ins++", "{.class}", "{{ x }}", "***",
    "---", "===", "```", "~~~", "    code", "1.2.3.4", "1.2.3.4:80", "evil\uff0ecom", "evil\u3002com",
    "http\uff1a//evil.com", "例え.jp", "\u3000# x", "\ta", "a\n\n# b", "\r\n- x", "a  ", "\u00a0", "``a`` |", "| `",
    "`|`", "(c) (tm)", "--", "...", "\"quoted\"", "!", "![", "](", "a <!-- ", "x]]>", "<?php", "http", "www.", "://",
    "a@b", "..evil.com", "(evil.com)", "\"evil.com\"", "evil.com.", "-evil.com", "+1.evil.com",
)
FORBIDDEN = {
    "link_open", "image", "html_inline", "html_block", "footnote_ref", "footnote_block_open", "math_inline",
    "math_block", "s_open", "em_open", "hr", "blockquote_open", "code_block", "hardbreak", "dl_open",
}
# Found in rendered text outside of code by the filters of forges, which know nothing of Markdown.
MENTIONED = re.compile(r"@\w|#\d|!\d|\bGH-\d|\b[A-Z]+-\d|:[\w+-]+:|(?<!\w)[0-9a-f]{7,40}(?!\w)|\$\w|~\w|://|www\.\w|\w@\w")


def renderer():  # type: ignore[no-untyped-def]
    """GFM with footnotes, tasks, formulas, definition lists and attributes, and with the widest of links."""
    from mdit_py_plugins.attrs import attrs_plugin
    from mdit_py_plugins.deflist import deflist_plugin
    from mdit_py_plugins.dollarmath import dollarmath_plugin
    from mdit_py_plugins.footnote import footnote_plugin
    from mdit_py_plugins.tasklists import tasklists_plugin

    made = MarkdownIt("gfm-like", {"html": True, "linkify": True})
    made.linkify.set({"fuzzy_link": True, "fuzzy_email": True, "fuzzy_ip": True})
    for plugin in (footnote_plugin, tasklists_plugin, dollarmath_plugin, deflist_plugin, attrs_plugin):
        made.use(plugin)
    return made


RENDERER = renderer()


def tokens_of(text: str) -> list[tuple[str, str]]:
    """(type, content) of all that a renderer makes of it."""
    found = []
    for token in RENDERER.parse(text):
        found.append((token.type, token.content if token.type == "fence" else ""))
        found += [(child.type, child.content) for child in token.children or []]
    return found


def seen_text(text: str) -> str:
    """What a reader sees, and copies."""
    return "".join(content for kind, content in tokens_of(text) if kind in ("text", "code_inline", "text_special"))


def one_line(text: str) -> str:
    """As renderers show spaces: one for several, none at the ends."""
    return re.sub(" +", " ", text).strip(" ")


def harmless_line(text: str) -> None:
    for line in (f"- `#1` {plain(text)}\n", f"## 1 {plain(text)}\n", f"x **{plain(text).strip() or 'x'}** y\n"):
        tokens = tokens_of(line)
        assert not {kind for kind, _content in tokens} & FORBIDDEN, (line, tokens)
        words = "".join(content for kind, content in tokens if kind in ("text", "text_special"))
        assert not MENTIONED.search(words.replace("`#1`", "")), (line, words)
    assert one_line(seen_text(f"x {plain(text)}")) == one_line(f"x {terminal_text(text)}")
    table = f"| a | b |\n|---|---|\n| {plain(text)} | end |\n"
    tokens = tokens_of(table)
    assert Counter(kind for kind, _content in tokens)["td_open"] == 2, (table, tokens)
    assert not {kind for kind, _content in tokens} & FORBIDDEN, (table, tokens)


@pytest.mark.parametrize("text", ATTACKS)
def test_words_stay_words_and_copy_as_they_are(text: str) -> None:
    harmless_line(text)
    harmless_line(f"The client asks for {text}, and ({text}) too; {text}")


parts = st.sampled_from([*ATTACKS, " ", " ", ".", "(", ")", "a", "word", "7", "\u202f", "e\u0301"])
pieces = st.lists(parts | st.text(max_size=4))


@given(pieces.map("".join))
def test_so_do_any_pieces_of_them(text: str) -> None:
    harmless_line(text)


@given(st.text(st.sampled_from("a1.:/@#|`\\*_[]()<>!&;-+~$ =\"'{}^%?,"), max_size=20))
def test_so_do_any_signs(text: str) -> None:
    harmless_line(text)


def test_nothing_invisible_is_added() -> None:
    assert plain("http://evil.test, www.evil.test") == "`http://evil.test`, `www.evil.test`"
    assert plain("GET /index.html → 200, 1.25 MB") == "GET `/index.html` → 200, 1.25 MB"
    assert plain("The client's request took 24.1 ms (RFC 9110 §15.5.20).") == (
        "The client's request took 24.1 ms (RFC 9110 §15.5.20)."
    )
    assert plain("a`b|c") == "``a`b``&#124;`c`"
    assert plain("<b>x</b>") == "&lt;`b>x`&lt;`/b>`"
    assert plain("a\nb") == "`a\\nb`"


def filled(text: str) -> Analysis:
    analysis = hostile()
    for told in analysis.told:
        told.conversation.originator.name = text
        for phase in told.phases:
            phase.title = text
            phase.facts = ["x", text]
            phase.left_out = [text]
            phase.events.append(Said(1, FORWARD, (1,), text, text, text))
            phase.events.append(Said(1, FORWARD, (), text, text, text))
    for row in analysis.story:
        row.label = row.text = text
    for finding in analysis.findings:
        finding.sentence = finding.code = finding.next_step = finding.refute = text
    analysis.capture.names = [text]
    analysis.capture.seen_from = text
    analysis.capture.damage = analysis.left_out = [text]
    return analysis


@pytest.mark.parametrize("text", [*ATTACKS, HOSTILE, " ".join(ATTACKS)])
@pytest.mark.parametrize("level", ["normal", "teach"])
def test_a_report_is_built_the_same_whatever_the_packets_say(text: str, level: str) -> None:
    """Headings, lists, rows and cells are those of a report with plain words in their place."""
    told, words = ("".join(markdown(filled(each), level)) for each in (text, "word"))
    kinds, expected = (
        [kind for kind, _content in tokens_of(each) if kind.endswith(("_open", "_close", "fence")) or kind in FORBIDDEN]
        for each in (told, words)
    )
    wanted = [kind for kind in expected if not kind.startswith("strong")]
    assert [kind for kind in kinds if not kind.startswith("strong")] == wanted


@pytest.mark.parametrize(
    "text", [*ATTACKS, HOSTILE, "%%{init: {}}%%", "a %% b", "end", "; Note over A: x", "<br>", "#59;"]
)
def test_a_diagram_holds_arrows_and_notes_only(text: str) -> None:
    shown = diagram_text(text)
    assert not re.search(r"[\"'`<>{}\[\]\\|&%:;#@$]", re.sub(r"#\d+;", "", shown)), shown
    drawn = "".join(markdown(filled(text), "teach")).split("```mermaid")[1].split("```")[0].strip()
    for line in drawn.splitlines()[1:]:
        assert re.match(r"    (participant [AB] as |A->>B: |B->>A: |Note over A,B: )", line), line


def test_the_example_reads_like_text() -> None:
    text = "".join(markdown(example(), "teach"))
    assert "- `#3` +0.000 → **SYN** seq `2914221007`, window 64240, MSS 1460, scale ×128, SACK, timestamps." in text
    assert "| 1 | DNS | `shop.test` A → `10.0.0.2`, valid 300 s |" in text


def test_a_ladder_draws_only_what_crossed_the_wire() -> None:
    text = "".join(markdown(analyze([str(SAMPLES / "http1" / "browser" / "capture.pcapng")], Options()), "teach"))
    arrows = re.findall(r"    [AB]->>[AB]: (.*)", text)
    assert any(arrow.startswith("GET /index.html") for arrow in arrows)
    assert not [arrow for arrow in arrows if arrow.startswith(("exchange", "limited by", "no answer"))]
