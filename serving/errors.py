"""Everything that can go wrong with a request or a model, in one tree that knows no status codes.

    SlipwayError
    ├── InvalidInput          the caller's request can't be understood or doesn't fit the model
    │   ├── Unsupported       it is understood, but Slipway doesn't do it
    │   ├── ContextTooLong    it has more tokens than the model has positions for
    │   ├── BodyTooLarge      it has more bytes than the server accepts
    │   └── RegionNotFound    it names shared memory that was not registered
    ├── ModelNotFound         the repository holds no model of that name
    │   ├── VersionNotFound   it holds the model, not that version
    │   └── ReportNotFound    it holds the version, without a page about it
    ├── ModelNotReady         the version is known, and is not being served
    │   └── StepNotReady      it is an ensemble, and one of its models is not being served
    ├── ModelLoadFailed       a model on disk can't be served (bad config, missing or corrupt file)
    │   └── RepositoryPollFailed  what a load request names or brings is no model at all
    ├── ControlRefused        loading and unloading by request was not switched on
    ├── Unauthenticated       nobody knows who the caller is, and it matters
    ├── Forbidden             the caller may not do that
    │   └── Restricted        it must show a secret for this, in a header
    ├── Overloaded            the queue is full; nothing was accepted
    │   ├── Hopeless          there is room, and it could not be answered in time
    │   ├── OutOfMemory       there is no memory for one more request
    │   └── TooManyRequests   of this caller
    ├── DeadlineExceeded      accepted, but its deadline passed before it ran
    ├── Cancelled             the caller went away before it ran
    ├── ServerExiting         it did not end within the time that the server had to stop
    └── BackendFailed         the model itself raised while it ran
        ├── InstanceDied      its process ended, or is down; another one is started
        └── NotFinite         it answered NaN or infinity, and its config wants to be told

`transports/status.py` gives each a status code; a test walks this tree and fails on a missing row.
"""


class SlipwayError(Exception):
    """The root; its text is written for the caller."""


class InvalidInput(SlipwayError):
    """`param` is the member of the request that is meant, `code` a word for programs, both as OpenAI's API has them and
    "" where that says nothing."""

    def __init__(self, message: str = "", param: str = "", code: str = "") -> None:
        super().__init__(message)
        self.param = param
        self.code = code


class Unsupported(InvalidInput):
    pass


class ContextTooLong(InvalidInput):
    pass


class BodyTooLarge(InvalidInput):
    pass


class RegionNotFound(InvalidInput):
    pass


class ModelNotFound(SlipwayError):
    pass


class VersionNotFound(ModelNotFound):
    pass


class ReportNotFound(ModelNotFound):
    pass


class ModelNotReady(SlipwayError):
    pass


class StepNotReady(ModelNotReady):
    pass


class ModelLoadFailed(SlipwayError):
    pass


class RepositoryPollFailed(ModelLoadFailed):
    pass


class ControlRefused(SlipwayError):
    pass


class Unauthenticated(SlipwayError):
    pass


class Forbidden(SlipwayError):
    pass


class Restricted(Forbidden):
    pass


class Overloaded(SlipwayError):
    """`retry_after` is the number of seconds after which the caller may try again."""

    def __init__(self, message: str, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Hopeless(Overloaded):
    pass


class OutOfMemory(Overloaded):
    pass


class TooManyRequests(Overloaded):
    pass


class DeadlineExceeded(SlipwayError):
    retry_after = 1  # seconds, as `Overloaded` has


class Cancelled(SlipwayError):
    pass


class ServerExiting(SlipwayError):
    pass


class BackendFailed(SlipwayError):
    pass


class NotFinite(BackendFailed):
    pass


class InstanceDied(BackendFailed):
    """`retry_after` is in seconds; `lost_sequences` where the process knew of them what nobody else does."""

    def __init__(self, message: str, retry_after: int = 1, lost_sequences: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.lost_sequences = lost_sequences
