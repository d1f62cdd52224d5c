"""The contract: what FastAPI cannot know of it, and how it becomes `openapi.yaml`."""

from typing import Any

import yaml
from fastapi import FastAPI

from api.errors import Problem

ABOUT = """\
The backend of a couples app in which **the recipient's present setting wins, on the server**.

Everything is JSON over HTTPS under `/v1`. Every "no" is `application/problem+json` (RFC 9457):
`type` says which, the sentence is for people. Instants are RFC 3339 in UTC, time zones IANA
names, daily times `HH:MM`. Nothing that two partners see of each other has an hour, only a day.

*Accepted* (202, or 201 for something that both see) never means *delivered*: what the recipient
keeps to themselves holds without a sign.
"""

TAGS = [
    {"name": "accounts", "description": "One person, on however many phones. Mine."},
    {"name": "sessions", "description": "The phones on which I am signed in. Mine."},
    {"name": "devices", "description": "Where a push reaches me. Mine."},
    {"name": "pairing", "description": "Becoming a couple, and leaving."},
    {"name": "consents", "description": "What I allow, one purpose at a time. Mine."},
    {"name": "boundaries", "description": "How, when and about what I may be reached. Mine."},
    {"name": "space", "description": "Stepping back for a while. Mine."},
    {"name": "questionnaires", "description": "What is asked. For everybody."},
    {"name": "checkins", "description": "Questions that each answers alone. Reveal."},
    {"name": "answers", "description": "What each says alone, and both may read. Reveal."},
    {"name": "schedules", "description": "When check-ins open. Agreement."},
    {"name": "nudges", "description": "What waits for me, and gentle phrases. Offer."},
    {"name": "today", "description": "The home screen in one call. Mine."},
]


def describe(app: FastAPI) -> None:
    """Completes the document that FastAPI makes, once, when it is first asked for."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = made()
            document["info"]["description"] = ABOUT
            document["info"]["license"] = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
            document["servers"] = [{"url": "/", "description": "Wherever it runs."}]
            schemas = document["components"]["schemas"]
            add_problem(schemas)
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            for operation in operations(document):
                name_it(operation)
            document["components"]["schemas"] = dict(sorted(schemas.items()))
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign]


def add_problem(schemas: dict[str, Any]) -> None:
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"))
    schemas["Problem"] = problem


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for path in document["paths"].values() for each in path.values()]


def name_it(operation: dict[str, Any]) -> None:
    """A generated client calls an operation by its tag and its function: `space_take_space`."""
    function = operation["operationId"].split("_v1_")[0]
    operation["operationId"] = f"{operation['tags'][0]}_{function}"


def as_yaml(app: FastAPI) -> str:
    """The text of `openapi.yaml`."""
    return yaml.safe_dump(app.openapi(), sort_keys=False, allow_unicode=True, width=100)
