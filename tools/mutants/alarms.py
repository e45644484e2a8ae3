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
        "alarms: a stream that is read again is told of until a second period",
        "alarms.tf",
        "      evaluation_periods  = 2\n      datapoints_to_alarm = 2\n",
        "      evaluation_periods  = 3\n      datapoints_to_alarm = 2\n",
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
        "dashboard: another statistic than the alarm's",
        "dashboard.tf",
        "stat = line[3]",
        'stat = "Average"',
        (PLANS, "-k", "watches_is_on_the_dashboard"),
    ),
    Mutant(
        "dashboard: graphs of another region",
        "dashboard.tf",
        "region = local.place.region",
        'region = "us-east-1"',
        (PLANS, "-k", "every_metric_on_a_dashboard"),
    ),
    Mutant(
        "dashboard: lines of alarms that are not there",
        "dashboard.tf",
        "value = local.thresholds[key] } if var.alarms.enabled",
        "value = local.thresholds[key] }",
        (PLANS, "-k", "dashboard_without_alarms"),
    ),
    Mutant(
        "dashboard: a section of the operations page left out",
        "dashboard.tf",
        "    | messages in the failure queue | *Redrive: records that could not be written* |\n",
        "",
        (PLANS, "-k", "names_every_section"),
    ),
    Mutant(
        "dashboard: paid for by everybody",
        "variables.tf",
        """    enabled = optional(bool, false)
    name    = optional(string)""",
        """    enabled = optional(bool, true)
    name    = optional(string)""",
        (PLANS, "-k", "there_is_no_dashboard"),
    ),
    Mutant(
        "dashboard: another one in each region of the lab",
        "lab/cloud/patches/cloudwatch_dashboards.py",
        """    replace(cloudwatch, "_dashboards", AccountScopedDict())
""",
        "",
        ("tests/lab/test_dashboard.py", "-k", "the_accounts_in_every_region"),
    ),
    Mutant(
        "alarms: the lab forgets an execution that is redriven and fails again",
        "lab/cloud/patches/stepfunctions_metrics.py",
        'if status == now or now != "RUNNING":',
        'if execution.get("redriveCount", 0) == 0:',
        ("tests/lab/test_cloud_metrics.py", "-k", "counts_at_each_of_its_ends"),
    ),
    Mutant(
        "an alarm's expression that boto3 cannot read in the lab",
        "lab/cloud/patches/cloudwatch_alarms.py",
        """            alarm["Metrics"] = metrics
""",
        "",
        ("tests/lab/test_cloud_metrics.py", "-k", "read_back_as_it_was_put"),
    ),
    Mutant(
        "dashboard: CloudWatch's lab takes a period of 90 s",
        "lab/cloud/dashboards.py",
        "value >= 60 and value % 60 == 0",
        "value >= 60",
        ("tests/unit/test_dashboards.py", "-k", "refuses_is_named"),
    ),
)
