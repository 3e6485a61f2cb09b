from __future__ import annotations

import orjson
import pytest
import shapely

from onemap.features.encode.jsonfg import CONFORMANCE, feature, write
from onemap.geo.crs import CRS84, Crs, crs_from_srid
from tests.unit.encodings import BOX, ZONE_37, batches, collection, context, field

NATIONAL = crs_from_srid(4490)


@pytest.mark.parametrize("crs", [CRS84, NATIONAL, ZONE_37])
def test_place_is_in_the_crs_asked_for_and_geometry_in_crs84(crs: Crs) -> None:
    document = orjson.loads(b"".join(write(batches([BOX, None]), context(crs=crs))))
    assert document["conformsTo"] == list(CONFORMANCE)
    assert document["featureType"] == "dltb"
    assert document["geometryDimension"] == 2
    first, missing = document["features"]
    assert shapely.geometry.shape(first["geometry"]).equals(BOX)
    assert (missing["geometry"], missing["place"]) == (None, None)
    if crs is CRS84:
        assert "coordRefSys" not in document
        assert first["place"] is None
        return
    assert document["coordRefSys"] == crs.uri
    north, east = first["place"]["coordinates"][0][0]
    assert (north, east) == (30.0, 113.5) if crs is NATIONAL else 3_300_000 < north < 3_400_000 < east


@pytest.mark.parametrize(
    ("temporal", "want"),
    [
        (("PZRQ",), {"date": "2025-12-31"}),
        (("GXSJ",), {"timestamp": "2025-12-31T23:59:58.500Z"}),
        (("SJNF",), {"interval": ["2025-01-01", "2025-12-31"]}),
        (("PZRQ", "PZRQ"), {"interval": ["2025-12-31", "2025-12-31"]}),
        ((), None),
    ],
)
def test_time(temporal: tuple[str, ...], want: object) -> None:
    made = context(collection(temporal=temporal))
    document = orjson.loads(b"".join(write(batches([BOX, BOX, BOX]), made)))
    assert document["features"][0]["time"] == want
    assert document["features"][2]["time"] is None


def test_an_open_interval_has_dots() -> None:
    fields = (field("a", "date"), field("b", "date"))
    made = context(collection(fields=fields, temporal=("a", "b")))
    document = feature(next(batches([BOX], {"a": ["2025-01-01"], "b": [None]})), made)
    assert document["time"] == {"interval": ["2025-01-01", ".."]}
    assert document["conformsTo"] == list(CONFORMANCE)
