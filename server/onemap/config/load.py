"""Read YAML, merge it, and say precisely what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from onemap.config.models import Settings, Zone
from onemap.errors import ConfigError, did_you_mean


class _Loader(yaml.SafeLoader):
    """A safe loader that leaves dates as text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class Misplaced(ValueError):
    """A fault that a validator of a whole document finds at one of its words."""

    def __init__(self, text: str, word: str) -> None:
        super().__init__(text)
        self.word = word


def load_settings(folder: Path, zone: str | None = None) -> Settings:
    """Return base.yml of a folder merged with zones/<zone>.yml.

    Raises ConfigError naming the file, the line and the nearest valid key.
    """
    base = folder / "base.yml"
    merged = read_yaml(base)
    chosen = zone or str(merged.get("zone", "internet"))
    if chosen not in get_args(Zone):
        raise ConfigError(f"There is no zone '{chosen}'.", did_you_mean(chosen, get_args(Zone)))
    overlay = folder / "zones" / f"{chosen}.yml"
    sources = [base]
    if overlay.exists():
        merged = merge(merged, read_yaml(overlay))
        sources.append(overlay)
    return validate(Settings, merged | {"zone": chosen}, *sources)


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file. Raises ConfigError when it cannot be read or is something else."""
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506  (a safe loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: {error}") from None
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: expected a mapping of keys, found {type(data).__name__}.")
    return data


def merge(low: Mapping[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``low`` with the values of ``high`` laid over it, mappings merged key by key."""
    merged = dict(low)
    for key, value in high.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def validate[M: BaseModel](model: type[M], data: Mapping[str, Any], *sources: Path) -> M:
    """Return the data as a model. Raises ConfigError with every fault, its place in the files and a hint."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        faults = [_explain(fault, model, sources) for fault in error.errors()]
        raise ConfigError("\n".join(faults)) from None


def _explain(fault: Any, model: type[BaseModel], sources: tuple[Path, ...]) -> str:
    path = _written(fault["loc"])
    text = f"{'.'.join(path) or 'file'}: {fault['msg']}"
    if fault["type"] == "extra_forbidden":
        text = f"Unknown key '{'.'.join(path)}'. {did_you_mean(path[-1], _keys(model, path[:-1]))}"
    cause = fault.get("ctx", {}).get("error")
    return text + _snippet(path, sources, cause.word if isinstance(cause, Misplaced) else None)


def _written(place: tuple[str | int, ...]) -> list[str]:
    """Return the keys on the way to a fault as they are written: the kind of a store is none of them."""
    path = [str(part) for part in place]
    return path[:2] + path[3:] if path[:1] == ["stores"] else path


def _keys(model: type[BaseModel], path: list[str]) -> set[str]:
    """Return the keys that a (nested) model accepts at a path; where it may be one of several, those of all."""
    models = [model]
    for part in path:
        fields = [found.model_fields[part] for found in models if part in found.model_fields]
        models = [found for field in fields for found in models_in(field.annotation)] or models
    return {field.alias or key for found in models for key, field in found.model_fields.items()}


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the models that an annotation names."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in models_in(part)]


def _snippet(path: list[str], sources: tuple[Path, ...], word: str | None = None) -> str:
    """Return the lines around the place that ``path`` names, or a word, from the last file that has it."""
    for source in reversed(sources):
        text = source.read_text(encoding="utf-8")
        line, depth = _locate(yaml.compose(text), path)
        if word is not None:
            line = next((mark.line for mark in _places(yaml.compose(text), word)), line)
        if depth == len(path) or source is sources[0]:
            lines = text.splitlines()
            near = range(max(0, line - 1), min(len(lines), line + 2))
            shown = "\n".join(f"  {'>' if at == line else ' '} {at + 1:4} | {lines[at]}" for at in near)
            return f"\n  {source}:{line + 1}\n{shown}"
    return ""


def _locate(node: yaml.Node | None, path: list[str]) -> tuple[int, int]:
    """Return the line (from 0) of the deepest key on ``path`` and how many keys of it were found."""
    line = depth = 0
    for part in path:
        found = next((item for item in _parts(node) if item[0] == part), None)
        if found is None:
            break
        line, node, depth = found[1].start_mark.line, found[2], depth + 1
    return line, depth


def _parts(node: yaml.Node | None) -> list[tuple[str, yaml.Node, yaml.Node]]:
    """Return the parts of a node: the key or the index of each, where it begins, and its value."""
    if isinstance(node, yaml.MappingNode):
        return [(key.value, key, value) for key, value in node.value]
    items = node.value if isinstance(node, yaml.SequenceNode) else []
    return [(str(at), item, item) for at, item in enumerate(items)]


def _places(node: yaml.Node | None, word: str) -> Iterator[yaml.Mark]:
    """Yield the places where a word stands as a key or as a value."""
    for _, start, value in _parts(node):
        for part in dict.fromkeys((start, value)):
            if isinstance(part, yaml.ScalarNode) and part.value == word:
                yield part.start_mark
        yield from _places(value, word)
