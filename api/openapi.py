"""The contract: what FastAPI cannot know of it, and how it becomes `openapi.yaml`."""

from pathlib import Path
from typing import Any

import yaml
from fastapi import FastAPI

from api.errors import (
    PROBLEM_JSON,
    Broken,
    Invalid,
    NotProved,
    Problem,
    TooLarge,
    TooManyRequests,
    TooSlow,
    documented,
)
from api.openapi_texts import ABOUT, PROOF, PROTECTS, PUSH, TAGS
from api.policy.limits import NEVER_REFUSED

Node = dict[str, Any]

DONE = {"200": "This is how it stands.", "201": "Made.", "202": "Accepted.", "204": "Done."}
BEARER = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
# For each operation a request and its answer; tests/test_contract.py plays them.
# What these make has an id, which goes into paths under this name.
MAKES = {
    "devices_register_device": "device_id",
    "checkins_begin": "checkin_id",
    "schedules_make": "schedule_id",
}
EXAMPLES = Path(__file__).parent / "examples.yaml"


def describe(app: FastAPI) -> None:
    """Completes the document that FastAPI makes, once, when it is first asked for."""
    made = app.openapi

    def openapi() -> Node:
        if app.openapi_schema is None:
            complete(made())
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign]


def complete(document: Node) -> None:
    document["info"]["description"] = ABOUT
    document["info"]["license"] = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
    document["servers"] = [{"url": "/", "description": "Wherever it runs."}]
    document["paths"] = dict(sorted(document["paths"].items(), key=area_of))
    components = document["components"]
    components |= {"securitySchemes": {"HTTPBearer": BEARER}, "responses": {}, "examples": {}}
    examples = yaml.safe_load(EXAMPLES.read_text(encoding="utf-8"))
    for operation in operations(document):
        name_it(operation)
        add_examples(operation, **examples.get(operation["operationId"], {}))
        complete_responses(operation, components)
    for operation in operations(document):
        if operation["operationId"] in MAKES:
            add_links(operation, MAKES[operation["operationId"]], document)
    for method, path in NEVER_REFUSED:
        never_too_often(document["paths"][path][method.lower()])
    tidy_schemas(components["schemas"])
    components["schemas"]["Problem"]["properties"]["type"]["x-extensible-enum"] = types(components)
    document["webhooks"] = {"push": PUSH}
    for kind in components:
        components[kind] = dict(sorted(components[kind].items()))


def area_of(path: tuple[str, Node]) -> int:
    """Where its tag stands: routes are tried in another order than people read them."""
    operation = next(iter(path[1].values()))
    return [tag["name"] for tag in TAGS].index(operation["tags"][0])


def operations(document: Node) -> list[Node]:
    return [each for path in document["paths"].values() for each in path.values()]


def name_it(operation: Node) -> None:
    """A generated client calls an operation by its tag and its function: `space_take_space`."""
    function = operation["operationId"].split("_v1_")[0]
    operation["operationId"] = f"{operation['tags'][0]}_{function}"
    operation.setdefault("security", [])  # none is said as well, so that none is forgotten


def add_examples(
    operation: Node, parameters: Node | None = None, request: object = None, response: object = None
) -> None:
    for parameter in operation.get("parameters", []):
        parameter["schema"] = tidied(parameter["schema"])
        if parameter["name"] in (parameters or {}):
            parameter["example"] = (parameters or {})[parameter["name"]]
    if "requestBody" in operation:
        operation["requestBody"]["content"]["application/json"]["example"] = request
    for status, answer in operation["responses"].items():
        if status in DONE and "content" in answer:
            media = answer["content"]["application/json"]
            # A route that answers nothing answers null, and not whatever it likes.
            media["schema"] = tidied(media["schema"]) or {"type": "null"}
            media["example"] = response


def complete_responses(operation: Node, components: Node) -> None:
    responses = operation["responses"]
    if "parameters" not in operation and "requestBody" not in operation:
        responses.pop(str(Invalid.status))  # there is nothing that might not fit
    if NotProved.__name__ in examples_of(responses.get(str(NotProved.status), {})):
        operation["description"] += PROOF
    if "requestBody" in operation:
        of_a_body = documented(TooSlow, TooLarge)
        responses |= {str(each.status): of_a_body[each.status] for each in (TooSlow, TooLarge)}
    for status in sorted(responses):
        response = responses.pop(status)
        if status in DONE:
            response["description"] = DONE[status]
        responses[status] = response if status in DONE else shared(response, components)


def examples_of(response: Node) -> Node:
    found: Node = response.get("content", {}).get(PROBLEM_JSON, {}).get("examples", {})
    return found


def add_links(operation: Node, name: str, document: Node) -> None:
    """Whatever can be asked about what was made."""
    done = next(
        operation["responses"][status] for status in DONE if status in operation["responses"]
    )
    asked = {name: "$response.body#/id"}
    done["links"] = {
        each["operationId"]: {"operationId": each["operationId"], "parameters": asked}
        for each in operations(document)
        if name in {parameter["name"] for parameter in each.get("parameters", [])}
    }


def never_too_often(operation: Node) -> None:
    """It protects whoever asks."""
    del operation["responses"][str(TooManyRequests.status)]
    operation["description"] += PROTECTS


def types(components: Node) -> list[str]:
    """Of all problems that some operation tells, and of the one that none foresees."""
    answers = [
        *(each["content"][PROBLEM_JSON]["examples"] for each in components["responses"].values()),
        components["examples"],
    ]
    told = {example["value"]["type"] for each in answers for example in each.values()}
    return sorted(told | {Broken.type})


def shared(response: Node, components: Node) -> Node:
    """Said once in the document, however many operations refuse it."""
    examples = examples_of(response)
    if len(examples) == 1:
        [name] = examples
        components["responses"][name] = response
        return {"$ref": f"#/components/responses/{name}"}
    components["examples"] |= examples
    for name in examples:
        examples[name] = {"$ref": f"#/components/examples/{name}"}
    return response


def tidy_schemas(schemas: Node) -> None:
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= problem.pop("$defs") | {"Problem": problem}
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas |= {name: tidied(schema) for name, schema in schemas.items()}


def tidied(node: Any) -> Any:  # noqa: ANN401
    """What it is for comes first; no name is said again as a title; whole numbers look it; what may
    be null is a type of its own, as generated clients like it.
    """
    if isinstance(node, dict):
        node = nullable(node)
        told = {"description": node["description"]} if "description" in node else {}
        # A field that is itself called `title` is no string.
        named = {k: v for k, v in node.items() if k != "title" or not isinstance(v, str)}
        return {key: tidied(each) for key, each in (told | named).items()}
    if isinstance(node, list):
        return [tidied(each) for each in node]
    return int(node) if isinstance(node, float) and node.is_integer() else node


def nullable(node: Node) -> Node:
    """`type: [string, 'null']` where Pydantic says `anyOf` of the two."""
    either = node.get("anyOf", [])
    if len(either) != 2 or either[1] != {"type": "null"} or "type" not in either[0]:  # noqa: PLR2004
        return node
    others = {name: each for name, each in node.items() if name != "anyOf"}
    return {**either[0], **others, "type": [either[0]["type"], "null"]}
