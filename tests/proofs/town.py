# ruff: noqa: S608 - every name in these statements is of a table of ours
"""A town in which Sam has written and set everything there is, and everybody who might ask.

One after the other it is kept as a world: `bare`, in which the same people live and Sam and Robin
have nothing; `open`, with what Sam lets Alex see; `full`, with all that Sam keeps to themselves as
well; and `told` and `silent`, in which Sam takes space besides.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlmodel import col, delete
from sqlmodel.ext.asyncio.session import AsyncSession

from api import tokens
from api.tokens import Claims
from schemas.accounts import Account
from schemas.sessions import RefreshToken, Session
from tests.builders import TOKEN_KEYS, Person, a_block, a_couple, a_person, another_phone
from tests.catalog import column, tables
from tests.proofs.program import Ground
from tests.proofs.worlds import keep, put_back

TOLD_UNTIL, SILENT_UNTIL = "2026-03-06T18:41:00Z", "2026-03-09T05:43:21Z"
REPLACED = b"a refresh token that was replaced"

# Words of Sam's and Robin's, and who else may read them.
WORDS = {
    "canary-of-sam": {"partner"},  # a name
    "canary-of-robin": set[str](),
    "canary-to-the-former": set[str](),
    "canary-revealed": {"partner"},
    "canary-released-alone": set[str](),
    "canary-not-released": set[str](),
    "canary-for-myself": set[str](),
    "canary-of-robins-own": set[str](),
    "Pacific/Chatham": set[str](),  # where Sam is
    "Asia/Kathmandu": set[str](),  # of an hour of Sam's own
    "04:23": set[str](),
    "05:29": set[str](),
    "01:17": set[str](),  # quiet hours that are not shown
    "08:43": set[str](),
    "2026-07-08T09:10:11": set[str](),  # when a yes of Sam's ends
    SILENT_UNTIL[:19]: set[str](),
    TOLD_UNTIL[:19]: {"partner"},
}
Tick = Callable[[], Awaitable[object]]


@dataclass
class Town:
    """Everybody, by the part they play, and what stands in a path: from Sam's side, or Robin's."""

    people: dict[str, Person]
    gone: Claims
    revoked: Claims
    code: str = ""
    sams: dict[str, str] = field(default_factory=dict)
    robins: dict[str, str] = field(default_factory=dict)
    words: dict[str, set[str]] = field(default_factory=dict)

    @property
    def sam(self) -> Person:
        return self.people["self"]

    def header(self, who: str) -> dict[str, str]:
        """With what this one asks."""
        if who == "nobody":
            return {}
        person = self.people.get(who, self.sam)
        claims = {"deleted": self.gone, "revoked": self.revoked}.get(
            who, Claims(person.id, person.session_id)
        )
        at = person.clock.now - (tokens.LASTS if who == "expired" else timedelta(0))
        return {"authorization": f"Bearer {tokens.issue(TOKEN_KEYS, claims, at)}"}


async def a_town(ground: Ground, tick: Tick) -> Town:
    """Built by asking, as people do, and kept world by world."""
    async with AsyncSession(ground.engines["owner"], expire_on_commit=False) as db:
        town = await people(ground, db)
        await settled(ground, "bare", tick)
        await what_the_two_share(town)
        await settled(ground, "open", tick)
        town.sams |= await handles(town.sam)
        await what_sam_keeps(town, db)
        await robins_own(town)
        town.robins |= await handles(town.people["inviter"])
        await settled(ground, "full", tick)
        for mode, until in (("told", TOLD_UNTIL), ("silent", SILENT_UNTIL)):
            await put_back(ground.engines["owner"], "full")
            await town.sam.takes_space(mode, until)
            await settled(ground, mode, tick)
        await put_back(ground.engines["owner"], "full")
        town.words = dict(WORDS)
        for person in (town.sam, town.people["inviter"]):
            town.words |= {person.phone: set(), f"{person.name}-{person.id}@": set()}
            town.words |= {each: set[str]() for each in await ids_of(person, db)}
        for part in set(PARTS) - {"self", "inviter"}:  # an id of one's own is no secret
            town.words.pop(str(town.people[part].id), None)
        for shared in await shared_ids(town, db):
            town.words[shared] = {"partner"}
        town.words[town.sams["old"]] = {"former", "remembering"}
    return town


async def settled(ground: Ground, world: str, tick: Tick) -> None:
    """Whatever has to ring has rung."""
    await tick()
    await keep(ground.engines["owner"], world)


PARTS = {
    "self": "sam",
    "partner": "alex",
    "former": "jo",
    "elsewhere": "kim",
    "their partner": "lou",
    "stranger": "kit",
    "invitee": "noa",
    "inviter": "robin",
}


async def people(ground: Ground, db: AsyncSession) -> Town:
    """Sam was with Jo and is with Alex; Kim is with Lou; Noa typed Robin's code; Kit is alone."""
    everybody = {part: Person(name, ground.app, ground.clock) for part, name in PARTS.items()}
    sam, alex, jo, kim, lou, kit, noa, robin = everybody.values()
    await a_couple(db, sam, jo)
    old = await jo.begins("weekly_checkin")
    await sam.answers(old, request="canary-to-the-former", connection=2)
    await sam.releases(old, "request")
    await jo.answers(old, request="of jo's own", connection=4)
    await sam.leaves()
    for one in (alex, kit, noa, robin):
        await a_person(db, one)
    await sam.pairs_with(alex)
    for one in (sam, alex):
        for purpose in ("checkins", "sharing", "partner_nudges", "reminders"):
            await one.allows(purpose)
    await a_couple(db, kim, lou)
    await kim.answers(await kim.begins(), mood=3)
    await kim.schedules()
    await lou.sends()
    await named(sam, "canary-of-sam", "Pacific/Chatham")
    await named(robin, "canary-of-robin", "Pacific/Chatham")
    code = await robin.invites()
    await noa.types(code)
    ended, gone = await another_phone(db, sam, ground.app), Person("gone", ground.app, ground.clock)
    await a_person(db, gone)
    await db.exec(delete(Session).where(col(Session.id) == ended.session_id))
    await db.exec(delete(Account).where(col(Account.id) == gone.id))
    await db.commit()
    everybody["remembering"] = jo
    left = Claims(gone.id, gone.session_id), Claims(sam.id, ended.session_id)
    return Town(everybody, *left, code, {"old": old})


async def named(person: Person, name: str, zone: str) -> None:
    answer = await person.put(
        "/accounts/me", json={"display_name": name, "zone": zone, "locale": "en"}
    )
    assert answer.status_code == 200, answer.text


async def what_the_two_share(town: Town) -> None:
    """Everything of Alex's, and what Sam lets Alex see."""
    sam, alex = town.sam, town.people["partner"]
    checkin = await alex.begins()
    for one, said in ((alex, "calm"), (sam, "canary-revealed")):
        await one.answers(checkin, mood=4, a_word=said)
        await one.releases(checkin, "mood", "a_word")
    await alex.answers(checkin, closeness=3, good_for_me="not_sure")
    weekly = await alex.begins("weekly_checkin")
    await alex.answers(weekly, request="alex asks", appreciation="alex thanks")
    await alex.releases(weekly, "request")
    schedule = (await alex.schedules()).json()
    await sam.signs(schedule, at="04:23", zone="Asia/Kathmandu")
    await alex.sends()
    await sam.sends("good_night")
    await sam.sets(daily_budget={"most": 9, "shown": True})
    town.sams |= {"checkin_id": checkin, "weekly": weekly, "schedule_id": schedule["id"]}


async def what_sam_keeps(town: Town, db: AsyncSession) -> None:
    """All that Alex must not be able to tell from nothing."""
    sam, weekly = town.sam, town.sams["weekly"]
    await sam.answers(town.sams["checkin_id"], closeness=2, good_for_me="time_for_myself")
    await sam.answers(weekly, request="canary-not-released", appreciation="canary-released-alone")
    await sam.releases(weekly, "appreciation")
    own = await sam.begins("for_myself", for_both=False)
    await sam.answers(own, on_my_mind="canary-for-myself")
    await sam.schedules(pack="for_myself", at="05:29", zone="Asia/Kathmandu", for_both=False)
    unseen: dict[str, Any] = {
        "quiet_hours": {"start": "01:17", "until": "08:43", "shown": False},
        "off_limit_topics": {"topics": ["money", "trust"], "shown": False},
        "unwanted_nudges": {"kinds": ["warmth", "flirt"], "shown": False},
    }
    await sam.sets(daily_budget={"most": 9, "shown": True}, **unseen)
    await sam.allows("intimacy", "2026-07-08T09:10:11Z")
    await sam.withdraws("reminders")
    another = await another_phone(db, sam, sam._transport.app)  # type: ignore[attr-defined]  # noqa: SLF001
    replaced = {"account_id": sam.id, "session_id": another.session_id, "generation": 0}
    replaced |= {"expires_at": sam.clock.now + timedelta(days=1)}
    db.add(RefreshToken.model_validate(replaced | {"hash": sha256(REPLACED).digest()}))
    await db.commit()
    town.sams["session_id"] = str(another.session_id)
    town.sams["block_id"] = str((await a_block(db, sam, town.people["former"])).id)


async def robins_own(town: Town) -> None:
    robin = town.people["inviter"]
    await robin.allows("checkins")
    own = await robin.begins("for_myself", for_both=False)
    await robin.answers(own, on_my_mind="canary-of-robins-own")
    made = await robin.schedules(pack="for_myself", at="05:29", for_both=False)
    town.robins = {"checkin_id": own, "schedule_id": made.json()["id"]}


async def handles(person: Person) -> dict[str, str]:
    """What stands in the paths of one person alone."""
    kept = {"partner_nudge", "joiner_waiting"}  # others go when what they are about is done
    listed = (await person.sees("/nudges"))["nudges"]
    nudge = next(each for each in listed if each["kind"] in kept)
    [device, *_] = await person.sees("/devices")
    session = {"session_id": str(person.session_id)}
    return session | {"nudge_id": nudge["id"], "device_id": device["id"]}


async def ids_of(person: Person, db: AsyncSession) -> set[str]:
    """Every id in every row that is this person's."""
    found = "regexp_matches(t::text, '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}', 'g')"
    mine = f"where t::text like '%{person.id}%'"
    ids = [
        await column(db, f'select ({found})[1] from "{each}" t {mine}') for each in await tables(db)
    ]
    return {each for some in ids for each in some}


async def shared_ids(town: Town, db: AsyncSession) -> set[str]:
    """Ids that Alex is given: what both see, and what came to Alex."""
    alex: UUID = town.people["partner"].id
    mine = await column(db, f"select id from nudge where account_id = '{alex}'")
    sent = await column(db, f"select id from partner_nudge where '{alex}' in (account_id, from_id)")
    names = ("checkin_id", "weekly", "schedule_id")
    return {*mine, *sent, *(town.sams[name] for name in names)}
