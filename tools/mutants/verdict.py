"""Mutants of the verdict: each leaves "in step" standing over something that it did not compare."""

from __future__ import annotations

from tools.mutants.mutant import FUNCTION, Mutant

CLI = "cli/searchsync_cli/"
STATUS = "tests/unit/test_cli_status.py"
IDENTITY = "tests/unit/test_reconcile_identity.py"
EACH_FACT = (STATUS, "-k", "each_fact_alone")

MUTANTS = (
    Mutant(
        "writes to a table of this account taken for those of another's",
        CLI + "facts.py",
        "        if self._stack.cross_account:",
        "        if False:",
        (STATUS, "-k", "same_name"),
    ),
    Mutant(
        "verdict: a replaced collection is the same",
        CLI + "verdict.py",
        'if others & {"collection", "index"}:',
        'if others & {"index"}:',
        EACH_FACT,
    ),
    Mutant(
        "verdict: an index made anew is the same",
        CLI + "verdict.py",
        'elif others & {"index_uuid", "index_mark"}:',
        "elif False:",
        EACH_FACT,
    ),
    Mutant(
        "verdict: an index that is missing is well",
        CLI + "verdict.py",
        'if index.state == "missing":',
        "if False:",
        EACH_FACT,
    ),
    Mutant(
        "verdict: a replaced table is the same",
        CLI + "verdict.py",
        'if others & {"table_id", "stream_arn"}:',
        'if others & {"stream_arn"}:',
        EACH_FACT,
    ),
    Mutant(
        "verdict: messages that were lost are settled",
        CLI + "verdict.py",
        "self.before + self.sent - self.redriven - waiting",
        "self.before - self.redriven - waiting",
        (STATUS, "-k", "gone or went_without"),
    ),
    Mutant(
        "verdict: what was sent behind the queue's last depth did not wait",
        CLI + "verdict.py",
        "        + sum(value for at, value in sent if begin < at < first)\n",
        "",
        (STATUS, "-k", "older_message or early_in_its_minute"),
    ),
    Mutant(
        "verdict: what was redriven behind the queue's last depth waited",
        CLI + "verdict.py",
        "for at, value in redriven if begin <= at < first",
        "for at, value in redriven if begin < at < first",
        (STATUS, "-k", "early_in_its_minute"),
    ),
    Mutant(
        "verdict: another index has lost documents",
        CLI + "verdict.py",
        'if _others(verification.output.get("saw") or {}, index) & INDEX_NAMES:',
        "if False:",
        (STATUS, "-k", "not_asked_for_a_repair"),
    ),
    Mutant(
        "verdict: a refill of the same day is refused",
        CLI + "verdict.py",
        "`searchsync backfill --again`",
        "`searchsync backfill`",
        (STATUS, "-k", "refill"),
    ),
    Mutant(
        "verdict: a verification is good for ever",
        CLI + "verdict.py",
        "facts.now - facts.verification.started <= facts.limits.age",
        "True",
        (STATUS, "-k", "each_fact_alone or as_old_as"),
    ),
    Mutant(
        "verdict: a clean verification settles nothing",
        CLI + "facts.py",
        "since = max(clean or 0.0, self._now - LONGEST)",
        "since = self._now - LONGEST",
        (STATUS, "-k", "settle"),
    ),
    Mutant(
        "verdict: what the bucket took is not looked at",
        CLI + "facts.py",
        "        dropped=_dropped(aws, trigger, clean),\n",
        "",
        (STATUS, "-k", "to_its_bucket"),
    ),
    Mutant(
        "verdict: what nothing read for a day is read",
        CLI + "facts.py",
        "        missed=metrics.missed(clean),\n",
        "",
        (STATUS, "-k", "on_the_day_after"),
    ),
    Mutant(
        "verdict: values are asked for more finely than they are kept",
        CLI + "facts.py",
        "age = self._now - since + HOUR",
        "age = self._now - since",
        (STATUS, "-k", "more_finely"),
    ),
    Mutant(
        "verdict: an alarm's own lag does not count",
        CLI + "facts.py",
        "metrics.alarm_lag() or limits.lag",
        "limits.lag",
        (STATUS, "-k", "alarms_own"),
    ),
    Mutant(
        "verdict: status wakes a collection that sleeps",
        CLI + "facts.py",
        "wake or not stack.may_sleep",
        "True",
        (STATUS, "-k", "not_woken"),
    ),
    Mutant(
        "verdict: a run over an index that was replaced has a result",
        FUNCTION + "reconcile/steps.py",
        "        if others:\n            raise RunRefusedError(",
        "        if False:\n            raise RunRefusedError(",
        ("tests/unit/test_reconcile_compared.py", "-k", "replaced_meanwhile"),
    ),
    Mutant(
        "verdict: other rules of conversion are the same",
        FUNCTION + "reconcile/identity.py",
        '    return _digest(b"".join((SOURCES / name).read_bytes() for name in CONVERSION))',
        '    return _digest(b"")',
        (IDENTITY, "-k", "rule_of_conversion"),
    ),
)
