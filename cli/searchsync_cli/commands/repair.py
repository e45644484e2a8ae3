"""`searchsync repair`: verify, and bring what differs in step."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from searchsync_cli.commands import add_run_options
from searchsync_cli.commands.comparison import show
from searchsync_cli.executions import World, execute
from searchsync_cli.stack import Stack

HELP = "verify, and write anew what differs"


def options(parser: ArgumentParser) -> None:
    """Its options."""
    add_run_options(parser, "repair")


def run(options: Namespace, world: World, stack: Stack) -> int:
    """Exit code 0 in step (now), 1 when differences stay."""
    return show(world, stack, options, execute(world, stack, options, "repair"))
