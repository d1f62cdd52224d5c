"""What no application on this server can be faster than: one FastAPI route, one raw query.

    python -m tests.benchmarks.ceiling PORT URL FILE

It asks nobody who they are. What it sends is what the file holds, and comes from the database.
"""

import asyncio
import sys
from pathlib import Path

import psycopg
import uvicorn
import uvloop
from fastapi import FastAPI, Response

from api.settings import Settings
from api.wire import wired

CONNECTIONS = 10


async def main(port: str, url: str, file: str, screen: str) -> None:
    free: asyncio.LifoQueue[psycopg.AsyncConnection] = asyncio.LifoQueue()
    for _ in range(CONNECTIONS):
        free.put_nowait(await psycopg.AsyncConnection.connect(url, autocommit=True))
    app = FastAPI(openapi_url=None)

    @app.get("/v1/today")
    async def read_today() -> Response:
        connection = await free.get()
        try:
            cursor = await connection.execute("select %s::text", (screen,))
            row = await cursor.fetchone()
        finally:
            free.put_nowait(connection)
        return Response(row and row[0], media_type="application/json")

    settings = Settings.from_environment({"TWOFOLD_DATA": str(Path(file).parent)})
    config = uvicorn.Config(app, port=int(port), log_config=None, **wired(settings))
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    _, port, url, file = sys.argv
    uvloop.run(main(port, url, file, Path(file).read_text()))
