"""An area: the routes of one noun, with what holds for all of them."""

from fastapi import APIRouter, Depends

from api.bodies import says_it_once
from api.errors import Refusal, documented

VERSION = "/v1"


def area(path: str, *refusals: type[Refusal]) -> APIRouter:
    """Below `/v1`; the last word of the path is the noun. Each route may be refused with these."""
    return APIRouter(
        prefix=VERSION + path,
        tags=[path.rsplit("/", 1)[1]],
        responses=documented(*refusals),
        dependencies=[Depends(says_it_once)],
    )
