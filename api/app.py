"""The application, put together from its areas."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI

from api import (
    accounts,
    answers,
    boundaries,
    checkins,
    consents,
    credentials,
    deletion_page,
    devices,
    nudges,
    pairing,
    privacy,
    questionnaires,
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
    *(accounts, sessions, credentials, security, devices, pairing, consents, boundaries),
    *(space, questionnaires),
    *(checkins, answers, schedules, nudges, today, privacy),
)


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
    )
    app.state.house = house
    app.add_middleware(BodyLimit)
    app.add_middleware(LastResort)
    for area in AREAS:
        app.include_router(area.router, prefix="/v1")
    app.router.routes.extend(deletion_page.ROUTES)
    describe(app)
    return app
