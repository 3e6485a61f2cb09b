"""Open a zip archive from a request, in memory and within limits."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import PurePosixPath

from onemap.block.query import shorten
from onemap.errors import InvalidBody, TooLarge

MAX_MEMBERS = 64
MAX_BYTES = 64 * 1024 * 1024
MAX_RATIO = 200
"""Highest compression of a member above 1 MiB: attribute tables full of blanks stay below it."""
_SMALL = 1024 * 1024
_ARCHIVES = (".zip", ".7z", ".rar", ".gz", ".tgz", ".bz2", ".xz", ".tar", ".shz")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_JUNK = ("__MACOSX",)


def read_archive(data: bytes, pointer: str) -> dict[str, bytes]:
    """Return the files of an archive by path, in lower case.

    Raises InvalidBody for what is no archive, is encrypted, holds an archive, the same name twice, or a name that
    leads out of it; TooLarge for too many members, too many bytes, or a compression that only a bomb reaches.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [item for item in archive.infolist() if not item.is_dir()]
            _check(members, pointer)
            kept = [item for item in members if not set(PurePosixPath(item.filename).parts) & set(_JUNK)]
            return {item.filename.lower(): _content(archive, item, pointer) for item in kept}
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError, OSError, ValueError) as error:
        raise InvalidBody(f"The archive cannot be read: {shorten(str(error), 80)}.", pointer=pointer) from None


def _check(members: Sequence[zipfile.ZipInfo], pointer: str) -> None:
    if len(members) > MAX_MEMBERS:
        raise TooLarge(f"The archive has more than {MAX_MEMBERS} members.", limit=MAX_MEMBERS, of="members")
    seen: set[str] = set()
    for item in members:
        _check_name(item.filename, pointer)
        if item.filename.lower() in seen:
            raise InvalidBody(f"The archive holds '{shorten(item.filename)}' twice.", pointer=pointer)
        seen.add(item.filename.lower())
        if item.flag_bits & 0x1:
            raise InvalidBody("The archive is encrypted.", pointer=pointer)
        if item.compress_type not in _METHODS:
            raise InvalidBody("The archive uses a compression other than deflate.", pointer=pointer)
        if item.file_size > _SMALL and item.file_size > MAX_RATIO * max(1, item.compress_size):
            raise TooLarge(f"'{shorten(item.filename)}' is compressed more than {MAX_RATIO} times.", limit=MAX_RATIO)
    total = sum(item.file_size for item in members)
    if total > MAX_BYTES:
        raise TooLarge(f"The archive unpacks to more than {MAX_BYTES} bytes.", limit=MAX_BYTES, of="bytes")


def _check_name(name: str, pointer: str) -> None:
    parts = name.replace("\\", "/").split("/")
    leads_out = "\\" in name or ":" in name or name.startswith("/") or ".." in parts or "\0" in name
    if leads_out or not parts[-1]:
        raise InvalidBody(f"The archive has a member named '{shorten(name)}'.", pointer=pointer)
    if name.lower().endswith(_ARCHIVES):
        raise InvalidBody(f"The archive holds another archive, '{shorten(name)}'.", pointer=pointer)


def _content(archive: zipfile.ZipFile, item: zipfile.ZipInfo, pointer: str) -> bytes:
    """Return the bytes of a member; the header's size is not believed."""
    with archive.open(item) as stream:
        content = stream.read(item.file_size + 1)
    if len(content) != item.file_size:
        raise InvalidBody(f"'{shorten(item.filename)}' is not as long as the archive says.", pointer=pointer)
    return content
