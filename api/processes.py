"""The processes of production: one serves the API, the other sends. As many of each as needed."""

import asyncio
import gc
import logging
import socket
from contextlib import AsyncExitStack
from functools import partial

import uvicorn
from sqlalchemy import URL

import migrations
from api.app import create_app
from api.house import Clock, a_postman, a_sender, counted, fittings
from api.observed import Observed
from api.settings import Settings
from api.stopping import told_to_stop
from api.wire import wired
from notifications import postman, worker
from notifications.emulator_socket import Server
from schemas.database import Role, open_engine
from schemas.readiness import ready

# For requests in flight, once told to stop; what then still runs is cut off and rolled back.
LAST_REQUESTS = 20  # seconds

log = logging.getLogger(__name__)


async def serve(settings: Settings, url: URL, clock: Clock) -> None:
    """Until told to stop: then nobody new is let in, and who is in gets their answer."""
    stop = told_to_stop()
    async with AsyncExitStack() as house:
        engine = open_engine(url, Role.API)
        house.push_async_callback(engine.dispose)
        await ready(engine, migrations.head())
        fitted = fittings(settings, engine, clock)
        await house.enter_async_context(counted(settings, {Role.API: engine}, fitted.passwords))
        server = Server(the_config(Observed(create_app(fitted)), settings))
        gc.freeze()  # see `work`
        serving = asyncio.create_task(server.serve(sockets=[listener(settings)]))
        await server.ready.wait()
        log.info("serving", extra={"host": settings.host, "port": settings.port})
        await stop.wait()
        server.should_exit = True
        await serving


def the_config(app: Observed, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app, log_config=None, timeout_graceful_shutdown=LAST_REQUESTS, **wired(settings)
    )


def listener(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    return socket.create_server((settings.host, settings.port), family=family, backlog=2048)


async def work(settings: Settings, url: URL, clock: Clock) -> None:
    """Until told to stop: then what has begun is finished, and what has not is given back."""
    stop = told_to_stop()
    async with AsyncExitStack() as house:
        engine = open_engine(url, Role.WORKER)
        house.push_async_callback(engine.dispose)
        await ready(engine, migrations.head())
        await house.enter_async_context(counted(settings, {Role.WORKER: engine}))
        sender, _ = await house.enter_async_context(a_sender(settings, clock))
        log.info("working")
        # Nothing that stands now will ever be garbage. To look through it again and again takes a
        # twentieth of the API's time, and a quarter of a worker's, who makes a lot at a time.
        gc.freeze()
        # Workers on several machines go by one clock: the database's.
        by = partial(worker.database_clock, engine)
        await asyncio.gather(
            worker.work(engine, sender, by, stop, settings.fcm_per_minute),
            postman.work(engine, a_postman(settings), by, stop),
        )
