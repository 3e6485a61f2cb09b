"""A result as one row of a table, and the sums over many rows."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from onemap.batch.order import Order
from onemap.processes.accounts import GROUPS
from onemap.processes.control_lines.rules import Catalogue
from onemap.processes.farmland import FarmlandChange
from onemap.processes.farmland.rules import Rules as Changes

Row = dict[str, Any]
PARCEL, ERROR = "parcel", "error"


def columns(order: Order) -> dict[str, type[Any]]:
    """Return the columns of the rows of a batch with their types: areas in m2 are float, codes are str."""
    found: dict[str, type[Any]] = {PARCEL: str, ERROR: str, "area": float}
    book = order.book()
    if isinstance(book, Changes):
        kinds = [kind.id for kind in book.kinds]
        return found | dict.fromkeys(["cultivated_previous", "cultivated_current", *kinds], float)
    if not isinstance(book, Catalogue):
        return found | dict.fromkeys([*GROUPS, "other", "remainder"], float)
    found["verdict"] = str
    _, layers = order.manifests()
    for rule in book.rules:
        names = [layer.id for layer in layers if layer.declared().role == rule.role]
        for name in names or [rule.role]:
            found |= {f"{name}_status": str, f"{name}_area": float}
    return found


def row(key: int | str, result: Mapping[str, Any] | None, error: str | None) -> Row:
    """Return the values of a result; columns that are not in it are left out."""
    made: Row = {PARCEL: str(key), ERROR: error}
    if result is None:
        return made
    made |= {"area": result["parcels"]["area"], "verdict": result.get("verdict")}
    for name, group in result.get("groups", {}).items():
        made[name] = group["area"]
    if "remainder" in result:
        made["remainder"] = result["remainder"]["area"]
    if result["process"]["id"] == FarmlandChange.id:
        made |= {f"cultivated_{state}": part["area"] for state, part in result["cultivated"].items()}
        made |= {change["kind"]: change["area"] for change in result["changes"]}
    for layer in result.get("layers", ()):
        name = layer["collection"] or layer["role"]
        made |= {f"{name}_status": layer["status"], f"{name}_area": layer["area"]}
    return made


def tally(rows: Iterable[Row], types: Mapping[str, type[Any]]) -> dict[str, Any]:
    """Return how many rows there are, how often each code, and the sum of each column of areas, exactly rounded."""
    count, codes, areas = 0, defaultdict[str, Counter[str]](Counter), defaultdict[str, list[float]](list)
    for item in rows:
        count += 1
        for name, kind in types.items():
            value = item.get(name)
            if value is not None and name != PARCEL:
                if kind is float:
                    areas[name].append(value)
                else:
                    codes[name][value] += 1
    return {
        "parcels": count,
        "counts": {name: dict(sorted(codes[name].items())) for name in types if name in codes},
        "areas": {name: math.fsum(areas[name]) for name in types if name in areas},
    }


def total(tallies: Iterable[Mapping[str, Any]], types: Mapping[str, type[Any]]) -> dict[str, Any]:
    """Return the tally of tallies, in whatever order they were made."""
    given = list(tallies)
    counts = {name: sum((Counter(item["counts"].get(name, {})) for item in given), Counter[str]()) for name in types}
    areas = {name: [item["areas"][name] for item in given if name in item["areas"]] for name in types}
    return {
        "parcels": sum(item["parcels"] for item in given),
        "counts": {name: dict(sorted(found.items())) for name, found in counts.items() if found},
        "areas": {name: math.fsum(found) for name, found in areas.items() if found},
    }
