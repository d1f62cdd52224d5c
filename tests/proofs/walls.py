"""The two walls, each switched off, so that the other has to hold alone.

The checks in the code are conditions on who asks (`:me`, or whose session was opened in the same
statement), their partner and their couple, in nearly every statement; without them a statement
returns whatever the database lets through. Row-level security is passed by where the owner of the
tables asks.
"""

from functools import cache
from typing import Any

from sqlalchemy import (
    BinaryExpression,
    BindParameter,
    ColumnClause,
    event,
    literal_column,
    or_,
)
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.sql.visitors import ExternallyTraversible, iterate, replacement_traverse

from schemas.database import Role, Writing, open_engine
from schemas.short import Short, Within
from tests.proofs.program import Ground

SCOPE = {"me", "partner", "couple", "owner"}
OPENED = {"opened.account_id", "opened.partner_id", "opened.couple_id"}


def walls(ground: Ground) -> dict[str, AsyncEngine]:
    """Engines for the application, by what holds; with `neither`, to see that nothing else does."""
    engines = {
        "both walls": open_engine(ground.url, Role.API),
        "checks off": open_engine(ground.url, Role.API),
        "wall off": create_async_engine(ground.url),
        "neither": create_async_engine(ground.url),
    }
    unchecked = [engines[off] for off in ("checks off", "neither")]
    for engine in unchecked:
        event.listen(engine.sync_engine, "before_execute", without_checks, retval=True)
    let_short_through(unchecked)
    return engines


def let_short_through(unchecked: list[AsyncEngine]) -> None:
    """What goes past SQLAlchemy, and so past its events, asks these nothing either."""
    one_or_none_as_it_is, alone_as_it_is = Short.one_or_none, Short.alone

    async def one_or_none(self: Short, within: Within, **values: object) -> Any:  # noqa: ANN401
        engine = within.engine if isinstance(within, Writing) else within.bind
        asked = bare(self) if engine in unchecked else self
        return await one_or_none_as_it_is(asked, within, **values)

    async def alone(self: Short, engine: AsyncEngine, **values: object) -> Any:  # noqa: ANN401
        asked = bare(self) if engine in unchecked else self
        return await alone_as_it_is(asked, engine, **values)

    Short.one_or_none = one_or_none  # type: ignore[method-assign]
    Short.alone = alone  # type: ignore[method-assign]


@cache
def bare(short: Short) -> Short:
    return Short(replacement_traverse(short.statement, {}, let_through))  # type: ignore[arg-type]


def without_checks(
    _: object,
    statement: Any,  # noqa: ANN401
    several: object,
    values: object,
    __: object,
) -> tuple[object, object, object]:
    """Whatever asks whose row it is lets every row through."""
    if isinstance(statement, ExternallyTraversible) and hasattr(statement, "whereclause"):
        statement = replacement_traverse(statement, {}, let_through)
    return statement, several, values


def let_through(element: Any, **_: object) -> Any:  # noqa: ANN401
    """Not left out, but made true: the statement still takes the values it is given."""
    if isinstance(element, BinaryExpression):
        each = [*iterate(element)]
        bound = {one.key for one in each if isinstance(one, BindParameter)}
        words = {one.name for one in each if isinstance(one, ColumnClause) and one.is_literal}
        if bound & SCOPE or words & OPENED:
            return or_(element, literal_column("true"))
    return None
