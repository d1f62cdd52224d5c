"""Every "no" of this API is a problem (RFC 9457) with one fixed sentence."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

PROBLEM_JSON = "application/problem+json"


class FieldProblem(BaseModel):
    """What is wrong with one field. Its value is not repeated."""

    pointer: str = Field(
        description="`#/answers/0/value`, `query/after`, `path/checkin_id` or `header/…`."
    )
    detail: str


class Problem(BaseModel):
    """RFC 9457. `type` says which problem it is; everything else is for people."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = Field(default_factory=list)


class Refusal(Exception):
    """Raised where the rule stands. It takes no values, so nothing about a person leaks."""

    type: ClassVar[str]
    status: ClassVar[int]
    detail: ClassVar[str]
    pointer: ClassVar[str | None] = None  # which field of the body it is about
    headers: ClassVar[Mapping[str, str]] = {}  # beside those that follow from the status
    shown: ClassVar[Mapping[str, Any]] = {}  # in the contract's example, beside what is always said

    @classmethod
    def title(cls) -> str:
        return re.sub(r"\B(?=[A-Z])", " ", cls.__name__).capitalize()

    @classmethod
    def problem(cls) -> dict[str, Any]:
        said = {"type": cls.type, "title": cls.title(), "status": cls.status, "detail": cls.detail}
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


class NotProved(Refusal):
    type = "/problems/not-proved"
    status = 403
    detail = "Prove first that it is you: this session did not do so lately."


class NotPaired(Refusal):
    type = "/problems/not-paired"
    status = 409
    detail = "This needs a partner, and there is none."


class Underage(Refusal):
    type = "/problems/underage"
    status = 422
    detail = "Twofold is for people of 18 and older."
    pointer = "#/born_on"


class NotFound(Refusal):
    type = "/problems/not-found"
    status = 404
    detail = "There is nothing here that is yours to see."


class Invalid(Refusal):
    type = "/problems/invalid"
    status = 422
    detail = "The request does not fit the contract; see `errors`."
    shown: ClassVar[Mapping[str, Any]] = {
        "errors": [{"pointer": "#/answers/0/value", "detail": "Field required"}]
    }


class TooLarge(Refusal):
    type = "/problems/too-large"
    status = 413
    detail = "The body is larger than anything that this API takes."
    headers: ClassVar[Mapping[str, str]] = {"Connection": "close"}


class TooSlow(Refusal):
    type = "/problems/too-slow"
    status = 408
    detail = "The body did not come in time. Nothing was changed; send it again."
    headers: ClassVar[Mapping[str, str]] = {"Connection": "close"}


class AddressTooLong(Refusal):
    type = "/problems/address-too-long"
    status = 414
    detail = "The address is longer than any that this API has."


class HeadersTooLarge(Refusal):
    type = "/problems/headers-too-large"
    status = 431
    detail = "The headers are larger, or more, than anything that this API needs."


class TooManyRequests(Refusal):
    """Which limit it was, and how long it lasts, is told in headers: see `api/limits.py`."""

    type = "/problems/too-many-requests"
    status = 429
    detail = "This was asked too often. Nothing was changed; wait as long as `Retry-After` says."
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "1"}


class Busy(Refusal):
    type = "/problems/busy"
    status = 503
    # Not that nothing was changed: where the connection broke at the last word, it may be done.
    detail = (
        "Twofold is busy. Send it again shortly, with the same `Idempotency-Key` where it has one."
    )
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "2"}


class Broken(Refusal):
    type = "/problems/broken"
    status = 500
    detail = "Something broke on our side. Look what became of it before you send it again."


# Wherever it is asked for.
EVERYWHERE: tuple[type[Refusal], ...] = (
    *(AddressTooLong, Invalid, TooManyRequests, HeadersTooLarge, Busy),
)


def documented(*refusals: type[Refusal]) -> dict[int | str, dict[str, Any]]:
    """For `responses=`: these refusals and those that every route has, by status."""
    found: dict[int | str, dict[str, Any]] = {}
    for refusal in EVERYWHERE + refusals:
        media: dict[str, Any] = {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}
        response = {"description": refusal.detail, "content": {PROBLEM_JSON: media}}
        if refusal.headers:
            response["headers"] = {
                name: {"schema": {"type": "integer"}, "example": int(value)}
                if value.isdigit()
                else {"schema": {"type": "string"}, "example": value}
                for name, value in refusal.headers.items()
            }
        known = found.setdefault(refusal.status, response)
        if known is not response:
            known["description"] = "One of several problems; `type` says which."
        example = {"value": {**refusal.problem(), **refusal.shown}}
        known["content"][PROBLEM_JSON]["examples"][refusal.__name__] = example
    return found


def answer(problem: dict[str, Any], headers: Mapping[str, str] | None = None) -> JSONResponse:
    also = headers or {}
    if problem["status"] == HTTPStatus.UNAUTHORIZED:
        # RFC 9110: whoever is turned away for want of a proof is told what kind to bring.
        also = {"WWW-Authenticate": "Bearer", **also}
    return JSONResponse(problem, problem["status"], also, media_type=PROBLEM_JSON)
