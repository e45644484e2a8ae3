"""What every entry of the package shares: edges made once at start, and how an invocation may end."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from requests_aws4auth import AWS4Auth

from searchsync.clock import Backoff, SystemClock
from searchsync.config import Config, in_the_clear
from searchsync.edges.calls import INVOCATION, bind
from searchsync.edges.collection import Guard, OpenSearchCollection, connect
from searchsync.edges.failures import FailureQueue
from searchsync.edges.reads import BoundedReads
from searchsync.edges.table import DynamoTable
from searchsync.edges.views import Indexes
from searchsync.edges.wire import keep_as_sent
from searchsync.errors import SearchsyncError, StackError, UnforeseenError
from searchsync.limits import CONNECT_TIMEOUT, LAST_LINE, LONGEST_CALL_OUT, QUEUE_CALL, READ_TIMEOUT, SDK_PAUSE
from searchsync.sanitize import places
from searchsync.sync.metrics import emit, repair_line

# Below these levels they quote requests and answers, and so items; a root logger set to DEBUG must not change that.
for _name, _level in {
    "boto3": logging.WARNING,
    "botocore": logging.WARNING,
    "opensearch": logging.CRITICAL,
    "opensearchpy": logging.CRITICAL,
    "requests": logging.WARNING,
    "urllib3": logging.WARNING,
}.items():
    logging.getLogger(_name).setLevel(_level)


class Context(Protocol):
    """What the functions use of Lambda's context object."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the invocation is ended."""
        ...


class OnFirstUse:
    """An AWS client that is made when it is first asked for something.

    Most sandboxes never read the table or write the queue, and boto3 is half of a cold start.
    """

    def __init__(
        self, service: str, region: str, certificates: str | bool = True, reads: BoundedReads | None = None
    ) -> None:
        """`certificates`: path of the authorities to trust, True for those that botocore brings. `reads` sends a
        table's reads."""
        self._service = service
        self._region = region
        self._certificates = certificates
        self._reads = reads

    @cached_property
    def _client(self) -> Any:
        import boto3  # noqa: PLC0415
        from botocore.config import Config as ClientConfig  # noqa: PLC0415

        # One retry inside botocore; beyond that the table and the queue have rules of their own.
        config = ClientConfig(
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            retries={"mode": "standard", "total_max_attempts": 2},
        )
        make: Any = boto3.client
        client = make(self._service, region_name=self._region, config=config, verify=self._certificates)
        if in_the_clear(client.meta.endpoint_url):
            raise StackError(
                f"The endpoint of {self._service} is plain http on another machine. Remove AWS_ENDPOINT_URL and "
                f"AWS_ENDPOINT_URL_{self._service.upper()} from the environment, or give https."
            )
        keep_as_sent(client)
        if self._reads is not None:
            self._reads.attach(client)
        if self._service == "sqs":
            bind(client, QUEUE_CALL, LAST_LINE + SDK_PAUSE)
        else:
            bind(client, LONGEST_CALL_OUT)
        return client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def certificates(environment: Mapping[str, str]) -> str | bool:
    """The authorities that an AWS client trusts: others where the environment names a file, never none.

    botocore reads these two itself, and some versions take an empty one for "verify nothing".
    """
    given = (environment.get(name, "").strip() for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"))
    return next(filter(None, given), True)


def sign(environment: Mapping[str, str], region: str) -> AWS4Auth:
    """The signature for service `aoss`, with the role's credentials.

    Lambda gives them in the environment, good for the sandbox's life (AWS page "Defined runtime
    environment variables"); where it does not (SnapStart), botocore finds and refreshes them.
    """
    key, secret = environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")
    if key and secret:
        return AWS4Auth(key, secret, region, "aoss", session_token=environment.get("AWS_SESSION_TOKEN"))
    import boto3  # noqa: PLC0415

    return AWS4Auth(refreshable_credentials=boto3.Session().get_credentials(), region=region, service="aoss")


@dataclass(frozen=True)
class Edges:
    """The world outside, as one configuration names it."""

    collection: OpenSearchCollection
    indexes: OpenSearchCollection | Indexes
    """The index of each view; of one alone it is `collection`."""
    table: DynamoTable
    failures: FailureQueue
    clock: SystemClock
    backoff: Backoff
    client: Callable[[str], OnFirstUse]
    """An AWS client by its service's name, with the same certificates as the others."""
    another_table: Callable[[], DynamoTable]
    """The table with a client of its own, whose reads run beside those of `table`."""


def connect_edges(config: Config, environment: Mapping[str, str], signals_as: str | None = None) -> Edges:
    """The real edges of a configuration. `signals_as`: the function whose alarm rings when a repair is needed, else
    the one that runs."""
    function = signals_as or config.function_name
    clock = SystemClock()
    backoff = Backoff(clock, random.Random())  # noqa: S311 - jitter, not a secret
    trusted = certificates(environment)

    def table() -> DynamoTable:
        reads = BoundedReads(trusted)
        reader = OnFirstUse("dynamodb", config.region, trusted, reads)
        return DynamoTable(reader, config.table_arn, config.key_attributes, clock, backoff, reads=reads)

    def client(service: str) -> OnFirstUse:
        return OnFirstUse(service, config.region, trusted)

    connection, guard = connect(config, sign(environment, config.region)), Guard()

    def index(view: Config) -> OpenSearchCollection:
        return OpenSearchCollection(
            connection, view, clock, lambda: emit(repair_line(view, clock.now(), function)), guard
        )

    indexes = {each.index: index(each) for each in config.every}
    return Edges(
        collection=indexes[config.index],
        indexes=Indexes(indexes, clock) if config.views else indexes[config.index],
        table=table(),
        failures=FailureQueue(client("sqs"), config.failure_queue_url),
        clock=clock,
        backoff=backoff,
        client=client,
        another_table=table,
    )


class HasError(Protocol):
    """A report that can say what ended its invocation."""

    error: str


def seconds_left(context: Context) -> float:
    """Seconds that the invocation still has; no call to AWS outlasts them from now on."""
    seconds = context.get_remaining_time_in_millis() / 1000
    INVOCATION.begin(seconds)
    return seconds


@contextmanager
def accounted(report: HasError) -> Iterator[None]:
    """Whatever ends the block is in the report, and no foreign message goes on to Lambda's log."""
    try:
        yield
    except SearchsyncError as error:
        report.error = describe(error)
        # Without its cause, which is a foreign message.
        raise error from None
    except Exception as error:  # noqa: BLE001 - raised again, without its message
        report.error = describe(error)
        # Lambda prints the message of what is raised, and a foreign message may hold an item.
        raise UnforeseenError(f"Unforeseen: {report.error}. It is tried again; please report it.") from None


def describe(error: BaseException) -> str:
    """An error for the log: our own say what to do; of others only type and place, for a message may hold an item."""
    if isinstance(error, SearchsyncError):
        return str(error)
    found = places(error, 4)
    return " ".join([type(error).__name__, "at", *found]) if found else type(error).__name__
