"""What --json prints, held to its schema; the page about it, and its example."""

import json
from typing import Any

import jsonschema
from conftest import ROOT

SCHEMA = json.loads((ROOT / "infra/cli/schema.json").read_text())
PAGE = (ROOT / "infra/cli/json.md").read_text()
EXAMPLE = PAGE.partition("```python\n")[2].partition("```")[0]


def without_others(schema: Any) -> Any:
    """The schema where objects have the keys that it names and no others."""
    if isinstance(schema, list):
        return [without_others(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {"additionalProperties": False} if "properties" in schema else {}
    return closed | {name: without_others(value) for name, value in schema.items()}


STRICT = without_others(SCHEMA)


def conforms(text: str, kind: str) -> Any:
    """The document of this kind that the text is, and no other text."""
    document = json.loads(text, parse_constant=_refuse)
    laws = {"$ref": f"#/$defs/{kind}", "$defs": STRICT["$defs"]}
    jsonschema.validate(document, laws, cls=jsonschema.Draft202012Validator)
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    return document


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")
