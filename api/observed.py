"""What an operator sees of a request: its operation, its status, how long it took, and its name.

The name is random and means nothing; it goes back in a header, so that somebody who asks for help
can say which line of the log is theirs. Whose request it was stands nowhere.
"""

import logging
import secrets
from http import HTTPStatus
from time import perf_counter

from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from api.metrics import IN_FLIGHT, REQUESTS, SECONDS
from schemas.traces import span

HEADER = b"x-request-id"
NO_OPERATION = "none"  # no such path: what was asked for instead is not repeated
UNANSWERED = 499  # whoever asked had gone

log = logging.getLogger(__name__)


class Observed:
    """The application as it is served, seen from outside."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        name, status, begun = secrets.token_hex(16), UNANSWERED, perf_counter()

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (HEADER, name.encode())]
            await send(message)

        parent = TraceContextTextMapPropagator().extract(traceparent(scope))
        with (
            IN_FLIGHT.track_inprogress(),
            bound_contextvars(request=name),
            span("request", parent, SpanKind.SERVER, request=name) as current,
        ):
            await self.app(scope, receive, send_named)
            operation = operation_of(scope)
            current.update_name(operation)
            current.set_attribute("http.response.status_code", status)
            told(operation, status, perf_counter() - begun)


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
    REQUESTS.labels(operation, status).inc()
    SECONDS.labels(operation).observe(seconds)
    level = logging.WARNING if status >= HTTPStatus.INTERNAL_SERVER_ERROR else logging.INFO
    if operation.startswith("health_") and status < HTTPStatus.BAD_REQUEST:
        level = logging.DEBUG  # asked every few seconds, and always well
    ms = round(seconds * 1000, 1)
    log.log(level, "request", extra={"operation": operation, "status": status, "ms": ms})
