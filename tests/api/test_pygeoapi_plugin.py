"""Stock pygeoapi 0.24 over our stores, against our own server and pygeoapi's own provider for the same features."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import shapely
import yaml
from pygeoapi.provider.base import ProviderConnectionError, ProviderInvalidQueryError, ProviderItemNotFoundError
from starlette.testclient import TestClient

from onemap.app import create_app, publish_file
from onemap.plugins.pygeoapi import FeatureProvider
from tests.bench import peers
from tests.conftest import Cluster
from tests.providers import COUNT, CRS84, EPSG, PROVIDER, Files, configuration, make_files, write_instance

Get = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return make_files(tmp_path_factory.mktemp("villages"))


@pytest.fixture(scope="module")
def app(files: Files, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The Flask application of pygeoapi, which reads its files when it is imported."""
    table = {"name": PROVIDER, "data": str(files.gpkg), "table": "villages", "time_field": "day"}
    offered = [CRS84, *(f"{EPSG}{code}" for code in (4326, 3857, 4490, 4547))]
    resources = {
        "plugin": {**table, "storage_crs": CRS84, "crs": offered, "options": {"level": "P"}},
        "own": {"name": "GeoJSON", "data": str(files.geojson), "id_field": "id", "time_field": "day"},
    }
    folder = tmp_path_factory.mktemp("pygeoapi")
    config, document = folder / "config.yml", folder / "openapi.json"
    config.write_text(yaml.safe_dump(configuration(resources)), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what pygeoapi imports is its own affair
        patch.setenv("PYGEOAPI_CONFIG", str(config))
        patch.setenv("PYGEOAPI_OPENAPI", str(document))
        from pygeoapi.openapi import generate_openapi_document

        document.write_text(generate_openapi_document(config, "json"), encoding="utf-8")
        from pygeoapi.flask_app import APP
    return APP.test_client()


@pytest.fixture(scope="module")
def servers(app: Any, files: Files) -> dict[str, Get]:
    """How to get items, by the path they come along."""
    client = TestClient(create_app(publish_file(files.gpkg)))

    def of_pygeoapi(collection: str) -> Get:
        def get(**query: str) -> dict[str, Any]:
            answer = app.get(f"/collections/{collection}/items", query_string={"f": "json", **query})
            assert answer.status_code == 200, answer.text
            found: dict[str, Any] = json.loads(answer.data)
            return found

        return get

    def ours(**query: str) -> dict[str, Any]:
        answer = client.get("/collections/villages/items", params=query)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    return {"plugin": of_pygeoapi("plugin"), "own": of_pygeoapi("own"), "onemap": ours}


def alike(left: dict[str, Any], right: dict[str, Any]) -> None:
    """Both must hold the same features in the same order, coordinates within 1e-7."""
    assert [int(item["id"]) for item in left["features"]] == [int(item["id"]) for item in right["features"]]
    for one, other in zip(left["features"], right["features"], strict=True):
        assert {key: one["properties"][key] for key in other["properties"]} == other["properties"]
        shapes = [shapely.from_geojson(json.dumps(item["geometry"])) for item in (one, other)]
        assert shapely.equals_exact(*shapes, 1e-7)


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "7"},
        {"limit": "50", "offset": "120"},
        {"limit": "1000"},
        {"limit": "1000", "bbox": "113.2,30.2,113.45,30.4"},
        {"limit": "20", "offset": "5", "bbox": "113.2,30.2,113.9,30.9"},
        {"limit": "1000", "name": "村3"},
        {"limit": "1000", "name": "村3", "bbox": "113,30,113.5,31"},
        {"limit": "1000", "number": "17"},
        {"limit": "1000", "bbox": "1,1,2,2"},
    ],
)
def test_three_ways_to_the_same_features(servers: dict[str, Get], query: dict[str, str]) -> None:
    plugin, own, onemap = (servers[name](**query) for name in ("plugin", "own", "onemap"))
    alike(plugin, own)
    alike(plugin, onemap)
    assert plugin["numberMatched"] == own["numberMatched"] == onemap["numberMatched"]
    assert len(plugin["features"]) > 0 or query.get("bbox") == "1,1,2,2"


@pytest.mark.parametrize(
    "query",
    [
        {"sortby": "-number", "limit": "30"},
        {"sortby": "name,-size", "limit": "200"},
        {"sortby": "day", "offset": "40", "limit": "10", "bbox": "113.2,30.2,113.9,30.9"},
        {"datetime": "2025-03-03", "limit": "1000"},
        {"datetime": "2025-03-05/2025-06-01", "limit": "1000"},
        {"datetime": "2025-09-01/..", "limit": "1000"},
        {"q": "ost", "limit": "1000"},
        {"filter": "number BETWEEN 20 AND 40 AND name <> '村3'", "limit": "1000"},
        {"filter": "name LIKE '村%' AND size > 30.5", "limit": "1000"},
        {"filter": "CASEI(name) LIKE CASEI('OST%')", "limit": "1000"},
        {"filter": "day < DATE('2025-04-01')", "limit": "1000"},
        {"filter": "number IN (3, 4, 5) OR name IS NULL", "limit": "1000"},
        {"filter": "S_INTERSECTS(geometry, POLYGON((113.2 30.2,113.6 30.2,113.6 30.7,113.2 30.2)))", "limit": "1000"},
        {"filter": "S_INTERSECTS(geometry, BBOX(113.2, 30.2, 113.3, 30.4))", "limit": "1000"},
        {"crs": f"{EPSG}4490", "limit": "9"},
        {"crs": f"{EPSG}3857", "limit": "9"},
        {"bbox": "30.2,113.2,30.4,113.5", "bbox-crs": f"{EPSG}4326", "limit": "1000"},
    ],
)
def test_what_pygeoapi_cannot_do_by_itself(servers: dict[str, Get], query: dict[str, str]) -> None:
    """The plug-in answers as our server does, where pygeoapi's provider would pass over the parameter."""
    ours = {name: value.replace("geometry,", "geom,") for name, value in query.items()}
    if "crs" in query and "4490" in query["crs"]:
        ours["crs"] = f"{EPSG}4326"  # the same numbers in the same order; our own server offers 4490 for CGCS2000 only
    if "datetime" in query:
        low, _, high = query["datetime"].partition("/")
        upper = f"day <= DATE('{high or low}')" if high != ".." else "day >= DATE('2025-01-01')"
        ours = {"filter": f"day >= DATE('{low}') AND {upper}", "limit": "1000"}
    plugin, onemap = servers["plugin"](**query), servers["onemap"](**ours)
    alike(plugin, onemap)
    assert 0 < len(plugin["features"]) < COUNT


def test_hits_and_pages_join(servers: dict[str, Get]) -> None:
    hits = servers["plugin"](resulttype="hits", bbox="113.2,30.2,113.9,30.9")
    seen: list[int] = []
    while page := servers["plugin"](limit="37", offset=str(len(seen)), bbox="113.2,30.2,113.9,30.9")["features"]:
        seen += [item["id"] for item in page]
    assert hits["numberMatched"] == len(seen) == len(set(seen)) > 100
    assert hits["features"] == []


def test_selected_properties_without_geometry(servers: dict[str, Get]) -> None:
    found = servers["plugin"](properties="name", skipGeometry="true", sortby="-number", limit="3")["features"]
    assert [item["properties"].keys() for item in found] == [{"name"}] * 3
    assert all(item["geometry"] is None for item in found)


def test_one_feature_and_none(app: Any, files: Files) -> None:
    found = json.loads(app.get("/collections/plugin/items/12?f=json").data)
    assert (found["id"], found["properties"]) == (12, files.rows[11]["properties"])
    assert app.get("/collections/plugin/items/0012?f=json").status_code == 404
    swapped = json.loads(app.get(f"/collections/plugin/items/12?f=json&crs={EPSG}4490").data)
    assert swapped["geometry"]["coordinates"][0][0] == found["geometry"]["coordinates"][0][0][::-1]


def test_documents_of_pygeoapi(app: Any) -> None:
    queryables = json.loads(app.get("/collections/plugin/queryables?f=json").data)["properties"]
    assert queryables["day"] == {"title": "day", "type": "string", "format": "date", "x-ogc-role": "primary-instant"}
    assert app.get("/collections/plugin/items?f=html").status_code == 200
    paths = json.loads(app.get("/openapi?f=json").data)["paths"]
    answer = paths["/collections/plugin/items/{featureId}"]["get"]["responses"]["200"]
    assert "size" in str(answer)


@pytest.mark.parametrize("query", [{"sortby": "nothing"}, {"number": "x"}, {"filter": "nothing = 1"}])
def test_a_mistake_of_the_client_is_told(app: Any, query: dict[str, str]) -> None:
    answer = app.get("/collections/plugin/items", query_string={"f": "json", **query})
    assert answer.status_code == 400, answer.text


def definition(data: Path | str, **more: Any) -> dict[str, Any]:
    return {"name": PROVIDER, "type": "feature", "data": str(data), "table": "villages", **more}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "not stated"),
        ({"level": "G"}, "may not see"),
        ({"level": "X3", "zone": "classified"}, "may not see"),
        ({"level": "P", "zone": "nowhere"}, "zone"),
        ({"level": "P", "lvl": "P"}, "no option"),
    ],
)
def test_default_deny(files: Files, options: dict[str, str], message: str) -> None:
    with pytest.raises(ProviderConnectionError, match=message):
        FeatureProvider(definition(files.gpkg, options=options))


def test_an_instance_with_its_policy(files: Files, tmp_path: Path) -> None:
    write_instance(tmp_path, {"villages": {"type": "geopackage", "path": str(files.gpkg)}}, level="S")
    declared = tmp_path / "collections" / "villages.yml"
    fields = {"name": {}, "number": {"level": "C"}}
    declared.write_text(declared.read_text() + yaml.safe_dump({"fields": fields}), encoding="utf-8")
    with pytest.raises(ProviderConnectionError, match="may not see"):
        FeatureProvider(definition(tmp_path, collection="villages"))
    provider = FeatureProvider(definition(tmp_path, collection="villages", options={"zone": "business"}))
    assert set(provider.fields) == {"name"}
    assert set(provider.query(limit=1)["features"][0]["properties"]) == {"name"}
    with pytest.raises(ProviderInvalidQueryError):
        provider.query(properties=[("number", "1")])
    with pytest.raises(ProviderInvalidQueryError):
        provider.query(sortby=[{"property": "number", "order": "+"}])


def test_a_table_in_postgis(files: Files, cluster: Cluster) -> None:
    options = {"options": {"level": "P"}, "id_field": "fid"}
    ours, other = (FeatureProvider(definition(data, **options)) for data in (cluster.copy(files.gpkg), files.gpkg))
    for query in (
        {"limit": 20, "offset": 30},
        {"limit": 500, "bbox": [113.2, 30.2, 113.45, 30.4]},
        {"limit": 500, "properties": [("name", "村3")], "sortby": [{"property": "size", "order": "-"}]},
    ):
        alike(ours.query(**query), other.query(**query))
        counts = [provider.query(resulttype="hits", **query)["numberMatched"] for provider in (ours, other)]
        assert counts[0] == counts[1]
    assert ours.get("5")["properties"] == files.rows[4]["properties"]
    with pytest.raises(ProviderItemNotFoundError):
        ours.get("9999")


def test_the_file_stays_as_it_is(files: Files) -> None:
    provider = FeatureProvider(definition(files.gpkg, options={"level": "P"}, editable=True))
    assert provider.editable is False
    with sqlite3.connect(files.gpkg) as connection:
        assert connection.execute("SELECT count(*) FROM villages").fetchone() == (COUNT,)
    connection.close()


PEER = """
import json, sys
from pygeoapi.provider.sqlite import SQLiteGPKGProvider
definition, queries = json.load(sys.stdin)
provider = SQLiteGPKGProvider(definition)
json.dump([provider.query(**query) for query in queries], sys.stdout)
"""


def test_the_same_file_by_the_geopackage_provider_of_pygeoapi(files: Files) -> None:
    """It needs SpatiaLite and a sqlite3 that loads extensions: an environment of its own, made by ``make bench``."""
    python = peers.HOME / "pygeoapi-0.24" / "bin" / "python"
    if not python.exists():
        pytest.skip("there is no environment of pygeoapi 0.24; `make bench` makes it")
    queries: list[dict[str, Any]] = [
        {"limit": 1000},
        {"limit": 40, "offset": 100},
        {"limit": 1000, "bbox": [113.2, 30.2, 113.45, 30.4]},
        {"limit": 1000, "properties": [("name", "村3")]},
        {"limit": 1000, "bbox": [113, 30, 113.5, 31], "properties": [("name", "村3")]},
    ]
    asked = json.dumps([definition(files.gpkg, id_field="fid"), queries])
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(python), "-c", PEER],
        input=asked,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    ours = FeatureProvider(definition(files.gpkg, id_field="fid", options={"level": "P"}))
    for query, theirs in zip(queries, json.loads(done.stdout), strict=True):
        found = ours.query(**query)
        for item in theirs["features"]:
            item["properties"].pop("fid")
        alike(found, theirs)
        assert found["numberMatched"] == theirs["numberMatched"] > 0
