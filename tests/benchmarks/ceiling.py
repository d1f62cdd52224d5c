"""What no application on this server can be faster than: one FastAPI route, one raw query.

    python -m tests.benchmarks.ceiling PORT URL FILE
    python -m tests.benchmarks.ceiling PORT URL

With a file it asks nobody who they are: what it sends is what the file holds, and comes from the
database. Without, it reads a token, asks Twofold's own statement for the home screen of whoever
brings it, and sends the rows as they come: nothing is counted, unsealed, judged, shown or logged.
"""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import gettempdir

import psycopg
import uvicorn
import uvloop
from fastapi import FastAPI, Request, Response

from api import tokens
from api.settings import Settings
from api.today import HOME
from api.wire import wired
from schemas.database import Role
from tests.builders import TOKEN_KEYS
from tests.proofs.stage import now

CONNECTIONS = 10
Asks = Callable[[Request], tuple[str, list[object]]]


def the_same(file: str) -> Asks:
    screen = Path(file).read_text()
    return lambda _: ("select $1::text", [screen])


def their_own(request: Request) -> tuple[str, list[object]]:
    token = request.headers["authorization"].removeprefix("Bearer ")
    claims = tokens.read(TOKEN_KEYS, token, now())
    assert claims
    said = {**HOME.constants, "session": claims.session_id, "now": now(), "lock": False}
    return HOME.text, [said[name] for name in HOME.order]


async def main(port: str, url: str, asks: Asks) -> None:
    free: asyncio.LifoQueue[psycopg.AsyncConnection] = asyncio.LifoQueue()
    for _ in range(CONNECTIONS):
        connection = await psycopg.AsyncConnection.connect(url, autocommit=True)
        await connection.execute(f"set role {Role.API}")
        free.put_nowait(connection)
    app = FastAPI(openapi_url=None)

    @app.get("/v1/today")
    async def read_today(request: Request) -> Response:
        connection = await free.get()
        try:
            cursor = psycopg.AsyncRawCursor(connection)
            await cursor.execute(*asks(request))
            row = await cursor.fetchone()
        finally:
            free.put_nowait(connection)
        return Response(row and row[-1], media_type="application/json")

    settings = Settings.from_environment({"TWOFOLD_DATA": gettempdir()})
    config = uvicorn.Config(app, port=int(port), log_config=None, **wired(settings))
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    _, port, url, *files = sys.argv
    uvloop.run(main(port, url, the_same(*files) if files else their_own))
