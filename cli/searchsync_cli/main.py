"""The command `searchsync`: its parser, and how it ends, whatever happens. The exit codes stand in `exits`."""

from __future__ import annotations

import io
import os
import sys
from argparse import SUPPRESS, Action, ArgumentParser, HelpFormatter, Namespace
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from traceback import extract_tb, print_exception
from types import ModuleType
from typing import Any

from searchsync_cli import __version__
from searchsync_cli.aws import Aws
from searchsync_cli.commands import backfill, doctor, logs, mapping, preview, redrive, repair, runs, status, verify
from searchsync_cli.errors import CliError
from searchsync_cli.executions import World, addressed, advised
from searchsync_cli.exits import IN_SHORT, Exit
from searchsync_cli.screen import Screen
from searchsync_cli.stack import Stack, discover, from_terraform

COMMANDS: dict[str, ModuleType] = {
    "status": status, "backfill": backfill, "verify": verify, "repair": repair, "runs": runs, "redrive": redrive,
    "logs": logs, "preview": preview, "mapping": mapping, "doctor": doctor,
}  # fmt: skip
NO_VERDICT = ("logs", None)
"""Commands whose reader may go (`| head -1`) and has missed nothing; None: --help."""
OF_ONE_VIEW = ("backfill", "verify", "repair", "runs")
"""Commands that say so where a stack has several views."""
EPILOGUE = (
    "The stack is found by `terraform output -json` in this folder (or --terraform DIR), or by --name. "
    f"Exit codes: {IN_SHORT}."
)


class _Parser(ArgumentParser):
    """A parser whose help does not get lost where the output cannot be written; argparse would keep silent."""

    def _print_message(self, message: str, file: Any = None) -> None:
        (file or sys.stderr).write(message)


class _Completion(Action):
    """Prints what a shell evaluates to complete the command's words."""

    def __call__(self, parser: ArgumentParser, _: Namespace, shell: Any, __: str | None = None) -> None:
        from argcomplete.shell_integration import shellcode  # noqa: PLC0415 - for a shell's start alone

        print(shellcode([parser.prog], shell=shell))
        parser.exit()


def parser() -> ArgumentParser:
    """The command line."""

    def width(prog: str) -> HelpFormatter:
        return HelpFormatter(prog, max_help_position=30)

    top = _Parser(
        prog="searchsync",
        description="Operate a searchsync stack: a DynamoDB table and the OpenSearch index in step with it.",
        epilog=EPILOGUE,
        formatter_class=width,
    )
    top.add_argument("--version", action="version", version=f"searchsync {__version__}")
    top.add_argument(
        "--completion",
        choices=("bash", "zsh", "fish"),
        action=_Completion,
        help='complete words: eval "$(searchsync --completion bash)"',
    )
    _common(top.add_argument_group("the stack (before or behind the command)"), None, unset=False)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        command = commands.add_parser(
            name, help=module.HELP, description=f"{module.__doc__}".partition(": ")[2].capitalize(), epilog=EPILOGUE,
            formatter_class=width,
        )  # fmt: skip
        module.options(command)
        # What is not given behind the command must not undo what was given before it.
        _common(command.add_argument_group("the stack"), SUPPRESS, unset=SUPPRESS)
        command.set_defaults(run=module.run)
    return top


def _common(group: Any, default: str | None, unset: bool | str) -> None:
    """The options of every command. `default`, `unset`: what one is that is not given; SUPPRESS leaves it as it is."""
    add = group.add_argument
    add("--name", metavar="F", default=default, help="the sync function's name (the module's output function_name)")
    add(
        "--view", metavar="V", default=default, help="a further view of the stack (default: the first one; status: all)"
    )
    add(
        "--terraform",
        type=Path,
        metavar="DIR",
        default=default,
        help="the folder of the applied Terraform configuration (default: here)",
    )
    add("--region", default=default, help="AWS region (default: the function's, or the profile's)")
    add("--profile", default=default, help="AWS profile (default: the environment's)")
    add(
        "--json",
        action="store_true",
        default=unset,
        help="one JSON object on standard output; logs: a JSON object a line",
    )
    add("--debug", action="store_true", default=unset, help="show an error that nobody foresaw whole")


def main(arguments: Sequence[str] | None = None, world: World | None = None) -> int:
    """Entry of the command line. Returns the exit code."""
    _usable_streams()
    options = Namespace(command=None, debug=False, name=None, view=None, terraform=None, region=None, profile=None)
    screen = world.screen if world else Screen()
    try:
        try:
            _parse(arguments, options)
            screen = world.screen if world else Screen(options.json, getattr(options, "progress", False))
            code = int(_run(options, world or World(Aws(options.profile, options.region), screen)))
        except SystemExit as told:  # of the parser: help, or what is wrong with the words
            code = int(told.code or 0)
        sys.stdout.flush()  # at the interpreter's end a full disk would be a traceback
    except CliError as error:
        return _failed(screen, CliError(addressed(error.message, options), advised(error.remedy, options)))
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        _drop(sys.stdout)
        if options.command in NO_VERDICT:
            return Exit.DONE
        return _failed(Screen(), CliError("The reader of the output has gone before its end.", "Read all of it."))
    except Exception as error:  # noqa: BLE001 - an exit code of 1 would mean differences
        return _unforeseen(error, screen, whole=options.debug)
    return code


def _parse(arguments: Sequence[str] | None, options: Namespace) -> None:
    made = parser()
    if "_ARGCOMPLETE" in os.environ:
        from argcomplete import autocomplete  # noqa: PLC0415 - as a shell asks for it; a command starts without it

        autocomplete(made)
    made.parse_args(arguments, options)


def _usable_streams() -> None:
    """A terminal's encoding that lacks a character, or a stream that is closed, is no reason to fail."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - for the process
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _drop(stream: Any) -> None:
    """Let what is still to be written go nowhere: closing must not fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _failed(screen: Screen, error: CliError) -> Exit:
    """Tell of an error, if there is anybody to be told."""
    try:
        screen.error(error)
        sys.stdout.flush()
    except OSError:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                _drop(stream)
    return Exit.ERROR


def _unforeseen(error: Exception, screen: Screen, *, whole: bool) -> Exit:
    """Tell of an error that nobody foresaw, or of output that cannot be written. Its exit code."""
    if whole:
        with suppress(OSError):
            print_exception(error)
    if isinstance(error, OSError) and not error.filename:
        _drop(sys.stdout)
        why = CliError(f"The output cannot be written: {error.strerror}.", "Write it to another place.")
        return _failed(Screen(), why)
    (*_, last) = extract_tb(error.__traceback__)
    return _failed(
        screen,
        CliError(
            f"searchsync failed at {Path(last.filename).name}:{last.lineno}: {type(error).__name__}: {error}",
            "This is a fault of searchsync: please report it. --debug shows it whole.",
        ),
    )


def _run(options: Namespace, world: World) -> int:
    if options.name is not None and options.terraform:
        raise CliError("--name and --terraform both name the stack.", "Give one of them.")
    if options.name == "":
        raise CliError('--name is "", which names no function.', "Give the sync function's name, or leave --name out.")
    name = options.name
    if name is None:
        named = from_terraform(options.terraform or Path.cwd())
        world.aws.prefer_region(named.region)
        name = named.name
    code: int = options.run(options, world, _by_view(options, world, discover(world.aws, name)))
    return code


def _by_view(options: Namespace, world: World, stack: Stack) -> Stack:
    """The stack by the view that is meant; the others are named where one alone is."""
    if options.view is not None:
        return stack.of_view(options.view)
    task = options.command
    if task in OF_ONE_VIEW and stack.further:
        others = ", ".join(f"`searchsync {task} --view {each}`" for each in sorted(stack.further))
        world.screen.note(addressed(f"Of the first view, {stack.index}. Of the others: {others}.", options))
    return stack


if __name__ == "__main__":
    sys.exit(main())
