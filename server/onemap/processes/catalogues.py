"""The rule catalogues of an instance: those that come with the server, and its own versions laid over them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from onemap.errors import ConfigError, did_you_mean
from onemap.processes.control_lines.rules import CONTROL_LINES, MINERALS, Catalogue
from onemap.processes.farmland.rules import FARMLAND
from onemap.processes.farmland.rules import Rules as FarmlandRules
from onemap.processes.geometry_check.rules import GEOMETRY
from onemap.processes.geometry_check.rules import Rules as GeometryRules
from onemap.processes.reviews.rules import APPROVAL, PLAN, ApprovalRules, PlanRules
from onemap.processes.rulebook import RuleBook, RuleLibrary, Stamp, read_book, read_books, stamp

MODELS: Mapping[str, type[RuleBook]] = {
    CONTROL_LINES: Catalogue,
    MINERALS: Catalogue,
    PLAN: PlanRules,
    APPROVAL: ApprovalRules,
    FARMLAND: FarmlandRules,
    GEOMETRY: GeometryRules,
}
_WHERE = "Rules of an instance are in processes/<catalogue>/<first day>.yml."


def load_rules(*folders: Path) -> RuleLibrary:
    """Return the rule catalogues of these folders, a sub-folder for each; of versions of one day the later folder wins.

    Raises ConfigError naming the file, the place and the fault; also for a file or folder that nothing would read.
    """
    stamps = stamps_of(folders)
    for path in folders:
        _check_names(path)
        for name, model in MODELS.items():
            for file in sorted((path / name).glob("*.yml")):
                _check_book(read_book(model, file), name, file)
    found = {name: read_books(model, *(path / name for path in folders)) for name, model in MODELS.items()}
    return RuleLibrary(found, folders, stamps)


def digest_of(rules: RuleLibrary, cited: Mapping[str, Any]) -> str | None:
    """Return the digest of the content of the version that a result cites; None where it is none of these."""
    name = str(cited.get("catalogue"))
    books = rules.versions(MODELS[name], name) if name in MODELS else ()
    return next((book.digest() for book in books if book.cited() == cited), None)


def stamps_of(folders: Iterable[Path]) -> dict[Path, Stamp]:
    """Return what differs when a file of rules in these folders was written, replaced, added or removed."""
    found: dict[Path, Stamp] = {}
    for path in folders:
        for file in (*path.glob("*.y*ml"), *path.glob("*/*.y*ml")):
            with suppress(OSError):
                found[file] = stamp(file.stat())
    return found


def _check_names(folder: Path) -> None:
    """Raise ConfigError for what looks like rules and is none."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.is_dir() and path.name not in MODELS and any(path.glob("*.y*ml")):
            raise ConfigError(f"{path}: there is no rule catalogue '{path.name}'.", did_you_mean(path.name, MODELS))
        if path.suffix in (".yml", ".yaml"):
            raise ConfigError(f"{path}: nothing reads this file.", _WHERE)
        for file in sorted(path.glob("*.yaml")) if path.is_dir() else []:
            raise ConfigError(f"{file}: nothing reads this file.", f"Name it {file.stem}.yml.")


def _check_book(book: RuleBook, name: str, file: Path) -> None:
    """Raise ConfigError when a catalogue is not named after its folder, or a version not after its first day."""
    if book.id != name:
        raise ConfigError(f"{file}: the catalogue says that it is '{book.id}'.", f"id: {name}")
    if file.stem != book.effective.isoformat():
        begin = f'effective: "{file.stem}"'
        raise ConfigError(
            f"{file}: these rules begin on {book.effective}.", f"Name it {book.effective}.yml, or write {begin}."
        )
