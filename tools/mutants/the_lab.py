"""Mutants of the lab: its gate must do what AWS does."""

from __future__ import annotations

from tools.mutants.mutant import Mutant

MUTANTS = (
    Mutant(
        "gate: a read by id shown what no refresh has",
        "lab/conduct.py",
        'parameters.append("realtime=false")',
        "pass",
        ("tests/unit/test_behaviours.py", "-k", "asks_the_engine_for_what_the_last_refresh_shows"),
    ),
    Mutant(
        "gate: a write shown before its refresh is due",
        "lab/conduct.py",
        "return now >= index.unseen_since + late",
        "return True",
        ("tests/unit/test_behaviours.py", "-k", "shown_by_the_refresh_that_comes_so_long_after_it"),
    ),
    Mutant(
        "gate: a new index taken for an old one",
        "lab/conduct.py",
        "now < self._index(index).made_at + seconds",
        "now < self._index(index).made_at",
        ("tests/unit/test_behaviours.py", "-k", "not_found_by_writes_for_its_time"),
    ),
    Mutant(
        "gate: every change of a mapping taken",
        "lab/conduct.py",
        "            if now < state.mapping_until:\n                return False\n",
        "",
        ("tests/unit/test_behaviours.py", "-k", "two_changes_of_a_mapping"),
    ),
    Mutant(
        "gate: indexing and search wake together",
        "lab/conduct.py",
        'name = "search" if _permission(request) == "aoss:ReadDocument" else "indexing"',
        'name = "both"',
        ("tests/unit/test_behaviours.py", "-k", "sleep_and_wake_apart"),
    ),
    Mutant(
        "gate: a body that was cut off forwarded",
        "lab/gate_server.py",
        "return body if len(body) == size else None",
        "return body",
        ("tests/engine/test_gate.py", "-k", "cut_off_in_its_body"),
    ),
    Mutant(
        "gate: a black hole that answers",
        "lab/gate_server.py",
        "                self._swallowed()\n                return None\n",
        "                body = self.rfile.read(size)\n",
        ("tests/engine/test_gate.py", "-k", "black_hole"),
    ),
    Mutant(
        "gate: a slow reader that takes all at once",
        "lab/gate_server.py",
        "if self.server.desk.pause(seconds / PIECES):",
        "if False:",
        ("tests/engine/test_gate.py", "-k", "trickles"),
    ),
    Mutant(
        "gate: an answer that trickles sent at once",
        "lab/gate_server.py",
        "if not reply.seconds:",
        "if True:",
        ("tests/engine/test_gate.py", "-k", "trickles"),
    ),
    Mutant(
        "a function in a VPC reaches what has no endpoint there",
        "lab/cloud/patches/ec2_vpc_endpoints.py",
        "if vpc is not None and endpoint not in",
        "if False and endpoint not in",
        ("tests/lab/test_cloud_network.py", "-k", "reaches_what_has_an_endpoint"),
    ),
    Mutant(
        "a key's policy that is not asked",
        "lab/cloud/patches/customer_keys.py",
        'return denied or _denied(access_key, action, str(named.get("resource_arn", "")))',
        "return denied",
        ("tests/lab/test_cloud_keys.py",),
    ),
    Mutant(
        "a table in another account read without its policy",
        "lab/cloud/patches/dynamodb_accounts.py",
        """    return str(found.get("Policy", "")), parts[4]""",
        "    return None",
        ("tests/lab/test_cloud_accounts.py", "-k", "while_its_policy_admits"),
    ),
)
