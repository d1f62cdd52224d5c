"""How space looks from either side, and when the partner is to hear of it."""

from collections.abc import Iterable
from datetime import datetime

from schemas.pairing import Person
from schemas.space import Mode, Space, SpaceMine, SpacePublic, SpaceTaken, SpaceTold, SpaceWrite


def may_end_at(ends_at: datetime | None, now: datetime) -> bool:
    """Space may be open-ended and has no longest length; it only cannot be over already."""
    return ends_at is None or now < ends_at


def begins_for_partner(before: Space | None, body: SpaceWrite, now: datetime) -> bool:
    """Is this the moment from which the partner is told?"""
    known = before is not None and before.told(now)
    return body.mode is Mode.TOLD and not known


def began_at(before: Space | None, now: datetime) -> datetime:
    """Changed while it is on, space still counts from its beginning."""
    return before.began_at if before and before.covers(now) else now


def shown_to(me: Person, spaces: Iterable[SpaceTaken], now: datetime) -> SpacePublic:
    """Silent space looks to the partner exactly as no space does."""
    mine = partner = None
    for space in spaces:
        if space.account_id == me.id and space.covers(now):
            mine = SpaceMine(ends_at=space.ends_at, mode=space.mode)
        elif space.account_id == me.partner_id and space.told(now):
            partner = SpaceTold(ends_at=space.ends_at)
    return SpacePublic(mine=mine, partner=partner)
