"""Whatever is sent: a problem that names the place and repeats nothing, and nothing has changed.

The fields are found by walking the contract, so an operation that is added later is tried as well.
"""

import json
from collections.abc import AsyncIterator, Iterator
from copy import deepcopy
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

import pytest
from fastapi import FastAPI
from httpx import Response
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]
from sqlmodel.ext.asyncio.session import AsyncSession

from tests.catalog import contents
from tests.fakes import Clock
from tests.operations import Cast, Node, Operation, a_cast, contract, followed, operations

CANARY = "tweety"
SECRETS = {"password", "refresh_token", "target", "code"}
Place = tuple[str | int, ...]

# What no field takes, and what only some take: the contract says which.
ANYTHING: list[object] = [
    *(None, True, False, 0, -1, 1.5, 2**31, 2**63, -(2**63) - 1, 10**4000),
    *(float("nan"), float("inf"), 1e308, "", " ", CANARY, f"{CANARY}\0", f"{CANARY}\ud800"),
    *(CANARY * 900, "\u202e" + CANARY, "true", "1", "null", "NaN"),
    *([], [CANARY], [[]], [None], {}, {"k": CANARY}, {"$ref": CANARY}),
    *("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "10000-01-01T00:00:00Z"),
    *("0001-01-01", "9999-12-31", "10000-01-01", "2026-02-30", "2026-02-30T00:00:00Z"),
    *("2026-03-06T18:00:00", "2026-03-06T18:00:00+99:00", "20260306T180000Z", "1772820000"),
    *("24:00", "12:60", "12:00:00", "12:00Z", "\uff11\uff12:\uff10\uff10", "2000-01-01T00:00:00Z"),
    *(
        "Mars/Olympus",
        "../../etc/passwd",
        "en_US",
        "EN",
        "SILENT",
        "daily pulse",
        "-" * 41,
        "a@b",
        "a b@example.org",
    ),
]


@pytest.fixture
async def cast(app: FastAPI, db: AsyncSession, clock: Clock) -> Cast:
    return await a_cast(app, db, clock)


class Complaints:
    """What was not refused as it should be."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.asked = 0

    def look(self, what: str, operation: Operation, answer: Response, place: str = "") -> None:
        self.asked += 1
        wrong = list(wrongs(operation, answer, place))
        if wrong:
            self.found.append(
                f"{operation} {what}: {wrong} {answer.status_code} {answer.text[:200]}"
            )

    def must_be_none(self) -> None:
        assert not self.found, "\n".join(self.found)


def wrongs(operation: Operation, answer: Response, place: str) -> Iterator[str]:
    if not 400 <= answer.status_code < 500:
        yield "no refusal"
        return
    if answer.headers["content-type"] != "application/problem+json":
        yield "no problem"
        return
    if str(answer.status_code) not in operation.said["responses"]:
        yield "not documented"
    secrets = [v for k, v in (operation.body or {}).get("example", {}).items() if k in SECRETS]
    if any(each in answer.text for each in [CANARY, *secrets]):
        yield "repeats what was sent"
    pointers = [each["pointer"] for each in answer.json().get("errors", [])]
    if place and not any(f"{each}/".startswith(f"{place}/") for each in pointers):
        yield f"does not name {place} but {pointers}"


def fields(schema: Node, value: Any, place: Place = ()) -> Iterator[tuple[Place, Node]]:  # noqa: ANN401
    """Every field of a body and of what lies in it, with what the contract says of it."""
    for form in forms(schema):
        if isinstance(value, dict):
            for name, said in form.get("properties", {}).items():
                yield (*place, name), said
                yield from fields(said, value[name], (*place, name))
        elif isinstance(value, list) and value and "items" in form:
            yield (*place, 0), form["items"]
            yield from fields(form["items"], value[0], (*place, 0))


def forms(schema: Node) -> list[Node]:
    """One for each of the forms that a value may have."""
    schema = followed(schema)
    return [followed(each) for each in schema.get("anyOf", [schema])]


def filled(schema: Node, value: Any) -> Any:  # noqa: ANN401
    """The same example with something in every place that could be null."""
    form = forms(schema)[0]
    if "properties" in form:
        given = value or {}
        return {name: filled(said, given.get(name)) for name, said in form["properties"].items()}
    if form.get("type") == "array":
        return [filled(form["items"], each) for each in (value or [None])]
    if value is not None:
        return value
    samples = {"boolean": True, "integer": form.get("minimum", 1), "string": "22:00"}
    return form["enum"][0] if "enum" in form else samples[form["type"]]


def with_another(body: Any, place: Place, value: object) -> Any:  # noqa: ANN401
    """The same body with this value in this place."""
    changed = deepcopy(body)
    inside = changed
    for step in place[:-1]:
        inside = inside[step]
    inside[place[-1]] = value
    return changed


def without(body: Any, place: Place) -> Any:  # noqa: ANN401
    changed = deepcopy(body)
    inside = changed
    for step in place[:-1]:
        inside = inside[step]
    del inside[place[-1]]
    return changed


def twice(body: Any, place: Place) -> str:  # noqa: ANN401
    """As text, in which the name in this place comes twice."""
    first, *rest = place
    if isinstance(body, list):
        return f"[{twice(body[0], tuple(rest))}]"
    said = {name: json.dumps(each) for name, each in body.items()}
    if rest:
        said[str(first)] = twice(body[first], tuple(rest))
    pairs = [f"{json.dumps(name)}: {each}" for name, each in said.items()]
    return f"{{{', '.join(pairs if rest else [*pairs, pairs[[*said].index(str(first))]])}}}"


def pointer(place: Place) -> str:
    return "/".join(["#", *map(str, place)])


WITH_BODY = [each for each in operations() if each.body]


def bodies() -> Iterator[tuple[Operation, Node, Any]]:
    """Each operation with a body, what the contract says of that, and one that would do."""
    for operation in WITH_BODY:
        assert operation.body
        schema = operation.body["schema"]
        yield operation, schema, filled(schema, operation.body["example"])


async def send(cast: Cast, operation: Operation, content: str | bytes, **headers: str) -> Response:
    said = {"content-type": "application/json"} | headers
    client, url = cast.asking(operation), operation.url(cast.places)
    return await client.request(operation.method, url, content=content, headers=said)


async def test_a_field_refuses_what_it_cannot_be(cast: Cast, db: AsyncSession) -> None:
    before, complaints = await contents(db), Complaints()
    for operation, schema, body in bodies():
        for place, said in fields(schema, body):
            for value in [*unfit(said), *unstorable(said)]:
                # Lone surrogates leave as escapes, as JavaScript sends them.
                answer = await send(cast, operation, json.dumps(with_another(body, place, value)))
                complaints.look(f"{place} = {value!r:.60}", operation, answer, pointer(place))
    complaints.must_be_none()
    assert complaints.asked > 500
    assert await contents(db) == before


def unfit(said: Node) -> list[object]:
    """What the contract does not promise to understand here."""
    taken = fit(said)
    return [value for value in ANYTHING if not any(value is each for each in taken)]


def fit(said: Node) -> list[object]:
    return [value for value in ANYTHING if understood(said, value)]


def understood(said: Node, value: object) -> bool:
    resolved = {**said, "components": contract()["components"]}
    try:
        return bool(Draft202012Validator(resolved, format_checker=FormatChecker()).is_valid(value))
    except (ValueError, OverflowError):
        return False


def unstorable(said: Node) -> list[object]:
    """What no text may be, whatever else it is."""
    if any(form.get("type") == "string" for form in forms(said)):
        lengthy = f"{CANARY} lantern otter"
        return [f"{lengthy}\0", f"{lengthy}\ud800", lengthy * 1000]
    return []


async def test_whatever_a_field_takes_breaks_nothing(cast: Cast) -> None:
    for operation, schema, body in bodies():
        for place, said in fields(schema, body):
            for value in fit(said):
                answer = await send(cast, operation, json.dumps(with_another(body, place, value)))
                assert answer.status_code < 500, (operation, place, value)


async def test_a_field_is_neither_forgotten_nor_made_up_nor_said_twice(
    cast: Cast, db: AsyncSession
) -> None:
    before, complaints = await contents(db), Complaints()
    for operation, schema, body in bodies():
        for place, said in fields(schema, body):
            if isinstance(place[-1], str):
                for wrong, content in misnamed(body, place, said):
                    answer = await send(cast, operation, content)
                    complaints.look(f"{content:.60}", operation, answer, pointer(wrong))
    complaints.must_be_none()
    assert await contents(db) == before


def misnamed(body: Any, place: Place, said: Node) -> Iterator[tuple[Place, str]]:  # noqa: ANN401
    """Where it is wrong, and what is sent."""
    made_up = (*place[:-1], "made_up")
    yield made_up, json.dumps(with_another(body, made_up, CANARY))
    yield place, twice(body, place)
    if "default" not in said:
        yield place, json.dumps(without(body, place))


def unreadable() -> Iterator[str | bytes]:
    """No body of ours, or none at all."""
    yield from (b"", b"{", b'{"', b"nul", b"NaN", b"[]", b"[{}]", b'"x"', b"1", b"null", b"true")
    yield from (b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf{}", b"{}{}", b"{'a': 1}", b"// {}", b"\0")
    yield from (b'{"\xed\xa0\x80": 1}', b'{"a": "\xff"}', b'{"a": "\xc0\x80"}', b'"\\ud800"')
    yield from ('{"\\ud800": 1}', f'{{"{"k" * 20_000}": 1}}', f'{{"a": {"9" * 5000}}}')
    for deep in (900, 5000, 30_000):
        yield "[" * deep + "]" * deep
        yield '{"a":' * (deep // 5) + "1" + "}" * (deep // 5)
    yield "{" + ", ".join(f'"{number}": 1' for number in range(5000)) + "}"
    yield "{" + ", ".join('"same": 1' for _ in range(5000)) + "}"
    yield "[" + ", ".join("{}" for _ in range(15_000)) + "]"


async def test_a_body_that_cannot_be_read_is_refused(cast: Cast, db: AsyncSession) -> None:
    before, complaints = await contents(db), Complaints()
    for operation in WITH_BODY:
        for content in unreadable():
            if content in {b"", b"null"} and not operation.said["requestBody"].get("required"):
                continue
            answer = await send(cast, operation, content)
            complaints.look(f"{content!r:.60}", operation, answer, "#")
            assert len(answer.content) < 10_000, "an answer is not larger than what it answers"
    complaints.must_be_none()
    assert await contents(db) == before


KINDS = [
    *("", "text/plain", "text/json", "application/xml", "application/x-www-form-urlencoded"),
    *("multipart/form-data; boundary=x", "application/octet-stream", "json", "application/"),
    *("application/json2", ";", "application/ json", "x" * 10_000),
]


async def test_a_body_that_is_not_said_to_be_json_is_refused(cast: Cast, db: AsyncSession) -> None:
    before, complaints = await contents(db), Complaints()
    for operation, _, body in bodies():
        for kind in KINDS:
            answer = await send(cast, operation, json.dumps(body), **{"content-type": kind})
            complaints.look(kind, operation, answer, "#")
    complaints.must_be_none()
    assert await contents(db) == before


TWO_MEGABYTES = 2 * 1024 * 1024


async def in_pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 8192):
        yield body[start : start + 8192]


@pytest.mark.parametrize("opened", ["[", '{"a": "', " ", "\0"])
async def test_a_body_of_two_megabytes_is_refused_whether_announced_or_not(
    cast: Cast, db: AsyncSession, opened: str
) -> None:
    before, complaints = await contents(db), Complaints()
    body = opened.encode() * (TWO_MEGABYTES // len(opened))
    for operation in WITH_BODY:
        for content in (body, in_pieces(body)):
            client, url = cast.asking(operation), operation.url(cast.places)
            answer = await client.request(
                operation.method, url, content=content, headers={"content-type": "application/json"}
            )
            complaints.look("2 MB", operation, answer)
            assert (answer.status_code, answer.json()["type"]) == (413, "/problems/too-large")
    complaints.must_be_none()
    assert await contents(db) == before


@pytest.mark.parametrize("length", ["65537", "9" * 30, "9" * 5000])
async def test_who_announces_too_much_has_done_nothing(
    cast: Cast, db: AsyncSession, length: str
) -> None:
    """Also where no body is read at all: else a 413 could follow a change that was kept."""
    before = await contents(db)
    for operation in operations():
        client, url = cast.asking(operation), operation.url(cast.places)
        answer = await client.request(operation.method, url, headers={"content-length": length})
        assert answer.status_code == 413, operation
        assert answer.headers["content-type"] == "application/problem+json"
    assert await contents(db) == before


IN_A_PATH = [
    *("x", "0", "-1", "1.5", "true", "null", "NaN", "1e400", "9" * 30, "019cabd8", "{}", "[]"),
    *(
        "%00",
        "a%00",
        "%FF",
        "%ED%A0%80",
        "%C0%80",
        "%F0%9F%92%94",
        "%0A",
        "%0d%0aset-cookie:a",
        "%20",
    ),
    *("..%2F..", "'%3B--", "a" * 5000, "%E2%80%AE", "%D9%A3", "0" * 32, "g" * 8 + "-" * 4),
]


async def test_a_path_a_query_and_a_header_refuse_what_they_cannot_be(
    cast: Cast, db: AsyncSession
) -> None:
    before, complaints = await contents(db), Complaints()
    for operation in operations():
        body = operation.body["example"] if operation.body else None
        for parameter in operation.parameters:
            name, where = parameter["name"], parameter["in"]
            for value in IN_A_PATH:
                places = cast.places | ({name: value} if where == "path" else {})
                url = operation.url(places) + (f"?{name}={value}" if where == "query" else "")
                if where == "header" and understood(parameter["schema"], unquote(value)):
                    continue
                headers = {name.encode(): unquote_to_bytes(value)} if where == "header" else None
                answer = await cast.asking(operation).request(
                    operation.method, url, json=body, headers=headers
                )
                assert answer.status_code < 500, (url, answer.text)
                # Else it is not this path any more, or what the contract takes for a word.
                if answer.status_code not in {404, 405} and not understood(
                    parameter["schema"], unquote(value)
                ):
                    complaints.look(f"{name} = {value:.40}", operation, answer, f"{where}/{name}")
    complaints.must_be_none()
    assert complaints.asked > 100
    assert await contents(db) == before


ODD_HEADERS: list[dict[bytes, bytes]] = [
    {b"authorization": "Bearer \xe9\xff".encode("latin-1")},
    {b"authorization": "Bearer 💔".encode()},
    {b"authorization": b"Bearer " + b"a" * 10_000},
    {b"authorization": b"Bearer " + b"a." * 5_000},
    {b"authorization": b"Bearer a b c"},
    {b"authorization": b"bearer\ta"},
    {b"authorization": b"Bearer \0"},
    {b"authorization": b""},
    {b"authorization": b"Bearer eyJhbGciOiJub25lIn0.e30."},
    {b"authorization": b"Bearer eyJhbGciOiJub25lIiwia2lkIjpbXX0.e30."},
    {b"authorization": b"Bearer bnVsbA.bnVsbA.bnVsbA"},
    {b"authorization": b"Bearer W10.W10.W10"},
]


async def test_odd_headers_are_refused(cast: Cast, db: AsyncSession) -> None:
    before, complaints = await contents(db), Complaints()
    for operation in operations():
        if not operation.wants_a_token:
            continue
        for headers in ODD_HEADERS:
            answer = await cast.phone.request(
                operation.method, operation.url(cast.places), headers=headers
            )
            complaints.look(f"{headers!r:.60}", operation, answer)
            assert answer.status_code == 401
    complaints.must_be_none()
    assert await contents(db) == before


@pytest.mark.parametrize(
    "path",
    ["/", "//", "/today/", "/%00", "/%FF", "/checkins//answers", "/../today", "/" + "a" * 9999],
)
@pytest.mark.parametrize(
    "method", ["GET", "POST", "HEAD", "OPTIONS", "TRACE", "PATCH", "BREW", "get"]
)
async def test_what_is_not_there_is_a_problem_too(cast: Cast, method: str, path: str) -> None:
    answer = await cast.sam.request(method, path)
    assert answer.status_code in {404, 405, 414}
    assert answer.headers["content-type"] == "application/problem+json"
