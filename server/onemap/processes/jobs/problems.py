"""What went wrong in a job, as a problem document (RFC 9457): never paths, SQL or versions."""

from __future__ import annotations

import errno
import logging
from typing import Any

from onemap.errors import ClientError, NoRoom, OneMapError, ServerError, Unavailable, WorkerDied

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_TELLING = (ClientError, Unavailable, WorkerDied)
_log = logging.getLogger("onemap.jobs")


def job_problem(error: BaseException, job: str, request_id: str) -> dict[str, Any]:
    """Return the problem document of an error; what is not ours is logged and shown without any detail."""
    ours = _ours(error)
    if not isinstance(ours, _TELLING):
        _log.error("job %s (request %s) failed", job, request_id, exc_info=error)
    shown = ours.detail if isinstance(ours, _TELLING) else "The server could not complete the job."
    document: dict[str, Any] = {
        "type": ours.type,
        "title": ours.title,
        "status": ours.status,
        "detail": shown,
        "code": ours.code,
        "requestId": request_id,
    }
    if ours.hint and ours.status < 500:
        document["hint"] = ours.hint
    return document | {name: value for name, value in ours.extra.items() if name not in document}


def _ours(error: BaseException) -> OneMapError:
    if isinstance(error, OSError) and error.errno in _FULL:
        return NoRoom("There is no room on the disk for the results of this job.")
    return error if isinstance(error, OneMapError) else ServerError()
