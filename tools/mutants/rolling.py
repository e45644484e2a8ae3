"""Mutants of the rolling verification: parts left out, verdicts that stand too long, alarms that end by themselves."""

from __future__ import annotations

from tools.mutants.mutant import FUNCTION, Mutant

ROLLING, SLICES = FUNCTION + "reconcile/rolling.py", FUNCTION + "reconcile/slices.py"
CLI = "cli/searchsync_cli/"
UNIT, STATUS = "tests/unit/test_reconcile_rolling.py", "tests/unit/test_cli_status.py"

MUTANTS = (
    Mutant(
        "rolling: differences of a call that fails behind them told to nobody",
        FUNCTION + "reconcile/steps.py",
        "replace(done, age=None) if done.differences else None",
        "None",
        ("tests/unit/test_reconcile_rolling.py", "-k", "fails_behind_them"),
    ),
    Mutant(
        "rolling: a part that is refused stays where it stood",
        FUNCTION + "reconcile/slices.py",
        "except RunRefusedError:",
        "except ZeroDivisionError:",
        ("tests/unit/test_reconcile_rolling.py", "-k", "refused_for_ever"),
    ),
    Mutant(
        "rolling: a round takes longer than its period",
        ROLLING,
        "return ROUND_SHARE * (self.period - self.every) / parts",
        "return 1.2 * self.period / parts",
        (UNIT, "-k", "within_the_period"),
    ),
    Mutant(
        "rolling: ranges are left out",
        ROLLING,
        "return self.of + ranges_of(self.of)",
        "return self.of",
        (UNIT, "-k", "orphan"),
    ),
    Mutant(
        "rolling: each part has keys of its own",
        ROLLING,
        "    if rolled.next == 0:\n",
        "    if True:\n",
        (UNIT, "-k", "costs_no_read"),
    ),
    Mutant(
        "rolling: what was compared of another index stands",
        SLICES,
        "if rolled is None or changed(rolled.saw, seen):",
        "if rolled is None:",
        (UNIT, "-k", "another_now"),
    ),
    Mutant(
        "rolling: parts of an older round stand for ever",
        ROLLING,
        "mine = {name: each for name, each in rolled.parts.items() if each.run == rolled.run}",
        "mine = dict(rolled.parts)",
        (UNIT, "-k", "has_grown"),
    ),
    Mutant(
        "rolling: a clean part ends the alarm on drift",
        SLICES,
        "elif rolled.ended and done.differences is None",
        "elif done.differences is None",
        (UNIT, "-k", "alarm_on_drift"),
    ),
    Mutant(
        "rolling: a clean round ends the alarm that a run has raised meanwhile",
        SLICES,
        "return not self.account.ended_since(rolled.round_began)",
        "return True",
        (UNIT, "-k", "alarm_on_drift or nobody_knows"),
    ),
    Mutant(
        "rolling: a round with a difference ends the alarm on drift",
        SLICES,
        "if not next_round(rolled, rolled.of).clean:",
        "if False:",
        (UNIT, "-k", "with_a_difference"),
    ),
    Mutant(
        "rolling: a run that runs is not asked for",
        SLICES,
        "        return bool(names)\n",
        "        return False\n",
        (UNIT, "-k", "goes_first"),
    ),
    Mutant(
        "rolling: two calls work at once",
        SLICES,
        "(rolled.due > now or rolled.busy_until > now)",
        "rolled.due > now",
        (UNIT, "-k", "one_call_works"),
    ),
    Mutant(
        "rolling: a call that died holds the place for ever",
        SLICES,
        "self.store.write(replace(rolled, busy_until=0.0))",
        "self.store.write(rolled)",
        (UNIT, "-k", "waited_for or one_call_works"),
    ),
    Mutant(
        "rolling: a collection that never answers is waited for without a word",
        SLICES,
        "            if rolled is None:  # then",
        "            if False:  # then",
        (UNIT, "-k", "never_comes"),
    ),
    Mutant(
        "rolling: a part's differences put nothing in doubt",
        CLI + "verdict.py",
        "    if found:\n        return Verdict.DIFFERENCES",
        "    if False:\n        return Verdict.DIFFERENCES",
        (STATUS, "-k", "found_since"),
    ),
    Mutant(
        "rolling: a repair settles nothing",
        CLI + "rolling.py",
        "if settled is None or each.ended > settled",
        "if True",
        (STATUS, "-k", "says_nothing_against"),
    ),
    Mutant(
        "rolling: an old part is well",
        CLI + "rolling.py",
        "if now - self.oldest > self.period:",
        "if False:",
        (STATUS, "-k", "each_fact_alone"),
    ),
    Mutant(
        "rolling: any of its parts makes an old verification young",
        CLI + "rolling.py",
        "return self.covered and not self.doubts(now)",
        "return True",
        (STATUS, "-k", "old_verification_counts"),
    ),
    Mutant(
        "rolling: its alarm waits for data",
        "alarms.tf",
        'treat_missing_data  = "breaching"',
        'treat_missing_data  = "ignore"',
        ("tests/unit/test_alarms.py", "-k", "rolling"),
    ),
)
