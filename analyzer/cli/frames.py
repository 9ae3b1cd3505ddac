"""`wiretale frames`: one JSON line a frame, or Wireshark's view of a single one."""
from __future__ import annotations

import sys

import click

from analyzer.cli.common import capture_path, captures_argument, unreadable


@click.command("frames", short_help="Print one JSON line a frame.")
@captures_argument
@click.option(
    "--conversation", "-c", type=click.IntRange(1), metavar="N", help="Only the frames of this conversation."
)
@click.option(
    "--deep", type=click.IntRange(1), metavar="N",
    help="Show Wireshark's full dissection of frame N instead; needs an installed tshark.",
)
def command(captures: tuple[str, ...], conversation: int | None, deep: int | None) -> None:
    """Print each frame as one line of JSON, for scripts and for comparing with other tools."""
    from analyzer.ingest.source import CaptureError

    paths = [capture_path(name) for name in captures]
    if deep is not None:
        if len(paths) != 1 or paths[0] == "-":
            raise click.UsageError("--deep looks into one capture file.")
        from analyzer.cli.deep import dissection_rows
        from analyzer.cli.screen import Screen

        screen = Screen()
        screen.show(iter([dissection_rows(paths[0], deep)]))
        return
    from analyzer.pipeline.run import frames

    out = sys.stdout.buffer
    try:
        for block in frames(paths, conversation or 0):
            out.write(block)
    except CaptureError as error:
        raise unreadable(error) from error
    out.flush()
