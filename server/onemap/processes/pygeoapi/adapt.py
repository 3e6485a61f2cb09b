"""A processor of pygeoapi as a process: its metadata become the description, its ``execute`` the work."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar

import jsonschema
import jsonschema.validators
import pydantic
from pydantic import AfterValidator, Field, WithJsonSchema
from pygeoapi.error import GenericError
from pygeoapi.process.base import BaseProcessor
from referencing import Registry
from referencing.exceptions import Unresolvable

from onemap.config import Text
from onemap.errors import BadRequest, ConfigError, ServerError
from onemap.processes.model import JSON_MEDIA_TYPE, Context, Output, Process, Words

_LEFT_OUT = object()
_log = logging.getLogger("onemap")


class Foreign(Process):
    """A process whose work a processor of pygeoapi does. A new one is made for each execution."""

    make: ClassVar[Callable[[], Any]]

    def __call__(self, context: Context) -> Mapping[str, Any]:
        """Run the processor and return the outputs wanted. Raises BadRequest with what it says of the inputs."""
        inputs = {name: getattr(self, name) for name in type(self).model_fields}
        given = {name: value for name, value in inputs.items() if value is not _LEFT_OUT}
        processor = type(self).make()
        asked = {"outputs": {name: {"transmissionMode": "value"} for name in context.wanted}}
        try:
            media_type, produced = processor.execute(given, **(asked if processor.supports_outputs else {}))
        except GenericError as error:
            raise _answered(error, self.id) from error
        return _by_output(self.outputs, context.wanted, media_type, produced)


def adapted(identifier: str, processor: Any) -> type[Process]:
    """Return a processor class as a process with this id. Raises ConfigError."""
    if not (isinstance(processor, type) and issubclass(processor, BaseProcessor)):
        raise ConfigError(f"The process '{identifier}' is no processor of pygeoapi.")

    def make() -> Any:
        return processor({"name": identifier})

    try:
        metadata = make().metadata
        _check_names(metadata.get("inputs", {}))
        fields = {name: _field(about) for name, about in metadata.get("inputs", {}).items()}
        made: type[Foreign] = pydantic.create_model(f"Foreign_{identifier}", __base__=Foreign, **fields)  # type: ignore[call-overload]
    except (GenericError, NameError, TypeError, ValueError, KeyError, pydantic.PydanticUserError) as error:
        raise ConfigError(f"The process '{identifier}' cannot be described: {error}.") from error
    title = _text(metadata.get("title", identifier))
    described = {
        "id": identifier,
        "version": str(metadata.get("version", "1.0.0")),
        "title": title,
        "description": _text(metadata.get("description", title)),
        "keywords": tuple(map(str, metadata.get("keywords", ()))),
        "outputs": tuple(_output(name, about) for name, about in metadata.get("outputs", {}).items()) or (_ONLY,),
        "make": make,
    }
    for name, value in described.items():
        setattr(made, name, value)
    return made


def _check_names(inputs: Mapping[str, Any]) -> None:
    """Raise ValueError for an input whose name a process has for something else."""
    for name in inputs:
        if hasattr(Foreign, name) or name in Foreign.__class_vars__ or name.startswith("_"):
            raise ValueError(f"no input can be named '{name}'")


_ONLY = Output("result", Text(zh="结果", en="Result"), Text(zh="结果", en="Result"), {})


def _field(about: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return the annotation and the default of an input."""
    schema = dict(about.get("schema", {}))
    if about.get("maxOccurs", 1) != 1 and schema.get("type") != "array":
        schema = {"oneOf": [schema, {"type": "array", "items": schema}]}
    title = _text(about.get("title", ""))
    words = Words(title, _text(about.get("description", title)))
    required = about.get("minOccurs", 1) > 0 and "default" not in schema
    annotation = Annotated[Any, AfterValidator(_validator(schema)), WithJsonSchema(schema), words]
    return annotation, Field() if required else Field(default_factory=lambda: _LEFT_OUT)


def _validator(schema: Mapping[str, Any]) -> Callable[[Any], Any]:
    """Return a function that checks a value; what a schema refers to elsewhere is not fetched, and not checked."""
    validator = jsonschema.validators.validator_for(schema)(schema, registry=Registry())

    def check(value: Any) -> Any:
        try:
            fault = next(validator.iter_errors(value), None)
        except Unresolvable:
            return value
        if fault is not None:
            raise ValueError(fault.message[:200])
        return value

    return check


def _text(value: Any) -> Text:
    """Return a text or a text by language as ours; a language that is not there is the first one that is."""
    if not isinstance(value, Mapping) or not value:
        return value if isinstance(value, Text) else Text(zh=str(value or ""), en=str(value or ""))
    by_language = {str(name).lower()[:2]: str(text) for name, text in value.items()}
    english = by_language.get("en", next(iter(by_language.values())))
    return Text(zh=by_language.get("zh", english), en=english)


def _output(name: str, about: Mapping[str, Any]) -> Output:
    schema = dict(about.get("schema", {}))
    title = _text(about.get("title", name))
    media_type = str(schema.get("contentMediaType", JSON_MEDIA_TYPE))
    return Output(name, title, _text(about.get("description", title)), schema, media_type)


def _by_output(outputs: tuple[Output, ...], wanted: Mapping[str, str], said: str, produced: Any) -> dict[str, Any]:
    """Return what a processor gave, by output: it gives one value, ``id`` and ``value``, or a member for each."""
    known = {output.id for output in outputs}
    if isinstance(produced, Mapping) and produced.keys() == {"id", "value"} and produced["id"] in known:
        found: dict[str, Any] = {produced["id"]: produced["value"]}
    elif isinstance(produced, Mapping) and produced and produced.keys() <= known:
        found = dict(produced)
    else:
        found = {outputs[0].id: produced}
    if missing := (wanted.keys() & known) - found.keys():
        raise ServerError(f"The processor gave no '{min(missing)}'.")
    return {name: _body(value, said) for name, value in found.items()}


def _body(value: Any, media_type: str) -> Any:
    """Return a value as an output has it: text that is no JSON stands as it is, as bytes."""
    return value.encode() if isinstance(value, str) and "json" not in media_type else value


def _answered(error: GenericError, process: str) -> Exception:
    """Return what a processor raised as an error of ours: words that are meant for users, or none."""
    _log.warning("process %s: %s", process, error)
    said = getattr(error, "user_msg", None)
    return BadRequest(str(said)[:500]) if said else BadRequest("The process could not be executed with these inputs.")
