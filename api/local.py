"""The whole of Twofold in one process: API, worker and, without credentials, a local FCM.

For development and the demo. In production the API and the worker are processes of their own,
as many of each as are needed.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncEngine

import migrations
from api.app import create_app
from api.house import Clock, a_postman, a_sender, counted, fittings
from api.observed import Observed
from api.settings import Settings
from api.wire import wired
from notifications import postman, worker
from notifications.emulator_socket import serve
from notifications.fcm import Fcm
from schemas.database import Role, open_engine
from schemas.readiness import ready

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where to knock."""

    api: str
    fcm: str | None  # None: pushes go to Google


@asynccontextmanager
async def everything(
    url: URL, clock: Clock, settings: Settings, port: int
) -> AsyncIterator[Addresses]:
    """All of it by one clock, on this port or a free one, until the block is left."""

    async def shared_clock() -> datetime:
        return clock()

    async with AsyncExitStack() as house:
        engines = [open_engine(url, role) for role in Role]
        for engine in engines:
            house.push_async_callback(engine.dispose)
        api, workers = engines
        for engine in engines:
            await ready(engine, migrations.head())
        sender, fcm = await house.enter_async_context(a_sender(settings, clock))
        await house.enter_async_context(working(workers, sender, settings, shared_clock))
        fitted = fittings(settings, api, clock)
        by_role = dict(zip(Role, engines, strict=True))
        await house.enter_async_context(counted(settings, by_role, fitted.passwords))
        serving = serve(Observed(create_app(fitted)), port, settings.host, **wired(settings))
        address = await house.enter_async_context(serving)
        yield Addresses(address, fcm)


@asynccontextmanager
async def working(
    engine: AsyncEngine,
    sender: Fcm,
    settings: Settings,
    clock: Callable[[], Awaitable[datetime]],
) -> AsyncIterator[None]:
    """A worker that finishes what it has begun when the block is left."""
    stop = asyncio.Event()
    both = asyncio.gather(
        worker.work(engine, sender, clock, stop, settings.fcm_per_minute),
        postman.work(engine, a_postman(settings), clock, stop),
    )
    try:
        yield
    finally:
        stop.set()
        await both
