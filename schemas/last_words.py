"""What somebody last said about each purpose: all that a consent decides."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, String, Uuid, bindparam, func, literal_column, true
from sqlalchemy.orm import Mapped
from sqlmodel import SQLModel, col, column, select
from sqlmodel.sql.expression import Select

from schemas.consents import Consent, LastWord, Purpose
from schemas.in_json import of


def last_words(
    whose: ColumnElement[UUID] | Mapped[UUID], *within: type[SQLModel]
) -> Select[*tuple[Any, ...]]:
    """On each purpose, as `LastWord`. One row of an index for each, however often somebody has
    changed their mind: all who share a batch of pushes with them would wait for more.
    """
    purposes: ColumnElement[Any] = literal_column(f"'{{{','.join(Purpose)}}}'::varchar[]")
    unnested = func.unnest(purposes).table_valued(column("purpose", String), name="asked")
    asked = unnested.render_derived()
    last = (
        select(*of(Consent, LastWord))
        .where(col(Consent.account_id) == whose, col(Consent.purpose) == asked.c.purpose)
        .order_by(col(Consent.number).desc())
        .limit(literal_column("1"))
        .correlate(asked, *within)
        .lateral("last")
    )
    found: Select[*tuple[Any, ...]] = select(*last.c).select_from(asked.join(last, true()))
    return found.correlate(*within)


MY_LAST_WORDS = last_words(bindparam("me", type_=Uuid))
