"""Style files: ``styles/<id>/style.yml``, one definition from which MapLibre styles, SLD and legends are made."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field as Setting
from pydantic import StringConstraints, model_validator

from onemap.config.models import Model, Text

STYLE_ID = r"^[a-z0-9][a-z0-9_\-]{0,62}$"
Colour = Annotated[str, StringConstraints(pattern=r"^#[0-9a-f]{6}$")]
Share = Annotated[float, Setting(ge=0, le=1)]
Zoom = Annotated[int, Setting(ge=0, le=24)]
Shape = Literal["slash", "backslash", "cross", "horizontal", "vertical", "dots"]
ByZoom = float | dict[Zoom, float]


class Pattern(Model):
    """Strokes or dots, repeated."""

    shape: Shape = Setting(description="What is repeated.")
    colour: Colour = Setting(description="Colour of the strokes.")
    spacing: int = Setting(8, ge=3, le=64, description="Distance from one stroke to the next, along an axis (px).")
    width: float = Setting(1.0, gt=0, le=16, description="Width of a stroke, or diameter of a dot (px).")


class Fill(Model):
    """The inside of polygons."""

    colour: Colour | None = Setting(None, description="Colour; default: that of the class, or none.")
    opacity: Share = Setting(1.0, description="Opacity, 0 to 1.")
    pattern: Pattern | None = Setting(None, description="A pattern above the colour.")


class Line(Model):
    """Lines, and the borders of polygons."""

    colour: Colour | None = Setting(None, description="Colour; default: that of the class.")
    width: ByZoom = Setting(1.0, description="Width (px), or a mapping of zoom levels to widths, linear in between.")
    opacity: ByZoom = Setting(1.0, description="Opacity, 0 to 1, or a mapping of zoom levels to opacities.")
    dash: tuple[float, ...] = Setting((), description="Lengths of strokes and gaps, in widths of the line.")


class Point(Model):
    """Points: circles."""

    colour: Colour | None = Setting(None, description="Colour; default: that of the class.")
    radius: float = Setting(4.5, gt=0, le=40, description="Radius (px).")
    stroke: Colour = Setting("#ffffff", description="Colour of the rim.")


class FieldReference(Model):
    """A field, by its name or by its role."""

    field: str | None = Setting(None, description="Name of a field.")
    role: str | None = Setting(None, description="Role of a field, as `collections/` declares it.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.field is None) == (self.role is None):
            raise ValueError("give either 'field' or 'role'")
        return self


class Label(FieldReference):
    """A text at each feature."""

    colour: Colour = Setting("#333b36", description="Colour of the text.")
    size: ByZoom = Setting(12.0, description="Size (px), or a mapping of zoom levels to sizes.")
    halo: Colour = Setting("#ffffff", description="Colour around the letters.")
    halo_width: float = Setting(1.2, ge=0, le=4, description="Width of the halo (px).")
    spacing: float = Setting(0.0, ge=0, le=1, description="Space between letters (em).")


class Classes(FieldReference):
    """One colour for each code of a field, from a column of its code list."""

    column: str = Setting("colour", description="Column of the code list that holds the colours.")
    codes: tuple[str, ...] = Setting((), description="Codes that are drawn and listed; default: all with a colour.")


class Rule(Model):
    """What is drawn of the features that a filter chooses."""

    title: Text | None = Setting(None, description="Title in the legend; default: that of the collection.")
    filter: str | None = Setting(
        None, description="CQL2 text: comparisons, IN, BETWEEN, LIKE 'prefix%', IS NULL, AND, OR, NOT; fields by"
        " name or role."
    )  # fmt: skip
    classes: Classes | None = Setting(None, description="Colours by code.")
    zooms: tuple[Zoom, Zoom] | None = Setting(None, description="Zoom levels from (included) and to (excluded).")
    fill: Fill | None = Setting(None, description="Inside of polygons.")
    casing: Line | None = Setting(None, description="A wider line below the line.")
    line: Line | None = Setting(None, description="Lines and borders.")
    point: Point | None = Setting(None, description="Points.")
    label: Label | None = Setting(None, description="Text.")
    legend: bool = Setting(True, description="Whether the legend lists the rule.")


class LayerDeclaration(Model):
    """The rules for one collection, or for every collection of a role."""

    collection: str | None = Setting(None, description="Identifier of a collection.")
    role: str | None = Setting(None, description="Role of collections, as `collections/` declares it.")
    rules: tuple[Rule, ...] = Setting(description="Rules, drawn from the first to the last.")
    shown: bool = Setting(True, description="Whether a map of several collections shows it before it is asked for.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.collection is None) == (self.role is None):
            raise ValueError("give either 'collection' or 'role'")
        return self


class StyleDeclaration(Model):
    """One file ``styles/<id>/style.yml``."""

    title: Text = Setting(description="Title.")
    description: Text = Setting(Text(zh="", en=""), description="Description.")
    keywords: tuple[str, ...] = Setting((), description="Keywords.")
    basis: str = Setting("", description="Where the colours come from: standard or regulation.")
    layers: tuple[LayerDeclaration, ...] = Setting((), description="Layers, drawn from the first to the last.")
    include: tuple[str, ...] = Setting(
        (), description="Other styles, drawn from the first to the last, below `layers`."
    )
    whole: bool = Setting(
        False, description="The style of the whole map: collections that no style draws are added to it."
    )
