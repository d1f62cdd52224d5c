"""The people of a scene, and the rows behind them."""

import re
from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import UUID, uuid4

from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Auth, Request, Response
from sqlalchemy import NullPool, literal_column, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from api import tokens
from api.crowd import Crowd
from api.deps import become, paired
from api.fittings import Fittings
from api.limits import Limits
from api.passwords import HASHER
from api.tokens import Claims
from schemas import accounts
from schemas.accounts import Account
from schemas.base import Locale, new_id
from schemas.blocks import Block
from schemas.boundaries import boundaries_of
from schemas.consents import Consent, ConsentWrite, Purpose
from schemas.data_keys import DataKey, place
from schemas.database import transaction
from schemas.devices import Device, Platform, TargetKind
from schemas.identities import Issuer
from schemas.mail import Letter, Mail, MailKind, opened
from schemas.nudges import Kind, Nudge, Push
from schemas.pairing import Couple, CoupleMember, Member, name_place
from schemas.pairing import Person as Asking
from schemas.sealing import Keyring, new_key, seal
from schemas.sessions import Session
from tests.fakes import NOON, Clock
from tests.local_issuer import ISSUERS

SIX = "2026-03-02T18:00:00Z"
TOKEN_KEYS = {"test": b"0123456789abcdef0123456789abcdef"}
KEYRING = Keyring({"test": b"fedcba9876543210fedcba9876543210"})
NO_BOUNDARIES = boundaries_of([])
PASSWORD = "gravel lantern tuesday otter"
EVERYTHING = frozenset(Purpose)
ANY_ID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class SignedIn(Auth):
    """A token that is fresh whatever the clock shows: how tokens end is told elsewhere."""

    def __init__(self, claims: Claims, clock: Clock) -> None:
        self.claims, self.clock = claims, clock

    def auth_flow(self, request: Request) -> Generator[Request, Response, None]:
        token = tokens.issue(TOKEN_KEYS, self.claims, self.clock.now)
        request.headers["authorization"] = f"Bearer {token}"
        yield request


def fittings(
    engine: AsyncEngine, clock: Clock, token_keys: Mapping[str, bytes] = TOKEN_KEYS
) -> Fittings:
    """What the application of a test is built with. Nothing is counted in it, and lines are waited
    in for as long as a machine takes that is busy.
    """
    crowd = Crowd(patience=10)
    return Fittings(engine, clock, token_keys, KEYRING, limits=Limits(in_force=()), crowd=crowd)


def asking(
    zone: str = "UTC",
    locale: Locale = Locale.EN,
    couple_id: UUID | None = None,
    partner_id: UUID | None = None,
) -> Asking:
    """Somebody who asks, for what needs no database."""
    keys = {"key": bytes(32), "couple_key": bytes(32) if couple_id else None}
    who = {"id": uuid4(), "session_id": uuid4(), "proved_at": NOON}
    where = {"zone": zone, "locale": locale, "couple_id": couple_id, "partner_id": partner_id}
    kind = Member if couple_id and partner_id else Asking
    return kind(**who, **where, **keys)  # type: ignore[arg-type]


class Person(AsyncClient):
    """Somebody signed in on one phone, with the verbs of the app."""

    def __init__(self, name: str, app: FastAPI, clock: Clock) -> None:
        self.name = name
        self.id: UUID = new_id(clock.now)
        self.session_id: UUID = new_id(clock.now)
        self.phone = f"phone-of-{name}-{self.id}"
        self.clock = clock
        super().__init__(
            base_url="http://api/v1",
            auth=SignedIn(Claims(self.id, self.session_id), clock),
            transport=ASGITransport(app, raise_app_exceptions=False),
        )

    async def sees(self, path: str) -> Any:  # noqa: ANN401
        return (await self.get(path)).json()

    async def takes_space(self, mode: str, ends_at: str | None = None) -> Response:
        return await self.put("/space", json={"mode": mode, "ends_at": ends_at})

    async def sends(self, phrase: str = "thinking_of_you", key: str | None = None) -> Response:
        named = {"idempotency-key": key} if key else None
        return await self.post("/nudges/sent", json={"phrase": phrase}, headers=named)

    async def allows(self, purpose: str, expires_at: str | None = None) -> Response:
        yes = {"text_version": 1, "expires_at": expires_at}
        return await self.put(f"/consents/{purpose}", json=yes)

    async def withdraws(self, purpose: str) -> Response:
        return await self.delete(f"/consents/{purpose}")

    async def sets(self, **boundaries: object) -> Response:
        kinds = ("quiet_hours", "daily_budget", "off_limit_topics", "unwanted_nudges")
        return await self.put("/boundaries", json=dict.fromkeys(kinds) | boundaries)

    async def begins(self, pack: str = "daily_pulse", *, for_both: bool = True) -> str:
        answer = await self.post("/checkins", json={"pack": pack, "for_both": for_both})
        assert answer.status_code == 201, answer.text
        checkin_id: str = answer.json()["id"]
        return checkin_id

    async def answers(self, checkin_id: str, **values: object) -> Response:
        said = [{"question": name, "value": value} for name, value in values.items()]
        return await self.put(f"/checkins/{checkin_id}/answers", json={"answers": said})

    async def answers_and_releases(self, checkin_id: str, **values: object) -> Response:
        said = [
            {"question": name, "value": value, "release": True} for name, value in values.items()
        ]
        return await self.put(f"/checkins/{checkin_id}/answers", json={"answers": said})

    async def releases(self, checkin_id: str, *questions: str) -> Response:
        chosen = {"questions": questions}
        return await self.post(f"/checkins/{checkin_id}/answers/released", json=chosen)

    async def reads(self, checkin_id: str) -> dict[str, Any]:
        """What my partner's answers look like to me, by question."""
        shown = await self.sees(f"/checkins/{checkin_id}/answers")
        return {each["question"]["id"]: each["partner"] for each in shown["questions"]}

    async def schedules(self, **terms: object) -> Response:
        weekly = {"pack": "weekly_checkin", "cadence": "weekly", "weekday": "sunday"}
        mine = {"at": "20:00", "zone": "Europe/Lisbon", "for_both": True}
        return await self.post("/schedules", json=weekly | mine | terms)

    async def signs(self, schedule: dict[str, Any], **hour: str) -> Response:
        mine = {"at": "09:00", "zone": "America/Denver", "version": schedule["version"]}
        return await self.put(f"/schedules/{schedule['id']}/signature", json=mine | hour)

    async def leaves(self, *, tell: bool = False, block: bool = False) -> Response:
        return await self.post("/pairing/leave", json={"tell": tell, "block": block})

    async def takes_back(self, checkin_id: str, question: str) -> Response:
        return await self.delete(f"/checkins/{checkin_id}/answers/released/{question}")

    async def dismisses(self, nudge_id: str) -> Response:
        return await self.delete(f"/nudges/{nudge_id}")

    async def moves_to(self, zone: str, locale: str = "en") -> Response:
        me = {"display_name": self.name.title(), "zone": zone, "locale": locale}
        return await self.put("/accounts/me", json=me)

    async def invites(self) -> str:
        """The code that the invitation shows, once."""
        answer = await self.put("/pairing/invitation")
        assert answer.status_code == 200, answer.text
        code: str = answer.json()["code"]
        return code

    async def types(self, code: str) -> Response:
        return await self.post("/pairing/redeem", json={"code": code})

    async def confirms(self) -> Response:
        return await self.post("/pairing/confirm")

    async def links(self, issuer: str = "apple", subject: str | None = None) -> Response:
        """By a name there that nobody else has, unless one is given."""
        named = subject or f"{self.name}-{self.id}"
        shown = ISSUERS[Issuer(issuer)].proof(self.clock.now, named)
        return await self.put(f"/identities/{issuer}", json=shown)

    async def steps_back(self) -> Response:
        """From an invitation, my own or one that I typed."""
        return await self.delete("/pairing/invitation")

    async def proves(self, password: str = PASSWORD) -> Response:
        return await self.post("/sessions/current/proof", json={"password": password})

    async def pairs_with(self, other: "Person") -> None:
        await other.types(await self.invites())
        answer = await self.confirms()
        assert answer.status_code == 200, answer.text


class Stranger(AsyncClient):
    """A phone on which nobody is signed in, with what anybody may try."""

    def __init__(self, app: FastAPI, address: str = "127.0.0.1") -> None:
        self.app = app
        transport = ASGITransport(app, raise_app_exceptions=False, client=(address, 1))
        super().__init__(base_url="http://api/v1", transport=transport)

    async def asks_to_sign_up(self, **said: object) -> Response:
        robin = {"email": "robin@example.org", "password": PASSWORD, "display_name": "Robin"}
        where = {"zone": "Europe/Lisbon", "locale": "en", "born_on": "1990-05-17"}
        return await self.post("/accounts", json=robin | where | said)

    async def signs_up(self, **said: object) -> Response:
        """And opens the mail that follows, if one with a link follows."""
        email, password = said.get("email", "robin@example.org"), said.get("password", PASSWORD)
        before = await letters_to(email, self.app)
        answer = await self.asks_to_sign_up(**said)
        for letter in (await letters_to(email, self.app))[len(before) :]:
            if letter.kind is MailKind.PROVE_SIGN_UP:
                await self.confirms(letter.token, password)
        return answer

    async def confirms(self, token: object, password: object = PASSWORD) -> Response:
        return await self.post("/accounts/confirm", json={"token": token, "password": password})

    async def signs_in(
        self, email: str = "robin@example.org", password: str = PASSWORD, **headers: str
    ) -> Response:
        said = {"email": email, "password": password}
        return await self.post("/sessions", json=said, headers=headers)

    async def token_sent_to(self, email: str, kind: MailKind) -> str:
        """Of the newest mail of this kind."""
        tokens = [each.token for each in await letters_to(email, self.app) if each.kind is kind]
        assert tokens
        assert tokens[-1]
        return tokens[-1]

    async def signs_up_with(self, proof: dict[str, str], issuer: str = "apple") -> Response:
        robin = {"display_name": "Robin", "zone": "Europe/Lisbon", "locale": "en"}
        said = robin | {"born_on": "1990-05-17"} | proof
        return await self.post(f"/identities/{issuer}/sign-up", json=said)

    async def signs_in_with(
        self, proof: dict[str, str], issuer: str = "apple", **headers: str
    ) -> Response:
        return await self.post(f"/identities/{issuer}/sign-in", json=proof, headers=headers)

    async def refreshes(self, refresh_token: str, **headers: str) -> Response:
        said = {"refresh_token": refresh_token}
        return await self.post("/sessions/refresh", json=said, headers=headers)

    async def asks(self, access_token: str, path: str = "/accounts/me") -> Response:
        return await self.get(path, headers={"authorization": f"Bearer {access_token}"})


async def letters_to(email: object, app: FastAPI) -> list[Letter]:
    """The mails that wait for an address, oldest first, as the worker will open them."""
    house: Fittings = app.state.house
    engine = create_async_engine(house.engine.url, poolclass=NullPool)
    async with transaction(engine) as owner:
        rows = (await owner.exec(select(Mail).order_by(literal_column("xmin::text::bigint")))).all()
    await engine.dispose()
    letters = [opened(row.id, MailKind(row.kind), row.sealed, house.mail_keys) for row in rows]
    return [letter for letter in letters if letter.to == str(email).lower()]


@cache
def hash_of_password() -> str:
    """Made once: it takes its time."""
    return HASHER.hash(PASSWORD)


Two = tuple[Person, Person]


async def a_person(db: AsyncSession, person: Person, zone: str = "Europe/Lisbon") -> Person:
    """Signed up and signed in, with one phone, alone, and having allowed nothing."""
    now = person.clock.now
    key = new_key()
    account = Account(
        id=person.id,
        email=f"{person.name}-{person.id}@example.org",
        password_hash=hash_of_password(),
        name=seal(key, person.name.title().encode(), accounts.name_place(person.id)),
        zone=zone,
        locale=Locale.EN,
        created_at=now,
    )
    session = Session.begin(person.id, now)
    session.id, session.expires_at = person.session_id, now + timedelta(days=3650)
    device = Device(
        id=new_id(now),
        account_id=person.id,
        session_id=person.session_id,
        target_kind=TargetKind.TOKEN,
        target=person.phone,
        platform=Platform.ANDROID,
        locale=Locale.EN,
        discreet=False,
        registered_at=now,
    )
    kept = DataKey.of(key, KEYRING, new_id(now), person.id, None)
    for row in (account, kept, session, device):
        db.add(row)
        await db.flush()
    await db.commit()
    return person


async def another_phone(db: AsyncSession, person: Person, app: FastAPI) -> Person:
    """The same person, signed in once more, on a phone that is not registered for pushes."""
    phone = Person(person.name, app, person.clock)
    phone.id = person.id
    phone.auth = SignedIn(Claims(person.id, phone.session_id), person.clock)
    session = Session.begin(person.id, person.clock.now)
    session.id, session.expires_at = phone.session_id, person.clock.now + timedelta(days=3650)
    db.add(session)
    await db.commit()
    return phone


async def a_couple(
    db: AsyncSession, one: Person, other: Person, allowed: Collection[Purpose] = EVERYTHING
) -> Two:
    """Paired, and each having allowed these purposes."""
    now = one.clock.now
    for person in (one, other):
        await a_person(db, person)
    couple = Couple(id=new_id(now), paired_at=now)
    db.add(couple)
    await db.flush()
    key = new_key()
    for me, partner in ((one, other), (other, one)):
        name = seal(key, partner.name.title().encode(), name_place(couple.id, me.id))
        db.add(
            CoupleMember(
                account_id=me.id, partner_id=partner.id, couple_id=couple.id, partner_name=name
            )
        )
    await db.flush()
    for me, partner in ((one, other), (other, one)):
        db.add(DataKey.of(key, KEYRING, new_id(now), me.id, couple.id))
        asks = replace(asking(couple_id=couple.id, partner_id=partner.id), id=me.id)
        last = None
        for purpose in sorted(allowed):
            yes = ConsentWrite(text_version=1, expires_at=None)
            last = Consent.of(asks, last, purpose, yes, now)
            db.add(last)
    await db.commit()
    return one, other


async def a_block(db: AsyncSession, blocker: Person, former: Person) -> Block:
    """As if these two had been a couple once, and the one had blocked the other in leaving."""
    mine = col(DataKey.account_id) == blocker.id, col(DataKey.couple_id).is_(None)
    wrapped = (await db.exec(select(DataKey.wrapped).where(*mine))).one()
    key = KEYRING.unwrap(wrapped, place(blocker.id, None))
    once = replace(asking(couple_id=uuid4(), partner_id=former.id), id=blocker.id, key=key)
    today = blocker.clock.now.date()
    block = Block.of(paired(once), former.name.title(), new_id(blocker.clock.now), today)
    db.add(block)
    await db.commit()
    return block


def in_bytes(*answers: Response) -> list[tuple[int, list[tuple[bytes, bytes]], bytes]]:
    """Everything an app could tell these answers apart by. Ids are random, so each becomes the
    number of its first appearance: two worlds look alike if they are alike in all else.
    """
    numbers: dict[bytes, bytes] = {}

    def numbered(found: re.Match[bytes]) -> bytes:
        return numbers.setdefault(found[0], b"id-%030d" % len(numbers))

    return [
        (each.status_code, each.headers.raw, ANY_ID.sub(numbered, each.content)) for each in answers
    ]


async def nudges_of(person: Person, db: AsyncSession) -> list[Kind]:
    """The kinds of what waits for somebody in the database, whatever their door says."""
    rows = await db.exec(select(Nudge.kind).where(Nudge.account_id == person.id))
    return sorted(map(Kind, rows))


async def pushes_of(person: Person, db: AsyncSession) -> list[Push]:
    return list(await db.exec(select(Push).where(Push.account_id == person.id)))


async def run_as(
    engine: AsyncEngine, person: Person, statement: str, **values: object
) -> Sequence[Any]:
    """Whatever a mistake in a route could say to the database, as this person."""
    async with transaction(engine) as db:
        await become(db, person.id)
        result = await (await db.connection()).execute(text(statement), values)
        return result.scalars().all() if result.returns_rows else []
