"""The options that narrow what is told: a display filter, a capture filter, a stretch of time."""
from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from analyzer.cli.common import completed_by, unreadable

if TYPE_CHECKING:
    from collections.abc import Callable

    from analyzer.filter.expression import Filter
    from analyzer.ingest.part import Asked, Moment

F = TypeVar("F", bound="Callable[..., Any]")


def filter_option(function: F) -> F:
    """-Y, --filter: becomes the argument `wanted`, a Filter or None."""
    return _filter_option("Only conversations with a frame of which this filter holds")(function)


def frame_filter_option(function: F) -> F:
    """The same for a command that shows frames."""
    return _filter_option("Only frames of which this filter holds")(function)


def _filter_option(what: str) -> Callable[[F], F]:
    return click.option(
        "--filter", "-Y", "wanted", metavar="EXPR", callback=_read, shell_complete=completed_by("fields"),
        help=f"{what}, in Wireshark's display-filter language: 'http.response.code >= 500'. `wiretale fields` lists "
        "what it may ask for.",
    )


def _read(_ctx: click.Context, _parameter: click.Parameter, text: str | None) -> Filter | None:
    if text is None:
        return None
    from analyzer.explain.rules import kinds
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


def part_options(function: F) -> F:
    """-f, --from, --to, --last: together they become the argument `asked`."""
    @wraps(function)
    def command(
        *arguments: Any, capture_filter: str, begin: Moment | None, end: Moment | None, last: int, **others: Any
    ) -> Any:
        if others.get("form", "") is None and _is_format(capture_filter):
            # Before it was a filter, `report -f json` chose a format; no filter is called like one.
            others["form"], capture_filter = capture_filter.lower(), ""
        return function(*arguments, asked=_asked(capture_filter, begin, end, last), **others)

    for option in (
        click.option(
            "--last", metavar="TIME", default="0", callback=_lasted,
            help="Read only what was captured in this time before the end: 30s, 500ms, 10m.",
        ),
        click.option("--to", "end", metavar="WHEN", callback=_moment, help="Read only what was captured until then."),
        click.option(
            "--from", "begin", metavar="WHEN", callback=_moment,
            help="Read only what was captured from then on: seconds after the first frame (12.5), a time of the day in "
            "UTC (14:05:30), or a time with its zone (2026-11-30T14:05:30Z). What lies outside was not read, and "
            "nothing is concluded of it.",
        ),
        click.option(
            "--capture-filter", "-f", metavar="FILTER", default="",
            help="Read only frames that this filter lets through, in tcpdump's language, with libpcap: 'tcp port 443'. "
            "Frames keep their numbers.",
        ),
    ):
        option(command)
    return cast(F, command)


def _is_format(text: str) -> bool:
    from analyzer.report.formats import FORMAT_NAMES

    return text.lower() in FORMAT_NAMES


def _asked(capture_filter: str, begin: Moment | None, end: Moment | None, last: int) -> Asked:
    from analyzer.ingest.live.capture_filter import FrameFilter
    from analyzer.ingest.part import Asked
    from analyzer.ingest.source import CaptureError

    if last and (begin is not None or end is not None):
        raise click.UsageError("--last is a stretch of time of its own; --from and --to give another one.")
    if capture_filter:
        if _is_format(capture_filter):
            form = capture_filter.lower()
            raise click.UsageError(f"-f is a capture filter; the format is chosen with --format {form}.")
        try:
            FrameFilter(capture_filter)
        except CaptureError as error:
            raise unreadable(error) from error
    return Asked(capture_filter, begin, end, last)


def _lasted(_ctx: click.Context, _parameter: click.Parameter, text: str) -> int:
    from analyzer.ingest.moments import duration_of

    try:
        return duration_of(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _moment(_ctx: click.Context, _parameter: click.Parameter, text: str | None) -> Moment | None:
    if text is None:
        return None
    from analyzer.ingest.moments import moment_of

    try:
        return moment_of(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
