"""Mutants of a table's several views: each rule that keeps one as right as one alone."""

from __future__ import annotations

from tools.mutants.mutant import FUNCTION, Mutant

VIEWS = "tests/unit/test_views.py"
PLAN, RESYNC, DELIVERY = FUNCTION + "protocol/plan.py", FUNCTION + "sync/resync.py", FUNCTION + "sync/delivery.py"
REDRIVE, EDGE, METRICS = FUNCTION + "sync/redrive.py", FUNCTION + "edges/views.py", FUNCTION + "sync/metrics.py"

MUTANTS = (
    Mutant(
        "views: doctor asks of the first index alone",
        FUNCTION + "doctor.py",
        "if each.view == view)",
        "if not each.view)",
        ("tests/engine/test_doctor.py", "-k", "several_views"),
    ),
    Mutant(
        "views: doctor writes as a table of one view does",
        FUNCTION + "doctor.py",
        'bulk_path("" if write.index else config.index)',
        "bulk_path(config.index)",
        ("tests/engine/test_doctor.py", "-k", "several_views"),
    ),
    Mutant(
        "views: a batch written to the first one alone",
        PLAN,
        "for view in having:",
        "for view in having[:1]:",
        (VIEWS, "-k", "one_request_writes_them"),
    ),
    Mutant(
        "views: an action that does not name its index",
        FUNCTION + "protocol/bulk.py",
        """b'"_index":"%b",' % write.index.encode() if write.index else b"",""",
        'b"",',
        (VIEWS, "-k", "one_request_writes_them"),
    ),
    Mutant(
        "views: documents of two indexes by one name",
        FUNCTION + "documents/view.py",
        'f"{OWN_PREFIX}{index}:{document}" if index else document',
        "document",
        (VIEWS, "-k", "never_have_one_name"),
    ),
    Mutant(
        "views: poison that names the first one's index",
        FUNCTION + "edges/failures.py",
        "poison.index or config.index",
        "config.index",
        (VIEWS, "-k", "poison_of_that_index"),
    ),
    Mutant(
        "views: a key read again for each",
        RESYNC,
        "targets.setdefault(target.id, []).append(target)",
        "targets[target.id] = [target]",
        (VIEWS, "-k", "read_once"),
    ),
    Mutant(
        "views: a probe in another index than the lone document's",
        DELIVERY,
        "batch = chunk([write, replace(PROBE, index=write.index)], 2, UNLIMITED)",
        "batch = chunk([write, PROBE], 2, UNLIMITED)",
        (VIEWS, "-k", "probe_of_its_own_index"),
    ),
    Mutant(
        "views: a redrive of the first one alone",
        REDRIVE,
        "for view in self.config.targets]",
        "for view in self.config.targets[:1]]",
        (VIEWS, "-k", "with_one_read"),
    ),
    Mutant(
        "views: a message that leaves when one of them is right",
        REDRIVE,
        "next((each for each in outcomes.values() if each.result not in RIGHT), None)",
        "next((each for each in list(outcomes.values())[:1] if each.result not in RIGHT), None)",
        (VIEWS, "-k", "stays_while_one_view_refuses"),
    ),
    Mutant(
        "views: the first one's index ensured alone",
        EDGE,
        "        for each in self._indexes.values():\n            answer",
        "        for each in [self._first]:\n            answer",
        (VIEWS, "-k", "is_anothers"),
    ),
    Mutant(
        "views: a guard for the first one's index alone",
        FUNCTION + "documents/index.py",
        "for each in sorted(indexes))",
        "for each in sorted(indexes)[:1])",
        (VIEWS, "-k", "a_guard_for_each"),
    ),
    Mutant(
        "views: a guard heeded though one index's is not",
        FUNCTION + "documents/index.py",
        "return all(heard) if heard else None",
        "return any(heard) if heard else None",
        (VIEWS, "-k", "is_not_heeded"),
    ),
    Mutant(
        "views: dropped records told of the first one alone",
        METRICS,
        "for each in config.views if of_all]",
        "for each in config.views if not of_all]",
        (VIEWS, "-k", "settled_by_its_own_runs"),
    ),
    Mutant(
        "views: one's clean run that ends another's alarm",
        METRICS,
        "    if config.view:\n",
        "    if False:\n",
        (VIEWS, "-k", "settled_by_its_own_runs"),
    ),
    Mutant(
        "views: one index for two",
        FUNCTION + "config.py",
        "if twice := {each for each in names if names.count(each) > 1}:",
        "if twice := set():",
        (VIEWS, "-k", "refused_at_start"),
    ),
)
