"""Where the time of a home screen goes: each part by itself, by the processor's own count.

python -m tests.benchmarks.parts --couples 100 --times 2000
"""

from argparse import Namespace
from collections.abc import Awaitable, Callable
from dataclasses import replace
from statistics import median
from time import process_time

import httpx
import uvloop
from fastapi import FastAPI, Response
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.types import ASGIApp, Message

from api import tokens
from api.app import create_app
from api.asking import OPENED, Asking
from api.fittings import Fittings
from api.limits import Limits
from api.observed import Observed
from api.policy import today as policy
from api.policy.limits import POLICIES
from api.today import HOME
from api.tokens import Claims
from schemas.accounts import name_of
from schemas.database import Role, open_engine, transaction
from schemas.pairing import partners_name
from schemas.today import Screen
from tests.benchmarks.asked import Asked
from tests.benchmarks.figures import Section, Table, spread
from tests.benchmarks.measured import run
from tests.builders import KEYRING, TOKEN_KEYS
from tests.proofs.stage import Database, now

SAYS = """Milliseconds of a core in the API process for one home screen, without the server that
reads and writes HTTP; each part was run {times:,} times by itself, turn by turn in {rounds} rounds.
PostgreSQL's own work, and the waiting for it, are not in it."""
ROUNDS = 5
Part = Callable[[], Awaitable[object]]


async def measure(database: Database, people: list[Asked], sizes: Namespace) -> Section:
    engine = open_engine(database.url, Role.API)
    parts = await the_parts(a_house(engine), people[0])
    found: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(ROUNDS):
        for name, part in parts.items():
            found[name].append(await spent(part, sizes.times // ROUNDS))
    await engine.dispose()
    whole = median(found["all of it"])
    rows = [[name, spread(each), f"{median(each) / whole:.0%}"] for name, each in found.items()]
    says = [SAYS.format(times=sizes.times, rounds=ROUNDS)]
    return Section("parts", "Where a home screen's time goes", says, [Table(HEADS, rows)])


HEADS = ["Part", "ms of a core", "Of all"]


def a_house(engine: AsyncEngine) -> Fittings:
    """Whoever asks is counted as ever, and asks never too often."""
    limits = Limits(in_force=[replace(each, most=10**9) for each in POLICIES])
    return Fittings(engine, now, TOKEN_KEYS, KEYRING, limits=limits)


async def spent(part: Part, times: int) -> float:
    for _ in range(20):
        await part()
    began = process_time()
    for _ in range(times):
        await part()
    return (process_time() - began) * 1000 / times


async def the_parts(house: Fittings, who: Asked) -> dict[str, Part]:
    app = create_app(house)
    claims = Claims(who.account_id, who.session_id)
    token = tokens.issue(house.token_keys, claims, now())
    asks = Asking(claims, house, now())
    me, row = await asks.read(HOME)
    screen = Screen.model_validate_json(row[2])

    async def begins_and_commits() -> None:
        async with transaction(house.engine) as db:
            await db.connection()

    async def opens() -> None:
        async with transaction(house.engine) as db:
            await OPENED.one_or_none(db, session=who.session_id, now=now(), lock=False)

    async def reads() -> None:
        await asks.read(HOME)

    async def unseals_and_decides() -> None:
        name, partner = name_of(me.id, row[0], me.key), partners_name(me, row[1])
        shown = policy.shown_to(me, name, partner, screen, now())
        shown.model_dump_json()

    async def understands() -> None:
        Screen.model_validate_json(row[2])

    return {
        "all of it": asking(Observed(app), "/v1/today", token),
        "all of it, but for log, metrics and traces": asking(app, "/v1/today", token),
        "a path without anybody (`/healthz`): layers, counts and routes": asking(
            app, "/healthz", token
        ),
        "one bare FastAPI route": asking(a_bare_app(), "/v1/today", token),
        "a transaction: begin with role and limits, commit": begins_and_commits,
        "a transaction that opens a session": opens,
        "session and screen, in one statement": reads,
        "the screen's rows from JSON": understands,
        "two names unsealed, the screen decided and written as JSON": unseals_and_decides,
    }


def a_bare_app() -> FastAPI:
    app = FastAPI(openapi_url=None)

    @app.get("/v1/today")
    async def read_today() -> Response:
        return Response("{}", media_type="application/json")

    return app


def asking(app: ASGIApp, path: str, token: str, method: str = "GET", body: bytes = b"") -> Part:
    """Without a server, which takes as much for any other application."""
    headers = {"authorization": f"Bearer {token}", "content-length": str(len(body))}
    if body:
        headers["content-type"] = "application/json"

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(said: Message) -> None:
        if not httpx.codes.is_success(said.get("status", 200)):
            raise AssertionError(said)

    async def ask() -> None:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 1),
            "server": ("api", 80),
        }
        await app(scope, receive, send)

    return ask


if __name__ == "__main__":
    run(measure, uvloop.run, couples=100, times=2000)
