"""The few exceptions of the function. Each message ends with what to do next, and holds no item content."""


class SearchsyncError(Exception):
    """Whatever the function raises on purpose."""


class ConfigurationError(SearchsyncError):
    """The environment does not describe a stack that can work; the message names every problem."""


class MalformedEventError(SearchsyncError):
    """The event is not what the function's entry takes; all of it fails."""


class StackError(SearchsyncError):
    """The stack is wrong, not the record: a permission, the index, a clock. The whole batch fails."""


class ReadRefusedError(StackError):
    """A read that the table cannot take as it is asked for: where it names several keys, one may be at fault."""


class ConversionError(SearchsyncError):
    """One item can never become a document; its record is poison."""


class TransformError(ConversionError):
    """The user's transform gave no document of an item: its type tells whose code is to be corrected."""


class NotKeptError(ConversionError):
    """An expired item's document is to be kept, and the record does not say what the item was, or that it expired."""


class TableBusyError(SearchsyncError):
    """The table, or its stream, did not give the items in time; what asked for them is delivered again."""


class LostRecordsError(SearchsyncError):
    """The stream does not have a range's records any more: only a repair brings its keys in step.

    `reason`: trimmed, unknown_shard, range_not_found or another_stream.
    """

    def __init__(self, reason: str, shard_id: str) -> None:
        super().__init__(
            f"The records of a range in {shard_id} cannot be read from the stream ({reason}). Run a repair."
        )
        self.reason = reason


class AnswerTooLargeError(SearchsyncError):
    """An answer of so many bytes that it was not read: what it is about is asked for in smaller parts."""

    def __init__(self, size: int) -> None:
        super().__init__(f"An answer has {size} bytes or more.")
        self.size = size


class CollectionBusyError(SearchsyncError):
    """The collection did not answer in time; what asked it is tried again."""


class RunRefusedError(SearchsyncError):
    """A run that cannot be begun or go on as things stand: its message says what stands in the way."""


class ExportRefusedError(RunRefusedError):
    """An export that cannot be loaded, now or later: only another one can."""


class PipelineLateError(SearchsyncError):
    """The pipeline is too far behind the table for a comparison to mean something; when it has caught up it does."""


class UnforeseenError(SearchsyncError):
    """An exception that nobody foresaw, by type and place; the whole batch fails, so that nothing is skipped."""
