"""Every operation of the contract, and a scene in which each of them can be asked for."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import update
from sqlmodel.ext.asyncio.session import AsyncSession

from api.app import create_app
from schemas.mail import MailKind
from schemas.sessions import LASTS, Session
from tests.builders import (
    Person,
    Stranger,
    a_block,
    a_couple,
    a_person,
    another_phone,
    fittings,
)
from tests.fakes import Clock
from tests.local_issuer import APPLE

Node = dict[str, Any]
ROBIN = "robin@example.org"


@dataclass(frozen=True)
class Operation:
    """One of the contract, as documented."""

    method: str
    path: str
    said: Node

    def __str__(self) -> str:
        name: str = self.said["operationId"]
        return name

    @property
    def wants_a_token(self) -> bool:
        return bool(self.said["security"])

    @property
    def parameters(self) -> list[Node]:
        return list(self.said.get("parameters", []))

    @property
    def body(self) -> Node | None:
        """What is documented of a request's body: its schema, and an example."""
        content: Node = self.said.get("requestBody", {}).get("content", {})
        return content.get("application/json")

    def answers(self) -> dict[int, Node | None]:
        """By status, what is documented of an answer that is no refusal; None: it is empty."""
        return {
            int(status): answer.get("content", {}).get("application/json")
            for status, answer in self.said["responses"].items()
            if int(status) < 300
        }

    def url(self, places: Mapping[str, object]) -> str:
        """Its address, with these in the place of its examples."""
        path = self.path.removeprefix("/v1")
        for each in self.parameters:
            if each["in"] == "path":
                value = places.get(each["name"]) or each["example"]
                path = path.replace(f"{{{each['name']}}}", str(value))
        return path

    def query(self) -> Node:
        return {each["name"]: each["example"] for each in self.parameters if each["in"] == "query"}


@cache
def bare_app() -> FastAPI:
    """The application with no database behind it, for what it says of itself."""
    return create_app(fittings(create_async_engine("postgresql+psycopg://"), Clock()))


def contract() -> Node:
    return bare_app().openapi()


def followed(node: Node) -> Node:
    """What a reference in the document stands for."""
    while "$ref" in node:
        found: Any = contract()
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        node = found
    return node


@cache
def operations() -> list[Operation]:
    found = [
        Operation(method, path, said)
        for path, methods in contract()["paths"].items()
        for method, said in methods.items()
    ]
    assert found, "without operations these tests test nothing"
    return found


@dataclass
class Cast:
    """Sam and Alex with everything going on between them, two who are alone, and a bare phone."""

    sam: Person
    alex: Person
    robin: Person
    kit: Person
    phone: Stranger
    places: dict[str, str]  # what stands in a path, from Sam's side

    def asking(self, operation: Operation) -> AsyncClient:
        if not operation.wants_a_token:
            return self.phone
        return self.robin if str(operation) in FOR_WHOEVER_IS_ALONE else self.sam


FOR_WHOEVER_IS_ALONE = {"pairing_invite", "pairing_redeem", "pairing_confirm"}


async def a_cast(app: FastAPI, db: AsyncSession, clock: Clock) -> Cast:
    sam, alex = await a_couple(db, Person("sam", app, clock), Person("alex", app, clock))
    robin = await a_person(db, Person("robin", app, clock))
    kit = await a_person(db, Person("kit", app, clock))
    tablet = await another_phone(db, sam, app)
    # As long as a session lasts, since the export shows it.
    await db.exec(update(Session).values(expires_at=clock.now + LASTS))
    await db.commit()
    checkin_id = await alex.begins()
    for person in (alex, sam):
        await person.answers(checkin_id, mood=4, closeness=3)
        await person.releases(checkin_id, "mood")
    await sam.releases(checkin_id, "closeness")
    schedule = (await alex.schedules()).json()
    await alex.sends()
    await sam.sends("good_night")
    places = {
        "checkin_id": checkin_id,
        "schedule_id": schedule["id"],
        "nudge_id": (await sam.sees("/nudges"))["nudges"][0]["id"],
        "session_id": str(tablet.session_id),
        "block_id": str((await a_block(db, sam, kit)).id),
        "device_id": (await sam.sees("/devices"))[0]["id"],
    }
    return Cast(sam, alex, robin, kit, Stranger(app), places)


async def nothing_first(_: Cast) -> Node:
    return {}


async def signs_up_first(cast: Cast) -> Node:
    await cast.phone.signs_up()
    return {}


async def gets_the_mail_of_a_sign_up_first(cast: Cast) -> Node:
    await cast.phone.asks_to_sign_up()
    return {"token": await cast.phone.token_sent_to(ROBIN, MailKind.PROVE_SIGN_UP)}


async def gets_the_mail_of_a_reset_first(cast: Cast) -> Node:
    await cast.phone.signs_up()
    await cast.phone.post("/accounts/reset", json={"email": ROBIN})
    return {"token": await cast.phone.token_sent_to(ROBIN, MailKind.RESET)}


async def sam_changes_the_password_first(cast: Cast) -> Node:
    await cast.sam.put("/credentials/password", json={"password": "another otter by the lantern"})
    return {}


async def sam_gets_the_mail_of_a_new_address_first(cast: Cast) -> Node:
    new = "sam@elsewhere.example.org"
    await cast.sam.put("/credentials/email", json={"email": new})
    return {"token": await cast.phone.token_sent_to(new, MailKind.PROVE_EMAIL)}


async def signs_in_first(cast: Cast) -> Node:
    await cast.phone.signs_up()
    tokens = (await cast.phone.signs_in()).json()
    return {"refresh_token": tokens["refresh_token"]}


async def kit_invites_first(cast: Cast) -> Node:
    return {"code": await cast.kit.invites()}


async def kit_types_first(cast: Cast) -> Node:
    await cast.kit.types(await cast.robin.invites())
    return {}


async def both_take_space_first(cast: Cast) -> Node:
    await cast.alex.takes_space("told", "2026-03-06T18:00:00Z")
    await cast.sam.takes_space("silent")
    return {}


async def alex_sends_into_silent_space_first(cast: Cast) -> Node:
    cast.sam.clock.forward(hours=1)
    await cast.sam.takes_space("silent")
    await cast.alex.sends("thank_you")
    return {}


async def sam_signs_first(cast: Cast) -> Node:
    [schedule] = await cast.sam.sees("/schedules")
    await cast.sam.signs(schedule)
    return {}


async def robin_shows_an_identity(cast: Cast) -> Node:
    return {**APPLE.proof(cast.sam.clock.now, "robin")}


async def robin_signs_up_with_it_first(cast: Cast) -> Node:
    await cast.phone.signs_up_with(APPLE.proof(cast.sam.clock.now, "robin"))
    return await robin_shows_an_identity(cast)


async def sam_links_first(cast: Cast) -> Node:
    await cast.sam.links("apple", "sam")
    cast.sam.clock.forward(days=3)
    await cast.sam.proves()
    return {**APPLE.proof(cast.sam.clock.now, "sam")}


async def alex_shows_a_boundary_first(cast: Cast) -> Node:
    await cast.alex.sets(daily_budget={"most": 3, "shown": True})
    return {}


async def sam_signs_and_moves_first(cast: Cast) -> Node:
    await sam_signs_first(cast)
    await cast.sam.put("/credentials/email", json={"email": "sam@elsewhere.example.org"})
    await cast.sam.links()
    return {}


async def sam_asks_for_deletion_first(cast: Cast) -> Node:
    await cast.sam.post("/privacy/deletion")
    return {}


# What must have happened, and what of the example is different each time it is played.
FIRST: dict[str, Callable[[Cast], Awaitable[Node]]] = {
    "accounts_confirm": gets_the_mail_of_a_sign_up_first,
    "accounts_reset": gets_the_mail_of_a_reset_first,
    "boundaries_read_boundaries": alex_shows_a_boundary_first,
    "boundaries_set_boundaries": alex_shows_a_boundary_first,
    "credentials_confirm_email": sam_gets_the_mail_of_a_new_address_first,
    "credentials_read_pending": sam_changes_the_password_first,
    "credentials_stop": sam_changes_the_password_first,
    "identities_link": robin_shows_an_identity,
    "identities_prove": sam_links_first,
    "identities_read_identities": sam_links_first,
    "identities_sign_in": robin_signs_up_with_it_first,
    "identities_sign_up": robin_shows_an_identity,
    "identities_unlink": sam_links_first,
    "nudges_discard": alex_sends_into_silent_space_first,
    "nudges_look": alex_sends_into_silent_space_first,
    "nudges_read_nudges": alex_sends_into_silent_space_first,
    "pairing_confirm": kit_types_first,
    "pairing_redeem": kit_invites_first,
    "privacy_export": sam_signs_and_moves_first,
    "privacy_read_deletion": sam_asks_for_deletion_first,
    "schedules_read_schedules": sam_signs_first,
    "security_read_security": sam_changes_the_password_first,
    "sessions_refresh": signs_in_first,
    "sessions_sign_in": signs_up_first,
    "space_read_space": both_take_space_first,
    "today_read_today": sam_signs_first,
}


async def requested(operation: Operation, cast: Cast) -> Node | None:
    """The example of its body, as it fits this scene."""
    changed = await FIRST.get(str(operation), nothing_first)(cast)
    return operation.body["example"] | changed if operation.body else None
