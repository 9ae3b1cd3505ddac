"""What several commands share: options, captures by name, and the call into the pipeline."""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from analyzer.model import Analysis
    from analyzer.pipeline.run import Options

F = TypeVar("F", bound=Callable[..., Any])

AUTO: Final = "auto"
ALWAYS: Final = "always"
NEVER: Final = "never"
NARROWEST: Final = 40
UNREADABLE: Final = 2    # the exit code where nothing could be told


def captures_argument(function: F) -> F:
    return click.argument("captures", nargs=-1, required=True, metavar="CAPTURE...")(function)


def display_options(function: F) -> F:
    """--width, --color, --no-color, --pager."""
    function = click.option(
        "--pager/--no-pager", default=False, help="Show long output in a pager. Off unless asked for."
    )(function)
    function = click.option("--no-color", is_flag=True, help="The same as --color never.")(function)
    function = click.option(
        "--color", type=click.Choice([AUTO, ALWAYS, NEVER]), default=AUTO, show_default=True,
        help="Colours: on a terminal, always, or never. NO_COLOR in the environment turns them off as well.",
    )(function)
    return click.option(
        "--width", type=click.IntRange(NARROWEST, 1000), default=None, metavar="COLUMNS",
        help="Columns to use. By default the terminal's; COLUMNS or 80 where there is none.",
    )(function)


def capture_path(name: str) -> str:
    """A capture as the pipeline opens it; `sample:tcp/clean` names a bundled one."""
    from analyzer.report.words import SAMPLE

    if not name.startswith(SAMPLE):
        return name
    from analyzer.cli.sample_store import find_sample

    return str(find_sample(name.removeprefix(SAMPLE)).capture)


def analysis_of(captures: tuple[str, ...], options: Options) -> Analysis:
    """Run the pipeline with progress on a terminal. Unreadable input becomes one line and exit code 2."""
    from analyzer.cli.progress import TerminalProgress
    from analyzer.ingest.source import CaptureError
    from analyzer.pipeline.run import analyze

    paths = [capture_path(name) for name in captures]
    with TerminalProgress() as progress:
        try:
            analysis = analyze(paths, options, progress)
        except CaptureError as error:
            raise unreadable(error) from error
    analysis.capture.names = list(captures)
    if analysis.capture.damage and not analysis.capture.frames:
        raise unreadable(CaptureError("; ".join(analysis.capture.damage)))
    return analysis


def unreadable(error: Exception) -> click.ClickException:
    """One clear line for input that nothing can be told of."""
    from analyzer.report.escape import terminal_text

    return click.ClickException(terminal_text(str(error)))
