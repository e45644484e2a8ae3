"""An applied pipeline at rest asks its collection nothing: a NextGen collection would be woken, and paid for."""

from __future__ import annotations

from lab.applied import Applied
from tests.lab.test_redrive import SCHEDULED, invoke
from tests.support.applied_cli import AppliedCli


def test_what_runs_by_itself_leaves_a_resting_collection_alone(workshop: Applied) -> None:
    workshop.put({"id": {"S": "waking"}, "number": {"N": "1"}})
    workshop.until("the document", lambda: workshop.document("waking"))
    workshop.failure_messages()
    gate = workshop.lab.gate_of(workshop.outputs["collection_endpoint"])
    gate.reset_counts()
    assert invoke(workshop, SCHEDULED)["taken"] == 0
    assert gate.counts.requests == {}
    # The lab's endpoint is no NextGen one by its name: there `status` looks at the index only with --wake.
    ran = AppliedCli(workshop).run("status", "--json")
    assert ran.json, ran
    assert not any(request.startswith(("PUT", "POST", "DELETE")) for request in gate.counts.requests)
    workshop.put({"id": {"S": "waking"}, "number": {"N": "2"}})
    workshop.until("the change", lambda: workshop.document("waking")["number"] == 2)
    assert gate.counts.total > 0, "the counts must have been this collection's"
