"""Traces: what took how long, for whoever runs this: kinds, counts and statements, and nobody.

Without a place to send them to, OpenTelemetry makes none, and a span costs next to nothing.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext

LONGEST_STATEMENT = 2000
TRACER = trace.get_tracer("twofold")
NOTHING = nullcontext(trace.INVALID_SPAN)


def span(
    name: str, parent: Context | None = None, kind: SpanKind = SpanKind.INTERNAL, **said: str | int
) -> AbstractContextManager[Span]:
    """There is one for each push and each statement, so where nobody looks it must be nothing."""
    return recorded(name, parent, kind, said) if looked_at() else NOTHING


def looked_at() -> bool:
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


@contextmanager
def recorded(
    name: str, parent: Context | None, kind: SpanKind, said: Mapping[str, str | int]
) -> Iterator[Span]:
    """What goes wrong in it shows as its type alone: a message may hold what somebody wrote."""
    with TRACER.start_as_current_span(
        name, parent, kind, said, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield current
        except BaseException as error:
            failed(current, error)
            raise


def failed(current: Span, error: BaseException) -> None:
    current.set_attribute("error.type", type(error).__name__)
    current.set_status(StatusCode.ERROR)


def trace_statements() -> None:
    """From here on every statement of every engine has a span: its text, and no value of it."""
    event.listen(Engine, "before_cursor_execute", begin)
    event.listen(Engine, "after_cursor_execute", end)
    event.listen(Engine, "handle_error", fail)


def begin(connection: Connection, _: object, statement: str, *__: object) -> None:
    said = {"db.system.name": "postgresql", "db.query.text": statement[:LONGEST_STATEMENT]}
    name = statement.split(maxsplit=1)[0].strip(";").lower()
    current = TRACER.start_span(name, kind=SpanKind.CLIENT, attributes=said)
    connection.info["span"] = current  # a connection has one statement at a time


def end(connection: Connection, *_: object) -> None:
    if current := connection.info.pop("span", None):
        current.end()


def fail(context: ExceptionContext) -> None:
    info: dict[Any, Any] = context.connection.info if context.connection else {}
    if current := info.pop("span", None):
        failed(current, context.original_exception)
        current.end()
