"""Every limit of time and size, with the reason for it; relations between them are asserted where they stand."""

from __future__ import annotations

# Time of a write: a tombstone's life, a request, a read

READ_TO_REQUEST, READ_TO_ANSWER = 25.0, 55.0
"""Seconds from a table read to the last request that writes it, and to the engine's answer: a tombstone lives
60. A request that had no answer may be applied all the same, and has 35 s for that."""
REQUEST_TIMEOUT = 32.0
"""Seconds that one request may take: a NextGen collection that sleeps holds the first one to its search and to its
indexing side for 10-30 s each (AWS page "Scale to zero for Amazon OpenSearch Serverless")."""
SHORTEST_REQUEST = 1.0
"""Seconds: with less left a request is not begun."""
SHORTEST_TRY = 0.001
"""Seconds: a socket takes no timeout of 0 for one."""
READ_AND_WRITE = 5.0
"""Seconds: with less left after the wait a round is not begun."""
ROUNDS = 5
"""A key that meets a conflict in each of so many rounds goes to the failure queue: no document blocks a shard. In
a round that the collection was too busy for nobody disagreed."""
DEFAULT_MARGIN = 10
"""Seconds of CLOCK_MARGIN_SECONDS: clock differences between DynamoDB and this function, and flooring."""
SHORTEST_MARGIN, LONGEST_MARGIN = 5, 300
"""Seconds. A read's clock may be 3 s off before it is refused, a creation time is floored, and the answer's
Date is DynamoDB's front, not its stream: with less a change could pass for older than the read before it."""
CLOCK_TOLERANCE = 3.0
"""Seconds between our clock before the request and the answer's Date header; with more the read is refused."""

# A document that fails while others succeed

LONE_TRIES = 5
LONE_SECONDS = 20.0
LONE_DOCUMENTS = 5
"""At most so many documents that alone are answered busy, so often and for so long, while others of their
batch succeed in the same round, are poison. More of them, or sooner, is a shard of the index in trouble."""

# Tries and pauses

BACKOFF_BASE = 0.2
"""Seconds: the first retry's longest pause; it doubles with every further one."""
BACKOFF_CAP = 10.0
"""Seconds: no pause between two tries is longer."""
LAST_TRY = 0.5
"""Seconds before the time to begin something ends: then its last try is made. Sleeping and what comes before
the request take a little, and a try that is due at the end itself comes too late."""
LONGEST_CALL_OUT = 20.0
"""Seconds of one call to an AWS service, its second try included, and of one read of a streamed body."""
QUEUE_CALL = 2.5
"""The same for the failure queue, which answers in milliseconds: a call must fit into the reserve."""
RETRY_PAUSE = 1.0
"""Seconds at most between botocore's first try and its second (botocore, retries/standard.py: a random share of
2^0), which is then refused: so a call that was cut ends so much later."""
CONNECT_TIMEOUT, READ_TIMEOUT = 3, 10
"""Seconds for the table and the queue; they answer in milliseconds."""
SHORTEST_READ = 2.0
"""Seconds: with less left a read is not begun."""
REFUSED_READS = 5
"""So many reads refused for the clock say that the clock is wrong, not the network slow."""
QUICK_TRIES = 2
"""Backoff attempts after an empty page: a shard gives five reads a second (API reference, GetRecords)."""
LONG_POLL = 1
"""Seconds that a receive waits. Above 0 it asks all of SQS's servers, so that nothing is nothing (SQS
Developer Guide, "Amazon SQS short and long polling")."""

# Sizes of requests

LARGEST_BODY = 5_000_000
"""Bytes of one bulk request. AOSS takes 10 MiB ("Amazon OpenSearch Serverless quotas"); half leaves room."""
LARGEST_READ = 100
"""Keys of one BatchGetItem (API reference, BatchGetItem)."""
LARGEST_SCAN = 2_000
"""Items of one Scan; DynamoDB ends a page at 1 MB anyway (API reference, Scan)."""
IDS_AT_ONCE = 1_000
"""Ids of one `_mget`, and documents of one page."""
MESSAGES_AT_ONCE = 10
"""Messages of one request (API reference: SendMessageBatch, ReceiveMessage, DeleteMessageBatch)."""
BYTES_AT_ONCE = 250_000
"""Bytes of one SendMessageBatch, below the 256 KiB that every region takes."""
LONGEST_TEXT = 2_000
"""Characters of a reason or a trace."""
TAKEN_AT_ONCE = 100
"""Messages of one round: the keys of one BatchGetItem."""

# What the engine takes

LONGEST_ID = 512
"""UTF-8 bytes of a document id (OpenSearch: "id is too long, must be no longer than 512 bytes")."""
MOST_DOTS = 20
"""In one name. OpenSearch reads `a.b` as a map in a map, and maps no path of over 20 names
(index.mapping.depth.limit). Of some 1,000 names its parser has no stack left, and its thread ends without an answer.
DynamoDB nests 32 levels ("Constraints in Amazon DynamoDB"): together that is a path of 693, which is answered."""
MOST_NAMES = 10_000
"""Names whose JSON text is kept; some items have data for names."""
LONGEST_KEYWORD = 8191
"""Characters: four bytes each stay below Lucene's 32,766 bytes a term. Longer values are not in `keyword`."""

# The index

ENSURED_FOR = 60.0
"""Seconds after which the index is looked at again."""
NEW_INDEX_S = 300.0
"""So long after its creation an index may still be answered 404, or without its mapping. AOSS acknowledges a
creation before every node knows of it and says nothing of its progress: a write was taken, the next one 12 s later
was not (Synapse-Repository-Services#5678; they wait 208 s, apache/airflow#70649 150 s)."""

# An invocation

RESERVE = 5.0
"""Seconds of an invocation kept for the failure queue and the log line."""
LAST_LINE = 0.5
"""Seconds of the reserve that are kept for the log line."""
assert QUEUE_CALL > LONG_POLL, "a receive is cut while it waits"  # noqa: S101 - a relation of limits
assert QUEUE_CALL + RETRY_PAUSE + LAST_LINE <= RESERVE, "a queue that hangs takes the log line's time"  # noqa: S101
REPAIR_AGE = 82_800.0
"""Seconds (23 h): a record this old says that others may have been trimmed (streams keep 24 h)."""
SHORTEST_ROUND = 20.0
"""Seconds: with less left no further messages are taken."""
RECORDS_SHOWN = 20
"""Records named one by one in the line; all are counted."""
LONGEST_SHOWN = 200
"""Characters of one text in a message."""
MOST_SHOWN = 4
"""Texts of a list in a message."""

# A walk's call, its parts and its state

WALK_RESERVE = 20.0
"""Seconds of a call that are kept for its report and its end."""
SHORT_STEP = 150.0
"""Seconds that a question to the index may take. A collection that sleeps answers the first one after 10 to 30 s
("Scale to zero for Amazon OpenSearch Serverless"); its indexing and its search units wake apart."""
LONGEST_WAKING = 30.0
TOGETHER = 2.0
"""Seconds after which a walk looks again for one that began together with it: the list of walks is late."""
LARGEST_SLICES = 64
"""Slices of a point in time; OpenSearch takes up to 1,024, a lane each is enough."""
ONE_PAGE = 70.0
"""Seconds: with less left no page is begun. A page has 55 s from its read to the last answer."""
SETTLED_IN = 600.0
"""Seconds: what a paced call looks at again is to be paid for in so many of its 15 minutes."""
LINES_AT_ONCE = 1_000
"""Lines of an export's files that are written together."""
SEGMENT_BYTES = 512 * 1024**2
"""Of the table, in one segment: some minutes of walking, so that a failed one is soon repeated."""
MOST_SEGMENTS = 1_000
"""More results than that would not fit into one state."""
STREAM_KEEPS = 24 * 3600.0
"""Seconds ("Change data capture for DynamoDB Streams")."""
ITEMS_A_SECOND = 500.0
"""That a lane of a load writes at least; the bench measured more."""
DRAIN_SPEED = 4.0
"""Seconds of backlog that the trigger reads in a second: on the careful side."""
MOST_BROKEN = 1
LONGEST_BROKEN = 160
"""Broken files that a part names, and characters of each: the results of all parts are in one state."""
FURTHEST = 130
"""Digits before the point or zeros behind it. A foreign document may hold 1E+999999999."""
SHORTEST_SETTLE, LONGEST_SETTLE = 5.0, 120.0
"""Seconds between two looks at a disagreement. A call waits it out some six times within its 15 minutes."""
FILES_AT_ONCE = 100
"""Data files that are opened for one page at most: many are empty, and a call looks at its time between pages."""
MOST_PARTS = 500
"""More results, each with the name of a broken file, would not fit into one state."""
MOST_FILES = 1_000_000
"""Of an export: a manifest of 250 MB, which one call reads in some ten seconds, and 2,000 files a part."""

# A verification's looks

LOOKS = 4
"""A disagreement that keeps moving through so many looks is counted as unsettled, and is no difference."""
SAMPLES = 20
"""Looks within one settling time, in none of which a missing document may be seen."""
ITEM_EVERY = 2
"""So many samples of the document to one of its item, in all of which the item must be there."""
MOST_DISAGREEMENTS = 5_000
"""Kept at once: with more the walk settles them before it goes on. Looking at so many again takes seconds."""
PROBES_AT_ONCE = 8
"""Documents of one probe. In an index of two shards all of them lie in one of 128 times."""
REFRESH = 10.0
"""Seconds until AOSS shows a write to a search ("Considerations", OpenSearch Serverless overview)."""
TO_REMOVE = 5.0
"""Seconds that the deletion of probes may take. What it leaves behind the next walk of the index removes."""
LONGEST_CALL = 900.0
"""Seconds of a function's call at most ("Lambda quotas"): an older probe was left behind."""
