"""Couples in bulk: who they are, what they agreed to, and the four weeks behind them.

Each statement is one table of theirs. What is sealed is noise of the right length: nobody has the
keys to read it, and nobody tries.
"""

from collections.abc import Iterator
from datetime import datetime, time
from typing import Any, NamedTuple

from schemas.consents import TEXT_VERSION, Purpose
from schemas.hours import Weekday
from schemas.questionnaires import NEWEST
from schemas.schedules import Cadence, Hour, HourFields, Schedule, ScheduleWrite
from tests.builders import asking

PACK = NEWEST["weekly_checkin"]
ZONES = (
    *("Europe/Lisbon", "America/Denver", "Europe/Berlin", "America/New_York", "Asia/Kolkata"),
    *("America/Sao_Paulo", "Asia/Tokyo", "Africa/Nairobi", "America/Los_Angeles"),
)
QUARTERS = [time(hour, minute) for hour in range(24) for minute in (0, 15, 30, 45)]

# Ids are as `new_id` makes them: a midnight, and what looks like chance.
GROUND = """
create function pg_temp.an_id(what text, number bigint, day date) returns uuid
language sql immutable parallel safe as $$
    select (lpad(to_hex(extract(epoch from day)::bigint * 1000), 12, '0') || '7'
        || substr(hash, 1, 3) || substr('89ab', 1 + (number % 4)::int, 1)
        || substr(hash, 4, 15))::uuid
    from md5(what || number) as hash
$$;
create temp table calendar (
    weekday varchar, slot int, zone varchar, at time, next_on date, next_at timestamptz
);
create temp table pair (
    number bigint, couple_id uuid, one uuid, other uuid, since date, schedule_id uuid,
    weekday varchar
);
create temp table settler (
    number bigint, id uuid, partner_id uuid, couple_id uuid, since date, schedule_id uuid,
    session_id uuid, zone varchar, at time, next_on date, next_at timestamptz
);
"""
# The first came a year ago, and the last four weeks ago.
PAIRS = """
with together as (
    select number, %(now)s::date - 28 - (336 * (%(couples)s - number) / %(couples)s)::int as since,
        (%(weekdays)s::varchar[])[1 + number %% 7] as weekday
    from generate_series(1, %(couples)s::bigint) as number
)
insert into pair
select number, pg_temp.an_id('couple', number, since), pg_temp.an_id('one', number, since),
    pg_temp.an_id('other', number, since), since, pg_temp.an_id('schedule', number, since), weekday
from together
"""
SETTLERS = """
with each as (
    select 2 * number - 1 as number, one as id, other as partner_id, couple_id, since, schedule_id,
        weekday from pair
    union all
    select 2 * number, other, one, couple_id, since, schedule_id, weekday from pair
    order by 1
)
insert into settler
select number, id, partner_id, couple_id, since, schedule_id,
    pg_temp.an_id('session', number, since), zone, at, next_on, next_at
from each join calendar on calendar.weekday = each.weekday
    and calendar.slot = abs(hashint8(number)) %% %(slots)s
"""
ACCOUNT = """
insert into account (zone, locale, id, email, password_hash, name, created_at)
select zone, 'en', id, number || '@settlers.example', %(password)s, substr(%(noise)s, 1, 35), since
from settler
"""
COUPLE = "insert into couple (id, paired_at) select couple_id, since from pair"
MEMBER = """
insert into member (account_id, partner_id, couple_id, partner_name)
select id, partner_id, couple_id, substr(%(noise)s, 1, 35) from settler
"""
DATA_KEY = """
insert into data_key (account_id, id, couple_id, wrapped)
select id, pg_temp.an_id('own key', number, since), null::uuid, substr(%(noise)s, 1, 66)
from settler
union all
select id, pg_temp.an_id('our key', number, since), couple_id, substr(%(noise)s, 1, 66)
from settler
"""
SESSION = """
insert into session
    (account_id, id, created_at, rotated_at, expires_at, proved_at, spent, spent_hash)
select id, session_id, since, %(now)s, %(now)s::timestamptz + interval '60 days', since, 0, null
from settler
"""
DEVICE = """
insert into device
    (account_id, target_kind, platform, locale, discreet, id, session_id, target, registered_at)
select id, 'token', 'android', 'en', false, pg_temp.an_id('device', number, since), session_id,
    rpad('settler-' || number || '-', 150, 'x'), since
from settler
"""
CONSENT = """
insert into consent
    (account_id, couple_id, purpose, given, text_version, expires_at, said_at, number, hash)
select id, case when within then couple_id end, purpose, true, %(text)s, null, since, place,
    substr(%(noise)s, 1, 32)
from settler, unnest(%(purposes)s::varchar[], %(within)s::boolean[])
    with ordinality as asked (purpose, within, place)
"""
BOUNDARY = """
insert into boundary (account_id, kind, setting, shown_in)
select id, 'daily_budget', '{"most": 10}', couple_id from settler
"""
SCHEDULE = """
insert into schedule (version, pack, cadence, weekday, id, account_id, couple_id, proposed_at)
select 1, %(pack)s, 'weekly', weekday, schedule_id, one, couple_id, since from pair
"""
SIGNATURE = """
insert into schedule_signature (schedule_id, account_id, couple_id, version)
select schedule_id, id, couple_id, 1 from settler
"""
HOUR = """
insert into schedule_hour (zone, account_id, schedule_id, couple_id, at, next_on, next_at)
select zone, id, schedule_id, couple_id, at, next_on, next_at from settler
"""
CHECKIN = """
insert into checkin (id, account_id, couple_id, begun_by, schedule_id, pack, version, date,
    begun_at, closes_at)
select pg_temp.an_id('checkin', 4 * pair.number + week, day), null, pair.couple_id, null,
    pair.schedule_id, %(pack)s, %(version)s, day, day + interval '12 hours', day + 9
from generate_series(4, 1, -1) as week, pair
    join settler on settler.number = 2 * pair.number,
    lateral (select settler.next_on - 7 * week as day) as came
"""
ARRIVAL = """
insert into checkin_arrival (account_id, checkin_id)
select half, checkin.id from checkin join pair on pair.couple_id = checkin.couple_id,
    lateral unnest(array[one, other]) as half
"""
ANSWER = """
insert into answer
    (released, final, revealed, checkin_id, account_id, question, sealed, shared, answered_at)
select true, true, true, checkin_id, arrival.account_id, question, substr(%(noise)s, 1, length),
    substr(%(noise)s, 1, length), begun_at
from checkin_arrival as arrival join checkin on checkin.id = checkin_id,
    unnest(%(questions)s::varchar[], %(lengths)s::int[]) as asked (question, length)
"""
# Which nobody has looked at yet.
NUDGE = """
insert into nudge
    (account_id, id, couple_id, kind, about, made_at, expires_at, held, looked)
select arrival.account_id, pg_temp.an_id('nudge ' || checkin_id, number, date),
    checkin.couple_id, 'reveal', checkin_id, begun_at, begun_at + interval '14 days', false, false
from checkin_arrival as arrival join checkin on checkin.id = checkin_id
    join settler on settler.id = arrival.account_id
where begun_at > %(now)s::timestamptz - interval '14 days'
"""
WHO = (PAIRS, SETTLERS, ACCOUNT, COUPLE, MEMBER, DATA_KEY, SESSION, DEVICE, CONSENT, BOUNDARY)
WHAT = (SCHEDULE, SIGNATURE, HOUR, CHECKIN, ARRIVAL, ANSWER, NUDGE)


class Slot(NamedTuple):
    """An hour of a week that somebody may have chosen, and when it comes next."""

    weekday: Weekday
    slot: int
    zone: str
    at: time
    next_on: Any
    next_at: datetime


def calendar(now: datetime) -> Iterator[Slot]:
    """Every quarter of an hour of the coming week, in each of the zones."""
    me = asking()
    for weekday in Weekday:
        terms = {"pack": PACK.id, "cadence": Cadence.WEEKLY, "weekday": weekday}
        mine = {"at": "20:00", "zone": "UTC", "for_both": False}
        schedule = Schedule.of(me, ScheduleWrite.model_validate(terms | mine), now)
        for slot, (zone, at) in enumerate((zone, at) for zone in ZONES for at in QUARTERS):
            hour = Hour.of(me, schedule, HourFields(at=at, zone=zone), now)
            yield Slot(weekday, slot, zone, at, hour.next_on, hour.next_at)


def terms() -> dict[str, Any]:
    """What the statements are told, apart from how many and when."""
    purposes = [*Purpose]
    questions = [each.id for each in PACK.questions]
    return {
        "weekdays": [*Weekday],
        "slots": len(ZONES) * len(QUARTERS),
        "text": TEXT_VERSION,
        "purposes": purposes,
        "within": [each.within_pairing for each in purposes],
        "pack": PACK.id,
        "version": PACK.version,
        "questions": questions,
        "lengths": [40 if each.kind != "text" else 90 for each in PACK.questions],
    }
