"""The rule catalogues of an instance: those that come with the server, and its own versions laid over them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from onemap.config import shipped
from onemap.errors import ConfigError, did_you_mean
from onemap.processes.control_lines.rules import CONTROL_LINES, MINERALS, Catalogue
from onemap.processes.reviews.rules import APPROVAL, PLAN, ApprovalRules, PlanRules
from onemap.processes.rulebook import RuleBook, RuleLibrary, read_book, read_books

MODELS: Mapping[str, type[RuleBook]] = {
    CONTROL_LINES: Catalogue,
    MINERALS: Catalogue,
    PLAN: PlanRules,
    APPROVAL: ApprovalRules,
}
_WHERE = "Rules of an instance are in processes/<catalogue>/<first day>.yml."


def load_rules(*folders: Path) -> RuleLibrary:
    """Return the rule catalogues of these folders, a sub-folder for each; of versions of one day the later folder wins.

    Raises ConfigError naming the file, the place and the fault; also for a file or folder that nothing would read.
    """
    for path in folders:
        _check_names(path)
        for name, model in MODELS.items():
            for file in sorted((path / name).glob("*.yml")):
                _check_book(read_book(model, file), name, file)
    return RuleLibrary({name: read_books(model, *(path / name for path in folders)) for name, model in MODELS.items()})


def _check_names(folder: Path) -> None:
    """Raise ConfigError for what looks like rules and is none."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.is_dir() and path.name not in MODELS and any(path.glob("*.y*ml")):
            raise ConfigError(f"{path}: there is no rule catalogue '{path.name}'.", did_you_mean(path.name, MODELS))
        if path.suffix in (".yml", ".yaml") and not _known(path):
            raise ConfigError(f"{path}: nothing reads this file.", _WHERE)
        for file in sorted(path.glob("*.yaml")) if path.is_dir() else []:
            raise ConfigError(f"{file}: nothing reads this file.", f"Name it {file.stem}.yml.")


def _known(path: Path) -> bool:
    """Whether a file is one that comes with the server, unchanged: these rules have one version."""
    own = shipped("processes") / path.name
    return own.is_file() and own.read_bytes() == path.read_bytes()


def _check_book(book: RuleBook, name: str, file: Path) -> None:
    """Raise ConfigError when a catalogue is not named after its folder, or a version not after its first day."""
    if book.id != name:
        raise ConfigError(f"{file}: the catalogue says that it is '{book.id}'.", f"id: {name}")
    if file.stem != book.effective.isoformat():
        begin = f'effective: "{file.stem}"'
        raise ConfigError(
            f"{file}: these rules begin on {book.effective}.", f"Name it {book.effective}.yml, or write {begin}."
        )
