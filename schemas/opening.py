"""Opening: who asks, told from their session as it is now, and the wall raised for them."""

from typing import Any
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    LargeBinary,
    SelectBase,
    bindparam,
    func,
    literal_column,
)
from sqlalchemy.sql.visitors import replacement_traverse
from sqlmodel import String, UTCDateTime, Uuid, column, select
from sqlmodel.sql.expression import Select

# Who asks, in one round trip: the session is read live, from here on the wall shows what this
# person may see, and with `lock` no other request writes for this couple (or, unpaired, for
# this account). No row: no such session. See migrations/versions/0003_sessions.py.
_opened = func.open_session(
    bindparam("session", type_=Uuid), bindparam("now"), bindparam("lock")
).table_valued(
    column("account_id", Uuid),
    column("zone", String),
    column("locale", String),
    column("couple_id", Uuid),
    column("partner_id", Uuid),
    column("proved_at", UTCDateTime),
    column("my_key", LargeBinary),
    column("our_key", LargeBinary),
    name="opened",
)
OPENING: Select[*tuple[Any, ...]] = select(*_opened.c)


def within_opening(statement: SelectBase) -> SelectBase:
    """One statement for both: what `statement` reads, after who asks. Its scope comes from there,
    so nothing of it is read before the wall stands. For a statement of one row and no tables.
    """
    scope = {
        "me": literal_column("opened.account_id", Uuid),
        "partner": literal_column("opened.partner_id", Uuid),
        "couple": literal_column("opened.couple_id", Uuid),
    }

    def scoped(element: Any, **_: object) -> ColumnElement[UUID] | None:  # noqa: ANN401
        return scope.get(element.key) if isinstance(element, BindParameter) else None

    found = [replacement_traverse(each, {}, scoped) for each in statement.selected_columns]
    return OPENING.add_columns(*found)
