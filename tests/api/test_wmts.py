"""WMTS 1.0.0: the capabilities say what there is, tiles are those of the API, faults are exception reports."""

from __future__ import annotations

from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

NS = {"w": "http://www.opengis.net/wmts/1.0", "ows": "http://www.opengis.net/ows/1.1"}
CAPABILITIES = "/wmts/1.0.0/WMTSCapabilities.xml"
HREF = "{http://www.w3.org/1999/xlink}href"
MVT = "application/vnd.mapbox-vector-tile"
TILE = {
    "SERVICE": "WMTS",
    "REQUEST": "GetTile",
    "VERSION": "1.0.0",
    "LAYER": "dltb",
    "STYLE": "default",
    "FORMAT": MVT,
    "TILEMATRIXSET": "WebMercatorQuad",
    "TILEMATRIX": "13",
    "TILEROW": "3366",
    "TILECOL": "6687",
}


def parse(response: Response, status: int = 200) -> Element:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/xml"
    return ElementTree.fromstring(response.content)


def text(element: Element, path: str) -> str:
    found = element.findtext(path, namespaces=NS)
    assert found is not None, path
    return found


@pytest.fixture(scope="module")
def capabilities(client: TestClient) -> Element:
    return parse(client.get(CAPABILITIES))


def layer(capabilities: Element, identifier: str) -> Element:
    found = capabilities.findall("w:Contents/w:Layer", NS)
    return next(item for item in found if text(item, "ows:Identifier") == identifier)


def matrix_set(capabilities: Element, identifier: str) -> Element:
    found = capabilities.findall("w:Contents/w:TileMatrixSet", NS)
    return next(item for item in found if text(item, "ows:Identifier") == identifier)


def test_capabilities_by_every_way(client: TestClient) -> None:
    whole = client.get(CAPABILITIES)
    for query in ("", "?SERVICE=WMTS&REQUEST=GetCapabilities", "?service=wmts&request=getcapabilities&tk=some&x=y"):
        assert client.get("/wmts" + query).content == whole.content
    assert client.get("/wmts?SERVICE=WMTS&REQUEST=GetCapabilities&ACCEPTVERSIONS=1.0.0").status_code == 200
    head = client.head(CAPABILITIES)
    assert head.headers["content-length"] == str(len(whole.content))
    assert head.content == b""


def test_the_elements_are_in_the_order_of_the_schema(capabilities: Element) -> None:
    def names(element: Element) -> list[str]:
        return list(dict.fromkeys(child.tag.split("}")[1] for child in element))

    assert capabilities.get("version") == "1.0.0"
    assert names(capabilities) == ["ServiceIdentification", "OperationsMetadata", "Contents", "ServiceMetadataURL"]
    contents = capabilities.find("w:Contents", NS)
    assert contents is not None
    assert names(contents) == ["Layer", "TileMatrixSet"]
    order = [
        "Title",
        "Abstract",
        "WGS84BoundingBox",
        "Identifier",
        "Style",
        "Format",
        "Dimension",
        "TileMatrixSetLink",
        "ResourceURL",
    ]
    for item in contents.findall("w:Layer", NS):
        assert names(item) == [name for name in order if name in names(item)]
    for item in contents.findall("w:TileMatrixSet", NS):
        assert [name for name in names(item) if name != "WellKnownScaleSet"] == [
            *("Title", "Identifier", "SupportedCRS", "TileMatrix")
        ]
        for matrix in item.findall("w:TileMatrix", NS):
            assert names(matrix) == [
                *("Identifier", "ScaleDenominator", "TopLeftCorner"),
                *("TileWidth", "TileHeight", "MatrixWidth", "MatrixHeight"),
            ]


def test_layers_are_the_dataset_and_the_collections(capabilities: Element, client: TestClient) -> None:
    listed = [text(item, "ows:Identifier") for item in capabilities.findall("w:Contents/w:Layer", NS)]
    collections = client.get("/collections", params={"f": "json"}).json()["collections"]
    assert listed == ["vec", *(item["id"] for item in collections)]
    for collection in collections:
        found = layer(capabilities, collection["id"])
        corners = [text(found, f"ows:WGS84BoundingBox/ows:{name}Corner") for name in ("Lower", "Upper")]
        assert " ".join(corners) == " ".join(map(str, collection["extent"]["spatial"]["bbox"][0]))


@pytest.mark.parametrize(
    ("identifier", "crs", "corner"),
    [
        ("c", "urn:ogc:def:crs:EPSG::4490", (90.0, -180.0)),
        ("CGCS2000Quad", "urn:ogc:def:crs:EPSG::4490", (90.0, -180.0)),
        ("WorldCRS84Quad", "urn:ogc:def:crs:OGC:1.3:CRS84", (-180.0, 90.0)),
        ("w", "urn:ogc:def:crs:EPSG::3857", (-20037508.342789244, 20037508.342789244)),
        ("CGCS2000GK3Zone38", "urn:ogc:def:crs:EPSG::4526", (10018754.171394622, 28481245.828605376)),
        ("CGCS2000GK3CM114E", "urn:ogc:def:crs:EPSG::4547", (10018754.171394622, -9518754.171394622)),
    ],
)
def test_corners_are_in_the_order_of_the_crs(
    capabilities: Element, identifier: str, crs: str, corner: tuple[float, float]
) -> None:
    found = matrix_set(capabilities, identifier)
    assert text(found, "ows:SupportedCRS") == crs
    for matrix in found.findall("w:TileMatrix", NS):
        assert [float(value) for value in text(matrix, "w:TopLeftCorner").split()] == list(corner)


def test_tianditu_levels(capabilities: Element) -> None:
    matrices = {
        text(item, "ows:Identifier"): item for item in matrix_set(capabilities, "c").findall("w:TileMatrix", NS)
    }
    assert next(iter(matrices)) == "1"
    for level in (1, 9, 18):
        assert text(matrices[str(level)], "w:MatrixWidth") == str(2**level)
        assert text(matrices[str(level)], "w:MatrixHeight") == str(2 ** (level - 1))


def test_tiles_by_kvp_and_rest_are_those_of_the_api(capabilities: Element, client: TestClient) -> None:
    found = client.get("/wmts", params=TILE)
    assert found.headers["content-type"] == MVT
    api = client.get("/collections/dltb/tiles/WebMercatorQuad/13/3366/6687?f=mvt")
    assert (found.status_code, found.content) == (200, api.content)
    assert found.headers["etag"] == api.headers["etag"]
    again = client.get("/wmts", params=TILE, headers={"If-None-Match": found.headers["etag"]})
    assert again.status_code == 304
    address = layer(capabilities, "dltb").find("w:ResourceURL", NS)
    assert address is not None
    href = str(address.get("template"))
    assert client.get(filled(href, "all")).content == api.content
    assert client.get(filled(href, "{Time}")).content == api.content
    assert client.get(filled(href.replace("{Time}/", ""))).content == api.content


def filled(template: str, time: str | None = None) -> str:
    """Return the address of a tile by the template of a layer."""
    values = {"{TileMatrixSet}": "w", "{TileMatrix}": "13", "{TileRow}": "3366", "{TileCol}": "6687"}
    for name, value in (values | ({"{Time}": time} if time else {})).items():
        assert name in template
        template = template.replace(name, value)
    return template


def test_layers_with_times_have_a_dimension(capabilities: Element, client: TestClient) -> None:
    """The default is everything; other values are years, and what is asked for may be a month or a day."""
    projects = layer(capabilities, "approved_projects")
    dimension = projects.find("w:Dimension", NS)
    assert dimension is not None
    assert [child.tag.split("}")[1] for child in dimension][:3] == ["Identifier", "UOM", "Default"]
    assert (text(dimension, "ows:Identifier"), text(dimension, "w:Default")) == ("Time", "all")
    first, last = client.get("/collections/approved_projects?f=json").json()["extent"]["temporal"]["interval"][0]
    years = [str(year) for year in range(int(first[:4]), int(last[:4]) + 1)]
    assert [value.text for value in dimension.findall("w:Value", NS)] == ["all", *years]
    assert layer(capabilities, "xzq").find("w:Dimension", NS) is None
    assert "{Time}" not in str(layer(capabilities, "xzq").find("w:ResourceURL", NS).get("template"))  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("time", "interval"),
    [("2023", "2023-01-01/2023-12-31"), ("2024-02", "2024-02-01/2024-02-29"), ("2024-02-29", "2024-02-29")],
)
def test_tiles_of_a_time(client: TestClient, time: str, interval: str) -> None:
    wanted = client.get(f"/collections/approved_projects/tiles/WebMercatorQuad/9/210/417?f=mvt&datetime={interval}")
    assert wanted.status_code in (200, 204)
    query = {**TILE, "LAYER": "approved_projects", "TILEMATRIX": "9", "TILEROW": "210", "TILECOL": "417", "TIME": time}
    assert client.get("/wmts", params=query).content == wanted.content
    rest = client.get(f"/wmts/1.0.0/approved_projects/default/{time}/w/9/210/417.mvt")
    assert (rest.status_code, rest.content) == (wanted.status_code, wanted.content)
    assert client.get("/wmts", params={**query, "LAYER": "xzq"}).status_code == 200  # has no times: passed over


def test_the_service_has_its_texts_in_both_languages(client: TestClient) -> None:
    for accepted, tags in (("zh-CN", ["zh-Hans", "en"]), ("en-GB,en", ["en", "zh-Hans"])):
        answer = client.get(CAPABILITIES, headers={"Accept-Language": accepted})
        titles = parse(answer).findall("ows:ServiceIdentification/ows:Title", NS)
        assert [title.get("{http://www.w3.org/XML/1998/namespace}lang") for title in titles] == tags
        assert answer.headers["content-language"] == tags[0]


def test_the_dataset_on_the_grid_of_tianditu(capabilities: Element, client: TestClient) -> None:
    """Level L of ``c`` is level L - 1 of CGCS2000Quad."""
    limits = next(
        item
        for link in layer(capabilities, "vec").findall("w:TileMatrixSetLink", NS)
        if text(link, "w:TileMatrixSet") == "c"
        for item in link.findall("w:TileMatrixSetLimits/w:TileMatrixLimits", NS)
        if text(item, "w:TileMatrix") == "12"
    )
    row, col = text(limits, "w:MinTileRow"), text(limits, "w:MinTileCol")
    whole = client.get(f"/tiles/CGCS2000Quad/11/{row}/{col}")
    assert whole.status_code == 200
    query = {**TILE, "LAYER": "vec", "TILEMATRIXSET": "c", "TILEMATRIX": "12", "TILEROW": row, "TILECOL": col}
    assert client.get("/wmts", params={name.lower(): value for name, value in query.items()}).content == whole.content
    assert client.get("/wmts", params={**query, "TILEMATRIXSET": "TiandituCGCS2000"}).content == whole.content


@pytest.mark.parametrize(
    ("changes", "code", "locator", "status"),
    [
        ({"SERVICE": None}, "MissingParameterValue", "SERVICE", 400),
        ({"SERVICE": "WMS"}, "InvalidParameterValue", "SERVICE", 400),
        ({"REQUEST": None}, "MissingParameterValue", "REQUEST", 400),
        ({"REQUEST": "GetFeatureInfo"}, "OperationNotSupported", "GetFeatureInfo", 501),
        ({"REQUEST": "GetCapabilities", "ACCEPTVERSIONS": "2.0.0"}, "VersionNegotiationFailed", "ACCEPTVERSIONS", 400),
        ({"VERSION": "1.1.0"}, "InvalidParameterValue", "VERSION", 400),
        ({"LAYER": None}, "MissingParameterValue", "LAYER", 400),
        ({"LAYER": "nothere"}, "InvalidParameterValue", "LAYER", 400),
        ({"LAYER": "../x"}, "InvalidParameterValue", "LAYER", 400),
        ({"STYLE": "red"}, "InvalidParameterValue", "STYLE", 400),
        ({"FORMAT": "image/png"}, "InvalidParameterValue", "FORMAT", 400),
        ({"TILEMATRIXSET": "nothere"}, "InvalidParameterValue", "TILEMATRIXSET", 400),
        ({"TILEMATRIX": "99"}, "InvalidParameterValue", "TILEMATRIX", 400),
        ({"TILEROW": "-1"}, "InvalidParameterValue", "TILEROW", 400),
        ({"TILECOL": "x"}, "InvalidParameterValue", "TILECOL", 400),
        ({"TILEROW": "1"}, "TileOutOfRange", "TILEROW", 400),
        ({"TIME": "2023-13"}, "InvalidParameterValue", "TIME", 400),
        ({"TIME": "2023-01-01/2023-12-31"}, "InvalidParameterValue", "TIME", 400),
        ({"TILEMATRIXSET": "CGCS2000GK3Zone25"}, "TileOutOfRange", "TILEROW", 400),
    ],
)
def test_faults(client: TestClient, changes: dict[str, str | None], code: str, locator: str, status: int) -> None:
    query = {name: value for name, value in {**TILE, **changes}.items() if value is not None}
    root = parse(client.get("/wmts", params=query), status)
    assert root.tag == f"{{{NS['ows']}}}ExceptionReport"
    found = root.find("ows:Exception", NS)
    assert found is not None
    assert (found.get("exceptionCode"), found.get("locator")) == (code, locator)
    assert text(found, "ows:ExceptionText")


def test_paths_that_are_not_there(client: TestClient) -> None:
    parse(client.get("/wmts/1.0.0/nothere"), 404)
    parse(client.get("/wmts/1.0.0/dltb/default/w/13/3366/x.mvt"), 400)
    parse(client.get("/wmts/1.0.0/dltb/default/w/13/1/1.mvt"), 400)
    assert client.get("/wmts/2.0.0/WMTSCapabilities.xml").status_code == 404
    assert client.post("/wmts").status_code == 405
    assert client.options("/wmts").headers["allow"] == "GET, HEAD, OPTIONS"


def test_hidden_layers_are_as_unknown_ones(internet: TestClient) -> None:
    listed = parse(internet.get(CAPABILITIES)).findall("w:Contents/w:Layer", NS)
    assert "dltb" not in [text(item, "ows:Identifier") for item in listed]
    hidden, unknown = (internet.get("/wmts", params={**TILE, "LAYER": name}) for name in ("dltb", "nada"))
    assert hidden.status_code == 400
    assert hidden.text.replace("dltb", "nada") == unknown.text
