"""What of a schedule is in force, and how it looks to one of its people."""

from collections.abc import Collection
from datetime import datetime

from schemas.pairing import Person
from schemas.schedules import Hour, HourFields, Schedule, SchedulePublic, Signature, Terms
from schemas.space import Space


def shown_to(
    me: Person, schedule: Schedule, signatures: Collection[Signature], hour: Hour | None
) -> SchedulePublic:
    """The same terms for both; of hours, only my own."""
    signed = [each.version for each in signatures]
    mine = [each.version for each in signatures if each.account_id == me.id]
    return SchedulePublic.model_validate(
        schedule,
        update={
            "for_both": schedule.couple_id is not None,
            "in_force": schedule.in_force(signed, schedule.needed),
            "signed": schedule.version in mine,
            "my_hour": HourFields(at=hour.at, zone=hour.zone) if hour else None,
        },
    )


def same_terms(one: Terms, other: Terms) -> bool:
    """Proposed again, what stands is no other version."""
    return Terms.model_validate(one) == Terms.model_validate(other)


def kept_back(schedule: Schedule, me: Person, my_space: Space | None, now: datetime) -> bool:
    """Did my partner propose it during the space that I am in?"""
    theirs = schedule.account_id != me.id
    return bool(
        theirs and my_space and my_space.covers(now) and my_space.came_during(schedule.proposed_at)
    )
