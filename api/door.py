"""Knocking: the door, asked by whoever is about to send something.

From here the door sees what the sender may see and nothing else: the wall hides silent space and
boundaries that are not shown. So it is open or it refuses in words, and no mistake in a route can
tell a sender that something is held.
"""

from datetime import datetime, time
from uuid import UUID

from sqlalchemy import BindParameter, String, bindparam, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from api.errors import Refusal
from api.metrics import KNOCKS
from schemas.base import instant, local_date
from schemas.boundaries import BOUNDARIES, BoundaryRow, BoundarySet, boundaries_of
from schemas.consents import Purpose
from schemas.door import Approach, Reason, Recipient, Refused, door
from schemas.in_json import as_json, of
from schemas.pairing import Member
from schemas.partner_nudges import SENT_SINCE
from schemas.space import SPACES, Space, SpaceTaken

THEIRS: BindParameter[UUID] = bindparam("partner")
# What the partner shows, in one round trip: the time zone they are in, space and boundaries.
PARTNER = select(
    func.partner_zone(type_=String),
    as_json(
        SPACES.where(col(Space.account_id) == THEIRS).with_only_columns(*of(Space, SpaceTaken))
    ),
    as_json(
        BOUNDARIES.where(col(BoundaryRow.account_id) == THEIRS).with_only_columns(
            *of(BoundaryRow, BoundarySet)
        )
    ),
)
EVERYTHING = frozenset(Purpose)  # what a partner allows is not for me to see


class PartnerTakesSpace(Refusal):
    type = "/problems/partner-takes-space"
    status = 409
    detail = "Your partner is taking space. Nothing was sent."


class PartnersQuietHours(Refusal):
    type = "/problems/partners-quiet-hours"
    status = 409
    detail = "It is quiet where your partner is. Nothing was sent."


class PartnersDailyBudget(Refusal):
    type = "/problems/partners-daily-budget"
    status = 409
    detail = "Your partner wants no more of these today. Nothing was sent."


class PartnersTopics(Refusal):
    type = "/problems/partners-topics"
    status = 409
    detail = "Your partner has put this topic off limits. Nothing was sent."


class PartnersKinds(Refusal):
    type = "/problems/partners-kinds"
    status = 409
    detail = "Your partner does not want nudges of this kind. Nothing was sent."


REFUSALS: dict[Reason, type[Refusal]] = {
    Reason.SPACE: PartnerTakesSpace,
    Reason.QUIET_HOURS: PartnersQuietHours,
    Reason.DAILY_BUDGET: PartnersDailyBudget,
    Reason.TOPIC: PartnersTopics,
    Reason.KIND: PartnersKinds,
}


async def knock(me: Member, approach: Approach, db: AsyncSession, now: datetime) -> None:
    """Raises what the partner shows; returns where they show nothing, whatever they have set."""
    zone, spaces, rows = (await db.exec(PARTNER, params=me.scope)).one()
    midnight = instant(local_date(now, zone), time(0), zone)
    sent = (await db.exec(SENT_SINCE, params=me.scope | {"since": midnight})).one()
    partner = Recipient(
        zone=zone,
        consents=EVERYTHING,
        space=next(map(SpaceTaken.model_validate, spaces), None),
        boundaries=boundaries_of(map(BoundarySet.model_validate, rows)),
        contacts_today=sent,
    )
    verdict = door(partner, approach, now)
    KNOCKS.labels(type(verdict).__name__.lower()).inc()
    if isinstance(verdict, Refused):
        raise REFUSALS[verdict.reason]
