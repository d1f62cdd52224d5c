"""The application, put together from its areas."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI
from fastapi.telemetry import TelemetryConfig

from api import (
    accounts,
    answers,
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
from api.bodies import BodyLimit, says_it_once
from api.deps import Fittings
from api.errors import documented
from api.handlers import HANDLERS, LastResort
from api.openapi import TAGS, describe

AREAS = (
    *(accounts, sessions, identities, credentials, security, devices, pairing, consents),
    *(boundaries, space, questionnaires),
    *(checkins, answers, schedules, nudges, today, privacy),
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
        lifespan=lifespan,
        telemetry=UNTOLD,
    )
    app.state.house = house
    app.add_middleware(BodyLimit)
    app.add_middleware(LastResort)
    for area in AREAS:
        app.include_router(area.router, prefix="/v1")
    app.router.routes.extend(deletion_page.ROUTES)
    for other in (health, reporting):
        app.include_router(other.router)  # for whoever runs it, and no part of the contract
    describe(app)
    return app
