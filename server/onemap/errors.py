"""Errors: one class per cause, each with its HTTP status and stable code.

OneMapError
├── ConfigError                 the instance is configured wrongly (never reaches a client)
├── ClientError
│   ├── BadRequest              400
│   │   ├── InvalidParameter    a parameter has the wrong form
│   │   ├── UnknownParameter    a parameter that the resource does not know
│   │   ├── UnknownCrs          a coordinate reference system that is not offered
│   │   └── InvalidBody         a request body that does not match its schema
│   ├── Forbidden               403  nobody may do this here, or not with this
│   ├── NotFound                404
│   │   ├── NoSuchProcess       404, with the exception type of OGC API Processes
│   │   ├── NoSuchJob           404, likewise
│   │   └── ResultNotReady      404, likewise
│   ├── MethodNotAllowed        405
│   ├── NotAcceptable           406
│   ├── Conflict                409  the stored data stands against the change
│   ├── PreconditionFailed      412  the feature was changed since it was read
│   ├── TooLarge                413
│   ├── UriTooLong              414
│   ├── UnsupportedMediaType    415
│   ├── InvalidFeature          422
│   ├── UnusableParcel          422
│   ├── PreconditionRequired    428
│   ├── TooManyJobs             429
│   ├── Dismissed               499, never seen by anybody: nobody wants the answer of a process any more
│   └── ClientGone              499, never seen by anybody: the client has left
└── ServerError                 500
    ├── JobFailed               of a failed job, with status, code and title of what went wrong
    ├── WorkerDied              500, a job ended its worker process too often
    └── Unavailable             503
        ├── NoRoom              503  the results of jobs take all the room they may
        ├── Busy                503  more requests than places; comes back soon
        │   └── Crowded         503  more downloads than places
        └── TooSlow             503  a source did not answer in time

The docstring of a class is its default message. ``status``, ``code``, ``title`` and ``type`` make up
the RFC 9457 problem document that ``web.problem`` writes.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

PROCESSES_EXCEPTIONS = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/"


class OneMapError(Exception):
    """Something went wrong."""

    status = 500
    code = "OM-5000"
    title = "Internal error"
    type = "about:blank"

    def __init__(self, detail: str = "", hint: str = "", **extra: object) -> None:
        self.detail = detail or (type(self).__doc__ or "").strip()
        self.hint = hint
        self.extra = extra
        super().__init__(self.detail)


class ConfigError(OneMapError):
    """The configuration is not usable."""

    code = "OM-1000"
    title = "Configuration error"


class ClientError(OneMapError):
    """The request cannot be answered as it stands."""

    status = 400


class BadRequest(ClientError):
    """The request is malformed."""

    code = "OM-4000"
    title = "Bad request"


class InvalidParameter(BadRequest):
    """A parameter has an invalid value."""

    code = "OM-4001"
    title = "Invalid parameter value"


class UnknownParameter(BadRequest):
    """The resource does not know this parameter."""

    code = "OM-4002"
    title = "Unknown parameter"


class UnknownCrs(BadRequest):
    """This coordinate reference system is not offered here."""

    code = "OM-4003"
    title = "Unsupported coordinate reference system"


class InvalidBody(BadRequest):
    """The request body does not match what the operation expects."""

    code = "OM-4004"
    title = "Invalid request body"


class Forbidden(ClientError):
    """This is not allowed here."""

    status = 403
    code = "OM-4030"
    title = "Not allowed"


class NotFound(ClientError):
    """There is no such resource."""

    status = 404
    code = "OM-4040"
    title = "Not found"


class NoSuchProcess(NotFound):
    """There is no such process."""

    code = "OM-4041"
    title = "No such process"
    type = PROCESSES_EXCEPTIONS + "no-such-process"


class NoSuchJob(NotFound):
    """There is no such job."""

    code = "OM-4042"
    title = "No such job"
    type = PROCESSES_EXCEPTIONS + "no-such-job"


class ResultNotReady(NotFound):
    """The job has no results yet."""

    code = "OM-4043"
    title = "Result not ready"
    type = PROCESSES_EXCEPTIONS + "result-not-ready"


class MethodNotAllowed(ClientError):
    """The resource does not support this method."""

    status = 405
    code = "OM-4050"
    title = "Method not allowed"


class NotAcceptable(ClientError):
    """None of the accepted media types can be produced."""

    status = 406
    code = "OM-4060"
    title = "Not acceptable"


class Conflict(ClientError):
    """The change contradicts the stored data."""

    status = 409
    code = "OM-4090"
    title = "Conflict with the stored data"


class PreconditionFailed(ClientError):
    """The feature is not, or no longer, what If-Match names: it was changed or deleted since it was read."""

    status = 412
    code = "OM-4120"
    title = "Precondition failed"


class TooLarge(ClientError):
    """The request is larger than this server accepts."""

    status = 413
    code = "OM-4130"
    title = "Content too large"


class UriTooLong(ClientError):
    """The address of the request is too long."""

    status = 414
    code = "OM-4140"
    title = "URI too long"


class UnsupportedMediaType(ClientError):
    """The media type of the request body is not supported."""

    status = 415
    code = "OM-4150"
    title = "Unsupported media type"


class InvalidFeature(ClientError):
    """A feature does not match the schema of its collection."""

    status = 422
    code = "OM-4221"
    title = "Invalid feature"


class UnusableParcel(ClientError):
    """A parcel cannot be used for analysis."""

    status = 422
    code = "OM-4220"
    title = "Unusable parcel"


class PreconditionRequired(ClientError):
    """A change of a feature must say with If-Match which state of it is meant."""

    status = 428
    code = "OM-4280"
    title = "Precondition required"


class TooManyJobs(ClientError):
    """As many jobs as one may have are waiting."""

    status = 429
    code = "OM-4290"
    title = "Too many jobs"
    retry_after = 30


class Dismissed(ClientError):
    """The job was dismissed."""

    status = 499
    code = "OM-4991"
    title = "Job dismissed"


class ClientGone(ClientError):
    """The client closed the connection before the answer was ready."""

    status = 499
    code = "OM-4990"
    title = "Client closed the request"


class ServerError(OneMapError):
    """The server could not complete the request."""


class JobFailed(ServerError):
    """The job has failed."""

    code = "OM-5002"
    title = "Job failed"


class WorkerDied(ServerError):
    """The process that worked on the job ended too often before the job was done; it may need more memory."""

    code = "OM-5001"
    title = "The work was broken off"


class Unavailable(ServerError):
    """The server cannot answer at the moment."""

    status = 503
    code = "OM-5030"
    title = "Service unavailable"
    retry_after = 5


class Busy(Unavailable):
    """A source of this server has more requests than it can take at the moment."""

    code = "OM-5031"
    title = "Too many requests at once"
    retry_after = 1


class Crowded(Busy):
    """As many downloads as this server takes at once are under way; pages are answered as ever."""

    code = "OM-5033"
    title = "Too many downloads at once"
    retry_after = 10


class NoRoom(Unavailable):
    """There is no room for the results of jobs at the moment."""

    code = "OM-5034"
    title = "No room for results"
    retry_after = 300


class TooSlow(Unavailable):
    """A source of this server took too long; ask for less at a time."""

    code = "OM-5032"
    title = "The source took too long"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word most like ``word``, or None when none is close."""
    names = list(known)
    lowered = {name.lower(): name for name in names}
    if word.lower() in lowered:
        return lowered[word.lower()]
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    return close[0] if close else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint that names the nearest valid word, or lists the valid ones."""
    names = sorted(known)
    guess = nearest(word, names)
    if guess:
        return f"Did you mean '{guess}'?"
    return f"Valid: {', '.join(names)}." if names else ""
