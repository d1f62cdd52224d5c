"""All that a verdict may depend on, for a whole batch of recipients, in one query.

The database answers with one JSON text, which Pydantic reads at one go.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from itertools import chain
from typing import Any
from uuid import UUID

from pydantic import BaseModel, TypeAdapter
from sqlalchemy import ARRAY, JSON, Text, Uuid, any_, bindparam, cast, func, literal_column
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from notifications.policy import Contact, Facts
from notifications.push import Target
from schemas.accounts import Account
from schemas.boundaries import BoundaryRow, BoundarySet, boundaries_of
from schemas.consents import LastWord, allowed
from schemas.devices import Device
from schemas.door import Recipient
from schemas.in_json import as_json, of
from schemas.last_words import last_words
from schemas.pairing import CoupleMember
from schemas.partner_nudges import PartnerNudge
from schemas.sessions import Session
from schemas.short import Short
from schemas.space import Space, SpaceTaken

# Two local days, wherever on earth.
RECENT = timedelta(days=2, hours=2)


class Known(BaseModel):
    """What the database says of one account."""

    id: UUID
    zone: str
    couple_id: UUID | None
    consents: list[LastWord]
    spaces: list[SpaceTaken]
    boundaries: list[BoundarySet]
    contacts: tuple[Contact, ...]
    phones: dict[UUID, Target]


ALL = TypeAdapter(list[Known])
SPACES = (
    select(*of(Space, SpaceTaken))
    .where(col(Space.account_id).in_([col(Account.id), col(CoupleMember.partner_id)]))
    .correlate(Account, CoupleMember)
)
BOUNDARIES = (
    select(*of(BoundaryRow, BoundarySet))
    .where(col(BoundaryRow.account_id) == Account.id)
    .correlate(Account)
)
CONTACTS = (
    select(PartnerNudge.id, PartnerNudge.phrase, PartnerNudge.sent_at)
    .where(col(PartnerNudge.account_id) == Account.id)
    .where(col(PartnerNudge.sent_at) > bindparam("recent"))
    .correlate(Account)
)
TARGET: dict[str, Any] = {
    "kind": col(Device.target_kind),
    "value": col(Device.target),
    **{name: col(getattr(Device, name)) for name in ("platform", "locale", "discreet")},
}
BY_DEVICE = func.json_object_agg(
    col(Device.id), func.json_build_object(*chain.from_iterable(TARGET.items())), type_=JSON
)
PHONES = (
    select(func.coalesce(BY_DEVICE, literal_column("'{}'::json"), type_=JSON))
    .join(Session, col(Session.id) == Device.session_id)
    .where(col(Device.account_id) == Account.id, col(Session.expires_at) > bindparam("now"))
    .correlate(Account)
)
EACH: tuple[Any, ...] = (
    *(col(Account.id), col(Account.zone), col(CoupleMember.couple_id)),
    as_json(last_words(col(Account.id), Account)).label("consents"),
    as_json(SPACES).label("spaces"),
    as_json(BOUNDARIES).label("boundaries"),
    as_json(CONTACTS).label("contacts"),
    PHONES.scalar_subquery().label("phones"),
)
FACTS = Short(
    select(
        cast(
            as_json(
                select(*EACH)
                .join(CoupleMember, col(CoupleMember.account_id) == Account.id, isouter=True)
                .where(col(Account.id) == any_(bindparam("accounts", type_=ARRAY(Uuid))))
            ),
            Text,
        )
    )
)


async def read_facts(
    db: AsyncSession, accounts: Collection[UUID], now: datetime
) -> dict[UUID, Facts]:
    """By account; one that has gone is missing."""
    asked = {"accounts": [*set(accounts)], "recent": now - RECENT, "now": now}
    [text] = await FACTS.one(db, **asked)
    return {known.id: facts_of(known, now) for known in ALL.validate_json(text)}


def facts_of(known: Known, now: datetime) -> Facts:
    space = {each.account_id: each for each in known.spaces}
    recipient = Recipient(
        zone=known.zone,
        consents=frozenset(allowed(known.consents, known.couple_id, now)),
        space=space.pop(known.id, None),
        boundaries=boundaries_of(known.boundaries),
        contacts_today=0,
    )
    return Facts(
        recipient=recipient,
        couple_id=known.couple_id,
        partners_space=next(iter(space.values()), None),
        contacts=known.contacts,
        phones=known.phones,
    )
