"""Every "no" of this API is a problem (RFC 9457) with one fixed sentence."""

import logging
import traceback
from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Any, ClassVar

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PROBLEM_JSON = "application/problem+json"
LONGEST_POINTER = 200

log = logging.getLogger(__name__)


class FieldProblem(BaseModel):
    """What is wrong with one field. Its value is not repeated."""

    pointer: str
    detail: str


class Problem(BaseModel):
    """RFC 9457. `type` says which problem it is; everything else is for people."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] | None = None


class Refusal(Exception):
    """Raised where the rule stands. It takes no values, so nothing about a person leaks."""

    type: ClassVar[str]
    status: ClassVar[int]
    detail: ClassVar[str]
    pointer: ClassVar[str | None] = None  # which field of the body it is about
    headers: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def problem(cls) -> dict[str, Any]:
        title = HTTPStatus(cls.status).phrase
        said = {"type": cls.type, "title": title, "status": cls.status, "detail": cls.detail}
        if cls.pointer:
            said["errors"] = [{"pointer": cls.pointer, "detail": cls.detail}]
        return said

    @classmethod
    def response(cls) -> JSONResponse:
        """To be returned where what was written must stay, although the answer is no."""
        return answer(cls.problem(), cls.headers)


class NotSignedIn(Refusal):
    type = "/problems/not-signed-in"
    status = 401
    detail = "Sign in first."
    # RFC 9110: who is turned away for want of a token is told what kind to bring.
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": "Bearer"}


class NotPaired(Refusal):
    type = "/problems/not-paired"
    status = 409
    detail = "This needs a partner, and there is none."


class NotFound(Refusal):
    type = "/problems/not-found"
    status = 404
    detail = "There is nothing here that is yours to see."


class Invalid(Refusal):
    type = "/problems/invalid"
    status = 422
    detail = "The request does not fit the contract; see `errors`."


class TooLarge(Refusal):
    type = "/problems/too-large"
    status = 413
    detail = "The body is larger than anything that this API takes."


class Busy(Refusal):
    type = "/problems/busy"
    status = 503
    detail = "Twofold is busy. Nothing was changed; try again shortly."
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "2"}


class Broken(Refusal):
    type = "/problems/broken"
    status = 500
    detail = "Something broke on our side. Nothing was changed."


def documented(*refusals: type[Refusal]) -> dict[int | str, dict[str, Any]]:
    """For `responses=`: these refusals and those that every route has, by status."""
    found: dict[int | str, dict[str, Any]] = {}
    everywhere: tuple[type[Refusal], ...] = (Invalid, Busy)
    for refusal in everywhere + refusals:
        media: dict[str, Any] = {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}
        response = {"description": refusal.problem()["title"], "content": {PROBLEM_JSON: media}}
        content = found.setdefault(refusal.status, response)["content"]
        content[PROBLEM_JSON]["examples"][refusal.__name__] = {"value": refusal.problem()}
    return found


def answer(problem: dict[str, Any], headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse(problem, problem["status"], headers, media_type=PROBLEM_JSON)
