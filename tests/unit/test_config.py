from __future__ import annotations

from pathlib import Path

import pytest

from onemap.catalog import CollectionDeclaration, read_declarations
from onemap.config import Settings, load_settings, read_yaml, validate
from onemap.config.load import merge
from onemap.errors import ConfigError

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("zone", ["internet", "extranet", "business", "classified"])
def test_every_zone_of_the_repository_loads(zone: str) -> None:
    assert load_settings(ROOT / "config", zone).zone == zone


def test_a_zone_file_is_laid_over_the_base() -> None:
    low = {"limits": {"page_max": 1, "page_default": 2}, "zone": "business"}
    assert merge(low, {"limits": {"page_max": 5}}) == {"limits": {"page_max": 5, "page_default": 2}, "zone": "business"}


def test_an_unknown_key_is_refused_with_the_nearest_one_and_the_snippet(tmp_path: Path) -> None:
    (tmp_path / "base.yml").write_text("zone: business\nlimits:\n  page_maximum: 5\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_settings(tmp_path)
    message = caught.value.detail
    assert "limits.page_maximum" in message
    assert "'page_max'" in message
    assert "base.yml:3" in message
    assert ">    3 |   page_maximum: 5" in message


def test_a_wrong_value_names_its_place(tmp_path: Path) -> None:
    path = tmp_path / "x.yml"
    path.write_text("limits: {page_max: 0}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"limits.page_max: .*greater than or equal to 1"):
        validate(Settings, read_yaml(path), path)


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(ROOT / "config", "busines")
    assert "business" in caught.value.hint


@pytest.mark.parametrize("text", ["- a list\n", "a: [unclosed\n", "\xff"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.yml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"x\.yml"):
        read_yaml(path)


def test_dates_stay_text(tmp_path: Path) -> None:
    path = tmp_path / "x.yml"
    path.write_text("date: 2025-12-31\n", encoding="utf-8")
    assert read_yaml(path) == {"date": "2025-12-31"}


def test_the_declarations_of_the_repository_load() -> None:
    declared = read_declarations(ROOT / "collections")
    assert {item.role for item in declared.values()} >= {"landuse", "farmland", "redline", "urban-boundary", "admin"}
    personal = {"ZRRZJHM", "LXDH", "JZDZ", "ZRRMC", "CFZR", "ZZRR"}
    farmland = next(item for item in declared.values() if item.role == "farmland")
    assert farmland.fields is not None
    assert {farmland.fields[name].level for name in personal} == {"C"}


def test_a_collection_id_must_be_fit_for_addresses() -> None:
    data = {"id": "../etc", "title": "x", "source": {"store": "a", "table": "b"}, "level": "P"}
    with pytest.raises(ConfigError, match="id"):
        validate(CollectionDeclaration, data)


def test_collections_is_no_python_package() -> None:
    """An __init__.py there would shadow the standard library's ``collections``."""
    assert not (ROOT / "collections" / "__init__.py").exists()
