"""Rule catalogues: YAML in the folder processes/, a sub-folder for each catalogue, a file for each version of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from onemap.config import Text, read_yaml, shipped, validate
from onemap.config.models import Model
from onemap.errors import ConfigError, InvalidBody


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
    basis: dict[str, Basis] = Field(description="Legal sources by key.")

    def cited(self) -> dict[str, str]:
        """Return what results state as ``rules``."""
        return {"catalogue": self.id, "version": self.version, "effective": self.effective.isoformat()}

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
            raise ValueError(f"no legal source '{missing[0]}'")
        if idle := sorted(self.basis.keys() - cited):
            raise ValueError(f"the legal source '{idle[0]}' is never cited")
        for key, source in self.basis.items():
            if not source.holds(self.effective):
                raise ValueError(f"the legal source '{key}' is not in force on {self.effective}")


def folder(name: str) -> Path:
    """Return the folder of a catalogue that comes with the server."""
    return shipped("processes") / name


def read_books[B: RuleBook](model: type[B], path: Path) -> tuple[B, ...]:
    """Return the versions of a catalogue in a folder, the oldest first.

    Raises ConfigError naming the file and the fault, or when two versions begin on the same day.
    """
    books = [validate(model, read_yaml(file), file) for file in sorted(path.glob("*.yml"))]
    books.sort(key=lambda book: book.effective)
    if not books:
        raise ConfigError(f"There is no rule catalogue in {path}.")
    for one, other in pairwise(books):
        if one.effective == other.effective:
            raise ConfigError(f"{path}: the versions {one.version} and {other.version} begin on {one.effective}.")
    return tuple(books)


@cache
def _shipped(model: type[Any], name: str) -> Any:
    return read_books(model, folder(name))


def shipped_books[B: RuleBook](model: type[B], name: str) -> tuple[B, ...]:
    """Return the versions of a catalogue that comes with the server, read once."""
    books: tuple[B, ...] = _shipped(model, name)
    return books


def in_force[B: RuleBook](books: Sequence[B], day: date | None) -> B:
    """Return the version in force on a day, the newest one for None: no clock decides.

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
