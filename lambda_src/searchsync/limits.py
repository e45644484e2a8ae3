"""Every limit of time and size, with the reason for it; relations between them are asserted where they stand.

What one limit must leave room for stands at the end of its section: an import that breaks it fails, and so does a
function's start. `tools/mutants/limits.py` moves each over its bound.
"""

from __future__ import annotations

# Time of a write: a tombstone's life, a request, a read

TOMBSTONE_LIFE = 60.0
"""Seconds that an index remembers a deletion's version (OpenSearch: index.gc_deletes; AOSS takes no other)."""
READ_TO_REQUEST, READ_TO_ANSWER = 25.0, 55.0
"""Seconds from a table read to the last request that writes it, and to the engine's answer. A request that had no
answer may be applied all the same, and has 35 s for that."""
IN_FLIGHT = 5.0
"""Seconds in which a request that was whole when its connection was cut off is applied, or never."""
REQUEST_TIMEOUT = 32.0
"""Seconds that one request may take: a NextGen collection that sleeps holds the first one to its search and to its
indexing side for 10-30 s each (AWS page "Scale to zero for Amazon OpenSearch Serverless")."""
SHORTEST_REQUEST = 1.0
"""Seconds: with less left a request is not begun."""
ADDRESS_TIMEOUT = 3.0
"""Seconds for each of the collection's addresses but the last: time for a lost SYN's first repetition, a second later
(RFC 6298)."""
assert READ_TO_ANSWER + IN_FLIGHT <= TOMBSTONE_LIFE, "a write could be applied when its document's tombstone is gone"
assert READ_TO_REQUEST + SHORTEST_REQUEST <= READ_TO_ANSWER, "what is begun last would have no time for its answer"
SHORTEST_TRY = 0.001
"""Seconds: a socket takes no timeout of 0 for one."""
GATHERED_S = 5.0
"""Seconds after which what was read from the table is written, though more would fit into its request."""
READ_AND_WRITE = 5.0
"""Seconds: with less left after the wait a round is not begun."""
ROUNDS = 5
"""A key that meets a conflict in each of so many rounds goes to the failure queue: no document blocks a shard. In
a round that the collection was too busy for nobody disagreed."""
DEFAULT_MAX_SKEW = 10
"""Seconds of MAX_CLOCK_SKEW_SECONDS: clock differences between DynamoDB and this function, and flooring."""
SHORTEST_MAX_SKEW, LONGEST_MAX_SKEW = 5, 300
"""Seconds. A read's clock may be 3 s off before it is refused, a creation time is floored, and the answer's
Date is DynamoDB's front, not its stream: with less a change could pass for older than the read before it."""
CLOCK_TOLERANCE = 3.0
"""Seconds between our clock before the request and the answer's Date header; with more the read is refused."""

assert READ_TO_REQUEST < READ_TO_ANSWER < TOMBSTONE_LIFE  # what is written later could raise the dead
assert READ_TO_REQUEST + REQUEST_TIMEOUT < TOMBSTONE_LIFE  # the last request is over before, too
assert SHORTEST_TRY < SHORTEST_REQUEST < READ_AND_WRITE < READ_TO_REQUEST  # a round has time for its write
assert CLOCK_TOLERANCE + 1 < SHORTEST_MAX_SKEW <= DEFAULT_MAX_SKEW <= LONGEST_MAX_SKEW  # and a second's floor

# A document that alone is not taken, beside an answered probe

LONE_TRIES = 5
LONE_SECONDS = 20.0
"""A document that alone meets errors so often and for so long is poison. A shard of the index that moves is in
trouble for seconds."""
SLOW_TRY = LONE_SECONDS / LONE_TRIES
"""Seconds: LONE_TRIES tries that take longer do not fit into an invocation. A probe is answered sooner where nothing of
ours is worked on."""
SLOW_AGE = 600.0
"""Seconds: of a record older than that, a try alone counts that took longer than SLOW_TRY. A run's call tries for so
long, too."""
LOAD_AGE = 3_600.0
"""Seconds: a record older than that is handed over though its document alone met nothing but load. A shard must not
stand for the day that its stream keeps."""
SPLIT_TIMEOUT = 10.0
"""Seconds that a first try may take whose first record is older than SLOW_AGE: so that this document can still be
tried alone. What would have been answered later is applied, or comes again in smaller requests."""
LASTING_REQUEST = 5.0
"""Seconds: a request that takes longer is followed by a smaller one. A collection that is slow and refuses nothing
works on what was given up, and so each request that is too large makes the next one wait."""
BEHIND_AGE = 60.0
"""Seconds: a record older than that has waited for more than one invocation, and the collection may be why."""
FIRST_WINDOW = 16
"""Documents of a sandbox's first request where its records are older than BEHIND_AGE. It knows nothing yet; what it
learns it keeps."""

assert READ_TO_REQUEST + REQUEST_TIMEOUT < BEHIND_AGE < SLOW_AGE  # a first invocation's are not, what is slow is
assert 2 * LASTING_REQUEST <= SPLIT_TIMEOUT  # half as fast it is still answered
assert LONE_SECONDS < READ_TO_REQUEST - SHORTEST_REQUEST  # they pass while its requests may be begun

# Tries and pauses

BACKOFF_BASE = 0.2
"""Seconds: the first retry's longest pause; it doubles with every further one."""
BACKOFF_CAP = 10.0
"""Seconds: no pause between two tries is longer."""
LAST_TRY = 0.5
"""Seconds before the time to begin something ends: then its last try is made. Sleeping and what comes before
the request take a little, and a try that is due at the end itself comes too late."""
assert LONE_SECONDS < READ_TO_REQUEST - 2 * LAST_TRY  # else no invocation is long enough for poison
assert SPLIT_TIMEOUT + SLOW_TRY + REQUEST_TIMEOUT + BACKOFF_BASE + SHORTEST_REQUEST <= READ_TO_ANSWER  # one try alone
LONGEST_CALL_OUT = 20.0
"""Seconds of one call to an AWS service, its second try included, and of one read of a streamed body."""
QUEUE_CALL = 2.5
"""The same for the failure queue, which answers in milliseconds: a call must fit into the reserve."""
CONNECT_TIMEOUT, READ_TIMEOUT = 3, 10
"""Seconds for the table and the queue; they answer in milliseconds."""
SHORTEST_READ = 2.0
"""Seconds: with less left a read is not begun."""
SDK_PAUSE = 1.0
"""Seconds that botocore waits before its second try at most ("Standard retry mode", boto3 guide "Retries"; botocore,
retries/standard.py: a random share of 2^0). A call that was cut ends so much later: its second try is refused."""
assert 2 * READ_TIMEOUT <= LONGEST_CALL_OUT  # both tries have their time
assert LONGEST_CALL_OUT + SDK_PAUSE < READ_TO_REQUEST  # what was read last can still be written
assert SHORTEST_READ > SDK_PAUSE  # a read that may be begun has some time of its own
assert GATHERED_S + READ_TIMEOUT + LAST_TRY < READ_TO_REQUEST  # a page may come so long after the look
REFUSED_READS = 5
"""So many reads refused for the clock say that the clock is wrong, not the network slow."""
QUICK_TRIES = 2
"""Backoff attempts after an empty page: a shard gives five reads a second (API reference, GetRecords)."""
LONG_POLL = 1
"""Seconds that a receive waits. Above 0 it asks all of SQS's servers, so that nothing is nothing (SQS
Developer Guide, "Amazon SQS short and long polling")."""
assert LONG_POLL < QUEUE_CALL  # else a receive is cut while it waits

assert BACKOFF_BASE < BACKOFF_CAP < READ_TO_REQUEST / 2  # a write is tried again behind the longest pause
assert SHORTEST_TRY < LAST_TRY < SHORTEST_REQUEST  # the last try still has time for a request
assert SHORTEST_READ + SHORTEST_REQUEST <= READ_AND_WRITE  # a round that is begun reads and writes

# Sizes of requests

LARGEST_TAKEN = 10 * 1024 * 1024
"""Bytes of one request that AOSS takes ("Amazon OpenSearch Serverless quotas": request body)."""
LARGEST_BODY = 5_000_000
"""Bytes of one bulk request: half of what is taken leaves room."""
LARGEST_ITEM = 400 * 1024
"""Bytes of an item ("Constraints in Amazon DynamoDB")."""
LONGEST_KEYS = (2048, 1024)
"""Bytes of a partition key and of a sort key ("Quotas and limits", DynamoDB developer guide)."""
MOST_DIGITS = 38
"""Of a number ("Supported data types", DynamoDB developer guide)."""
LARGEST_READ = 100
"""Keys of one BatchGetItem (API reference, BatchGetItem)."""
FIRST_READ = 10
"""Keys of a read while no sizes were seen; they double while answers are small."""
LARGEST_ANSWER = 2_000_000
"""Bytes of an answer that holds several items or documents, and of a page of an export; what is larger is asked for in
parts. Parsed, the worst takes 34 times as much (lists in lists: 8 bytes a level, and in Python a dict and a list). One
item has 3.6 MB at most (400 KB of empty strings, a byte each by DynamoDB's count and nine in JSON), and takes 21 times
that."""
LARGEST_SCAN = 2_000
"""Items of one Scan; DynamoDB ends a page at 1 MB anyway (API reference, Scan)."""
LARGEST_RESULT_WINDOW = 10_000
"""Documents of one search (OpenSearch: index.max_result_window)."""
IDS_AT_ONCE = 1_000
"""Ids of one `_mget`, and documents of one page."""
MESSAGES_AT_ONCE = 10
"""Messages of one request (API reference: SendMessageBatch, ReceiveMessage, DeleteMessageBatch)."""
LARGEST_STATE = 256 * 1024
"""Bytes of a state's input or output ("Step Functions service quotas"), and of messages that every region takes."""
BYTES_AT_ONCE = 250_000
"""Bytes of one SendMessageBatch."""
LARGEST_ESCAPE = 6
"""Bytes of one byte in JSON text: a control character's."""
LARGEST_TRANSFORMED = 2 * LARGEST_ITEM
"""Bytes of what a user's transform gives for one document, counted as DynamoDB counts an item (names and texts in
UTF-8, and MEMBER_SIZE for each value beside them), but for its numbers, which have two digits a byte there."""
MEMBER_SIZE = 2
LONGEST_TEXT = 2_000
"""Characters of a reason or a trace."""
TAKEN_AT_ONCE = 100
"""Messages of one round: the keys of one BatchGetItem."""

assert 2 * LARGEST_BODY <= LARGEST_TAKEN  # with what a proxy or a signature may add
assert LARGEST_ESCAPE * LARGEST_ITEM < LARGEST_BODY  # each item fits, whatever it holds
assert 2 * LARGEST_ITEM <= LARGEST_TRANSFORMED  # what is handed to a transform may be given back
assert LARGEST_ESCAPE * LARGEST_TRANSFORMED < LARGEST_BODY  # and what it gives fits, too
assert len('"":false,') <= LARGEST_ESCAPE * MEMBER_SIZE  # whatever it holds
assert BYTES_AT_ONCE < LARGEST_STATE  # in every region
assert 2 * LARGEST_ESCAPE * LONGEST_TEXT + 2 * sum(LONGEST_KEYS) < BYTES_AT_ONCE  # one message
assert TAKEN_AT_ONCE <= LARGEST_READ  # what is taken together is read together
assert IDS_AT_ONCE <= LARGEST_RESULT_WINDOW  # else a page of the index is refused

# What the engine takes

LONGEST_ID = 512
"""UTF-8 bytes of a document id (OpenSearch: "id is too long, must be no longer than 512 bytes")."""
MAPPED_DEPTH, MAPPED_FIELDS, DEADLY_DEPTH = 20, 1_000, 1_000
"""What OpenSearch maps by default (index.mapping.depth.limit, index.mapping.total_fields.limit); and of how many names
in one path its parser has no stack left: its thread ends, nothing of the request is answered, and the node counts its
bytes as being written for ever."""
LONGEST_PATH = 250
"""Names that lead to one value, by maps and by dots, which OpenSearch reads as maps. What is over its own limit it says
in under 30 ms at so many."""
NESTING = 32
"""Levels of maps and lists below an attribute that DynamoDB takes ("Constraints in Amazon DynamoDB")."""
MANY_DOTS = 6
"""In one name: with no more in any name no item has a LONGEST_PATH, and none is looked for."""
MOST_MAPPED = 20_000
"""What a document may cost that the index maps by itself: 1 a map, whether it is one or a dot, and FIELD_COST a field.
OpenSearch says that it is too much when it has made it: on two cores 33,000 numbers in 1.8 s, 30,000 texts in 4.2 s,
7,700 names of 20 dots in 4.8 s; this in 0.7 s."""
FIELD_COST = 4
"""A text is two fields, and a field takes longer than a map (same measurement)."""
LONGEST_NUMBER = 100_000
"""Digits of a text in a field of whole numbers: 0.7 s in OpenSearch 3, which grows with their square."""
MOST_NAMES = 10_000
"""Names whose JSON text is kept; some items have data for names."""
LONGEST_CONDITION = 4_096
"""Characters of `when`: what the pattern of a Lambda event filter may have (API reference, Filter)."""
DEEPEST_CONDITION = 33
"""Levels of objects in it, `$or` counted: an attribute and the maps below it."""
LONGEST_KEPT = 100
"""Characters of a name that is kept: DynamoDB takes names of 64 KB ("Constraints in Amazon DynamoDB")."""
LONGEST_FIELD = 4_000
"""Characters of the names that lead to one value, dots included, where the index maps it by itself. OpenSearch takes
50,000 in a name (index.mapping.field_name_length.limit) and writes the whole mapping anew for each new one: with names
of 16,000 its fields were 9 MB and a document took 3.7 s, of 39,000 20 MB and 7.4 s; of 65,000 a node with 512 MB had no
memory left and answered nothing more. With 1,000 names of this length the mapping has 4 MB."""
LARGEST_TERM = 32_766
"""Bytes (Lucene: IndexWriter.MAX_TERM_LENGTH)."""
LONGEST_KEYWORD = 8191
"""Characters of up to four bytes. Longer values are not in `keyword`."""

assert MAPPED_DEPTH <= LONGEST_PATH <= DEADLY_DEPTH / 4  # other machines have other stacks
assert (MANY_DOTS + 1) * (NESTING + 1) <= LONGEST_PATH  # with fewer dots nobody looks
assert (LONGEST_KEPT + 1) * (NESTING + 1) <= LONGEST_FIELD  # with shorter names nobody looks
assert LONGEST_FIELD * MAPPED_FIELDS <= LARGEST_BODY  # a full mapping is no larger than a request
assert 16 * MOST_NAMES * LONGEST_KEPT <= 34 * LARGEST_ANSWER  # with text, twice, 4 bytes each: less than an answer
assert FIELD_COST * MAPPED_FIELDS <= MOST_MAPPED  # what the engine may take is the engine's to refuse
assert LONGEST_NUMBER < LARGEST_ITEM  # else no item has one
assert DEEPEST_CONDITION == NESTING + 1  # deeper there is no value; what is less deep may be asked of
assert 4 * LONGEST_KEYWORD <= LARGEST_TERM  # else the engine refuses the document

# A suggested mapping, from a sample of the table

USUAL_SAMPLE, MOST_SAMPLED = 1_000, 20_000
"""Items that a mapping is suggested from, unless told otherwise and at most: a call has time for them."""
SAMPLE_SEGMENTS = 16
"""Of the table, from which the items come in turn: a table's first items may be of one kind."""
SAMPLE_UNITS = 5_000
"""Read units of one sample: some 20 MB."""
LONG_LIST = 64
"""Numbers in a list that is taken for an embedding: models give 128 or more, and what people list are fewer."""
LONGEST_CODE = 256
"""Characters of a text without spaces that is taken for a name or an id, and not for words (the default mapping of
OpenSearch keeps as many in a `keyword`)."""
LONGEST_FLAT, LONGEST_FLAT_NAME = 4_000, 128
"""Characters of a text, and of a name, in a `flat_object`: a text and the names that lead to it are one term."""
SOME_NAMES, MANY_NAMES = 20, 100
"""Names in the maps of one path that may be data, and that are too many to be fields of their own."""
MOST_PLACES = 20_000
"""Paths that are told apart in a sample: some 20 MB."""
FIRST_TIME, LAST_TIME = 978_307_200, 4_102_444_800
"""Unix seconds of numbers that are taken for times: from 2001 to 2100."""
SUGGESTED_FIELDS, SUGGESTED_DEPTH = 700, 15
"""Fields of a suggested mapping, and names of one path: what the sample does not have has room beside them."""

assert USUAL_SAMPLE <= MOST_SAMPLED  # it may be asked for
assert 4 * (LONGEST_FLAT + NESTING * (LONGEST_FLAT_NAME + 1)) <= LARGEST_TERM  # names and text fit into one term
assert LONGEST_CODE <= LONGEST_FLAT <= LONGEST_KEYWORD  # a keyword has all of what is taken for a code
assert SOME_NAMES < MANY_NAMES < SUGGESTED_FIELDS < MAPPED_FIELDS  # the engine takes the mapping, and has room
assert SUGGESTED_DEPTH < MAPPED_DEPTH  # and so the deepest path
assert SUGGESTED_FIELDS <= MOST_PLACES  # a field is a place
assert 0 < FIRST_TIME < LAST_TIME < 1_000 * FIRST_TIME  # no number is seconds and milliseconds

# The index

ENSURED_FOR = 60.0
"""Seconds after which the index is looked at again."""
NEW_INDEX_S = 300.0
"""So long after its creation an index may still be answered 404, or without its mapping. AOSS acknowledges a
creation before every node knows of it and says nothing of its progress: a write was taken, the next one 12 s later
was not (Synapse-Repository-Services#5678; they wait 208 s, apache/airflow#70649 150 s)."""

MOST_VIEWS = 9
"""Views of a table beside the first one. All indexes are looked at one after the other, and their settings share the
function's environment."""
UNGUARDED_FOR = 1.0
"""Seconds instead of `ENSURED_FOR` where the collection does not heed the guard (`index`), and a write would make a
missing index with a guessed mapping."""
GUARD_REFUSALS = 3
"""So many requests in a row that are refused with the guard, and taken without it, are refused for the guard: a refusal
with another cause comes singly."""
GRANTED_WITHIN = 90.0
"""Seconds from a sandbox's first request in which a 401 or 403 is no fault yet. A data access policy takes about a
minute to hold ("Data access control for Amazon OpenSearch Serverless"), and the first apply makes it just before."""

assert UNGUARDED_FOR < ENSURED_FOR < NEW_INDEX_S  # an index that is new is looked at again while it is

# An invocation

RESERVE = 5.0
"""Seconds of an invocation kept for the failure queue and the log line."""
LAST_LINE = 0.5
"""Seconds of the reserve that are kept for the log line."""
assert QUEUE_CALL + SDK_PAUSE + LAST_LINE <= RESERVE  # a queue that hangs leaves the log line its time
REPAIR_AGE = 82_800.0
"""Seconds (23 h): a record this old says that others may have been trimmed (streams keep 24 h)."""
SHORTEST_ROUND = 20.0
"""Seconds: with less left no further messages are taken."""
assert SLOW_AGE < LOAD_AGE < REPAIR_AGE  # handed over before the stream drops it
LONGEST_TRANSFORM = 1.0
"""Seconds of a user's transform for one document: a batch has thousands, and one that never ends would hold up a
shard."""
TOLD_AGAIN = 0.1
"""Seconds until a transform that goes on past that is told so once more."""
MOST_PLACES_SHOWN = 8
"""Places of a transform's own code in a reason."""
COLLECT_AFTER = 100_000
"""New objects between two looks for garbage. What has no cycle goes at once all the same; so many objects in
cycles, if they were all, are some 20 MB."""
RECORDS_SHOWN = 20
"""Records named one by one in the line; all are counted."""
LONGEST_SHOWN = 200
"""Characters of one text in a message."""
MOST_SHOWN = 4
"""Texts of a list in a message."""

assert SHORTEST_ROUND >= RESERVE + READ_AND_WRITE  # messages that are taken can be settled
assert 0 < TOLD_AGAIN < LONGEST_TRANSFORM < RESERVE  # an invocation is told of one that does not end
assert MOST_SHOWN * LONGEST_SHOWN <= LONGEST_TEXT  # a message with a list in it is not cut

# A run's call, its parts and its state

LONGEST_CALL = 900.0
"""Seconds of a function's call at most ("Lambda quotas")."""
RECONCILE_RESERVE = 20.0
"""Seconds of a call that are kept for its report and its end."""
SHORT_STEP = 150.0
"""Seconds that a question to the index may take. A collection that sleeps answers the first one after 10 to 30 s
("Scale to zero for Amazon OpenSearch Serverless"); its indexing and its search units wake apart."""
LONGEST_WAKING = 30.0
TOGETHER = 2.0
"""Seconds after which a run looks again for one that began together with it: the list of runs is late."""
KEYS = 2**63
"""Keys that documents may have: what a `long` of the engine holds from 0."""
MOST_RANGES = 160
"""Of the index: the results of so many fit into one state beside those of MOST_SEGMENTS."""
MOST_KEYS = 1_000_000
"""Of items, in one call of a segment: 8 MB, and at most 50 MB while they are sorted; a call that has so many ends. A
segment of items of 1 KB has half as many."""
MOST_SEEN_BYTES = 64 * 1024**2
"""Of keys, in one call of the index, a quarter of the smallest memory_size: what is over that is looked up. Of a
billion items a range has 50 MB."""
LASTING_ERROR = 300.0
"""Seconds of nothing but 500 after which a run says so instead of waiting."""
ONE_PAGE = 70.0
"""Seconds: with less left no page is begun. A page has 55 s from its read to the last answer."""
SETTLED_IN = 600.0
"""Seconds: what a paced call looks at again is to be paid for in so many of its 15 minutes."""
TOLD_EVERY = 5.0
"""Seconds between two lines that say how far a call is: one who watches sees it move. Of 40 lanes 30,000 lines an hour,
of some 150 bytes each: below half a US cent, however large the table is."""
AHEAD_AGE = 3.0
"""Seconds that a page of the table may have waited for the one before it: it still has its time (`reconcile.pages`)."""
AHEAD_READ = 5.0
"""Seconds that a page may be asked for ahead: a call that ends waits for that, and a table that is slower is waited for
in turn."""
MOST_DATAPOINTS = 1_440
"""Of one answer of CloudWatch (API GetMetricStatistics)."""
LINES_AT_ONCE = 1_000
"""Lines of an export's files that are written together."""
SEGMENT_BYTES = 512 * 1024**2
"""Of the table, in one segment: some minutes of scanning, so that a failed one is soon repeated."""
MOST_SEGMENTS = 1_000
"""More results than that would not fit into one state."""
LANES_SHARE = 0.5
"""Of the concurrency that no function of the account has reserved: a run takes no more, so that the sync has room."""
READ_SHARE = 0.25
"""Of the table's read capacity, which a run takes that is not told how much: it is left beside the 70 % at which a
table that scales by itself is usually kept."""
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
SHORTEST_RECHECK_DELAY, LONGEST_RECHECK_DELAY = 5.0, 120.0
"""Seconds between two looks at a disagreement. A call waits it out some six times within its 15 minutes."""
FILES_AT_ONCE = 100
"""Data files that are opened for one page at most: many are empty, and a call looks at its time between pages."""
MOST_PARTS = 500
"""More results, each with the name of a broken file, would not fit into one state."""
MOST_FILES = 1_000_000
"""Of an export: a manifest of 250 MB, which one call reads in some ten seconds, and 2,000 files a part."""

ROUND_SHARE = 0.9
"""Of the time that a rolling verification's round may take, which its parts are spread over: the rest is for parts that
are begun late."""

assert REPAIR_AGE < STREAM_KEEPS  # said before the stream drops more
assert SHORT_STEP >= 2 * (LONGEST_WAKING + REQUEST_TIMEOUT)  # both wake, and then answer
assert SHORT_STEP + TOGETHER + RECONCILE_RESERVE < LONGEST_CALL  # in one call
assert READ_TO_ANSWER < ONE_PAGE < LONGEST_CALL - RECONCILE_RESERVE  # a page has its time, and a call a page
assert AHEAD_AGE + LONE_SECONDS < READ_TO_REQUEST - 2 * LAST_TRY  # it too has time for a document that is poison
assert SHORTEST_READ < AHEAD_READ <= RECONCILE_RESERVE - SDK_PAUSE  # it may be begun; and the call ends in time
assert SETTLED_IN + LONGEST_RECHECK_DELAY + RECONCILE_RESERVE < LONGEST_CALL  # what is put aside is looked at again
assert MOST_RANGES <= MOST_SEGMENTS  # else ranges are smaller than what they stand for
assert 0 < LANES_SHARE <= 0.5  # the sync finds as much as a run takes
assert 0 < READ_SHARE <= 1 - 0.7  # beside what the table is kept at
assert KEYS == 2**63  # else the engine takes no key, or has none for the rest
assert 8 * MOST_KEYS <= MOST_SEEN_BYTES  # a call reads what a call of the table has written
assert 2 * REQUEST_TIMEOUT < LASTING_ERROR < LONGEST_CALL - RECONCILE_RESERVE  # a node that restarts is no such error
assert 0 < ROUND_SHARE < 1  # some of a period is left for parts that are late
assert FURTHEST >= 130  # DynamoDB's numbers go to 1E-130
assert 0 < SHORTEST_RECHECK_DELAY < LONGEST_RECHECK_DELAY  # what may be set
assert 6 * LONGEST_RECHECK_DELAY <= LONGEST_CALL - RECONCILE_RESERVE  # so often a call waits it out

# A verification's looks

LOOKS = 4
"""A disagreement that keeps moving through so many looks is counted as unstable, and is no difference."""
SAMPLES = 20
"""Looks within one recheck delay, in none of which a missing document may be seen."""
ITEM_EVERY = 2
"""So many samples of the document to one of its item, in all of which the item must be there."""
MOST_DISAGREEMENTS = 5_000
"""Kept at once: with more the run settles them before it goes on. Looking at so many again takes seconds."""
FEW_TO_REPAIR, MOST_TO_REPAIR = 1_000, 0.1
"""Differences that any part of a repair mends; and the share of its items over which more of them are a backfill's: to
mend an item takes twelve times as long as to write it with its page, and 15 read units instead of one or less (seen in
the lab: 66 items a second)."""
PROBES_AT_ONCE = 8
"""Documents of one probe. In an index of two shards all of them lie in one of 128 times."""
REFRESH = 10.0
"""Seconds until AOSS shows a write to a search ("Considerations", OpenSearch Serverless overview)."""
TO_REMOVE = 5.0
"""Seconds that the deletion of probes may take. What it leaves behind the next run of the index removes."""
LAG_KNOWN_AFTER = 120.0
"""Seconds until CloudWatch tells how late the pipeline was: an invocation that meets a stall says it when it ends, and
a minute's values come when it is over ("Viewing metrics for Lambda functions": sent in intervals of one minute)."""
CAUGHT_UP_WITHIN, ASKED_EVERY = 300.0, 15.0
"""Seconds that a call waits for a pipeline that is too late, and from one question to the next: the three minutes that
are asked for go by when it has caught up."""
LONGEST_BATCHING = 300.0
"""Seconds that a trigger may wait for a full batch (API CreateEventSourceMapping)."""

assert ITEM_EVERY < SAMPLES  # the item is looked at too
assert FEW_TO_REPAIR <= MOST_DISAGREEMENTS  # known before the first ones are mended
assert MOST_TO_REPAIR < 1  # else a lost index is a repair's
assert LOOKS > 1  # one look is no disagreement
assert REFRESH < LONGEST_RECHECK_DELAY  # the longest wait shows what was written before
assert READ_TO_ANSWER + 60.0 <= LAG_KNOWN_AFTER  # the invocation is over, and so is its minute
assert 180.0 + 60.0 + ASKED_EVERY < CAUGHT_UP_WITHIN < LONGEST_CALL / 2  # a minute's values count until it is gone
assert LONGEST_BATCHING + LAG_KNOWN_AFTER + 2 * LONGEST_RECHECK_DELAY < LONGEST_CALL - RECONCILE_RESERVE  # in one call
assert RECONCILE_RESERVE > 2 * TO_REMOVE  # probes are removed behind the deadline

# The doctor's probes

LONGEST_NAME = 255
"""Characters of an index name; the Terraform module names the same index in the data access policy."""
ANOTHERS = LONGEST_CALL
"""Seconds that a probe index may be another run's: an invocation is over by then."""
DOCTOR_SECONDS, CLEAN_UP = 300.0, 25.0
"""Seconds of all the probes unless the event says others; and those of them that are kept for cleaning up."""
STILL_CONNECTION = 350.0
"""Seconds after which a NAT gateway drops a connection on which nothing moves ("NAT gateways": troubleshooting)."""
PATIENCE, SEEN_WITHIN, MANY_TRIES = 60.0, 120.0, 4
"""Seconds for the first request's answer and for a new index; for a write to be seen; tries of any request."""
TOMBSTONE_AGES = (10.0, 30.0, 59.0)
"""Seconds after which a deletion's tombstone is met by an older write."""
PROBE_TIMEOUT = 30.0
"""Seconds of one probe's request."""

assert max(TOMBSTONE_AGES) < TOMBSTONE_LIFE  # an older one is forgotten rightly
assert max(TOMBSTONE_AGES) > READ_TO_ANSWER  # it must outlive a write's time
assert max(TOMBSTONE_AGES) + SEEN_WITHIN < DOCTOR_SECONDS - CLEAN_UP  # all is asked in the usual time
assert PROBE_TIMEOUT < PATIENCE < SEEN_WITHIN  # in it there is more than one request
assert DOCTOR_SECONDS < STILL_CONNECTION  # who waits for the answer still hears it
assert ANOTHERS >= LONGEST_CALL  # else a run's index is taken from under it
assert SLOW_AGE + READ_TO_ANSWER + ONE_PAGE + RECONCILE_RESERVE <= LONGEST_CALL  # a call outlasts its poison
