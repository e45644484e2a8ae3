"""Mutants of the alarms: each lets one end though its cause holds, or never begin."""

from __future__ import annotations

from tools.mutants.mutant import FUNCTION, Mutant

ALARMS = "tests/unit/test_alarms.py"
PLANS = "tests/terraform/test_terraform.py"
STEPS = "tests/unit/test_reconcile_steps.py"

MUTANTS = (
    Mutant(
        "alarms: a redrive that hides messages ends the alarm",
        "alarms.tf",
        " + ceil(var.failure_queue.visibility_timeout_seconds / 300)",
        "",
        (ALARMS, "-k", "hides_them or hides"),
    ),
    Mutant(
        "alarms: a table that is written and not read is well",
        "alarms.tf",
        "IF(FILL(invocations, 0) > 0, 0, IF(FILL(writes, 0) > 0, 1))",
        "IF(FILL(invocations, 0) > 0, 0)",
        (ALARMS, "-k", "stream-unread"),
    ),
    Mutant(
        "alarms: an invocation that needs no repair says so",
        FUNCTION + "sync/metrics.py",
        'return {"RepairNeeded": 1} if reasons else {}',
        'return {"RepairNeeded": 1 if reasons else 0}',
        ("tests/unit/test_metrics.py", "-k", "declared_with_its_unit"),
    ),
    Mutant(
        "alarms: a signal since the comparison began is settled by it",
        FUNCTION + "reconcile/steps.py",
        "if not self.account.signals(each, began, now))",
        "if self.account is not None)",
        (STEPS, "-k", "ends_the_alarm"),
    ),
    Mutant(
        "alarms: a comparison that left differences settles a repair",
        FUNCTION + "reconcile/steps.py",
        "            if not call.report.differences:\n",
        "            if True:\n",
        (STEPS, "-k", "ends_the_alarm"),
    ),
    Mutant(
        "alarms: a scheduled verification that meets another run fails",
        FUNCTION + "reconcile/steps.py",
        "            if order.scheduled:\n",
        "            if False:\n",
        ("tests/unit/test_reconcile_begin.py", "-k", "gives_way"),
    ),
    Mutant(
        "dashboard: an alarm's threshold is drawn elsewhere",
        "dashboard.tf",
        "value = local.thresholds[key]",
        "value = 1",
        (PLANS, "-k", "watches_is_on_the_dashboard"),
    ),
    Mutant(
        "dashboard: a metric that no function has",
        "dashboard.tf",
        'RedriveStayed = "Maximum"',
        'RedriveStuck = "Maximum"',
        (PLANS, "-k", "published_by_aws_or_emitted"),
    ),
    Mutant(
        "dashboard: a graph that is wider than its place",
        "dashboard.tf",
        "width = 24 / length(graphs)",
        "width = 12",
        (PLANS, "-k", "hides_another"),
    ),
    Mutant(
        "dashboard: CloudWatch's lab takes a period of 90 s",
        "lab/cloud/dashboards.py",
        "value >= 60 and value % 60 == 0",
        "value >= 60",
        ("tests/unit/test_dashboards.py", "-k", "refuses_is_named"),
    ),
)
