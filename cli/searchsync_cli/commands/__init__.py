"""One command a module: HELP, `options(parser)` and `run(options, world, stack)`, which returns the exit code."""

from argparse import ArgumentParser


def add_run_options(parser: ArgumentParser, task: str) -> None:
    """The options of every command that runs the state machine."""
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--watch", action="store_true", help=f"watch the {task} that runs; start none")
    how.add_argument("--no-watch", action="store_true", help="start it and leave; --watch comes back to it")
    how.add_argument("--resume", action="store_true", help=f"go on where the last failed {task} ended")
    parser.add_argument("--progress", action="store_true", help="progress as JSON lines on standard error")
