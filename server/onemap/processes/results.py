"""The results of a job as responses: what the same execution would have been answered with at once."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator, Mapping
from pathlib import Path

from onemap.block import GEOJSON, Links, Pieces, Reply, Stream
from onemap.block.query import shorten
from onemap.errors import NotFound, did_you_mean
from onemap.processes.execute import evidence_header
from onemap.processes.jobs import StoredOutput, StoredResults
from onemap.processes.responses import NO_HEADERS, Made, alone, respond

_PIECE = 2**20
_EXTENSIONS = {
    "application/geopackage+sqlite3": ".gpkg",
    "application/geo+json": ".geojson",
    "image/tiff": ".tif",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
}


def output_address(links: Links, job: str, output: str) -> str:
    """Return the address of one output of a job."""
    return links.to("jobs", job, "results", output)


def all_results(job: str, kept: StoredResults, links: Links, headers: Mapping[str, str] = NO_HEADERS) -> Reply:
    """Return the results in the form that was asked for."""
    headers = _described(kept, links, headers)
    values = [one for one in kept.outputs if not one.by_reference]
    if kept.response == "raw" and len(kept.outputs) == 1 and values:
        return one_result(job, values[0], headers)
    return respond(kept.response, [made_of(job, one, links) for one in kept.outputs], headers)


def _described(kept: StoredResults, links: Links, headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return headers that lead to the evidence too, where there is any."""
    more = evidence_header(kept.evidence, links)
    told = [each["Link"] for each in (headers, more) if "Link" in each]
    return {**headers, "Link": ", ".join(told)} if more else headers


def made_of(job: str, one: StoredOutput, links: Links) -> Made:
    """Return an output that was kept as it is answered: its value, or its address."""
    if one.by_reference:
        return Made(one.id, one.media_type, href=output_address(links, job, one.id))
    return Made(one.id, one.media_type, one.value())


def one_result(job: str, one: StoredOutput, headers: Mapping[str, str] = NO_HEADERS) -> Reply:
    """Return one output by value; a file piece by piece."""
    if one.plain:
        return alone(Made(one.id, one.media_type, one.value()), headers)
    named = {"Content-Disposition": f'inline; filename="{one.id}-{job[:8]}{extension(one.media_type)}"'}
    return Stream(_FilePieces(one.path), one.media_type, {**headers, **named})


def drawing(job: str, kept: StoredResults) -> Reply:
    """Return what is drawn on the page of a job. Raises NotFound."""
    if kept.drawing is None:
        raise NotFound(f"There is nothing to draw of the job '{job}'.")
    return Stream(_FilePieces(kept.drawing), GEOJSON.media_type)


def find_output(kept: StoredResults, identifier: str) -> StoredOutput:
    """Return an output by id. Raises NotFound."""
    found = next((one for one in kept.outputs if one.id == identifier), None)
    if found is None:
        hint = did_you_mean(identifier, [one.id for one in kept.outputs])
        raise NotFound(f"The results have no output '{shorten(identifier)}'.", hint)
    return found


def extension(media_type: str) -> str:
    """Return the usual ending of names of files of a media type, with its dot."""
    plain = media_type.split(";", maxsplit=1)[0].strip()
    return _EXTENSIONS.get(plain) or mimetypes.guess_extension(plain) or ".bin"


class _FilePieces(Pieces):
    """A file, piece by piece; open from the start, so that it can still be read when it is removed."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._size = path.stat().st_size
        super().__init__(self._read())

    @property
    def length(self) -> int:
        return self._size

    def _read(self) -> Iterator[bytes]:
        while piece := self._file.read(_PIECE):
            yield piece

    def close(self) -> None:
        self._file.close()
