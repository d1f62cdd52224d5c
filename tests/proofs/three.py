"""Three people, and as much of what is between them as can be told in a few lines."""

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from schemas.accounts import Account
from schemas.pairing import CoupleMember
from schemas.sessions import RefreshToken, Session
from tests.builders import Person, Stranger, a_couple, a_person
from tests.fakes import Clock
from tests.proofs.program import Ground

NAMES = ("sam", "alex", "kit")
# What rings because of a partner; all else answers a step of one's own, or is one's own hour.
FROM_PARTNER = {"checkin_opened", "reveal", "partner_nudge", "schedule_proposed", "space_began"}


@dataclass
class One:
    name: str
    phone: Person
    partner: str | None = None
    couple: int = 0  # their first, second …
    hands: dict[str, str] = field(default_factory=dict)  # refresh tokens
    since: dict[str, int] = field(default_factory=dict)  # how often each was used since the theft
    over: bool = False  # the session that the two hands share


@dataclass
class Three:
    clock: Clock
    people: dict[str, One]
    couples: int = 1
    codes: dict[str, str] = field(default_factory=dict)
    checkins: dict[str, int] = field(default_factory=dict)  # of which couple each is
    said: dict[tuple[str, str], int] = field(default_factory=dict)
    released: set[tuple[str | None, str]] = field(default_factory=set)
    allows: set[tuple[str, str]] = field(default_factory=set)
    space: dict[str, tuple[str, datetime | None]] = field(default_factory=dict)

    def anew(self) -> "Three":
        """The same people with nothing remembered."""
        people = {
            each.name: One(each.name, each.phone, each.partner, each.couple, dict(each.hands))
            for each in self.people.values()
        }
        return Three(self.clock, people, allows=set(self.allows))

    def invites(self, who: str, code: str) -> None:
        self.codes[who] = code

    async def paired(self, ground: Ground) -> None:
        """Who with whom: of these the database is asked."""
        async with AsyncSession(ground.engines["owner"]) as db:
            rows = (await db.exec(select(CoupleMember))).all()
        names = {one.phone.id: name for name, one in self.people.items()}
        self.couples += 1
        for row in rows:
            one = self.people[names[row.account_id]]
            if one.partner is None:
                one.partner, one.couple = names[row.partner_id], self.couples

    def left(self, who: str) -> None:
        """Nothing that was between the two counts any more, and no consent to the other."""
        for name in {who, self.people[who].partner or who}:
            one = self.people[name]
            if one.partner:
                self.allows -= {(name, "sharing"), (name, "partner_nudges")}
                self.space.pop(name, None)
                one.partner, one.couple = None, 0

    async def deleted(self, who: str, ground: Ground) -> None:
        """Gone, and somebody of this name begins anew."""
        old = self.people[who]
        async with AsyncSession(ground.engines["owner"], expire_on_commit=False) as db:
            await db.exec(delete(Account).where(col(Account.id) == old.phone.id))
            await db.commit()
            self.people[who] = await somebody(who, ground, db)
        self.codes.pop(who, None)
        self.said = {key: mood for key, mood in self.said.items() if key[0] != who}
        self.released = {key for key in self.released if key[0] != who}

    def begun(self, who: str, checkin: str) -> None:
        self.checkins[checkin] = self.people[who].couple

    def checkins_of(self, who: str) -> list[str]:
        """Those of the couple that this one is in."""
        couple = self.people[who].couple
        return [each for each, whose in self.checkins.items() if couple and whose == couple]

    def checkin(self, who: str) -> str | None:
        return next(reversed(self.checkins_of(who)), None)

    def reads(self, who: str, checkin: str) -> int | None:
        """What the other said, if both released it and both allow that it is read."""
        partner = self.people[who].partner
        both = [(who, checkin), (partner, checkin)]
        allowed = all((name, "sharing") in self.allows for name in (who, partner) if name)
        if partner and allowed and self.released.issuperset(both):
            return self.said[partner, checkin]
        return None

    def read_together(self, who: str) -> bool:
        partner = self.people[who].partner
        return any(
            {(who, each), (partner, each)} <= self.released for each in self.checkins_of(who)
        )

    def told(self, who: str) -> bool:
        mode, _ = self.space.get(who, ("", None))
        return mode == "told" and self.in_space(who)

    def in_space(self, who: str) -> bool:
        if who not in self.space:
            return False
        ends = self.space[who][1]
        return ends is None or self.clock.now < ends

    def must_not_ring(self, target: str) -> set[str]:
        """The kinds that may not reach this phone now."""
        whose = {each.phone.phone: each for each in self.people.values()}
        if target not in whose or whose[target].partner is None:
            return FROM_PARTNER  # somebody who is gone, or alone
        one = whose[target]
        if self.in_space(one.name):
            return FROM_PARTNER | {"checkin_reminder"}
        return set() if (one.name, "partner_nudges") in self.allows else FROM_PARTNER

    def steals(self, who: str) -> None:
        """From here on two hands hold the same token."""
        one = self.people[who]
        one.hands["thief"] = one.hands["phone"]
        one.since = dict.fromkeys(one.hands, 0)

    async def refreshes(self, who: str, hand: str, ground: Ground) -> None:
        one = self.people[who]
        if hand not in one.hands:
            return
        async with Stranger(ground.app) as phone:
            answer = await phone.refreshes(one.hands[hand])
        assert answer.status_code in {200, 401}, answer.text
        assert not (one.over and answer.status_code == 200), "a session that is over went on"
        if answer.status_code == 401:
            one.over = True
            return
        one.hands[hand] = answer.json()["refresh_token"]
        one.since[hand] = one.since.get(hand, 0) + 1
        assert sum(count > 1 for count in one.since.values()) < 2, (
            "two hands go on with one session"
        )


async def somebody(name: str, ground: Ground, db: AsyncSession) -> One:
    one = One(name, Person(name, ground.app, ground.clock))
    await a_person(db, one.phone)
    await may_go_on(one, db)
    return one


async def may_go_on(one: One, db: AsyncSession) -> None:
    """A second session, which the phone and a thief go on with."""
    session, token = Session.begin(one.phone.id, one.phone.clock.now), f"first of {one.phone.id}"
    db.add(session)
    await db.flush()
    first = {"account_id": one.phone.id, "session_id": session.id, "generation": 1}
    first |= {"hash": sha256(token.encode()).digest(), "expires_at": session.expires_at}
    db.add(RefreshToken.model_validate(first))
    await db.commit()
    one.hands = {"phone": token}


async def three(ground: Ground, db: AsyncSession) -> Three:
    """Sam and Alex, who have allowed everything, and Kit."""
    sam, alex = [One(each, Person(each, ground.app, ground.clock)) for each in ("sam", "alex")]
    await a_couple(db, sam.phone, alex.phone)
    for one, other in ((sam, alex), (alex, sam)):
        one.partner, one.couple = other.name, 1
        await may_go_on(one, db)
    found = Three(
        ground.clock, {"sam": sam, "alex": alex, "kit": await somebody("kit", ground, db)}
    )
    found.allows = {(n, p) for n in ("sam", "alex") for p in ("sharing", "partner_nudges")}
    return found
