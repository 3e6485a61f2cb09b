"""The inputs that every analysis of parcels has, and what every result states of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from onemap.config import Text
from onemap.geo.area import AREA_DEFINITION
from onemap.geo.crs import Crs
from onemap.processes.analysis import Analysis
from onemap.processes.model import Context, Output, Process, Words
from onemap.processes.parcels import Note, ParcelDocument, ParcelSet
from onemap.processes.reports import OUTPUTS, make

AREA_URI = f"http://onemap.example/def/area/{AREA_DEFINITION}"
"""The area definition as results name it: an identifier, the same on every server."""

RESULT = Output(
    "result",
    Text(zh="结果", en="Result"),
    Text(zh="JSON 结果，字段见合同文档", en="The result as JSON"),
    {"type": "object", "required": ["process", "areaDefinition", "parcels", "data", "warnings"]},
)
LAYERS = Words(
    Text(zh="图层", en="Layers"),
    Text(
        zh="角色或图层标识；省略时为全部可用图层",
        en="Roles or collection ids; left out: every layer that the process knows and you may see",
    ),
)
EFFECTIVE = Words(
    Text(zh="规则适用日期", en="Day of the rules"),
    Text(
        zh="适用该日有效的规则（2026-01-01）；省略时为当天有效的规则",
        en="Day whose rules are applied (2026-01-01); left out: those in force today",
    ),
)


class ParcelProcess(Process):
    """A process that is asked about parcels."""

    outputs = (RESULT, *OUTPUTS)

    parcels: Annotated[
        ParcelDocument,
        Words(
            Text(zh="地块", en="Parcels"),
            Text(
                zh="GeoJSON 或 JSON-FG，或文件：坐标 TXT、压缩的 Shapefile、GeoPackage（base64）",
                en="GeoJSON or JSON-FG, or a file (base64): parcel text, zipped Shapefile, GeoPackage",
            ),
        ),
    ]
    crs: Annotated[
        str | None,
        Field(max_length=200),
        Words(
            Text(zh="坐标系", en="Coordinate reference system"),
            Text(zh="地块未说明坐标系时的 URI", en="URI, when the parcels do not say their own"),
        ),
    ] = None

    @abstractmethod
    def analyse(self, context: Context) -> Analysis:
        """Answer the question as data. Blocks; raises ClientError for inputs of no use."""

    def __call__(self, context: Context) -> Mapping[str, Any]:
        """Return the result, and the other outputs as far as they are wanted."""
        analysis = self.analyse(context)
        return {"result": analysis.result, **make(self, self.parcels.media_type, analysis, context)}


def head(
    process: type[Process], rules: Mapping[str, Any] | None, parcels: ParcelSet, crs: Crs, area: float
) -> dict[str, Any]:
    """Return the members that begin every result. ``area``: of the parcels' union in m2, stated in ``crs``."""
    return {
        "process": {"id": process.id, "version": process.version},
        "rules": dict(rules) if rules else None,
        "areaDefinition": AREA_URI,
        "parcels": {
            "count": len(parcels),
            "area": area,
            "crs": crs.uri,
            "digest": parcels.digest,
            "items": [
                {"index": parcel.index, "id": parcel.id, "name": parcel.name, "area": own}
                for parcel, own in zip(parcels.parcels, parcels.areas, strict=True)
            ],
        },
    }


def tail(data: list[dict[str, Any]], notes: list[Note] | tuple[Note, ...]) -> dict[str, Any]:
    """Return the members that end every result: the data used and the warnings."""
    return {"data": data, "warnings": [note.json() for note in notes]}
