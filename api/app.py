"""The application, put together from its areas."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI
from fastapi.telemetry import TelemetryConfig

from api import (
    accounts,
    answers,
    blocks,
    boundaries,
    checkins,
    consents,
    devices,
    health,
    identities,
    nudges,
    pairing,
    questionnaires,
    reporting,
    schedules,
    sessions,
    space,
    today,
)
from api.bodies import BodyLimit, says_it_once
from api.deps import Fittings
from api.docs import open_docs
from api.entrance import Entrance
from api.errors import documented
from api.handlers import HANDLERS, LastResort
from api.heads import HeadLimit
from api.openapi import TAGS, describe
from api.paths import Paths

AREAS = (
    *(
        accounts,
        sessions,
        identities,
        devices,
        pairing,
        blocks,
        consents,
        boundaries,
        space,
        questionnaires,
    ),
    *(checkins, answers, schedules, nudges, today),
)


# FastAPI's own: paths with ids, queries, and what exceptions say. See `schemas/traces.py` for ours.
UNTOLD: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    app.state.house.passwords.close()


def create_app(house: Fittings) -> FastAPI:
    """The clock is read once per request, in `deps`, and handed down as `now`."""
    app = FastAPI(
        title="Twofold",
        version="1",
        openapi_tags=TAGS,
        responses=documented(),
        exception_handlers=HANDLERS,
        dependencies=[Depends(says_it_once)],
        redirect_slashes=False,
        openapi_url="/openapi.json" if house.docs else None,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        telemetry=UNTOLD,
    )
    app.state.house = house
    furnish(app)
    surround(app)
    describe(app)
    return app


def furnish(app: FastAPI) -> None:
    for area in AREAS:
        app.include_router(area.router, prefix="/v1")
    for other in (health, reporting):
        app.include_router(other.router)  # for whoever runs it, and no part of the contract
    if app.state.house.docs:
        open_docs(app)


def surround(app: FastAPI) -> None:
    """With layers, from the inside out: what is asked of a request last stands first."""
    routes = [route for area in AREAS for route in area.router.routes]
    app.add_middleware(BodyLimit)
    app.add_middleware(Paths, routes=routes, prefix="/v1")
    app.add_middleware(Entrance)
    app.add_middleware(HeadLimit)
    app.add_middleware(LastResort)
