"""Processes of Twofold, as they are started in production, and stopped by signals."""

import asyncio
import os
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from httpx import AsyncClient, TransportError
from sqlalchemy import URL

ENOUGH = 60.0  # seconds


@asynccontextmanager
async def a_process(
    *command: str, database: URL, data: Path, **settings: str
) -> AsyncIterator[Process]:
    """Killed in the end, if it has not ended by then. What it logs can be read from it."""
    environment = os.environ | {
        "TWOFOLD_DATABASE_URL": database.render_as_string(hide_password=False),
        "TWOFOLD_DATA": str(data),
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api.cli", *command),
        env=environment | settings,
        stdout=DEVNULL,
        stderr=PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@asynccontextmanager
async def answering(process: Process, url: str) -> AsyncIterator[None]:
    """From its first answer on; told to stop in the end, and waited for."""
    try:
        await until_it_answers(url)
        yield
    finally:
        process.terminate()
        await process.wait()


def a_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


async def until_it_answers(url: str) -> None:
    async with asyncio.timeout(ENOUGH), AsyncClient(trust_env=False) as phone:
        while True:
            try:
                await phone.get(url)
            except TransportError:
                await asyncio.sleep(0.05)
            else:
                return
