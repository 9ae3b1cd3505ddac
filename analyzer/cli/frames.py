"""`wiretale frames`: one JSON line a frame, or Wireshark's view of a single one."""
from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import click

from analyzer.cli.common import UNREADABLE, capture_path, captures_argument, key_options, unreadable, warn
from analyzer.cli.examples import examples
from analyzer.cli.narrow import frame_filter_option, part_options

if TYPE_CHECKING:
    from analyzer.filter.expression import Filter
    from analyzer.ingest.part import Asked
    from dissectors.kit.provided import Provided


EXAMPLES: Final = (
    ("wiretale frames capture.pcapng", "one JSON line a frame"),
    ("wiretale frames capture.pcapng -C 7", "those of one conversation"),
    ("wiretale frames capture.pcapng -Y tcp.analysis.flags", "those that Wireshark would flag"),
    ("wiretale frames capture.pcapng -Y 'dns.flags.rcode != 0' | jq .dns", "answers that are none"),
    ("wiretale frames capture.pcapng --deep 12", "Wireshark's dissection of frame 12"),
)


@click.command("frames", short_help="Print one JSON line a frame.", epilog=examples(EXAMPLES))
@captures_argument
@click.option(
    "--conversation", "-C", type=click.IntRange(1), metavar="N", help="Only the frames of this conversation."
)
@click.option(
    "--deep", type=click.IntRange(1), metavar="N",
    help="Show Wireshark's full dissection of frame N instead; needs an installed tshark.",
)
@frame_filter_option
@part_options
@key_options
@click.pass_context
def command(
    ctx: click.Context, captures: tuple[str, ...], conversation: int | None, deep: int | None, wanted: Filter | None,
    asked: Asked, provided: Provided,
) -> None:
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
    from analyzer.pipeline.run import Frames
    from dissectors.kit.units import plural

    out = sys.stdout.buffer
    printed = False
    try:
        lines = Frames(paths, conversation or 0, provided, wanted, asked)
        for block in lines:
            out.write(block)
            printed = printed or bool(block)
    except CaptureError as error:
        raise unreadable(error) from error
    out.flush()
    warn(lines.damage)
    if lines.damage and not lines.count:
        ctx.exit(UNREADABLE)
    if not printed and not conversation and not (wanted is None and asked.everything()):
        click.echo("No frame of the capture is in what was asked for.", err=True)
    if conversation and not printed and wanted is None:
        raise click.UsageError(
            f"There is no conversation {conversation} in the {plural(lines.count, 'frame')} of the capture; "
            "`wiretale conversations` lists them."
        )
