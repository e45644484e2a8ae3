"""Mutants of `searchsync doctor`."""

from __future__ import annotations

from tools.mutants.mutant import FUNCTION, Mutant

MUTANTS = (
    Mutant(
        "doctor: an index of another's taken for the probes' own",
        FUNCTION + "reconcile/asker.py",
        "or not isinstance(since, int):",
        "or False:",
        ("tests/engine/test_doctor.py", "-k", "anothers"),
    ),
    Mutant(
        "doctor: a probe index of a doctor that runs deleted",
        FUNCTION + "reconcile/asker.py",
        "if at.clock.now() - since < ANOTHERS:",
        "if False:",
        ("tests/engine/test_doctor.py", "-k", "that_runs"),
    ),
    Mutant(
        "doctor: nothing cleaned up after an error",
        FUNCTION + "reconcile/doctor.py",
        "    finally:\n        left = clean_up(at)",
        "    except ZeroDivisionError:\n        pass\n    left = clean_up(at)",
        ("tests/engine/test_doctor.py", "-k", "unforeseen"),
    ),
    Mutant(
        "doctor: a missing index made by the question whether it may be written",
        FUNCTION + "doctor.py",
        "if described.kind is Kind.DONE:",
        "if described:",
        ("tests/engine/test_doctor.py", "-k", "without_a_trace"),
    ),
    Mutant(
        "doctor: waking counted as a lack of capacity",
        FUNCTION + "reconcile/doctor.py",
        "    at.busy.clear()  # of its own row\n",
        "",
        ("tests/engine/test_doctor.py", "-k", "waking_status"),
    ),
    Mutant(
        "doctor: a tombstone of half a minute relied on",
        "cli/searchsync_cli/diagnosis.py",
        "TOMBSTONE_S = 55.0",
        "TOMBSTONE_S = 25.0",
        ("tests/unit/test_cli_doctor.py", "-k", "judged_by_its_row or bounds"),
    ),
    Mutant(
        "doctor: any refusal beside another change of the mapping called harmless",
        "cli/searchsync_cli/diagnosis.py",
        'others - {"400 resource_already_exists_exception"}',
        'others - {"400 resource_already_exists_exception", "400 mapper_parsing_exception"}',
        ("tests/unit/test_cli_doctor.py", "-k", "judged_by_its_row"),
    ),
)
