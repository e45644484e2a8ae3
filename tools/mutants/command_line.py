"""Mutants of the command line, and of what it watches."""

from __future__ import annotations

from tools.mutants.mutant import FUNCTION, Mutant

CLI = "cli/searchsync_cli/"
OUTPUT = "tests/unit/test_cli_output.py"
RUNS = "tests/unit/test_cli_runs.py"

VIEWS = "tests/unit/test_cli_views.py"

MUTANTS = (
    Mutant(
        "command line: advice on a view is of the first one",
        CLI + "executions.py",
        '*(["view"] if is_of_a_view(command, rest) else [])',
        "*[]",
        (VIEWS, "-k", "pasted or that_of_its_view"),
    ),
    Mutant(
        "command line: a setting of a view is named as the first one's",
        CLI + "executions.py",
        "lambda found: label + found[0]",
        "lambda found: found[0]",
        (VIEWS, "-k", "pasted or refilled_alone"),
    ),
    Mutant(
        "command line: ranges settled by the repair of one view",
        CLI + "commands/redrive.py",
        "int(min(begun))",
        "int(max(begun))",
        (VIEWS, "-k", "repair_of_every_view"),
    ),
    Mutant(
        "command line: the first view alone, and nobody told of the others",
        CLI + "main.py",
        "if task in OF_ONE_VIEW and stack.further:",
        "if False:",
        (VIEWS, "-k", "names_the_others"),
    ),
    Mutant(
        "command line: an error that nobody foresaw ends as differences do",
        CLI + "main.py",
        "        return _unforeseen(error, screen, whole=options.debug)",
        "        raise",
        (OUTPUT, "-k", "nobody_foresaw"),
    ),
    Mutant(
        "command line: a verdict that nobody read is well",
        CLI + "main.py",
        "if options.command in NO_VERDICT:",
        "if True:",
        (OUTPUT, "-k", "misses_a_verdict"),
    ),
    Mutant(
        "command line: an error that cannot be told raises another",
        CLI + "main.py",
        "    except OSError:\n        for stream",
        "    except ZeroDivisionError:\n        for stream",
        (OUTPUT, "-k", "nobody_can_be_told"),
    ),
    Mutant(
        "command line: help that cannot be written is lost in silence",
        CLI + "main.py",
        "top = _Parser(",
        "top = ArgumentParser(",
        (OUTPUT, "-k", "help_on_a_full_disk"),
    ),
    Mutant(
        "command line: a common option before the command undone behind it",
        CLI + "main.py",
        '_common(command.add_argument_group("the stack"), SUPPRESS, unset=SUPPRESS)',
        '_common(command.add_argument_group("the stack"), None, unset=False)',
        (OUTPUT, "-k", "before_or_behind"),
    ),
    Mutant(
        "command line: every execution of a schedule asked what it is",
        CLI + "machine.py",
        "if SCHEDULED in tasks else MOST_ASKED",
        "if SCHEDULED in tasks else MOST_LISTED",
        (RUNS, "-k", "few_calls"),
    ),
    Mutant(
        "command line: an execution whose name says another task asked what it is",
        CLI + "machine.py",
        "next((each for each in self.having(status, since, tasks) if",
        "next((each for each in self.having(status, since) if",
        (RUNS, "-k", "other_tasks"),
    ),
    Mutant(
        "command line: --watch knows nothing of what has ended",
        CLI + "executions.py",
        "        last = machine.latest((task,))\n",
        "        last = None\n",
        (RUNS, "-k", "own_command"),
    ),
    Mutant(
        "command line: a backfill that was done is done again by surprise",
        CLI + "commands/backfill.py",
        "        if not options.again:",
        "        if False:",
        (RUNS, "-k", "twice_by_surprise"),
    ),
    Mutant(
        "command line: a late line of a call that is over counted beside its end",
        CLI + "progress.py",
        "not in self._names:",
        "is not None:",
        ("tests/unit/test_cli_progress.py", "-k", "counted_once"),
    ),
    Mutant(
        "run: a line a page says how far a call is",
        FUNCTION + "reconcile/report.py",
        "        if now < self._told_at + TOLD_EVERY:\n            return\n",
        "",
        ("tests/unit/test_reconcile_parts.py", "-k", "every_few_seconds"),
    ),
    Mutant(
        "run: a comparison says nothing before its call ends",
        FUNCTION + "reconcile/parts.py",
        "            self._tell(state, verification.counts)\n",
        "",
        ("tests/unit/test_reconcile_parts.py", "-k", "every_few_seconds"),
    ),
)
