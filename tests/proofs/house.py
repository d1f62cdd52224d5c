"""API processes with people who are signed in to them, without anybody's password."""

from asyncio.subprocess import Process
from collections.abc import Mapping

from fastapi import FastAPI
from sqlmodel.ext.asyncio.session import AsyncSession

from api import tokens
from api.tokens import Claims
from tests.builders import KEYRING, TOKEN_KEYS, Person, Two, a_couple
from tests.fakes import Clock
from tests.proofs.stage import Database, now, start


def in_text(keys: Mapping[str, bytes]) -> str:
    return ",".join(f"{name}:{key.hex()}" for name, key in keys.items())


async def serve(
    database: Database, port: int, pooler: str | None = None, **settings: object
) -> Process:
    """One `twofold serve`, with the keys that the people of the tests have."""
    return await start(
        *("api.cli", "serve"),
        database_url=pooler or database.as_text,
        data=database.folder.parent,
        token_keys=in_text(TOKEN_KEYS),
        data_keys=in_text(KEYRING.keys),
        port=port,
        **settings,
    )


async def two_people(db: AsyncSession) -> Two:
    clock, app = Clock(now()), FastAPI()
    return await a_couple(db, Person("sam", app, clock), Person("alex", app, clock))


def bearer(person: Person) -> dict[str, str]:
    token = tokens.issue(TOKEN_KEYS, Claims(person.id, person.session_id), now())
    return {"Authorization": f"Bearer {token}"}
