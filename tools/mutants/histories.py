"""Mutants that the generated histories of `tests/engine/test_histories.py` must notice, one rule each."""

from __future__ import annotations

from tools.mutants.mutant import FUNCTION, Mutant

HISTORIES = ("tests/engine/test_histories.py",)


def _mutant(name: str, file: str, old: str, new: str) -> Mutant:
    return Mutant(f"histories: {name}", FUNCTION + file, old, new, HISTORIES)


MUTANTS = (
    _mutant(
        "versions left out",
        "protocol/bulk.py",
        "    )\n    return head if",
        """    )\n    head = re.sub(rb',"version":\\d+,"version_type":"external"', b"", head)\n    return head if""",
    ),
    _mutant(
        "a conflict taken as a failure",
        "protocol/bulk.py",
        "return Answer(Kind.CONFLICT, status",
        "return Answer(Kind.BUSY, status",
    ),
    _mutant(
        "429 taken as poison",
        "protocol/bulk.py",
        "frozenset({402, 429, 500, 502, 503, 504})",
        "frozenset({402, 500, 502, 503, 504})",
    ),
    _mutant(
        "a document too large for the collection taken as done",
        "sync/delivery.py",
        "return replace(answer, kind=Kind.POISON)",
        "return replace(answer, kind=Kind.DONE)",
    ),
    _mutant(
        "no answer taken as done",
        "sync/delivery.py",
        "        request = classify_request(response)\n",
        "        if response.status is None:\n            return [Answer(Kind.DONE)] * len(chunk.writes)\n"
        "        request = classify_request(response)\n",
    ),
    _mutant(
        "a refusal by the stack swallowed",
        "sync/delivery.py",
        "        raise _stack(answer)\n    if",
        "        return replace(answer, kind=Kind.DONE)\n    if",
    ),
    _mutant(
        "the highest failed number instead of the lowest",
        "protocol/records.py",
        "return min(numbers, key=int)",
        "return max(numbers, key=int)",
    ),
    _mutant(
        "poison above the lowest failed record sent",
        "sync/pipeline.py",
        "if position[each.sequence_number] < position[lowest_failed]]",
        "if each]",
    ),
    _mutant(
        "what the failure queue refuses ignored",
        "sync/pipeline.py",
        "        if not untaken:\n            return lowest_failed\n",
        "        if untaken or not untaken:\n            return lowest_failed\n",
    ),
    _mutant(
        "a conversion error skipped",
        "protocol/plan.py",
        "        plan.poison.append(unwritable(record.keys, record.sequence_number, version, error, index, as_of=",
        "        repr((",
    ),
    _mutant(
        "a deletion's conflict taken as done",
        "protocol/version.py",
        "    if deletion or (is_table_read(current) and shown != current):\n        return Verdict.RESYNC\n",
        "    if deletion:\n        return Verdict.STALE\n",
    ),
    _mutant(
        "a version from the future believed",
        "protocol/version.py",
        "    if second_of(current) > now + max_skew:\n        return Verdict.FUTURE\n    if deletion or",
        "    if deletion or",
    ),
    _mutant(
        "low bits decide a conflict",
        "protocol/version.py",
        "if second_of(current) - second > max_skew:",
        "if second_of(current) - second >= 0:",
    ),
    _mutant(
        "a resync without its wait",
        "protocol/version.py",
        "return max(0.0, second + 1 + max_skew - now)",
        "return 0.0",
    ),
    _mutant(
        "a read's version without the skew bound",
        "protocol/version.py",
        "return int(read_at - max_skew) << LOW_BITS | 1",
        "return int(read_at) << LOW_BITS | 1",
    ),
    _mutant(
        "a read's write without its deadline",
        "sync/resync.py",
        "time_to_write(gathered[0].read_monotonic, deadline)",
        "deadline",
    ),
    _mutant(
        "a batch's writes without their deadline",
        "sync/pipeline.py",
        "delivery.deliver(plan.writes, time_to_write(taken, deadline))",
        "delivery.deliver(plan.writes, deadline)",
    ),
    _mutant(
        "a resync without time taken as done",
        "sync/resync.py",
        "                return outcomes | _all(waiting, Result.FAILED)\n",
        "                return outcomes | _all(waiting, Result.PASSED)\n",
    ),
    _mutant(
        "the table read without consistency",
        "edges/table.py",
        '"ConsistentRead": True',
        '"ConsistentRead": False',
    ),
    _mutant(
        "an id of 513 bytes not hashed",
        "limits.py",
        "LONGEST_ID = 512",
        "LONGEST_ID = 513",
    ),
    _mutant(
        "an index made again not noticed",
        "edges/collection.py",
        "            self.recreated = True\n",
        "            pass\n",
    ),
    _mutant(
        "the index ensured once and never again",
        "edges/collection.py",
        "if self._ensured_at is not None and now - self._ensured_at < holds:",
        "if self._ensured_at is not None:",
    ),
    _mutant(
        "old records call for no repair",
        "sync/pipeline.py",
        "if report.oldest_age > REPAIR_AGE:",
        "if report.oldest_age > 10 * REPAIR_AGE:",
    ),
)
