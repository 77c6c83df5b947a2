"""Print the JSON Schema of manifests, made from the tables of the format.

python -m scripts.manifest_schema > cronapi/manifest/schema.json
"""

from __future__ import annotations

import json
import sys
from typing import Any

from cronapi._protocol.params import KIND_OF
from cronapi.manifest import format as rules

TEXT: dict[str, Any] = {"type": "string"}
TEXTS: dict[str, Any] = {"type": "array", "items": TEXT}
TYPES: dict[str, dict[str, Any]] = {
    "text": TEXT,
    "whole_number": {"type": ["integer", "string"]},
    "flag": {"type": ["boolean", "string"]},
    "notify_code": {"type": ["boolean", "integer", "string"]},
    "header_lines": {"type": ["object", "string"], "additionalProperties": TEXT},
    "texts": {"anyOf": [TEXT, TEXTS]},
}
"""The JSON types of a parameter, by the function that checks its kind. Texts may be variables."""
OWN: dict[str, dict[str, Any]] = {
    "was": TEXT,
    "id": {"type": "integer", "minimum": 1},
    "clear": {"type": "array", "items": {"enum": [*filter(rules.may_clear, rules.PARAMETERS)]}},
    "unmanaged": {"type": "array", "items": {"enum": list(rules.JOB)}},
    "enabled": {"type": "boolean"},
    "allow": TEXTS,
}
SCOPE: dict[str, dict[str, Any]] = {
    "provider": {"enum": ["fastcron", "setcronjob"]},
    "group": TEXT,
    "prefix": TEXT,
    "all": {"const": True},
    "keep": TEXTS,
    "max_deletes": {"type": ["integer", "string"], "minimum": 0, "pattern": "^[0-9]{1,3}%$"},
}


def table(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return the schema of a table that has these keys alone."""
    return {"type": "object", "properties": properties, "additionalProperties": False, **more}


def schema() -> dict[str, Any]:
    """Return the schema."""
    parameters = {name: TYPES[KIND_OF[name].form.__name__] for name in rules.PARAMETERS}
    jobs = {"type": "object", "additionalProperties": table({**parameters, **OWN})}
    common = {
        "scope": table(SCOPE),
        "vars": {"type": "object", "additionalProperties": TEXT},
        "defaults": table({**parameters, "enabled": OWN["enabled"]}),
        "job": jobs,
    }
    envs = {"type": "object", "additionalProperties": table(common)}
    top = {"version": {"const": rules.VERSION}, "include": TEXTS, **common, "env": envs}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A manifest of cron jobs",
        **table(top, required=["version"]),
    }


if __name__ == "__main__":
    json.dump(schema(), sys.stdout, indent=2)
    sys.stdout.write("\n")
