"""What several commands share: options, captures by name, and the call into the pipeline."""
from __future__ import annotations

import gc
import os
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import click

from analyzer.cli import WAS_INTERRUPTED

if TYPE_CHECKING:
    from analyzer.explain.since import Earlier
    from analyzer.model import Analysis, Sink
    from analyzer.pipeline.run import Options
    from dissectors.kit.provided import Provided

F = TypeVar("F", bound=Callable[..., Any])

AUTO: Final = "auto"
ALWAYS: Final = "always"
NEVER: Final = "never"
NARROWEST: Final = 40
FAILING: Final = ("note", "warn", "error")
FOUND: Final = 1         # where findings are at least as severe as --fail-on says
UNREADABLE: Final = 2    # the exit code where nothing could be told
KEY_LOG: Final = "SSLKEYLOGFILE"     # by which browsers and libraries are asked for a key log

_said: set[str] = set()     # of what was left out


def captures_argument(function: F) -> F:
    return click.argument(
        "captures", nargs=-1, required=True, metavar="CAPTURE...", shell_complete=completed_by("captures")
    )(function)


def completed_by(kind: str) -> Callable[[click.Context, click.Parameter, str], Any]:
    """A function of `analyzer.cli.complete`, which is imported when a shell asks."""
    def complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Any:
        return getattr(import_module("analyzer.cli.complete"), kind)(ctx, parameter, incomplete)

    return complete


def fail_option(function: F) -> F:
    """--fail-on: becomes the argument `fail_on`."""
    return click.option(
        "--fail-on", type=click.Choice(FAILING), help="Exit with 1 where a finding is at least this severe."
    )(function)


def fails(analysis: Analysis, fail_on: str | None) -> bool:
    """Whether a finding is at least this severe."""
    if fail_on is None:
        return False
    return any(finding.severity in FAILING[FAILING.index(fail_on):] for finding in analysis.findings)


def since_option(function: F) -> F:
    """--since: becomes the argument `since`, the findings of an earlier report, or None."""
    return click.option(
        "--since", type=click.Path(exists=True, dir_okay=False), metavar="FILE.json", callback=_earlier,
        help="Only what this earlier report (`wiretale report -o FILE.json`) does not have: findings of another kind, "
        "about another service, name or request, or worse ones. --fail-on then counts these alone.",
    )(function)


def _earlier(_ctx: click.Context, _parameter: click.Parameter, path: str | None) -> Earlier | None:
    if path is None:
        return None
    import json

    from analyzer.explain.since import UnusableReport, earlier_of
    from analyzer.report.escape import terminal_text

    try:
        with open(path, encoding="utf-8") as file:
            return earlier_of(json.load(file), os.path.basename(path))
    except UnusableReport as error:
        why = str(error)
    except OSError as error:
        why = f"it cannot be read: {error.strerror or error}"
    except (ValueError, RecursionError):
        why = "it is no JSON document; `wiretale report CAPTURE -o FILE.json` writes one that can be compared with"
    raise click.BadParameter(terminal_text(f"{path}: {why}."), param_hint="--since")


def spool_option(function: F) -> F:
    """--spool: becomes the argument `spool`."""
    return click.option(
        "--spool", type=click.Path(exists=True, file_okay=False), metavar="DIR",
        callback=lambda _ctx, _parameter, folder: folder or "",
        help="Where to keep what comes through a pipe for the second look at it. By default TMPDIR, or the folder of "
        "temporary files. Nothing stays there.",
    )(function)


def jobs_option(function: F) -> F:
    """--jobs: becomes the argument `jobs`, 0 where it was not given."""
    return click.option(
        "--jobs", type=click.IntRange(1), metavar="N", callback=lambda _ctx, _parameter, jobs: jobs or 0,
        help="How many processes read the capture side by side, 8 at most. By default one for each core where the "
        "capture is large. What is told is the same.",
    )(function)


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


def key_options(function: F, growing: bool = False) -> F:
    """--keylog, --private-key, --trust, --proto, --show-secrets: together they become the argument `provided`.

    growing: key logs are read while they are written, by whoever asks `growing_key_logs()`, and not here.
    """
    function = schema_option(function)

    @wraps(function)
    def command(
        *arguments: Any, keylog: tuple[str, ...], private_key: tuple[str, ...], trust: tuple[str, ...],
        show_secrets: bool, **others: Any,
    ) -> Any:
        provided = provided_by(() if growing else keylog, private_key, trust, show_secrets, not growing)
        return function(*arguments, provided=provided, **others)

    file = click.Path(exists=True, dir_okay=False)
    for option in (
        click.option(
            "--show-secrets/--redact", default=False,
            help="Show credentials, cookies and tokens, or redact them, which is the default.",
        ),
        click.option(
            "--trust", type=click.Path(exists=True), multiple=True, metavar="FILE_OR_DIR",
            help="Certificates to trust as roots (PEM or DER); without, no chain is called trusted. May be repeated.",
        ),
        click.option(
            "--private-key", type=file, multiple=True, metavar="FILE",
            help="A server's RSA private key (PEM or DER), for TLS with RSA key exchange. May be repeated.",
        ),
        click.option(
            "--keylog", type=click.Path(dir_okay=False) if growing else file, multiple=True, metavar="FILE",
            help=f"A TLS key log, to decrypt with. May be repeated. {KEY_LOG} in the environment names one more, "
            + ("and it may still be written to, or come later." if growing
               else "and secrets inside a pcapng file are used unasked."),
        ),
    ):
        option(command)
    return cast(F, command)


def growing_key_options(function: F) -> F:
    """The same for a command that reads key logs while they grow."""
    return key_options(function, True)


def growing_key_logs() -> list[str]:
    """The key logs that the command in hand was given, and the one that the environment names."""
    asked: tuple[str, ...] = click.get_current_context().params.get("keylog", ())
    from_environment = os.environ.get(KEY_LOG, "")
    return list(dict.fromkeys([*asked, *([from_environment] if from_environment else [])]))


def key_log_octets(path: str | None) -> bytes:
    """A whole key log, to be put into a capture as it is; none where there is no path."""
    from analyzer.ingest.keyfiles import MAX_KEY_LOG, UnusableFile, contents

    try:
        return contents(path, MAX_KEY_LOG) if path else b""
    except UnusableFile as error:
        raise unreadable(error) from error


def schema_option(function: F) -> F:
    """--proto: fills the descriptors of the argument `provided`."""
    @wraps(function)
    def command(*arguments: Any, proto: tuple[str, ...], provided: Provided, **others: Any) -> Any:
        if proto:
            from analyzer.ingest.keyfiles import UnusableFile
            from analyzer.ingest.schemas import add_schema

            try:
                for path in proto:
                    warn(add_schema(path, provided))
            except UnusableFile as error:
                raise unreadable(error) from error
        return function(*arguments, provided=provided, **others)

    click.option(
        "--proto", type=click.Path(exists=True), multiple=True, metavar="FILE_OR_DIR",
        help="Schemas of gRPC messages: .proto files (compiled with protoc or grpcio-tools), a folder of them, or a "
        "descriptor set. May be repeated.",
    )(command)
    return cast(F, command)


def provided_by(
    keylogs: tuple[str, ...], private_keys: tuple[str, ...], trust: tuple[str, ...], show_secrets: bool,
    environment: bool = True,
) -> Provided:
    """What the user gave beside the capture. What is odd about it is said on standard error.

    environment: read the key log that the environment names.
    """
    from analyzer.ingest.keyfiles import UnusableFile, add_key_log, add_private_key, add_trusted
    from dissectors.kit.provided import Provided

    provided = Provided()
    provided.show_secrets = show_secrets
    complaints: list[str] = []
    from_environment = os.environ.get(KEY_LOG, "") if environment else ""
    try:
        if from_environment and from_environment not in keylogs:
            if os.path.isfile(from_environment):
                complaints += add_key_log(from_environment, provided)
            else:
                what = "no regular file, so not read" if os.path.exists(from_environment) else "not there"
                complaints.append(f"{from_environment}: named by {KEY_LOG}, and {what}")
        for path in keylogs:
            complaints += add_key_log(path, provided)
        for path in private_keys:
            complaints += add_private_key(path, provided)
        for path in trust:
            complaints += add_trusted(path, provided)
    except UnusableFile as error:
        raise unreadable(error) from error
    warn(complaints)
    return provided


def warn(complaints: list[str]) -> None:
    """One line each on standard error."""
    from analyzer.report.escape import terminal_text

    for complaint in complaints:
        click.echo(terminal_text(complaint), err=True)


def say_left_out() -> None:
    """Say, once, which protocols of installed packages cannot be told. Loads none."""
    from dissectors.registry import troubles

    fresh = [trouble for trouble in troubles() if trouble not in _said]
    _said.update(fresh)
    warn(fresh)


def capture_path(name: str) -> str:
    """A capture as the pipeline opens it; `sample:tcp/clean` names a bundled one."""
    from analyzer.report.words import SAMPLE

    if not name.startswith(SAMPLE):
        return name
    from analyzer.cli.sample_store import find_sample

    return str(find_sample(name.removeprefix(SAMPLE)).capture)


def analysis_of(captures: tuple[str, ...], options: Options, sink: Sink | None = None) -> Analysis:
    """Run the pipeline with progress on a terminal. Unreadable input becomes one line and exit code 2.

    sink: who takes the conversations where all of a large capture are told, which are then not in the analysis.

    The analysis stays until the process ends, so no collection of cycles has to walk over it.
    """
    from analyzer.cli.progress import TerminalProgress
    from analyzer.ingest.source import CaptureError
    from analyzer.pipeline.run import analyze

    paths = [capture_path(name) for name in captures]
    gc.disable()
    try:
        with TerminalProgress() as progress:
            analysis = analyze(paths, options, progress, sink)
    except CaptureError as error:
        raise unreadable(error) from error
    except OSError as error:
        if sink is None:
            raise
        raise click.ClickException(
            f"what is told cannot be kept until it is written ({error.strerror or error}); --spool names another folder"
        ) from error
    finally:
        gc.freeze()
        gc.enable()
    analysis.capture.names = list(captures)
    if analysis.capture.interrupted:
        click.get_current_context().meta[WAS_INTERRUPTED] = True
    if analysis.capture.damage and not analysis.capture.frames:
        raise unreadable(CaptureError("; ".join(analysis.capture.damage)))
    return analysis


def unreadable(error: Exception) -> click.ClickException:
    """One clear line for input that nothing can be told of; below it what can be done, where the error says that.

    A line is only what the error has as one: a line break in a name is shown as an escape.
    """
    from analyzer.ingest.source import CaptureError
    from analyzer.report.escape import terminal_text

    lines = error.args if isinstance(error, CaptureError) else (error,)
    return click.ClickException("\n".join(terminal_text(str(line)) for line in lines))
