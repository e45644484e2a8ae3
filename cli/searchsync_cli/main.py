"""The command `searchsync`. Exit codes: 0 in step or done, 1 differences or messages that stay, 2 an error."""

from __future__ import annotations

import io
import os
import sys
from argparse import ArgumentParser, HelpFormatter, Namespace
from collections.abc import Sequence
from pathlib import Path
from traceback import extract_tb, print_exception
from types import ModuleType

from searchsync_cli.aws import Aws
from searchsync_cli.commands import backfill, doctor, logs, redrive, repair, status, verify
from searchsync_cli.errors import CliError
from searchsync_cli.screen import Screen
from searchsync_cli.stack import discover, from_terraform
from searchsync_cli.walks import World, addressed

COMMANDS: dict[str, ModuleType] = {
    "status": status, "backfill": backfill, "verify": verify, "repair": repair, "redrive": redrive, "logs": logs,
    "doctor": doctor,
}  # fmt: skip
ERROR = 2
INTERRUPTED = 130
"""128 and the signal's number, as a shell says it."""
TRACEBACK = "SEARCHSYNC_TRACEBACK"
"""An environment variable: set, an error that nobody foresaw is shown whole."""
EPILOGUE = (
    "The stack is found by `terraform output -json` in this folder (or --terraform DIR), or by --name. "
    "Exit codes: 0 in step or done, 1 differences or messages that stay, 2 an error, 130 Ctrl-C."
)


def parser() -> ArgumentParser:
    """The command line."""

    def width(prog: str) -> HelpFormatter:
        return HelpFormatter(prog, max_help_position=30)

    top = ArgumentParser(
        prog="searchsync",
        description="Operate a searchsync stack: a DynamoDB table and the OpenSearch index in step with it.",
        epilog=EPILOGUE,
        formatter_class=width,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        command = commands.add_parser(
            name, help=module.HELP, description=f"{module.__doc__}".partition(": ")[2].capitalize(), epilog=EPILOGUE,
            formatter_class=width,
        )  # fmt: skip
        module.options(command)
        _common(command.add_argument_group("the stack"))
        command.set_defaults(run=module.run)
    return top


def _common(group: object) -> None:
    add = getattr(group, "add_argument")  # noqa: B009 - argparse's group has no public type
    add("--name", metavar="F", help="the sync function's name (the module's output function_name)")
    add(
        "--terraform",
        type=Path,
        metavar="DIR",
        help="the folder of the applied Terraform configuration (default: here)",
    )
    add("--region", help="AWS region (default: the function's, or the profile's)")
    add("--profile", help="AWS profile (default: the environment's)")
    add("--json", action="store_true", help="one JSON object on standard output; logs: a JSON object a line")


def main(arguments: Sequence[str] | None = None, world: World | None = None) -> int:
    """Entry of the command line. Returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # what a terminal's encoding lacks is no reason to fail
    options = parser().parse_args(arguments)
    world = world or World(
        Aws(options.profile, options.region), Screen(options.json, getattr(options, "progress", False))
    )
    try:
        code = int(_run(options, world))
        sys.stdout.flush()  # at the interpreter's end a full disk would be a traceback
    except CliError as error:
        world.screen.error(CliError(addressed(error.message, options), addressed(error.remedy, options)))
        return ERROR
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has gone; nothing is left to tell.
        _drop_output()
        return 0
    except Exception as error:  # noqa: BLE001 - an exit code of 1 would mean differences
        return _unforeseen(error, world.screen)
    return code


def _drop_output() -> None:
    """Let what is still to be written go nowhere: closing must not fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _unforeseen(error: Exception, screen: Screen) -> int:
    """Tell of an error that nobody foresaw, or of output that cannot be written. Its exit code."""
    if TRACEBACK in os.environ:
        print_exception(error)
    if isinstance(error, OSError) and not error.filename:
        told = CliError(f"The output cannot be written: {error.strerror}.", "Write it to another place.")
        screen = Screen()
        _drop_output()
    else:
        (*_, last) = extract_tb(error.__traceback__)
        told = CliError(
            f"searchsync failed at {Path(last.filename).name}:{last.lineno}: {type(error).__name__}: {error}",
            f"This is a fault of searchsync: please report it. {TRACEBACK}=1 shows it whole.",
        )
    screen.error(told)
    return ERROR


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
    code: int = options.run(options, world, discover(world.aws, name))
    return code


if __name__ == "__main__":
    sys.exit(main())
