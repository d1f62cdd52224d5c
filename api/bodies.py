"""What a body must be before anybody reads it: small, soon here, and clear about what it says."""

import asyncio
import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from api.errors import TooLarge, TooSlow
from api.layers import Layer

LARGEST_BODY = 64 * 1024
# Objects and names in a body. Forty answers are 122.
MOST_SAID = 1000
SLOWEST_BODY = 10  # seconds from the first byte that is waited for to the last


class BodyLimit(Layer):
    """Asked before a route runs: whoever gets a 413 knows that nothing was done."""

    async def http(self, scope: Scope, receive: Receive, send: Send) -> None:
        if too_long(Headers(scope=scope).get("content-length", "0")):
            await TooLarge.response()(scope, receive, send)
            return
        loop = asyncio.get_running_loop()
        received, latest = 0, loop.time() + SLOWEST_BODY

        async def receive_counted() -> Message:
            nonlocal received, latest
            try:
                async with asyncio.timeout_at(latest):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(TooSlow.status) from None
            received += len(message.get("body", b""))
            if received > LARGEST_BODY:
                # Not a Refusal: FastAPI would take it for a body that cannot be read.
                raise HTTPException(TooLarge.status)
            if not message.get("more_body"):
                latest = math.inf  # all of it is here; whoever waits now waits for a hang-up
            return message

        await self.app(scope, receive_counted, send)


def too_long(announced: str) -> bool:
    # Nobody counts with more digits than that; int() itself refuses a few thousand.
    return len(announced) > len(str(LARGEST_BODY)) or (
        announced.isdecimal() and int(announced) > LARGEST_BODY
    )


class TooMuchSaid(ValueError):
    """More objects and names than any body has that is meant."""


@dataclass
class Reading:
    """One body while it is read. What it costs is bounded: whoever has no token can send one, and
    everybody else waits meanwhile.
    """

    left: int = MOST_SAID
    twice: bool = False

    def said(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """An object as it was sent; where a name came more than once, with what did."""
        self.left -= 1 + len(pairs)
        if self.left < 0:
            raise TooMuchSaid
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        self.twice = True
        times = Counter(name for name, _ in pairs)
        return Said(found, twice=[name for name in times if times[name] > 1])


class Said(dict[str, Any]):
    """An object that says something twice."""

    def __init__(self, found: dict[str, Any], twice: list[str]) -> None:
        super().__init__(found)
        self.twice = twice


async def says_it_once(request: Request) -> None:
    """`{"mode": "silent", "mode": "told"}`: whichever was meant, the other may be read."""
    body = await request.body()
    if body and (wrong := [*refused(body)]):
        raise RequestValidationError(wrong)


def refused(body: bytes) -> Iterator[dict[str, Any]]:
    reading = Reading()
    try:
        if body.count(b"[") > MOST_SAID:  # also where they stand in a text: nobody means so many
            raise TooMuchSaid  # noqa: TRY301
        # Decoded here, since `json` would by itself also take UTF-16.
        said = json.loads(body.decode(), object_pairs_hook=reading.said)
    except TooMuchSaid:
        yield {"loc": ("body",), "msg": "This is more than anything here takes."}
    except (ValueError, RecursionError):
        yield {"loc": ("body",), "msg": "This is not JSON in UTF-8."}
    else:
        if reading.twice:
            yield from ({"loc": place, "msg": "Said twice."} for place in said_twice(said))


def said_twice(body: Any) -> Iterator[tuple[str | int, ...]]:  # noqa: ANN401
    """Where: in the steps in which an error names its place."""
    left: list[tuple[tuple[str | int, ...], Any]] = [(("body",), body)]
    while left:
        place, value = left.pop()
        if isinstance(value, Said):
            yield from ((*place, name) for name in value.twice)
        if isinstance(value, dict):
            left += [((*place, name), each) for name, each in value.items()]
        elif isinstance(value, list):
            left += [((*place, index), each) for index, each in enumerate(value)]
