"""Rule catalogues: YAML in the folder processes/, a sub-folder for each catalogue, a file for each version of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from onemap.config import Misplaced, Text, read_yaml, shipped, validate
from onemap.config.models import Model
from onemap.errors import ConfigError, InvalidBody, did_you_mean

Stamp = tuple[int, int, int]
"""When a file was last written, its size and its number."""
_BEIJING = timezone(timedelta(hours=8))


class Period(Model):
    """From when and until when something is in force. A day is written as ``2026-01-01``."""

    effective: date = Field(description="First day on which it is in force.")
    until: date | None = Field(None, description="First day on which it is no longer in force.")

    def holds(self, day: date) -> bool:
        """Whether it is in force on a day."""
        return self.effective <= day and (self.until is None or day < self.until)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.until is not None and self.until <= self.effective:
            raise ValueError(f"it ends on {self.until}, before it begins")
        return self


class Basis(Period):
    """A legal source."""

    title: Text = Field(description="The law or notice and the article.")
    text: Text = Field(description="What it says, in a sentence.")


class RuleBook(Period):
    """What every rule catalogue states of itself."""

    id: str = Field(description="Identifier; the name of its folder.")
    version: str = Field(description="Version; every change of meaning is a new one.")
    title: Text = Field(description="Title.")

    def cited(self) -> dict[str, str]:
        """Return what results state as ``rules``."""
        return {"catalogue": self.id, "version": self.version, "effective": self.effective.isoformat()}

    def digest(self) -> str:
        """Return the SHA-256 of what the rules say, whatever version they state; comments and layout do not count."""
        # The order of keys does: the first purpose is the one that is assumed.
        said = self.model_dump_json(exclude_defaults=True)
        return "sha256:" + hashlib.sha256(said.encode()).hexdigest()


class LegalBook(RuleBook):
    """A rule catalogue whose findings rest on legal sources."""

    basis: dict[str, Basis] = Field(description="Legal sources by key.")

    def sources(self, keys: Iterable[str], lang: str) -> list[dict[str, Any]]:
        """Return legal sources as a result shows them."""
        return [
            {
                "id": key,
                "title": self.basis[key].title.get(lang),
                "text": self.basis[key].text.get(lang),
                "effective": self.basis[key].effective.isoformat(),
            }
            for key in keys
        ]

    def check_sources(self, used: Iterable[str]) -> None:
        """Raise ValueError when a source is missing, is never cited, or is not in force when the rules are."""
        cited = set(used)
        if missing := sorted(cited - self.basis.keys()):
            hint = did_you_mean(missing[0], self.basis)
            raise Misplaced(f"no legal source '{missing[0]}' among those of 'basis'. {hint}", missing[0])
        if idle := sorted(self.basis.keys() - cited):
            raise Misplaced(f"the legal source '{idle[0]}' is never cited: cite it, or take it out", idle[0])
        for key, source in self.basis.items():
            if not source.holds(self.effective):
                text = f"the legal source '{key}' is not in force on {self.effective}, when the rules begin"
                raise Misplaced(text, key)


def folder(name: str) -> Path:
    """Return the folder of a catalogue that comes with the server."""
    return shipped("processes") / name


def read_book[B: RuleBook](model: type[B], file: Path) -> B:
    """Return a version of a catalogue, read again when the file has changed. Raises ConfigError naming the fault."""
    try:
        state = file.stat()
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from None
    book: B = _read(model, file, stamp(state))
    return book


def stamp(state: os.stat_result) -> Stamp:
    """Return what differs when a file was written or replaced."""
    return state.st_mtime_ns, state.st_size, state.st_ino


@lru_cache(64)
def _read(model: type[Any], file: Path, state: Stamp) -> Any:
    return validate(model, read_yaml(file), file)


def read_books[B: RuleBook](model: type[B], *folders: Path) -> tuple[B, ...]:
    """Return the versions of a catalogue in these folders, the oldest first; of files of one name the later wins.

    Raises ConfigError naming the file and the fault, or when two versions begin on the same day.
    """
    files = {file.name: file for path in folders for file in sorted(path.glob("*.yml"))}
    books = sorted((read_book(model, file) for file in files.values()), key=lambda book: book.effective)
    if not books:
        raise ConfigError(f"There is no rule catalogue in {folders[-1]}.")
    for one, other in pairwise(books):
        if one.effective == other.effective:
            raise ConfigError(
                f"{folders[-1]}: the versions {one.version} and {other.version} begin on {one.effective}."
            )
    return tuple(books)


@dataclass(frozen=True, slots=True)
class RuleLibrary:
    """The rule catalogues of an instance by name, the versions of each from the oldest on.

    A catalogue that is not among them is as it comes with the server. ``folders``: what they were read from;
    ``stamps``: the files there as they were just before that.
    """

    catalogues: Mapping[str, tuple[RuleBook, ...]] = field(default_factory=dict)
    folders: tuple[Path, ...] = ()
    stamps: Mapping[Path, Stamp] = field(default_factory=dict)

    def versions[B: RuleBook](self, model: type[B], name: str) -> tuple[B, ...]:
        """Return the versions of a catalogue, the oldest first. Raises ConfigError."""
        own = self.catalogues.get(name)
        books = read_books(model, folder(name)) if own is None else own
        return tuple(book for book in books if isinstance(book, model))

    def choose[B: RuleBook](self, model: type[B], name: str, asked: date | None, today: date) -> B:
        """Return the version in force on the day asked for, else today. Raises InvalidBody when none was on the former.

        Where none is in force today it is the last that was, or the first to come.
        """
        books = self.versions(model, name)
        if asked is not None:
            return in_force(books, asked)
        begun = [book for book in books if book.effective <= today] or books[:1]
        return next((book for book in reversed(begun) if book.holds(today)), begun[-1])


def day_of(moment: datetime) -> date:
    """Return the day of a moment in China, which decides what rules are in force."""
    return moment.astimezone(_BEIJING).date()


def today() -> date:
    """Return the day that it is in China."""
    return day_of(datetime.now(UTC))


def in_force[B: RuleBook](books: Sequence[B], day: date | None) -> B:
    """Return the version in force on a day, the newest one for None.

    Raises InvalidBody when none was.
    """
    if day is None:
        return books[-1]
    found = [book for book in books if book.holds(day)]
    if not found:
        begins = ", ".join(book.effective.isoformat() for book in books)
        raise InvalidBody(
            f"No rules of '{books[0].id}' are in force on {day.isoformat()}.",
            f"The versions begin on: {begins}.",
            pointer="/inputs/effective",
            value=day.isoformat(),
        )
    return found[-1]


def parse_day(text: str | None) -> date | None:
    """Return the day that the input ``effective`` names. Raises InvalidBody for anything but a date."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidBody(
            "The day is not a date.", "Write it as 2026-01-01.", pointer="/inputs/effective", value=text[:80]
        ) from None
