"""Styles without a server: declarations, filters in two languages, zoom levels, patterns, text, images."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from onemap.block.links import Links
from onemap.catalog import CodeList, Collection, Field, TableInfo
from onemap.config import Text
from onemap.errors import ConfigError, InvalidParameter
from onemap.geo.crs import CRS84, crs_from_srid
from onemap.store import View
from onemap.styles import load_styles, undrawn
from onemap.styles.canvas import blank, over, paint, png, strokes
from onemap.styles.declare import LayerDeclaration, Pattern, StyleDeclaration
from onemap.styles.expression import expression
from onemap.styles.filters import parse, resolve
from onemap.styles.fonts import Fonts
from onemap.styles.legend_image import legend_image
from onemap.styles.mapbox import mapbox_style
from onemap.styles.portrayal import plain, portray
from onemap.styles.sld_filter import filter_element
from onemap.styles.sprite import pattern_name, pattern_svg, pattern_tile, sheet
from onemap.styles.zooming import at_middle

CODES = CodeList(
    "c",
    {"0101": Text(zh="水田", en="Paddy"), "0201": Text(zh="果园", en="Orchard"), "09": Text(zh="特殊", en="Special")},
    {"0101": {"colour": "#f8d072"}, "0201": {"colour": "#D6A7C9"}, "09": {"colour": ""}},
)


def text(value: str) -> Text:
    return Text(zh=value, en=value)


def view(identifier: str = "parcels", geometry: str = "POLYGON", role: str | None = "landuse", **more: Any) -> View:
    fields = (
        Field("DLBM", "string", text("class"), role="code", codes=CODES),
        Field("MC", "string", text("name"), role="name"),
        Field("MJ", "number", text("area")),
        Field("RQ", "date", text("date")),
    )
    table = TableInfo("t", "geom", geometry, 4490, "fid", fields)
    title = Text(zh="图斑", en="Parcels")
    collection = Collection(
        identifier, title, title, "s", table, "fid", fields, "P", crs_from_srid(4490), (CRS84,), role, **more
    )
    return View(collection, more.pop("columns", fields))


def style(rules: list[dict[str, Any]], **more: Any) -> StyleDeclaration:
    return StyleDeclaration.model_validate({"title": "t", "layers": [{"role": "landuse", "rules": rules}], **more})


def drawn(rules: list[dict[str, Any]], *views: View, **more: Any) -> Any:
    declared = style(rules, **more)
    return portray("s", declared, declared.layers, views)


def xml(tree: Any) -> str:
    element = filter_element(tree, None, None)
    assert element is not None
    written = re.sub(r"(</?)\w+:", r"\1", ElementTree.tostring(element, encoding="unicode"))
    return written.split(">", 1)[1].removesuffix("</Filter>")


@pytest.mark.parametrize(
    ("filter_", "maplibre", "ogc"),
    [
        ("MC = 'a'", ["==", ["get", "MC"], "a"], "<PropertyIsEqualTo>"),
        ("MC <> 'a'", ["all", ["has", "MC"], ["!=", ["get", "MC"], "a"]], "<PropertyIsNotEqualTo>"),
        ("MJ >= 5", [">=", ["get", "MJ"], 5], "<PropertyIsGreaterThanOrEqualTo>"),
        ("MC IN ('a','b','a')", ["match", ["get", "MC"], ["a", "b"], True, False], "<Or><PropertyIsEqualTo>"),
        ("DLBM LIKE '01%'", ["==", ["slice", ["get", "DLBM"], 0, 2], "01"], '<PropertyIsLike wildCard="%"'),
        ("MJ BETWEEN 1 AND 2", ["all", [">=", ["get", "MJ"], 1], ["<=", ["get", "MJ"], 2]], "<PropertyIsBetween>"),
        ("MC IS NOT NULL", ["has", "MC"], "<Not><PropertyIsNull>"),
        ("MC IS NULL", ["!", ["has", "MC"]], "<PropertyIsNull>"),
        ("RQ > DATE('2020-01-01')", [">", ["get", "RQ"], "2020-01-01"], "<Literal>2020-01-01</Literal>"),
        (
            "NOT (MC = 'a' OR MJ < 1)",
            ["all", ["all", ["has", "MC"], ["!", ["==", ["get", "MC"], "a"]]],
             ["all", ["has", "MJ"], ["!", ["<", ["get", "MJ"], 1]]]],
            "<Not><Or>",
        ),
    ],
)  # fmt: skip
def test_a_filter_says_the_same_to_maplibre_and_in_sld(filter_: str, maplibre: Any, ogc: str) -> None:
    tree = resolve(parse(filter_), view())
    assert expression(tree) == maplibre
    assert xml(tree).startswith(ogc) or ogc in xml(tree)


def test_a_filter_may_name_roles_and_needs_every_column() -> None:
    assert expression(resolve(parse("name = 'a'"), view())) == ["==", ["get", "MC"], "a"]
    assert resolve(parse("name = 'a' AND hidden = 1"), view()) is None


@pytest.mark.parametrize(
    "filter_", ["MC LIKE '%a'", "MC LIKE 'a_%'", "S_INTERSECTS(geom, POINT(0 0))", "MJ = MJ", "1 = MJ", "MC ="]
)
def test_a_filter_that_cannot_be_drawn_by_is_refused(filter_: str) -> None:
    with pytest.raises(InvalidParameter):
        parse(filter_)


def test_a_filter_of_the_wrong_type_is_refused() -> None:
    with pytest.raises(InvalidParameter):
        resolve(parse("MJ = 'a'"), view())


def test_classes_are_the_codes_with_a_colour() -> None:
    portrayal = drawn([{"classes": {"role": "code"}, "fill": {}}], view())
    rule = portrayal.layers[0].rules[0]
    assert [(item.code, item.colour) for item in rule.classes] == [("0101", "#f8d072"), ("0201", "#d6a7c9")]
    assert rule.column == "DLBM"


def test_a_rule_that_needs_a_hidden_column_is_not_drawn() -> None:
    whole = view()
    hidden = View(whole.collection, whole.columns[1:])
    rules: list[dict[str, Any]] = [{"classes": {"role": "code"}, "fill": {}}, {"line": {"colour": "#000000"}}]
    assert len(drawn(rules, whole).layers[0].rules) == 2
    assert len(drawn(rules, hidden).layers[0].rules) == 1
    assert drawn(rules[:1], hidden) is None
    assert drawn(rules, view(role="admin")) is None


def test_what_a_collection_lacks_is_said_and_not_drawn() -> None:
    rules: list[dict[str, Any]] = [
        {"title": "A", "filter": "nothing = 1", "line": {"colour": "#000000"}},
        {"title": "B", "filter": "MJ = 'a'", "line": {"colour": "#000000"}},
        {"title": "C", "label": {"role": "nothing"}},
        {"title": "D", "line": {"colour": "#000000"}},
    ]
    said = undrawn(style(rules).layers, view().collection)
    assert [text.split("'")[1] for text in said] == ["A", "B", "C"]
    assert undrawn(style(rules).layers, view(role="admin").collection) == []
    assert [item.title.en for item in drawn(rules, view()).layers[0].rules] == ["D"]


def test_the_style_of_the_whole_map_draws_the_others_too_areas_below() -> None:
    views = (view(), view("points", "POINT", None), view("areas", "MULTIPOLYGON", None))
    portrayal = drawn([{"line": {"colour": "#000000"}}], *views, whole=True)
    assert [layer.view.collection.id for layer in portrayal.layers] == ["areas", "parcels", "points"]


def test_a_layer_that_is_not_shown_is_so_on_maps_of_several_collections_only() -> None:
    both = [view("a"), view("b", role=None)]
    rules = [{"line": {"width": 2}}]
    layers = [{"collection": "a", "shown": False, "rules": rules}, {"collection": "b", "rules": rules}]
    made = StyleDeclaration.model_validate({"title": "t", "layers": layers})

    def seen(views: list[View]) -> dict[str, str]:
        drawn = portray("s", made, made.layers, views)
        assert drawn
        style = mapbox_style(drawn, Links("http://here"), "en")
        return {item["source"]: item["layout"].get("visibility", "visible") for item in style["layers"][1:]}

    assert seen(both) == {"a": "none", "b": "visible"}
    assert seen(both[:1]) == {"a": "visible"}


def test_layers_with_the_same_legend_are_listed_once(tmp_path: Path) -> None:
    """Two layers of the same classes make an image no larger than one; with another colour they are told apart."""

    def height(*colours: str) -> int:
        rules = [[{"title": str(at), "line": {"colour": colour}} for at in range(9)] for colour in colours]
        layers = [{"collection": name, "rules": item} for name, item in zip("ab", rules, strict=False)]
        made = StyleDeclaration.model_validate({"title": "t", "layers": layers})
        drawn = portray("s", made, made.layers, [view("a"), view("b")])
        assert drawn
        return int.from_bytes(legend_image(drawn, Fonts(tmp_path), "en")[20:24])

    assert height("#112233", "#112233") == height("#112233") + 24
    assert height("#112233", "#445566") == height("#112233") + 11 * 24


def test_a_plain_style_is_coloured_by_code_where_the_collection_says_so() -> None:
    assert plain(view(colour_by="DLBM")).layers[0].rules[0].classes
    first, second = (plain(view(name)).layers[0].rules[0].rule.fill for name in ("a", "a"))
    assert first == second
    assert first is not None
    assert first.colour


def test_values_that_vary_with_the_zoom_are_taken_in_the_middle() -> None:
    assert at_middle(2.5) == 2.5
    assert at_middle({10: 1.0, 14: 5.0}) == 4.0
    assert at_middle({10: 1.0, 14: 5.0}, (10, 12)) == 2.0
    assert at_middle({10: 1.0}, (2, 4)) == 1.0
    assert at_middle({10: 1.0, 12: 3.0}, (20, 24)) == 3.0


def write(folder: Path, name: str, body: str) -> None:
    (folder / name).mkdir()
    (folder / name / "style.yml").write_text(body, encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("x", "title: t\nlayer: []\n", "layers"),
        ("x", "title: t\nlayers: [{role: a, rules: [{filter: 'a ='}]}]\n", "a ="),
        ("x", "title: t\nlayers: [{role: a, collection: b, rules: []}]\n", "either"),
        ("x", "title: t\nlayers: [{role: a, rules: [{line: {colour: red}}]}]\n", "colour"),
        ("x", "title: t\ninclude: [y]\n", "no style 'y'"),
        ("x", "title: t\ninclude: [x]\n", "x > x"),
        ("Bad Name", "title: t\n", "Bad Name"),
        ("default", "title: t\n", "taken"),
    ],
)
def test_a_fault_in_a_style_file_is_named(tmp_path: Path, name: str, body: str, said: str) -> None:
    write(tmp_path, name, body)
    with pytest.raises(ConfigError) as caught:
        load_styles(tmp_path)
    assert said in f"{caught.value.detail} {caught.value.hint}"
    assert "style.yml" in caught.value.detail


def test_a_folder_of_the_instance_wins_and_only_one_style_is_that_of_the_whole_map(tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    for folder, title in ((first, "shipped"), (second, "own")):
        folder.mkdir()
        write(folder, "a", f"title: {title}\nwhole: true\n")
    assert load_styles(first, second).declared["a"].title.en == "own"
    write(second, "b", "title: b\nwhole: true\n")
    with pytest.raises(ConfigError, match="whole map"):
        load_styles(first, second)


@pytest.mark.parametrize("shape", ["slash", "backslash", "cross", "horizontal", "vertical", "dots"])
@pytest.mark.parametrize("ratio", [1, 2])
def test_a_pattern_repeats_without_seams(shape: Any, ratio: int) -> None:
    pattern = Pattern(shape=shape, colour="#204060", spacing=9, width=1.5)
    tile = pattern_tile(pattern, ratio)
    assert tile.shape == (9 * ratio, 9 * ratio, 4)
    assert 0.02 < tile[..., 3].mean() < 0.6
    wide = strokes(shape, (9 * ratio, 18 * ratio), 9 * ratio, 1.5 * ratio)
    assert np.allclose(wide[:, : 9 * ratio], wide[:, 9 * ratio :])
    assert np.allclose(tile[..., 3], wide[:, : 9 * ratio])
    assert ElementTree.fromstring(pattern_svg(pattern)).attrib["viewBox"] == "0 0 9 9"


def decoded(image: bytes) -> np.ndarray[Any, Any]:
    """Return the pixels of a PNG of 8-bit RGBA without filters."""
    width, height = struct.unpack(">II", image[16:24])
    at = image.index(b"IDAT")
    size = struct.unpack(">I", image[at - 4 : at])[0]
    rows = np.frombuffer(zlib.decompress(image[at + 4 : at + 4 + size]), np.uint8).reshape(height, 1 + 4 * width)
    assert not rows[:, 0].any()
    return rows[:, 1:].reshape(height, width, 4)


def test_sprites_are_where_the_sheet_says() -> None:
    patterns = [Pattern(shape="slash", colour="#ff0000"), Pattern(shape="dots", colour="#0000ff", spacing=12, width=4)]
    made = sheet(patterns, 2)
    pixels = decoded(made.image)
    for pattern in patterns:
        place = made.places[pattern_name(pattern)]
        part = pixels[: place["height"], place["x"] : place["x"] + place["width"]]
        assert part.shape[:2] == (pattern.spacing * 2, pattern.spacing * 2)
        assert np.array_equal(part, np.rint(pattern_tile(pattern, 2) * 255).astype(np.uint8))
    assert sheet([], 1).places == {}


def test_colours_mix_as_they_are_laid_over_each_other() -> None:
    image = blank(1, 2)
    paint(image, np.array([[1.0, 0.5]]), "#ff0000")
    assert image.tolist() == [[[1, 0, 0, 1], [1, 0, 0, 0.5]]]
    patch = np.array([[[0.0, 0, 1, 0.5]]])
    over(image, patch, 0, 0)
    assert image[0, 0].tolist() == [0.5, 0, 0.5, 1]
    over(image, np.ones((5, 5, 4)), 1, 0)
    assert image[0, 1].tolist() == [1, 1, 1, 1]
    assert decoded(png(image)).shape == (1, 2, 4)


def test_without_fonts_there_are_no_glyphs(tmp_path: Path) -> None:
    fonts = Fonts(tmp_path / "none")
    assert fonts.names() == []
    assert fonts.packed("Noto Sans SC Regular", 0) is None
    assert fonts.glyph("文") is None


def test_a_layer_is_named_by_collection_or_role() -> None:
    with pytest.raises(ValueError, match="either"):
        LayerDeclaration.model_validate({"rules": []})
