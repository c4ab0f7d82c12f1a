"""The contract as files: for each message its JSON Schema and an example record, both shipped beside this module.

`python -m events.contract_files` writes the schemas from the classes. Examples are written by hand.
"""

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaWarningKind

from events.messages.base import Command, Message, commands, events

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def messages() -> dict[str, type[Message]]:
    """Every message by its wire type: the commands, then the events."""
    return {**commands(), **events()}


@cache
def schema(type_: str) -> dict[str, Any]:
    """The shipped JSON Schema, draft 2020-12, of the data of messages of this type.

    Raises KeyError for a type that azplan does not have.
    """
    return _shipped("schemas", messages()[type_])


@cache
def example(type_: str) -> dict[str, Any]:
    """An example of this type as a record in binary mode: `key`, `headers`, and `value` as JSON.

    Raises KeyError for a type that azplan does not have.
    """
    return _shipped("examples", messages()[type_])


def generated_schema(kind: type[Message]) -> dict[str, Any]:
    """The JSON Schema of the class `kind`: of the data that azplan reads for a command, and writes for an event."""
    mode: JsonSchemaMode = "validation" if issubclass(kind, Command) else "serialization"
    made = kind.model_json_schema(mode=mode, schema_generator=_Untitled)
    return {"$schema": DIALECT, "$id": f"urn:azplan:schema:{kind.wire_type()}", **made}


def write_schemas(folder: Path) -> list[Path]:
    """Write the schema of every message into `folder`. Returns the paths of the files."""
    written = []
    for kind in messages().values():
        path = folder / file_name(kind)
        path.write_text(json.dumps(generated_schema(kind), indent=2) + "\n", encoding="utf-8")
        written.append(path)
    return written


def file_name(kind: type[Message]) -> str:
    """The name of the files about `kind`, for example `SuspendPlan.v1.json`."""
    return f"{kind.wire_type().removeprefix('azplan.')}.json"


class _Untitled(GenerateJsonSchema):
    """Leaves titles out: pydantic makes them from the names, and they add nothing.

    A default that is no JSON value stands for an absent member, and is left out too.
    """

    ignored_warning_kinds: set[JsonSchemaWarningKind] = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012 - as pydantic declares it

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _shipped(folder: str, kind: type[Message]) -> dict[str, Any]:
    text = files("events").joinpath(folder, file_name(kind)).read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


if __name__ == "__main__":
    write_schemas(Path(__file__).parent / "schemas")
