"""Serves an application from the running loop, and lets it hang up without an answer."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from fastapi import Request
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol


@asynccontextmanager
async def serve(
    app: ASGIApp,
    port: int = 0,
    host: str = "127.0.0.1",
    **how: Any,  # noqa: ANN401 - as `uvicorn.Config` takes it
) -> AsyncIterator[str]:
    """On loopback and on a free port, unless others are given; yields the base URL."""
    listener = socket.create_server((host, port))
    port = listener.getsockname()[1]
    # Nothing here changes how uvicorn logs: the API may be served by the same process.
    settings: dict[str, Any] = {"http": Line, "ws": "none"} | how
    settings |= {"lifespan": "off", "log_config": None, "timeout_graceful_shutdown": 5}
    config = uvicorn.Config(app, **settings)
    server = Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await server.ready.wait()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        await serving


class Server(uvicorn.Server):
    """A guest in somebody else's loop."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ctrl-C belongs to the host."""
        yield


class Line(H11Protocol):
    """Shows its transport to the application: ASGI has no word for hanging up."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}
        self.access_log = False  # a path may hold a target


async def hang_up(request: Request) -> None:
    """Not a byte of an answer leaves after this, whatever the route returns."""
    request.state.transport.abort()
    await asyncio.sleep(0)  # until the protocol has heard of it
