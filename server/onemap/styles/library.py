"""The styles of an instance: the files of ``styles/``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from onemap.config import read_yaml, validate
from onemap.errors import ConfigError, InvalidParameter, did_you_mean
from onemap.store import View
from onemap.styles.declare import STYLE_ID, LayerDeclaration, Pattern, StyleDeclaration
from onemap.styles.filters import parse
from onemap.styles.portrayal import Portrayal, plain, portray

_ID = re.compile(STYLE_ID)


@dataclass(frozen=True)
class Library:
    """Style declarations by id, and the folders that they were read from."""

    declared: Mapping[str, StyleDeclaration] = field(default_factory=dict)
    folders: tuple[Path, ...] = ()

    def layers(self, identifier: str) -> tuple[LayerDeclaration, ...]:
        """Return the layers of a style, those of the included styles first."""
        style = self.declared[identifier]
        return (*(layer for name in style.include for layer in self.layers(name)), *style.layers)

    @property
    def whole(self) -> str | None:
        """The id of the style of the whole map."""
        return next((name for name, style in self.declared.items() if style.whole), None)

    def portrayal(self, view: View) -> Portrayal:
        """Return the first style of a collection alone, a plain one where no file draws it."""
        named = ((name, style) for name, style in self.declared.items() if not style.whole)
        made = (portray(name, style, self.layers(name), [view]) for name, style in named)
        return next((style for style in made if style), None) or plain(view)

    def patterns(self) -> list[Pattern]:
        """Return the patterns of all styles, each once."""
        rules = (rule for style in self.declared.values() for layer in style.layers for rule in layer.rules)
        return list(dict.fromkeys(rule.fill.pattern for rule in rules if rule.fill and rule.fill.pattern))


def load_styles(*folders: Path) -> Library:
    """Return the styles of these folders; later folders win.

    Raises ConfigError naming the file: an unknown key, a filter that is no CQL2, a style that includes itself, two
    styles of the whole map.
    """
    files = style_files(*folders)
    declared = {name: _read(name, path) for name, path in files.items()}
    for name, path in files.items():
        _check_includes(name, (), declared, path)
    whole = [name for name, style in declared.items() if style.whole]
    if len(whole) > 1:
        raise ConfigError(f"The styles {', '.join(whole)} are all said to be that of the whole map.")
    return Library(declared, folders)


def style_files(*folders: Path) -> dict[str, Path]:
    """Return the files of styles by the ids of the styles; later folders win."""
    own = (path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir()))
    return {path.name: path / "style.yml" for path in own if (path / "style.yml").is_file()}


def _read(name: str, path: Path) -> StyleDeclaration:
    if not _ID.match(name) or name == "default":
        raise ConfigError(
            f"{path}: '{name}' cannot be the id of a style.", "Use a-z, 0-9, - and _; 'default' is taken."
        )
    style = validate(StyleDeclaration, read_yaml(path), path)
    for text in _filters(style.layers):
        try:
            parse(text)
        except InvalidParameter as error:
            raise ConfigError(f'{path}: filter "{text}": {error.detail}', error.hint) from None
    return style


def _filters(layers: Iterable[LayerDeclaration]) -> list[str]:
    return [rule.filter for layer in layers for rule in layer.rules if rule.filter]


def _check_includes(name: str, within: tuple[str, ...], declared: Mapping[str, StyleDeclaration], path: Path) -> None:
    if name in within:
        raise ConfigError(f"{path}: the style includes itself: {' > '.join((*within, name))}.")
    if name not in declared:
        raise ConfigError(f"{path}: there is no style '{name}' to include.", did_you_mean(name, declared))
    for other in declared[name].include:
        _check_includes(other, (*within, name), declared, path)
