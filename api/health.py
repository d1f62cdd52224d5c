"""Health: does this process live, and can it work? For whoever runs it; it tells nothing else."""

import asyncio

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse

import migrations
from api.deps import House
from api.errors import Refusal
from schemas.readiness import NotReady, ready

PATIENCE = 2.0  # seconds

router = APIRouter(tags=["health"], include_in_schema=False)


class Unready(Refusal):
    type = "/problems/unready"
    status = 503
    detail = "Not ready to work. Send requests elsewhere."


@router.get("/healthz")
async def lives() -> Response:
    """The process answers. It asks nobody else, so that it is not killed for a database's sake."""
    return PlainTextResponse("alive\n")


@router.get("/readyz")
async def works(house: House) -> Response:
    """The database is there, and at least as far as this code needs it."""
    try:
        async with asyncio.timeout(PATIENCE):
            await ready(house.engine, migrations.head())
    except (NotReady, TimeoutError, OSError):
        raise Unready from None
    return PlainTextResponse("ready\n")
