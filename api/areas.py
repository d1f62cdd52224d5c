"""An area: the routes of one noun, with what holds for all of them."""

from collections.abc import Callable, Sequence
from typing import Any

from fastapi import APIRouter, Depends
from fastapi.params import Depends as Before
from fastapi.routing import APIRoute

from api.bodies import says_it_once
from api.errors import Refusal, documented

VERSION = "/v1"
WITH_BODIES = {"POST", "PUT"}


class Route(APIRoute):
    """Where there may be a body, it is read before anything else is asked."""

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        methods: list[str],
        dependencies: Sequence[Before] = (),
        **how: Any,  # noqa: ANN401 - as FastAPI says itself
    ) -> None:
        if WITH_BODIES & {*methods}:
            dependencies = [Depends(says_it_once), *dependencies]
        super().__init__(path, endpoint, methods=methods, dependencies=dependencies, **how)


def area(path: str, *refusals: type[Refusal]) -> APIRouter:
    """Below `/v1`; the last word of the path is the noun. Each route may be refused with these."""
    return APIRouter(
        prefix=VERSION + path,
        tags=[path.rsplit("/", 1)[1]],
        responses=documented(*refusals),
        route_class=Route,
    )
