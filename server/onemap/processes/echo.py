"""The process that gives back what it is given: one input of every shape, for clients and test suites to try."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from onemap.config import Text
from onemap.processes.model import Context, Output, Process, Words

TIFF = "image/tiff"
_STEPS = 5
"""Reports of progress in each second of a pause."""
_BINARY = {"type": "string", "contentMediaType": TIFF, "contentEncoding": "binary"}
_MIXED = {"oneOf": [{"type": "string"}, {"type": "number"}]}
_ARRAY = {"type": "array", "items": {"type": "integer"}}


def _base64(text: str) -> str:
    try:
        base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("the content is not base64") from None
    return text


def _corners(numbers: list[float]) -> list[float]:
    if len(numbers) not in (4, 6):
        raise ValueError("a box has 4 numbers, or 6 with heights")
    return numbers


class BoundingBox(BaseModel):
    """A bounding box as Processes 1.0 defines it (bbox.yaml): 4 or 6 numbers and a CRS."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bbox: Annotated[list[float], AfterValidator(_corners)] = Field(min_length=4, max_length=6)
    crs: str = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"


def _words(zh: str, en: str) -> Words:
    return Words(Text(zh=zh, en=en), Text(zh=f"{zh}，原样返回", en=f"{en}, given back as it is"))


def _output(name: str, zh: str, en: str, schema: Mapping[str, Any], media_type: str = "application/json") -> Output:
    return Output(name, Text(zh=zh, en=en), Text(zh=zh, en=en), schema, media_type)


class Echo(Process):
    """Give the inputs back."""

    id = "echo"
    version = "1.0.0"
    title = Text(zh="回显", en="Echo")
    description = Text(
        zh="原样返回输入，每种输入形式各一个，供客户端和测试套件使用。",
        en="Gives its inputs back, one of every shape, for clients and test suites to try.",
    )
    keywords = ("test",)
    outputs = (
        _output("echo", "文本", "Text", {"type": "string"}),
        _output("characters", "字符数", "Number of characters", {"type": "integer"}),
        _output("number", "数值", "Number", {"type": "number"}),
        _output("mixed", "文本或数值", "Text or number", _MIXED),
        _output("array", "整数数组", "Array of integers", _ARRAY),
        _output("object", "对象", "Object", {"type": "object"}),
        _output("bbox", "范围框", "Bounding box", BoundingBox.model_json_schema()),
        _output("binary", "图像", "Image", _BINARY, TIFF),
    )

    echo: Annotated[str, _words("文本", "Text")]
    number: Annotated[float, _words("数值", "Number")] = 0.0
    mixed: Annotated[str | float, WithJsonSchema(_MIXED), _words("文本或数值", "Text or number")] = ""
    array: Annotated[list[int], WithJsonSchema(_ARRAY), _words("整数数组", "Array of integers")] = Field(
        default_factory=list
    )
    object: Annotated[dict[str, Any], WithJsonSchema({"type": "object"}), _words("对象", "Object")] = Field(
        default_factory=dict
    )
    bbox: Annotated[BoundingBox, _words("范围框", "Bounding box")] = BoundingBox(bbox=[-180, -90, 180, 90])
    binary: Annotated[str, AfterValidator(_base64), WithJsonSchema(_BINARY), _words("图像", "Image")] = ""
    pause: Annotated[int, Field(ge=0, le=10), _words("等待秒数", "Seconds to wait")] = 0

    def __call__(self, context: Context) -> Mapping[str, Any]:
        """Wait as long as asked, then give the inputs back."""
        for step in range(self.pause * _STEPS):
            context.progress(step / (self.pause * _STEPS), "")
            time.sleep(1 / _STEPS)
        return {
            "echo": self.echo,
            "characters": len(self.echo),
            "number": self.number,
            "mixed": self.mixed,
            "array": self.array,
            "object": self.object,
            "bbox": self.bbox.model_dump(),
            "binary": base64.b64decode(self.binary),
        }
