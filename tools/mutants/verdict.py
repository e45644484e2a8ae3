"""Mutants of the verdict: each leaves "in step" standing over something that it did not compare."""

from __future__ import annotations

from tools.mutants.mutant import FUNCTION, Mutant

CLI = "cli/searchsync_cli/"
STATUS = "tests/unit/test_cli_status.py"
IDENTITY = "tests/unit/test_reconcile_identity.py"
EACH_FACT = (STATUS, "-k", "each_fact_alone")
STANDING = "tests/unit/test_cli_standing.py"
STEPS, READER = FUNCTION + "reconcile/steps.py", FUNCTION + "reconcile/reader.py"
READS = "tests/unit/test_reconcile_reader.py"

MUTANTS = (
    Mutant(
        "verdict: a verification missed behind those that gave way",
        CLI + "machine.py",
        "most = MOST_LISTED if SCHEDULED in tasks else MOST_ASKED",
        "most = MOST_ASKED",
        (STANDING, "-k", "gave_way"),
    ),
    Mutant(
        "verdict: of runs that overlap the one that ended last alone",
        CLI + "machine.py",
        "        found.sort(key=lambda each: each.started, reverse=True)\n",
        "        return found[:1]\n",
        (STANDING, "-k", "ran_meanwhile or later_beginning"),
    ),
    Mutant(
        "verdict: of runs that overlap the clean one",
        CLI + "facts.py",
        'differing = (each for each in standing if each.output.get("in_step") is not True)',
        'differing = (each for each in standing if each.output.get("in_step") is True)',
        (STANDING, "-k", "ran_meanwhile"),
    ),
    Mutant(
        "verdict: a run that failed once more behind a later one is past",
        CLI + "machine.py",
        'if "stopDate" in each and each["stopDate"].timestamp() < since:',
        'if each["startDate"].timestamp() < since:',
        (STANDING, "-k", "failed_once_more"),
    ),
    Mutant(
        "verdict: metrics that CloudWatch could not give are silence",
        CLI + "facts.py",
        'if results and results[-1].get("StatusCode", WHOLE) != WHOLE:',
        "if False:",
        (STANDING, "-k", "could_not_give"),
    ),
    Mutant(
        "verdict: a verification resumed behind a later one",
        CLI + "executions.py",
        "if later and later[0].started > last.started:",
        "if False:",
        (STANDING, "-k", "not_resumed"),
    ),
    Mutant(
        "verdict: a run that gave way has differences",
        CLI + "executions.py",
        "    if execution.gave_way:",
        "    if False:",
        (STANDING, "-k", "says_nothing"),
    ),
    Mutant(
        "verdict: a run's old failure is that of its redrive",
        CLI + "executions.py",
        "if now.stopped != last.stopped:",
        "if True:",
        (STANDING, "-k", "shows_late"),
    ),
    Mutant(
        "verdict: another stack's run of the same name is ours",
        CLI + "machine.py",
        'if ":" in name and not name.startswith(own):',
        "if False:",
        (STANDING, "-k", "another_stack"),
    ),
    Mutant(
        "verdict: a shard that no node has is an empty one",
        READER,
        " or not successful\n",
        "\n",
        (READS, IDENTITY, "-k", "without_some_shard or some_shards"),
    ),
    Mutant(
        "verdict: a total that is a lower bound is a page's",
        READER,
        'if found["total"].get("relation", EXACT) != EXACT:',
        "if False:",
        (READS, "-k", "lower_bound"),
    ),
    Mutant(
        "verdict: documents that an answer leaves out are missing",
        READER,
        'if len(answer["docs"]) != len(ids):',
        "if False:",
        (READS, "-k", "leaves_out"),
    ),
    Mutant(
        "verdict: documents with a routing are gone when they are looked at again",
        READER,
        "        if routed:",
        "        if False:",
        (READS, "-k", "routing"),
    ),
    Mutant(
        "verdict: a run begins over an index that nothing names",
        STEPS,
        "        index = self._index(call.deadline)\n",
        "        index = self.looker.look(self._soon(call.deadline))\n",
        ("tests/unit/test_reconcile_steps.py", "-k", "where_that_is_new"),
    ),
    Mutant(
        "verdict: a run that was resumed ends a later one's alarm",
        STEPS,
        'if self._is_overtaken(call.event["run"], began):',
        "if False:",
        ("tests/unit/test_reconcile_steps.py", "-k", "ran_meanwhile"),
    ),
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
