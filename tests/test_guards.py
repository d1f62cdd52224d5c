"""Rules for every operation, whatever is added later. Its like: `git ls-files '*guards*'`."""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from httpx import Response
from sqlalchemy import event
from sqlmodel.ext.asyncio.session import AsyncSession

from api import door, tokens
from api.app import AREAS
from api.errors import EVERYWHERE, Invalid, Refusal, TooLarge, TooManyRequests, TooSlow
from api.openapi_texts import TAGS
from api.policy.limits import NEVER_REFUSED
from api.tokens import Claims
from tests.builders import TOKEN_KEYS, Two
from tests.catalog import NEVER_SAID, contents
from tests.conftest import Engines
from tests.fakes import NOON, Clock
from tests.operations import Node, Operation, a_cast, contract, operations, requested

NOBODY = UUID("019cabd8-3800-7aaa-aaaa-aaaaaaaaaaaa")

# Before there is an account or a session there is nothing to show.
OPEN = {
    "accounts_sign_up": "an account begins with it",
    "accounts_confirm": "shows a token that came by mail, and a password",
    "accounts_ask_for_reset": "goes to the mailbox",
    "accounts_reset": "shows a token that came by mail",
    "credentials_confirm_email": "the same",
    "sessions_sign_in": "shows a password instead",
    "identities_sign_up": "an account begins with it",
    "identities_sign_in": "shows a token of an issuer instead",
    "sessions_refresh": "shows a refresh token instead",
}
ALWAYS = {each.__name__ for each in EVERYWHERE}


async def test_every_operation_wants_a_token(app: FastAPI, db: AsyncSession, couple: Two) -> None:
    cast = await a_cast(app, db, couple[0].clock)
    before = await contents(db)

    for operation in operations():
        if str(operation) in OPEN:
            continue
        for headers in [{}, *nonsense(couple[0].id, couple[0].session_id)]:
            answer = await cast.phone.request(
                operation.method,
                operation.url(cast.places),
                json=operation.body["example"] if operation.body else None,
                headers=headers,
            )
            said = (answer.status_code, answer.json()["type"])
            told = (answer.headers["www-authenticate"], answer.headers["content-type"])
            assert said == (401, "/problems/not-signed-in"), (operation, headers)
            assert told == ("Bearer", "application/problem+json")
    assert await contents(db) == before


def nonsense(account_id: UUID, session_id: UUID) -> Iterator[dict[str, str]]:
    me, other_keys = Claims(account_id, session_id), {"test": bytes(32)}
    for bearer in (
        "",
        "nonsense",
        "a.b.c",
        tokens.issue(TOKEN_KEYS, Claims(account_id, NOBODY), NOON),
        tokens.issue(TOKEN_KEYS, Claims(NOBODY, session_id), NOON),
        tokens.issue(TOKEN_KEYS, me, NOON - tokens.LASTS),
        tokens.issue(other_keys, me, NOON),
    ):
        yield {"authorization": f"Bearer {bearer}"}
    yield {"authorization": f"Basic {tokens.issue(TOKEN_KEYS, me, NOON)}"}
    yield {"authorization": tokens.issue(TOKEN_KEYS, me, NOON)}


def test_the_contract_says_which_operations_want_a_token() -> None:
    assert {str(each) for each in operations() if not each.wants_a_token} == set(OPEN)


BY_ID = [each for each in operations() if re.search(r"{\w+_id}", each.path)]
NAMES_NO_PERSONS_ROW = {"pack_id"}  # for everybody


@pytest.mark.parametrize("operation", BY_ID, ids=str)
async def test_to_a_stranger_what_is_there_looks_like_what_is_not(
    operation: Operation, app: FastAPI, db: AsyncSession, clock: Clock, noise: Two
) -> None:
    cast = await a_cast(app, db, clock)
    named = {each["name"] for each in operation.parameters if each["name"].endswith("_id")}
    if named <= NAMES_NO_PERSONS_ROW:
        return
    body = await requested(operation, cast)
    strangers = [*noise, cast.robin]
    if named & {"session_id", "device_id", "nudge_id", "block_id"}:
        strangers.append(cast.alex)  # what is Sam's alone is as strange to Alex
    before = await contents(db)

    for stranger in strangers:
        there, nowhere = [
            await stranger.request(operation.method, operation.url(places), json=body)
            for places in (cast.places, dict.fromkeys(named, str(NOBODY)))
        ]
        assert there.status_code == 404
        assert (there.content, there.headers) == (nowhere.content, nowhere.headers)
    assert await contents(db) == before


@pytest.mark.parametrize("operation", operations(), ids=str)
def test_every_operation_says_what_it_is_for(operation: Operation) -> None:
    assert operation.said["summary"]
    assert operation.said["description"]
    for parameter in operation.parameters:
        assert "example" in parameter
    for media in (operation.body, *operation.answers().values()):
        assert media is None or "example" in media


def routes() -> list[APIRoute]:
    found = [route for area in AREAS for route in area.router.routes]
    assert len(found) == len(operations())
    return [route for route in found if isinstance(route, APIRoute)]


@pytest.mark.parametrize("route", routes(), ids=lambda route: f"{route.methods} {route.path}")
def test_an_area_has_one_name_in_file_url_and_contract(route: APIRoute) -> None:
    noun = route.endpoint.__module__.removeprefix("api.")
    [version, first, *rest] = [step for step in route.path.split("/") if step]

    assert (version, route.tags) == ("v1", [noun])
    # What belongs to one row of another area stands below that row.
    assert noun == first or (rest[0].startswith("{") and rest[1] == noun)


def test_every_area_is_told_in_the_contract() -> None:
    nouns = [area.__name__.removeprefix("api.") for area in AREAS]
    assert sorted(tag["name"] for tag in TAGS) == sorted(nouns)
    assert all(tag["description"] for tag in TAGS)


@pytest.mark.parametrize("route", routes(), ids=lambda route: f"{route.methods} {route.path}")
def test_an_operation_documents_what_it_refuses_and_nothing_else(route: APIRoute) -> None:
    operation = of(route)
    raised = refusals_in(route.dependant) | ALWAYS
    if operation.body:
        raised |= {TooLarge.__name__, TooSlow.__name__}
    elif not operation.parameters:
        raised -= {Invalid.__name__}
    if (operation.method.upper(), route.path) in NEVER_REFUSED:
        raised -= {TooManyRequests.__name__}
    # Which of these a knock can meet depends on what is sent.
    at_the_door = {refusal.__name__ for refusal in door.REFUSALS.values()}

    assert ("NotSignedIn" in raised) == operation.wants_a_token
    assert documented_by(operation) - at_the_door == raised - at_the_door
    assert ("PartnerTakesSpace" in documented_by(operation)) == bool(raised & at_the_door)


def of(route: APIRoute) -> Operation:
    [method] = route.methods or {""}
    wanted = (method.lower(), route.path)
    [found] = [each for each in operations() if (each.method, each.path) == wanted]
    return found


def documented_by(operation: Operation) -> set[str]:
    found: set[str] = set()
    for status, answer in operation.said["responses"].items():
        if "$ref" in answer:
            found.add(answer["$ref"].rsplit("/", 1)[1])
        elif int(status) >= 400:
            found |= set(answer["content"]["application/problem+json"]["examples"])
    return found


def refusals_in(dependant: Dependant) -> set[str]:
    """The refusals that this raises or answers with, and all that it depends on or calls."""
    # What is no function and can be called says what it does there, such as `deps.Bearer`.
    call = (
        dependant.call
        if isinstance(dependant.call, FunctionType)
        else type(dependant.call).__call__
    )
    found = refusals_of(call, set())
    return found.union(*map(refusals_in, dependant.dependencies))


def refusals_of(call: object, known: set[object]) -> set[str]:
    if not isinstance(call, FunctionType) or call in known or call.__module__[:4] != "api.":
        return set()
    known.add(call)
    found: set[str] = set()
    for named in names_in(call):
        if isinstance(named, type) and issubclass(named, Refusal):
            found.add(named.__name__)
        elif named is door.REFUSALS:
            found |= {refusal.__name__ for refusal in door.REFUSALS.values()}
        else:
            found |= refusals_of(named, known)
    return found


def names_in(function: FunctionType) -> Iterator[object]:
    """What the body of this function refers to, by name or as `module.name`."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(tree, (ast.FunctionDef, ast.AsyncFunctionDef))
    for node in (node for statement in tree.body for node in ast.walk(statement)):
        if isinstance(node, ast.Name):
            yield function.__globals__.get(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = function.__globals__.get(node.value.id)
            if isinstance(module, ModuleType):
                yield getattr(module, node.attr, None)
        # `house.passwords.hash` refuses as well, in the words that every operation documents.


def refusals(parent: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    for child in parent.__subclasses__():
        yield child
        yield from refusals(child)


def test_a_problem_is_known_by_its_type() -> None:
    said = {refusal.type: (refusal.problem(), refusal.__name__) for refusal in refusals()}

    for refusal in refusals():
        assert said[refusal.type] == (refusal.problem(), refusal.__name__)
        name = "".join(word.title() for word in refusal.type.removeprefix("/problems/").split("-"))
        assert name == refusal.__name__


# What may be sent again by itself; everything else that is posted takes a key.
HARMLESS_AGAIN = {
    "accounts_sign_up": "an address has one account, and nobody is there yet to keep an answer for",
    "accounts_confirm": "the token is good once; whoever lost the answer can sign in",
    "accounts_ask_for_reset": "one more mail; nobody is there to keep an answer for",
    "accounts_reset": "the token is good once",
    "credentials_confirm_email": "the same",
    "sessions_prove_again": "proved is proved",
    "sessions_sign_in": "nobody is there yet; of sessions that are too many the oldest end",
    "sessions_refresh": "where its answer was lost, the token is taken again",
    "identities_sign_up": "the issuer's token is good once",
    "identities_sign_in": "the same",
    "identities_prove": "the same",
    "pairing_redeem": "typed again, it still waits",
    "pairing_confirm": "there is one couple; who asks where they stand is told",
    "pairing_leave": "gone is gone",
    "answers_release": "released is released",
    "privacy_ask_for_deletion": "asked again, it is not put off",
    "nudges_look": "what was looked at stays listed",
}
CREATES = [
    each for each in operations() if each.method == "post" and str(each) not in HARMLESS_AGAIN
]


def test_whatever_is_posted_takes_a_key_or_says_why_it_needs_none() -> None:
    posted = {str(each) for each in operations() if each.method == "post"}
    named = {str(each) for each in operations() if "Idempotency-Key" in of_header(each)}
    assert posted - named == set(HARMLESS_AGAIN)
    assert named <= posted


def of_header(operation: Operation) -> set[str]:
    return {each["name"] for each in operation.parameters if each["in"] == "header"}


@pytest.mark.usefixtures("noise")
@pytest.mark.parametrize("operation", CREATES, ids=str)
async def test_what_creates_and_is_sent_again_is_answered_again_and_done_once(
    operation: Operation, app: FastAPI, db: AsyncSession, clock: Clock
) -> None:
    cast = await a_cast(app, db, clock)
    body = await requested(operation, cast)

    async def sent(key: str) -> Response:
        return await cast.asking(operation).post(
            operation.url(cast.places), json=body, headers={"idempotency-key": key}
        )

    first = await sent("once")
    after = await contents(db)
    clock.forward(hours=23)
    again = await sent("once")

    assert first.is_success
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers.raw == first.headers.raw
    assert await contents(db) == after


async def test_a_commit_that_fails_is_never_a_success(couple: Two, engines: Engines) -> None:
    sam, _ = couple

    def fail(_: object) -> None:
        raise ConnectionError

    event.listen(engines["api"].sync_engine, "commit", fail)
    answer = await sam.takes_space("told")
    event.remove(engines["api"].sync_engine, "commit", fail)

    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"


async def test_no_answer_is_kept_on_its_way(couple: Two) -> None:
    sam, _ = couple
    for answer in (await sam.get("/today"), await sam.get("/nowhere"), await sam.patch("/today")):
        assert answer.headers["cache-control"] == "no-store"


# Every instant that an answer can hold. What my partner may see of me says a day and no hour, but
# for what I set myself, to be seen.
INSTANTS = {
    "SpaceTold.ends_at": "told space ends then, and is told with its end",
    "CheckinPublic.closes_at": "midnight: it says a day",
    "CheckinToday.closes_at": "the same",
    "CheckinAnswers.closes_at": "the same",
    "Pairing.expires_at": "the invitation's, for the two whom it brings together",
    "InvitationPublic.expires_at": "the same",
    "SpaceMine.ends_at": "mine",
    "ConsentPublic.expires_at": "mine",
    "ConsentPast.expires_at": "mine",
    "ConsentPast.said_at": "mine",
    "IdentityPublic.linked_at": "mine",
    "IdentityPublic.good_from": "mine",
    "SessionPublic.created_at": "mine",
    "CredentialChangePublic.asked_at": "mine",
    "CredentialChangePublic.takes_effect_at": "mine",
    "ResetPublic.takes_effect_at": "mine",
    "SecurityEventPublic.at": "mine",
    "SessionPublic.rotated_at": "mine",
    "Today.next_reminder_at": "mine",
    "QuietHours.start": "a daily time that its owner shows or keeps",
    "QuietHours.until": "the same",
    "HourFields.at": "mine: `my_hour` of a schedule",
    "Export.made_at": "mine, and so is every time in an export",
    "AccountExport.created_at": "mine",
    "AnswerExport.answered_at": "mine",
    "ChangeExport.asked_at": "mine",
    "ChangeExport.takes_effect_at": "mine",
    "CheckinExport.begun_at": "mine alone",
    "CheckinExport.closes_at": "the same",
    "DeletionPublic.asked_at": "mine",
    "DeletionPublic.due_at": "mine",
    "DeviceExport.registered_at": "mine",
    "PairingExport.invitation_expires_at": "mine",
    "PhraseExport.sent_at": "mine",
    "ScheduleExport.proposed_at": "mine; null for a proposal of my partner's",
    "SecurityEventExport.at": "mine",
    "SessionExport.created_at": "mine",
    "SessionExport.expires_at": "mine",
    "SessionExport.proved_at": "mine",
    "SessionExport.rotated_at": "mine",
    "SpaceExport.began_at": "mine",
    "SpaceExport.ends_at": "mine",
}


def test_nothing_that_a_partner_sees_has_an_hour() -> None:
    found = {
        f"{name}.{field}"
        for name, schema in answered().items()
        for field, said in schema.get("properties", {}).items()
        if tells_an_hour(said)
    }
    assert found == set(INSTANTS)


def tells_an_hour(said: Node) -> bool:
    forms = [said, *said.get("anyOf", []), said.get("items", {})]
    return any(
        form.get("format") in {"date-time", "time"} or ":" in form.get("pattern", "")
        for form in forms
    )


def answered() -> dict[str, Node]:
    """The schemas of all that is ever answered, by name."""
    found: dict[str, Node] = {}
    for operation in operations():
        for media in operation.answers().values():
            found |= reached(media or {}, found)
    return found


def reached(node: Any, known: dict[str, Node]) -> dict[str, Node]:  # noqa: ANN401
    if isinstance(node, list):
        node = dict(enumerate(node))
    if not isinstance(node, dict):
        return known
    if "$ref" in node:
        name = node["$ref"].rsplit("/", 1)[1]
        schema = contract()["components"]["schemas"].get(name, {})
        return known if name in known else reached(schema, known | {name: schema})
    for key, each in node.items():
        known = known if key in {"example", "examples"} else reached(each, known)
    return known


async def test_a_checkin_closes_at_a_midnight(couple: Two, clock: Clock) -> None:
    sam, alex = couple
    clock.forward(minutes=17)
    await alex.begins()

    [checkin] = (await sam.sees("/checkins"))["checkins"]

    assert checkin["closes_at"].endswith("T00:00:00Z")


@pytest.mark.parametrize("name", sorted(answered()))
def test_an_answer_says_everything_it_can_say(name: str) -> None:
    schema = answered()[name]
    assert set(schema.get("required", [])) == set(schema.get("properties", {}))
    assert not any("default" in said for said in schema.get("properties", {}).values())


# What may be left out of a body, and what that means.
LEFT_OUT = {
    "AnswerWrite.release": "released is only what somebody says so of",
    "Leave.tell": "silently: nobody has to stay because of a field",
    "Leave.block": "without blocking: likewise",
}


def test_what_is_left_out_is_never_taken_for_a_choice() -> None:
    bodies: dict[str, Node] = {}
    for operation in operations():
        bodies = reached(operation.body or {}, bodies)
    assert bodies
    found = {
        f"{name}.{field}"
        for name, schema in bodies.items()
        for field in set(schema.get("properties", {})) - set(schema.get("required", []))
    }
    assert found == set(LEFT_OUT)


@pytest.mark.parametrize("name", sorted(contract()["components"]["schemas"]))
def test_no_field_tells_where_somebody_is_on_what_or_since_when(name: str) -> None:
    for field in contract()["components"]["schemas"][name].get("properties", {}):
        assert not NEVER_SAID & set(field.split("_")), field
