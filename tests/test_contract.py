"""What the phone app is told of us: every example is played, and nothing else is promised."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi import FastAPI
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from sqlmodel.ext.asyncio.session import AsyncSession

from api.openapi import EXAMPLES
from api.openapi_yaml import as_yaml
from tests.fakes import Clock
from tests.operations import (
    Node,
    Operation,
    a_cast,
    bare_app,
    contract,
    followed,
    operations,
    requested,
)

ROOT = Path(__file__).parent.parent
ID = re.compile(r"-?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SECRETS = {"access_token", "refresh_token", "known_phone", "code"}

each_operation = pytest.mark.parametrize("operation", operations(), ids=str)


def test_the_contract_that_is_kept_is_the_one_that_the_code_makes() -> None:
    kept = (ROOT / "openapi.yaml").read_text(encoding="utf-8")
    assert as_yaml(bare_app()) == kept, "write it anew with `twofold openapi`"


def test_the_contract_is_openapi() -> None:
    assert contract()["openapi"].startswith("3.1")
    assert list(OpenAPIV31SpecValidator(contract()).iter_errors()) == []


def test_generated_clients_call_each_operation_by_a_name_of_its_own() -> None:
    names = [*map(str, operations())]

    assert len(set(names)) == len(names)
    for operation in operations():
        [noun] = operation.said["tags"]
        # A verb after the noun, and nothing of the path or of the machinery in it.
        assert re.fullmatch(rf"{noun}_[a-z]+(_[a-z]+)*", str(operation))
        assert "v1" not in str(operation)


def test_there_is_no_example_of_what_is_not_there() -> None:
    written = yaml.safe_load(EXAMPLES.read_text(encoding="utf-8"))

    assert [*written] == [*map(str, operations())]
    for operation in operations():
        said = written[str(operation)]
        assert set(said.get("parameters", {})) == {each["name"] for each in operation.parameters}
        assert ("request" in said) == (operation.body is not None)


@pytest.mark.usefixtures("noise")
@each_operation
async def test_the_example_is_played_as_it_is_written(
    operation: Operation, app: FastAPI, db: AsyncSession, clock: Clock
) -> None:
    cast = await a_cast(app, db, clock)
    body = await requested(operation, cast)

    answer = await cast.asking(operation).request(
        operation.method, operation.url(cast.places), json=body, params=operation.query()
    )

    [(status, documented)] = operation.answers().items()
    assert answer.status_code == status, answer.text
    if documented is None:
        assert answer.content == b""
        return
    assert_fits(answer.json(), documented["schema"])
    assert_alike(documented["example"], answer.json())


@each_operation
def test_the_example_fits_its_own_schema(operation: Operation) -> None:
    for media in (operation.body, *operation.answers().values()):
        if media:
            assert_fits(media["example"], media["schema"])
    for parameter in operation.parameters:
        assert_fits(parameter["example"], parameter["schema"])


def test_every_problem_in_the_contract_fits_its_schema() -> None:
    problem = {"$ref": "#/components/schemas/Problem"}
    for media in problems(contract()):
        assert media["schema"] == problem
        for example in media["examples"].values():
            assert_fits(followed(example)["value"], problem)


def problems(node: object) -> Iterator[Node]:
    if isinstance(node, dict):
        for key, each in node.items():
            if key == "application/problem+json":
                yield each
            else:
                yield from problems(each)
    elif isinstance(node, list):
        for each in node:
            yield from problems(each)


def assert_fits(value: object, schema: Node) -> None:
    """By the schema, with formats, and with whatever it refers to."""
    resource = Resource.from_contents(contract(), default_specification=DRAFT202012)
    registry = Registry().with_resource("urn:contract", resource)
    here = absolute(schema)
    validator = Draft202012Validator(here, registry=registry, format_checker=FormatChecker())
    assert [error.message for error in validator.iter_errors(value)] == []


def absolute(node: Any) -> Any:  # noqa: ANN401
    if isinstance(node, dict):
        return {
            key: f"urn:contract{each}" if key == "$ref" else absolute(each)
            for key, each in node.items()
        }
    return [absolute(each) for each in node] if isinstance(node, list) else node


def assert_alike(example: object, answer: object) -> None:
    """The same but for ids and secrets, and but for lists that go on."""
    assert plain(example) == shortened(plain(answer), plain(example))


def plain(value: Any, key: str = "") -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {name: plain(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if key in SECRETS:
        return f"some {type(value).__name__}"
    return ID.sub("", value) if isinstance(value, str) else value


def shortened(answer: Any, example: Any) -> Any:  # noqa: ANN401
    """The answer, its lists without what the example leaves out."""
    if isinstance(answer, dict) and isinstance(example, dict):
        return {name: shortened(each, example.get(name)) for name, each in answer.items()}
    if not isinstance(answer, list) or not isinstance(example, list) or not example:
        return answer
    left = list(answer)
    return [shortened(taken(left, each), each) for each in example]


def taken(left: list[Any], example: Any) -> Any:  # noqa: ANN401
    for index, each in enumerate(left):
        if shortened(each, example) == example:
            return left.pop(index)
    return left.pop(0) if left else "nothing more"
