"""The options that narrow what is told: a display filter, a capture filter, a stretch of time."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from analyzer.cli.common import completed_by

if TYPE_CHECKING:
    from collections.abc import Callable

    from analyzer.filter.expression import Filter

F = TypeVar("F", bound="Callable[..., Any]")


def filter_option(function: F) -> F:
    """-Y, --filter: becomes the argument `wanted`, a Filter or None."""
    return click.option(
        "--filter", "-Y", "wanted", metavar="EXPR", callback=_read, shell_complete=completed_by("fields"),
        help="Only what this filter holds of, in Wireshark's display-filter language: 'http.response.code >= 500'. "
        "A conversation is told where it holds of one of its frames. `wiretale fields` lists the fields.",
    )(function)


def _read(_ctx: click.Context, _parameter: click.Parameter, text: str | None) -> Filter | None:
    if text is None:
        return None
    from analyzer.explain.findings import kinds
    from analyzer.filter.expression import FilterError, read_filter
    from analyzer.report.escape import terminal_text

    try:
        return read_filter(text, tuple([kind.code for kind in kinds()]))
    except FilterError as error:
        lines = error.lines()
        raise click.UsageError("\n".join([terminal_text(line) for line in lines])) from error


def refuse_both(conversations: tuple[int, ...], wanted: Filter | None) -> None:
    """Conversations are chosen by number or by a filter."""
    if conversations and wanted is not None:
        raise click.UsageError(
            "--filter chooses conversations, and so do --conversation and --window: give one of them, or a filter such "
            "as 'conversation == 7 and tcp'."
        )
