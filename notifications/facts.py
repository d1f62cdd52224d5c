"""All that a verdict may depend on, for a whole batch of recipients, in one query."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, JSON, ScalarSelect, SelectBase, Uuid, any_, bindparam, func
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import Select

from notifications.policy import Contact, Facts
from notifications.push import Target
from schemas.accounts import Account
from schemas.boundaries import BoundaryRow, BoundarySet, boundaries_of
from schemas.consents import Consent, LastWord, allowed
from schemas.devices import Device
from schemas.door import Recipient
from schemas.pairing import CoupleMember
from schemas.partner_nudges import PartnerNudge
from schemas.phrases import PhraseId
from schemas.sessions import Session
from schemas.space import Space, SpaceTaken

# Two local days, wherever on earth.
RECENT = timedelta(days=2, hours=2)


def listed(rows: SelectBase) -> ScalarSelect[Any]:
    """All rows of a statement about one account, as one value."""
    each = rows.subquery()
    return select(func.json_agg(each.table_valued(), type_=JSON)).scalar_subquery()


CONSENTS = (
    select(Consent.purpose, Consent.given, Consent.expires_at, Consent.couple_id)
    .where(col(Consent.account_id) == Account.id)
    .ext(distinct_on(col(Consent.purpose)))
    .order_by(col(Consent.purpose), col(Consent.number).desc())
    .correlate(Account)
)
SPACES = (
    select(Space)
    .where(col(Space.account_id).in_([col(Account.id), col(CoupleMember.partner_id)]))
    .correlate(Account, CoupleMember)
)
BOUNDARIES = select(BoundaryRow).where(col(BoundaryRow.account_id) == Account.id).correlate(Account)
CONTACTS = (
    select(PartnerNudge.id, PartnerNudge.phrase, PartnerNudge.sent_at)
    .where(col(PartnerNudge.account_id) == Account.id)
    .where(col(PartnerNudge.sent_at) > bindparam("recent"))
    .correlate(Account)
)
PHONES = (
    select(Device)
    .join(Session, col(Session.id) == Device.session_id)
    .where(col(Device.account_id) == Account.id, col(Session.expires_at) > bindparam("now"))
    .correlate(Account)
)
READ: tuple[Any, ...] = (
    *(col(Account.id), col(Account.zone), col(CoupleMember.couple_id)),
    *(listed(rows) for rows in (CONSENTS, SPACES, BOUNDARIES, CONTACTS, PHONES)),
)
FACTS: Select[Any] = (
    select(*READ)
    .join(CoupleMember, col(CoupleMember.account_id) == Account.id, isouter=True)
    .where(col(Account.id) == any_(bindparam("accounts", type_=ARRAY(Uuid))))
)


async def read_facts(
    db: AsyncSession, accounts: Collection[UUID], now: datetime
) -> dict[UUID, Facts]:
    """By account; one that has gone is missing."""
    asked = {"accounts": [*set(accounts)], "recent": now - RECENT, "now": now}
    rows = await db.exec(FACTS, params=asked)
    return {row[0]: facts_of(row, now) for row in rows}


def facts_of(row: Sequence[Any], now: datetime) -> Facts:
    account_id, zone, couple_id, *lists = row
    consents, spaces, boundaries, contacts, phones = (each or [] for each in lists)
    said = map(LastWord.model_validate, consents)
    space = {each.account_id: each for each in map(SpaceTaken.model_validate, spaces)}
    recipient = Recipient(
        zone=zone,
        consents=frozenset(allowed(said, couple_id, now)),
        space=space.pop(account_id, None),
        boundaries=boundaries_of(map(BoundarySet.model_validate, boundaries)),
        contacts_today=0,
    )
    return Facts(
        recipient=recipient,
        couple_id=couple_id,
        partners_space=next(iter(space.values()), None),
        contacts=tuple(map(contact_of, contacts)),
        phones=dict(map(phone_of, map(Device.model_validate, phones))),
    )


def contact_of(row: Mapping[str, str]) -> Contact:
    sent_at = datetime.fromisoformat(row["sent_at"])
    return Contact(UUID(row["id"]), PhraseId(row["phrase"]), sent_at)


def phone_of(device: Device) -> tuple[UUID, Target]:
    kind, platform, locale = device.target_kind, device.platform, device.locale
    return device.id, Target(kind, device.target, platform, locale, device.discreet)
