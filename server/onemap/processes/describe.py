"""Process descriptions (OGC 18-062r2, clause 7.10 and OGC Process Description), generated from the models."""

from __future__ import annotations

import functools
import types
from collections.abc import Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import TypeAdapter
from pydantic.fields import FieldInfo

from onemap.block import HTML, JSON, Links, link
from onemap.config import Text
from onemap.processes.model import Output, Process, Words
from onemap.processes.parcels import MEDIA_TYPES, ParcelDocument
from onemap.store import View

EXECUTE = "http://www.opengis.net/def/rel/ogc/1.0/execute"
_GEOJSON = "application/geo+json"
_PARCELS: dict[str, Any] = {
    "oneOf": [
        {
            "type": "object",
            "title": "GeoJSON or JSON-FG: Polygon, MultiPolygon, Feature or FeatureCollection",
            "required": ["type"],
            "properties": {"type": {"type": "string"}},
            "contentMediaType": _GEOJSON,
        },
        *(
            {"type": "string", "contentEncoding": "base64", "contentMediaType": media_type}
            for media_type in MEDIA_TYPES
            if media_type != _GEOJSON
        ),
    ]
}


def summary(process: type[Process], links: Links, lang: str, jobs: bool) -> dict[str, Any]:
    """Return the summary of a process as the list shows it. ``jobs``: whether it is executed as a job too."""
    address = functools.partial(links.to, "processes", process.id)
    title = process.title.get(lang)
    return {
        "id": process.id,
        "version": process.version,
        "title": title,
        "description": process.description.get(lang),
        "keywords": list(process.keywords),
        "jobControlOptions": ["sync-execute", *(["async-execute", "dismiss"] if jobs else [])],
        "outputTransmission": ["value", *(["reference"] if jobs else [])],
        "links": [
            link(address(f="json"), "self", JSON.media_type, title),
            link(address(f="html"), "alternate", HTML.media_type, title),
            link(links.to("processes", process.id, "execution"), EXECUTE, JSON.media_type, title),
        ],
    }


def description(process: type[Process], links: Links, lang: str, views: Sequence[View], jobs: bool) -> dict[str, Any]:
    """Return the full description: the summary with inputs and outputs. ``views``: the layers that may be named."""
    inputs = {name: _input(field, lang) for name, field in process.model_fields.items()}
    if views and "layers" in inputs:
        inputs["layers"]["schema"]["items"] |= _choice(views, lang)
    return {
        **summary(process, links, lang, jobs),
        "inputs": inputs,
        "outputs": {output.id: _output(output, lang) for output in process.outputs},
    }


def _choice(views: Sequence[View], lang: str) -> dict[str, Any]:
    """Return the names that layers go by, ids and roles, with the titles of the ids."""
    titles = {view.collection.id: view.collection.title.get(lang) for view in views}
    roles = {view.collection.role: view.collection.role for view in views if view.collection.role}
    return {"enum": [*titles, *roles], "x-ogc-codelist": titles}


def _input(field: FieldInfo, lang: str) -> dict[str, Any]:
    words = next(item for item in field.metadata if isinstance(item, Words))
    return {
        **_titles(words.title, words.description, lang),
        "schema": schema(field),
        "minOccurs": 1 if field.is_required() else 0,
        "maxOccurs": 1,
    }


def _output(output: Output, lang: str) -> dict[str, Any]:
    return {**_titles(output.title, output.description, lang), "schema": output_schema(output)}


def output_schema(output: Output) -> dict[str, Any]:
    """Return the JSON Schema of an output: one branch for each media type that it may be asked for in."""
    if not output.others:
        return dict(output.schema)
    return {"oneOf": [{**output.schema, "contentMediaType": one} for one in (output.media_type, *output.others)]}


def _titles(title: Text, text: Text, lang: str) -> dict[str, Any]:
    return {"title": title.get(lang), "description": text.get(lang)}


def adapter(field: FieldInfo) -> TypeAdapter[Any]:
    """Return the validator of one input, without the None that stands for an input left out."""
    annotation = _present(field.annotation)
    annotated: Any = Annotated[(annotation, *field.metadata)]
    return TypeAdapter(annotated)


def _present(annotation: Any) -> Any:
    """Return an annotation without ``None``."""
    if get_origin(annotation) not in (Union, types.UnionType):
        return annotation
    kept = tuple(item for item in get_args(annotation) if item is not type(None))
    return kept[0] if len(kept) == 1 else Union[kept]  # noqa: UP007 (built at run time)


def schema(field: FieldInfo) -> dict[str, Any]:
    """Return the JSON Schema of an input, in the dialect of OpenAPI 3.0."""
    if _present(field.annotation) is ParcelDocument:
        return _PARCELS
    made = adapter(field).json_schema()
    if "anyOf" in made:
        made["oneOf"] = made.pop("anyOf")
    return {key: value for key, value in made.items() if key not in ("$defs", "title", "default")}
