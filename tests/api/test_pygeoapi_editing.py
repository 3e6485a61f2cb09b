"""Changes through stock pygeoapi 0.24: its own endpoints, our validation, our policy and our log of changes."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import shapely
import yaml
from pygeoapi.api import API, APIRequest
from pygeoapi.api.itemtypes import manage_collection_item
from pygeoapi.provider.base import ProviderGenericError, ProviderItemNotFoundError

from onemap.plugins.pygeoapi import FeatureProvider
from tests.editing import COUNT, PARCELS, Editable, feature
from tests.providers import CRS84, PROVIDER, configuration

SQUARE = shapely.box(114.0, 30.72, 114.001, 30.721)


def definition(root: Path, collection: str = "parcels", **more: Any) -> dict[str, Any]:
    given = {"name": PROVIDER, "type": "feature", "data": str(root), "collection": collection, "storage_crs": CRS84}
    return {**given, "editable": True, **more}


def writable(editable: Editable, more: dict[str, Any] | None = None) -> FeatureProvider:
    """Return the provider of the editable instance, in whichever store its data is."""
    if editable.dsn is not None:
        config = yaml.safe_load((editable.root / "config" / "base.yml").read_text())
        config["stores"] = {"edit": {"type": "postgis", "dsn": editable.dsn}}
        (editable.root / "config" / "base.yml").write_text(yaml.safe_dump(config))
    return FeatureProvider(definition(editable.root, **(more or {})))


@contextmanager
def refused(status: int, says: str) -> Iterator[None]:
    with pytest.raises(ProviderGenericError) as refusal:
        yield
    assert refusal.value.http_status_code == status
    assert says in refusal.value.message


def body(**properties: Any) -> bytes:
    return json.dumps(feature(SQUARE, swapped=False, **properties)).encode()


def test_create_update_delete(editable: Editable) -> None:
    provider = writable(editable)
    assert provider.editable is True
    made = provider.create(body(name="new", kind="0301"))
    assert made == str(COUNT + 1)
    found = provider.get(made)
    assert (found["properties"]["name"], found["properties"]["kind"]) == ("new", "0301")
    assert shapely.geometry.shape(found["geometry"]).bounds == pytest.approx(SQUARE.bounds, abs=1e-8)
    assert provider.update(made, body(name="other")) is True
    assert provider.get(made)["properties"]["kind"] is None
    assert provider.delete(made) is True
    with pytest.raises(ProviderItemNotFoundError):
        provider.get(made)
    assert editable.changes() == [("insert",), ("update",), ("delete",)]
    assert editable.client.get(PARCELS).json()["numberMatched"] == COUNT


def test_what_is_refused_over_our_api_is_refused_here(editable: Editable) -> None:
    provider = writable(editable)
    outside = feature(shapely.box(10, 10, 11, 11), swapped=False, name="x")
    with refused(422, "/properties/kind"):
        provider.create(body(name="x", kind="9999"))
    with refused(422, "/properties/name"):
        provider.update("1", body(floors=1))
    with refused(422, "/geometry"):
        provider.create(json.dumps(outside))
    with refused(422, "'parcels' has no property 'note'"):
        provider.create(body(name="x", note="hidden"))
    with refused(400, "geometry"):
        provider.update("1", b'{"type": "Feature", "properties": {"name": "partial"}}')
    with refused(400, "JSON"):
        provider.create(b"{")
    with refused(400, "one at a time"):
        provider.create({"type": "FeatureCollection", "features": [json.loads(body(name="x"))]})
    for change in (lambda: provider.update("999", body(name="x")), lambda: provider.delete("999")):
        with pytest.raises(ProviderItemNotFoundError):
            change()
    sites = FeatureProvider(definition(editable.root, "sites"))
    with refused(409, "A1"):
        sites.create(feature(shapely.Point(114, 30), swapped=False, code="A1"))
    assert editable.changes() == []


@pytest.mark.parametrize(
    ("more", "says"),
    [({"collection": "fixed"}, "not declared editable"), ({"editable": False}, "not defined as editable")],
)
def test_what_is_not_editable_says_why(
    editable: Editable, more: dict[str, Any], says: str, caplog: pytest.LogCaptureFixture
) -> None:
    provider = writable(editable, more)
    assert provider.editable is False
    assert (says in caplog.text) == more.get("editable", True)
    for change in (
        lambda: provider.create(body(name="x")),
        lambda: provider.update("1", body(name="x")),
        lambda: provider.delete("1"),
    ):
        with refused(403, says):
            change()


def test_the_zone_and_its_rules_hold(editable: Editable) -> None:
    config = yaml.safe_load((editable.root / "config" / "base.yml").read_text())
    for rules, says in (
        ({"allow": "none"}, "in this zone"),
        ({"allow": "everybody", "require_match": True}, "If-Match"),
    ):
        from onemap.plugins import source

        source._instance.cache_clear()
        (editable.root / "config" / "base.yml").write_text(yaml.safe_dump({**config, "editing": rules}))
        provider = writable(editable)
        assert provider.editable is (says == "If-Match")
        with refused(403, says):
            provider.delete("1")


def test_the_endpoints_of_pygeoapi(editable: Editable, monkeypatch: pytest.MonkeyPatch) -> None:
    writable(editable)
    resources = {name: definition(editable.root, name) for name in ("parcels", "fixed")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what pygeoapi imports is its own affair
        api = API(configuration(resources), {"paths": {}})

    def ask(action: str, name: str = "parcels", key: str | None = None, data: bytes = b"") -> tuple[Any, int, str]:
        request = APIRequest(_Request(data), ["en-US"])
        request._data = data
        headers, status, text = manage_collection_item(api, request, action, name, key)
        return headers, int(status), text

    headers, status, _ = ask("create", data=body(name="new"))
    assert (status, headers["Location"].rpartition("/")[2]) == (201, str(COUNT + 1))
    assert ask("update", key="1", data=body(name="other"))[1] == 204
    status, text = ask("update", key="1", data=body(kind="9999", name="x"))[1:]
    assert (status, "code list 'kinds'" in text) == (422, True)
    assert ask("delete", key="2")[1] == 200
    assert ask("delete", key="999")[1] == 404
    assert "POST" in ask("options")[0]["Allow"]
    assert ask("create", "fixed", data=body(name="x"))[1] == 400
    assert "POST" not in ask("options", "fixed")[0]["Allow"]
    assert [row[0] for row in editable.changes()] == ["insert", "update", "delete"]


class _Request:
    """As much of a web framework's request as pygeoapi looks at."""

    def __init__(self, data: bytes) -> None:
        self.args: dict[str, str] = {"f": "json"}
        self.headers: dict[str, str] = {"Content-Type": "application/geo+json"}
        self.method = "POST"
        self.path = "/"
        self.data = data
