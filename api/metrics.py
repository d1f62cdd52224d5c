"""Metrics: counts and times for whoever runs this, on a port of its own and never the public one.

No label says who, or whose: what is counted is counted for everybody together.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

from prometheus_client import Counter, Gauge, Histogram, start_http_server
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

from api.passwords import Passwords
from schemas.database import Role

REQUESTS = Counter("twofold_requests", "Requests answered.", ["operation", "status"])
SECONDS = Histogram("twofold_request_seconds", "How long an answer took.", ["operation"])
IN_FLIGHT = Gauge("twofold_requests_in_flight", "Requests that are being answered.")
KNOCKS = Counter("twofold_knocks", "What the door said to somebody who sends.", ["verdict"])
PASSWORDS = Gauge("twofold_passwords_in_line", "Passwords that wait for Argon2, or are in it.")
CONNECTIONS = Gauge("twofold_database_connections", "Connections in use.", ["role"])
LAG = Histogram(
    "twofold_event_loop_lag_seconds",
    "How late the event loop was, once a second.",
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5),
)


@asynccontextmanager
async def metrics(
    port: int | None, host: str, engines: Mapping[Role, AsyncEngine], passwords: Passwords | None
) -> AsyncIterator[int | None]:
    """Served until the block is left; without a port there are none, and nothing is measured."""
    if port is None:
        yield None
        return
    for role, engine in engines.items():
        CONNECTIONS.labels(role).set_function(partial(in_use, engine))
    if passwords:
        PASSWORDS.set_function(lambda: passwords.in_line)
    server, thread = start_http_server(port, host)
    measuring = asyncio.create_task(measure_lag())
    try:
        yield server.server_port
    finally:
        measuring.cancel()
        await asyncio.to_thread(server.shutdown)
        server.server_close()
        thread.join()


def in_use(engine: AsyncEngine) -> int:
    pool = engine.sync_engine.pool
    return pool.checkedout() if isinstance(pool, QueuePool) else 0


async def measure_lag() -> None:
    loop = asyncio.get_running_loop()
    while True:
        meant = loop.time() + 1
        await asyncio.sleep(1)
        LAG.observe(max(0.0, loop.time() - meant))
