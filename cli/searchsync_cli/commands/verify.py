"""`searchsync verify`: compare every item with its document."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from searchsync_cli.commands import add_run_options
from searchsync_cli.commands.comparison import show
from searchsync_cli.executions import World, execute
from searchsync_cli.stack import Stack

HELP = "compare every item with its document, and find documents whose item is gone"


def options(parser: ArgumentParser) -> None:
    """Its options."""
    add_run_options(parser, "verify")


def run(options: Namespace, world: World, stack: Stack) -> int:
    """Exit code 0 in step, 1 differences."""
    return show(world, stack, options, execute(world, stack, options, "verify"))
