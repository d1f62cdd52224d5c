"""The application, put together from its areas."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig

from api import (
    accounts,
    answers,
    blocks,
    boundaries,
    checkins,
    consents,
    credentials,
    deletion_page,
    devices,
    health,
    identities,
    nudges,
    pairing,
    privacy,
    questionnaires,
    reporting,
    schedules,
    security,
    sessions,
    space,
    today,
)
from api.bodies import BodyLimit
from api.docs import open_docs
from api.entrance import Entrance, TokenFirst
from api.fittings import Fittings
from api.handlers import HANDLERS, LastResort
from api.heads import HeadLimit
from api.openapi import describe
from api.openapi_texts import TAGS
from api.paths import Paths

# What is asked most stands first: FastAPI tries one route after the other.
AREAS = (
    *(today, answers, checkins, nudges, schedules, space),
    *(sessions, accounts, identities, credentials, security, devices, pairing, blocks),
    *(consents, boundaries, questionnaires, privacy),
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
        exception_handlers=HANDLERS,
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
    # Not included, but laid out beside each other: FastAPI looks for a route in each router that
    # is included, twice, which takes longer than most of what is asked.
    for area in AREAS:
        app.router.routes.extend(area.router.routes)
    app.router.routes.extend(deletion_page.ROUTES)
    for other in (health, reporting):
        app.include_router(other.router)  # for whoever runs it, and no part of the contract
    if app.state.house.docs:
        open_docs(app)


def surround(app: FastAPI) -> None:
    """With layers, from the inside out: what is asked of a request last stands first."""
    routes = [route for area in AREAS for route in area.router.routes]
    app.add_middleware(BodyLimit)
    app.add_middleware(TokenFirst)
    app.add_middleware(Paths, routes=routes)
    app.add_middleware(Entrance)
    app.add_middleware(HeadLimit)
    app.add_middleware(LastResort)
