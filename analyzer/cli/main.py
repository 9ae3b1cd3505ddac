"""The command `wiretale`: its subcommands, found when they are called, and its exit codes.

0 done; 1 findings at or above --fail-on; 2 bad usage or unreadable input; 3 a fault of ours;
130 interrupted; 141 the reader of our output went away, as a shell counts SIGPIPE.
"""
from __future__ import annotations

import contextlib
import errno
import gc
import io
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Final, NoReturn

import click

from analyzer.cli import WAS_INTERRUPTED
from analyzer.cli.examples import examples

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

DONE: Final = 0
FOUND: Final = 1
UNUSABLE: Final = 2
FAULT: Final = 3
INTERRUPTED: Final = 130
READER_GONE: Final = 141

# What the system, a full disk or whoever started us can refuse: nothing of it is a fault of ours.
REFUSALS: Final = frozenset({
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.ENXIO, errno.ENODEV, errno.EMFILE,
    errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG,
})

STANDARD_OUTPUT: Final = 1    # also the name of the stream that `_occupy()` makes for a closed one
NAME: Final = "wiretale"
DEBUG: Final = "WIRETALE_DEBUG"
COMPLETE: Final = "_WIRETALE_COMPLETE"       # set by click's shell completion
COLLECT: Final = 50_000       # objects made between two looks for unused cycles: start-up needs none of them
COMMANDS: Final = (
    "analyze", "compare", "report", "sniff", "conversations", "frames", "explain", "fields", "samples", "protocols",
    "config",
)


CAPTURES: Final = (".pcap", ".pcapng", ".cap", ".snoop", ".gz", ".zst", ".lz4")     # how files are named that we read
IMPLIED: Final = "analyze"
EXAMPLES: Final = (
    ("wiretale capture.pcapng", "what went wrong, and the story"),
    ("wiretale sample:tcp/loss-timeout", "the same of a bundled recording"),
    ("tcpdump -w - | wiretale -", "from a pipe"),
    ("wiretale report capture.pcapng -o story.html", "a page to look at"),
    ("wiretale COMMAND --help", "what a command can do, with examples"),
)
START: Final = """\
wiretale reads a packet capture and tells what happened in it. To begin:

  wiretale FILE                    what went wrong, and the story
  wiretale sample:http1/browser    a bundled recording (all: wiretale samples)
  tcpdump -w - | wiretale -        from a pipe
  wiretale report FILE -o x.html   a page to look at, with every detail
  wiretale sniff                   the interfaces; sniff NAME watches one
  wiretale explain "zero window"   a word, a flag, the code of a finding

All commands: wiretale --help. What each can do: wiretale COMMAND --help
"""


class LazyGroup(click.Group):
    """A group whose commands live in modules of their names, imported when they are asked for.

    A first word that is no command but a capture is analyzed.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Options before a capture are those of its command: `wiretale --level brief x.pcap`."""
        own = {option for parameter in self.params for option in parameter.opts} | set(ctx.help_option_names)
        first = args[0].partition("=")[0] if args else ""
        if first not in own and first.startswith("-") and first != "-" and any(map(_is_capture, args[1:])):
            args = [IMPLIED, *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        word = args[0]
        if word not in COMMANDS and _is_capture(word):
            return IMPLIED, self.get_command(ctx, IMPLIED), args
        if word in COMMANDS or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        from difflib import get_close_matches

        near = get_close_matches(word.lower(), COMMANDS, 1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Commands: {', '.join(COMMANDS)}."
        raise click.UsageError(_escaped(f"There is no command {word!r}, and no file of that name. {hint}"), ctx)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands, and, where none is meant, a capture."""
        found = super().shell_complete(ctx, incomplete)
        if not incomplete.startswith("-") and not found:
            from analyzer.cli.complete import captures

            return captures(ctx, self.params[0], incomplete)
        return found

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = getattr(import_module(f"analyzer.cli.{cmd_name}"), "command")  # noqa: B009  (a module's attribute)
        return command if isinstance(command, click.Command) else None


def version_line() -> str:
    """`wiretale 0.1.0 (compiled with mypyc, Python 3.11.7)`."""
    import platform

    from analyzer import __version__
    from dissectors.kit import event

    compiled = not (event.__file__ or "").endswith(".py")
    speed = "compiled with mypyc" if compiled else "interpreted: the compiled modules are not installed"
    return f"{NAME} {__version__} ({speed}, Python {platform.python_version()})"


def _version(ctx: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        click.echo(version_line())
        ctx.exit()


def _is_capture(word: str) -> bool:
    """Whether it can only be meant as a capture: a file, standard input, a sample, or what is named like a file."""
    return (
        word == "-" or word.startswith("sample:") or os.path.exists(word) or os.sep in word
        or word.lower().endswith(CAPTURES)
    )


def _completion(ctx: click.Context, _parameter: click.Parameter, shell: str | None) -> None:
    if shell and not ctx.resilient_parsing:
        from analyzer.cli.complete import script

        click.echo(script(shell, cli, NAME, COMPLETE))
        ctx.exit()


@click.group(
    cls=LazyGroup, invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 findings at or above --fail-on, 2 bad usage or unreadable input, 3 a fault of ours."
    f"\n\n{examples(EXAMPLES)}",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version,
    help="Show the version, and whether it runs compiled.",
)
@click.option(
    "--completion", type=click.Choice(["bash", "zsh", "fish"]), is_eager=True, expose_value=False, callback=_completion,
    help="Print what this shell needs to complete commands, options, samples, terms, codes of findings and interfaces: "
    'eval "$(wiretale --completion bash)".',
)
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Reads a packet capture and tells what happened in it: what went wrong, where the time went, and every
    conversation, each statement with the frames that prove it and the rule of the standard behind it.

    `wiretale FILE` is short for `wiretale analyze FILE`.
    """
    name = ctx.invoked_subcommand
    if name is None:
        click.echo(START, nl=False)
        return
    from analyzer.cli.settings import any_chosen

    if name != "config" and any_chosen():
        _choose_defaults(ctx, name)


def _choose_defaults(ctx: click.Context, name: str) -> None:
    from analyzer.cli.settings import all_commands, defaults_of

    command = cli.get_command(ctx, name)
    if command is not None:
        ctx.default_map = {name: defaults_of(name, command, lambda: all_commands(ctx))}


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code. Nothing but the code and what was printed leaves it."""
    try:
        code = _invoked(arguments)
        sys.stdout.flush()
    except click.ClickException as error:
        with contextlib.suppress(OSError):
            error.show()
        return UNUSABLE
    except (KeyboardInterrupt, click.Abort):
        _say("")
        return INTERRUPTED
    except BrokenPipeError:
        _forget_output()
        return READER_GONE
    except Exception as fault:  # the border of the program: whatever comes up to here is a fault of ours
        refused = _refused(fault)
        if refused:
            _say(f"{NAME}: {refused}.")
            return UNUSABLE
        _report(fault)
        return FAULT
    return code


def _invoked(arguments: list[str]) -> int:
    try:
        with cli.make_context(NAME, list(arguments)) as ctx:
            try:
                cli.invoke(ctx)
            finally:
                if "dissectors.registry" in sys.modules:
                    from analyzer.cli.common import say_left_out

                    say_left_out()
            return INTERRUPTED if WAS_INTERRUPTED in ctx.meta else DONE
    except click.exceptions.Exit as leaving:
        return leaving.exit_code


def _refused(fault: Exception) -> str:
    """What was refused to us, "" where that is not why we failed."""
    if isinstance(fault, MemoryError):
        return "there is not enough memory for this"
    if isinstance(fault, ImportError):
        return _unopened(fault)
    if not isinstance(fault, OSError):
        return ""
    if fault.errno == errno.EBADF and getattr(sys.stdout, "name", "") == STANDARD_OUTPUT:
        return "standard output is closed"
    if fault.errno == errno.ENOENT and not _in_a_folder():
        return "the current folder is no longer there"
    if fault.errno not in REFUSALS:
        return ""
    reason = fault.strerror or str(fault)
    if fault.filename is None:
        full = fault.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
        return f"standard output cannot be written to: {reason}" if full else f"the system refused: {reason}"
    return _escaped(f"{os.fsdecode(fault.filename)}: {reason}")


def _unopened(fault: ImportError) -> str:
    """Which compiled module the system would not open, and why: its linker says so in words alone."""
    words = str(fault)
    refused = any(os.strerror(number) in words for number in REFUSALS)
    return _escaped(words) if refused else ""


def _escaped(text: str) -> str:
    try:
        from analyzer.report.escape import terminal_text
    except (OSError, ImportError):      # no descriptor is left to read it with
        return ascii(text)
    return terminal_text(text)


def _in_a_folder() -> bool:
    try:
        os.getcwd()
    except OSError:
        return False
    return True


def _say(line: str) -> None:
    """One line on standard error, where there is one."""
    with contextlib.suppress(OSError):
        click.echo(line, err=True)


def _forget_output() -> None:
    """Let what is still buffered go nowhere, so that Python's own last flush stays silent."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _report(fault: Exception) -> None:
    import traceback

    if os.environ.get(DEBUG):
        traceback.print_exception(fault)
    steps = traceback.extract_tb(fault.__traceback__)
    place = f" at {os.path.basename(steps[-1].filename)}:{steps[-1].lineno}" if steps else ""
    words = _escaped(f"{type(fault).__name__}: {fault}{place}")
    _say(f"{NAME}: a fault of {NAME}, not of the capture: {words}. Please report it; {DEBUG}=1 shows where it began.")


def _occupy() -> None:
    """Give each standard descriptor that was closed a place to hold, or the next file that is opened would be it.

    Reading from such an input and writing to such an output fail; what was to be said on standard error is lost.
    """
    for number, flags in ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            with contextlib.suppress(OSError):
                opened = os.open(os.devnull, flags)
                if opened != number:
                    os.dup2(opened, number)
                    os.close(opened)
    if sys.stdout is None:
        sys.stdout = open(STANDARD_OUTPUT, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def main() -> NoReturn:
    """The entry point of the installed command."""
    _occupy()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")   # a terminal that lacks a character gets a question mark
    if not all(map(os.path.isabs, os.environ.get("PATH", os.sep).split(os.pathsep))):
        from analyzer.programs import leave_current_folder_out

        leave_current_folder_out()
    gc.set_threshold(COLLECT)
    if COMPLETE in os.environ:
        cli.main(prog_name=NAME)
    code = run(sys.argv[1:])
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    # Everything is written. Taking hundreds of thousands of conversations apart would only keep the user waiting.
    os._exit(code)


if __name__ == "__main__":
    main()
