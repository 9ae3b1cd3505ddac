"""`wiretale analyze`: the whole story of a capture."""
from __future__ import annotations

from typing import TYPE_CHECKING

import click

from analyzer.cli.common import (
    analysis_of,
    captures_argument,
    display_options,
    jobs_option,
    key_options,
    spool_option,
)

if TYPE_CHECKING:
    from dissectors.kit.provided import Provided

SEVERITIES = ("note", "warn", "error")


@click.command("analyze", short_help="Tell what happened in a capture.")
@captures_argument
@click.option(
    "--level", type=click.Choice(["brief", "normal", "teach"]), default="normal", show_default=True,
    help="brief: the verdict and the story. normal: what happened. teach: everything, with the reasons and the terms.",
)
@click.option(
    "--conversation", "-c", "conversations", type=click.IntRange(1), multiple=True, metavar="N",
    help="Tell only this conversation; may be given several times.",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Tell at most so many conversations.")
@click.option("--all", "everything", is_flag=True, help="Tell every conversation, however many there are.")
@click.option("--findings-only", is_flag=True, help="Only the capture and its findings, no conversations.")
@click.option(
    "--fail-on", type=click.Choice(SEVERITIES), help="Exit with 1 where a finding is at least this severe."
)
@jobs_option
@spool_option
@key_options
@display_options
@click.pass_context
def command(
    ctx: click.Context, captures: tuple[str, ...], level: str, conversations: tuple[int, ...], limit: int | None,
    everything: bool, findings_only: bool, fail_on: str | None, width: int | None, color: str, no_color: bool,
    pager: bool, jobs: int, spool: str, provided: Provided,
) -> None:
    """Read captures and tell, conversation by conversation and phase by phase, what happened.

    CAPTURE is a file (pcap, pcapng or snoop, also compressed with gzip, zstd or lz4), `-` for standard input,
    or a bundled sample such as `sample:tcp/clean`. Several captures are merged by time.
    """
    if limit and everything:
        raise click.UsageError("--limit and --all contradict each other.")
    from analyzer.cli.progress import drawing
    from analyzer.cli.screen import Screen
    from analyzer.pipeline.run import Options
    from analyzer.report.glossary import Glossary
    from analyzer.report.terminal import render
    from analyzer.report.words import TEACH
    from dissectors.registry import protocols

    options = Options(
        conversations, limit or 0, everything, provided=provided, findings_only=findings_only, spool=spool,
        jobs=jobs,
    )
    analysis = analysis_of(captures, options)
    missing = sorted(set(conversations) - {told.conversation.number for told in analysis.told})
    if missing:
        numbers = ", ".join(str(number) for number in missing)
        raise click.UsageError(
            f"There is no conversation {numbers}: the capture holds {analysis.capture.conversations}."
        )
    if findings_only:
        analysis.findings_only()
    screen = Screen(width, "never" if no_color else color, pager)
    glossary = Glossary(protocols()) if level == TEACH else None
    with drawing(analysis, screen.terminal):
        screen.show(render(analysis, level, screen.width, glossary, everything or bool(conversations)))
    if fail_on is not None:
        worst = SEVERITIES[SEVERITIES.index(fail_on):]
        if any(finding.severity in worst for finding in analysis.findings):
            ctx.exit(1)
