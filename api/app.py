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
    devices,
    nudges,
    pairing,
    questionnaires,
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
    *(accounts, sessions, devices, pairing, consents, boundaries, space, questionnaires),
    *(checkins, answers, schedules, nudges, today),
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
        openapi_url="/openapi.json" if house.docs else None,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.house = house
    for area in AREAS:
        app.include_router(area.router, prefix="/v1")
    if house.docs:
        open_docs(app)
    # From the inside out: what is asked of a request last stands first.
    app.add_middleware(BodyLimit)
    app.add_middleware(
        Paths, routes=[each for area in AREAS for each in area.router.routes], prefix="/v1"
    )
    app.add_middleware(Entrance)
    app.add_middleware(HeadLimit)
    app.add_middleware(LastResort)
    describe(app)
    return app
