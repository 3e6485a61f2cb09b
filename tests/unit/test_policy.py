from __future__ import annotations

from typing import Any

import pytest

from onemap.block import Principal
from onemap.catalog import Collection, Field, Registry, TableInfo
from onemap.config import PolicySettings, Text
from onemap.errors import ConfigError, NotFound
from onemap.geo.crs import CRS84, crs_from_srid
from onemap.security import Gate, Policy

LEVELS = ["P", "G", "S", "C", "X1", "X2", "X3"]


def collection(level: Any) -> Collection:
    text = Text(zh="x", en="x")
    fields = tuple(Field(f"f{item}", "string", text, item) for item in LEVELS)
    table = TableInfo("t", "geom", "POLYGON", 4490, "fid", fields)
    return Collection(f"c{level}", text, text, "s", table, "fid", fields, level, crs_from_srid(4490), (CRS84,))


@pytest.mark.parametrize(
    ("zone", "accredited", "readable"),
    [
        ("internet", None, "P"),
        ("extranet", None, "PG"),
        ("business", None, "PGS"),
        ("classified", None, "PGSC"),
        ("classified", "X2", "PGSC12"),
    ],
)
def test_the_matrix(zone: Any, accredited: Any, readable: str) -> None:
    policy = Policy(zone, PolicySettings(accredited=accredited))
    seen = [level for level in LEVELS if policy.view(Principal(), collection(level))]
    assert "".join(level[-1] for level in seen) == readable


def test_fields_above_the_zone_are_not_there() -> None:
    view = Policy("business", PolicySettings()).view(Principal(), collection("P"))
    assert view is not None
    assert [field.name for field in view.columns] == ["fP", "fG", "fS"]
    assert view.column("fC") is None


def test_a_configuration_may_tighten_but_not_loosen() -> None:
    assert Policy("business", PolicySettings(levels={"S": "deny"})).view(Principal(), collection("S")) is None
    for zone, level in (("internet", "S"), ("business", "C"), ("classified", "X3")):
        with pytest.raises(ConfigError, match="not allowed"):
            Policy(zone, PolicySettings(levels={level: "raw"}))  # type: ignore[arg-type, dict-item]
    with pytest.raises(ConfigError, match="accredited"):
        Policy("business", PolicySettings(accredited="X1"))


def test_hidden_is_as_unknown() -> None:
    gate = Gate(Registry([collection("S"), collection("P")]), Policy("internet", PolicySettings()), {})
    assert [view.collection.id for view in gate.views(Principal())] == ["cP"]
    with pytest.raises(NotFound) as hidden:
        gate.view(Principal(), "cS")
    with pytest.raises(NotFound) as unknown:
        gate.view(Principal(), "cQ")
    assert hidden.value.detail.replace("cS", "cQ") == unknown.value.detail


def test_views_of_different_content_have_different_digests() -> None:
    low = Policy("extranet", PolicySettings()).view(Principal(), collection("P"))
    high = Policy("business", PolicySettings()).view(Principal(), collection("P"))
    assert low is not None
    assert high is not None
    assert low.digest != high.digest


def test_registry_is_immutable() -> None:
    empty = Registry()
    one = empty.register(collection("P"))
    assert (len(empty), len(one)) == (0, 1)
    with pytest.raises(ConfigError, match="Two collections"):
        one.register(collection("P"))
