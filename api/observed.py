"""What an operator sees of a request: its operation, its status, how long it took, and its name.

The name is random and means nothing; it goes back in a header, so that somebody who asks for help
can say which line of the log is theirs. Whose request it was stands nowhere.
"""

import logging
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from http import HTTPStatus
from time import perf_counter

from opentelemetry.trace import Span, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from api.layers import Layer, with_headers
from api.logs import REQUEST
from api.metrics import IN_FLIGHT, REQUESTS, SECONDS
from schemas.traces import looked_at, span

HEADER = b"x-request-id"
NO_OPERATION = "none"  # no such path: what was asked for instead is not repeated
UNANSWERED = 499  # whoever asked had gone

log = logging.getLogger(__name__)


class Observed(Layer):
    """The application as it is served, seen from outside."""

    async def http(self, scope: Scope, receive: Receive, send: Send) -> None:
        name, status, begun = secrets.token_hex(16), UNANSWERED, perf_counter()
        said = [(HEADER, name.encode())]

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(with_headers(message, said))

        with named(name), traced(scope, name) as current:
            await self.app(scope, receive, send_named)
            operation = operation_of(scope)
            current.update_name(operation)
            current.set_attribute("http.response.status_code", status)
            told(operation, status, perf_counter() - begun)


@contextmanager
def named(name: str) -> Iterator[None]:
    """Whatever is logged meanwhile bears this name."""
    before = REQUEST.set(name)
    IN_FLIGHT.inc()
    try:
        yield
    finally:
        IN_FLIGHT.dec()
        REQUEST.reset(before)


def traced(scope: Scope, name: str) -> AbstractContextManager[Span]:
    """Within the trace of whoever asks, where anybody looks at traces."""
    parent = TraceContextTextMapPropagator().extract(traceparent(scope)) if looked_at() else None
    return span("request", parent, SpanKind.SERVER, request=name)


def traceparent(scope: Scope) -> dict[str, str]:
    """Of W3C's headers this one alone: `tracestate` and baggage carry whatever somebody likes."""
    sent = Headers(scope=scope).get("traceparent")
    return {"traceparent": sent} if sent else {}


def operation_of(scope: Scope) -> str:
    """As the contract calls it."""
    route = scope.get("route")
    tags = getattr(route, "tags", None)
    return f"{tags[0]}_{route.name}" if route and tags else NO_OPERATION


def told(operation: str, status: int, seconds: float) -> None:
    counted(operation, status).inc()
    timed(operation).observe(seconds)
    level = logging.WARNING if status >= HTTPStatus.INTERNAL_SERVER_ERROR else logging.INFO
    if operation.startswith("health_") and status < HTTPStatus.BAD_REQUEST:
        level = logging.DEBUG  # asked every few seconds, and always well
    ms = round(seconds * 1000, 1)
    log.log(level, "request", extra={"operation": operation, "status": status, "ms": ms})


# Of operations and statuses there are few; a label is written out and looked at once.
counted, timed = cache(REQUESTS.labels), cache(SECONDS.labels)
