"""What goes wrong on the way to a route, or in it, as a problem.

Each says where and why, and repeats nothing that was sent: it may have been a secret.
"""

import logging
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from api import heads
from api.errors import Broken, Busy, Invalid, NotFound, Refusal, TooLarge, TooSlow, answer
from api.idempotency import Replayed, replayed
from api.layers import Layer, with_headers
from api.logs import place

LONGEST_POINTER = 200
MOST_ERRORS = 20

log = logging.getLogger(__name__)


async def refused(_: Request, refusal: Refusal) -> JSONResponse:
    return refusal.response()


async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
    # Where and why, but not the value, which FastAPI's own answer repeats.
    whys: dict[str, list[str]] = {}
    for each in error.errors():
        why = each["msg"].removeprefix("Value error, ")
        whys.setdefault(pointer(each, error.body), []).append(why)
        if len(whys) == MOST_ERRORS:
            break
    wrong = [{"pointer": at, "detail": "; ".join(why)} for at, why in whys.items()]
    return answer(Invalid.problem() | {"errors": wrong})


def pointer(error: Mapping[str, Any], body: Any) -> str:  # noqa: ANN401
    """`#/answers/0/value` into the body (RFC 6901), or `query/after`, `path/checkin_id`."""
    place, *steps = error["loc"]
    if place == "body":
        place, steps = "#", steps if body is None else [*steps_in(body, steps, error)]
    escaped = [str(step).replace("~", "~0").replace("/", "~1") for step in steps]
    path = "/".join([place, *escaped])
    # A field's name comes from the sender, and may be anything: no answer can carry a lone
    # surrogate, and none should carry a megabyte.
    return path.encode(errors="replace").decode()[:LONGEST_POINTER]


def steps_in(body: Any, steps: Sequence[Any], error: Mapping[str, Any]) -> Iterator[Any]:  # noqa: ANN401
    """Those that somebody who sent this body can follow: Pydantic also names types of its own."""
    for step in steps:
        if isinstance(body, list) and isinstance(step, int):
            body = body[step]
            yield step
        elif isinstance(body, dict) and (step in body or error["type"] == "missing"):
            body = body.get(step)
            yield step


async def unknown(_: Request, error: HTTPException) -> JSONResponse:
    """What the framework itself refuses: no such path, no such method, no such body."""
    if error.status_code == HTTPStatus.NOT_FOUND:
        return NotFound.response()
    for refusal in (TooLarge, TooSlow):
        if error.status_code == refusal.status:
            return refusal.response()
    if error.status_code == HTTPStatus.BAD_REQUEST:
        return unreadable("This is not JSON that can be read.")
    plain = {"type": "about:blank", "title": error.detail, "status": error.status_code}
    return answer(plain | {"detail": error.detail}, error.headers)


def unreadable(why: str) -> JSONResponse:
    return answer(Invalid.problem() | {"errors": [{"pointer": "#", "detail": why}]})


async def busy(_: Request, error: Exception) -> JSONResponse:
    """The database is away, or somebody waited too long for it."""
    log.warning("busy: %s", type(error).__name__)
    return Busy.response()


HANDLERS: dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]] = {
    Refusal: refused,
    Replayed: replayed,
    RequestValidationError: invalid,
    HTTPException: unknown,
    OperationalError: busy,
    InterfaceError: busy,
    PoolTimeout: busy,
}


class LastResort(Layer):
    """What nobody foresaw is a 500 problem, and in the log without what it was about.

    The message of an exception may hold what somebody wrote: its type and its place suffice.
    Whatever is answered, from here or from within, says what every answer says.
    """

    async def http(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_guarded(message: Message) -> None:
            await send(with_headers(message, heads.on_every_answer(message)))

        try:
            await self.app(scope, receive, send_guarded)
        except Exception as error:  # noqa: BLE001
            log.error("%s at %s", type(error).__name__, place(error))  # noqa: TRY400
            await Broken.response()(scope, receive, send_guarded)
