"""The main job, told once: each step is what two people do, and what must follow from it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from api.demo_phone import Phone, Unexpected

ALL = ("checkins", "sharing", "reminders", "partner_nudges")
WEEKLY = {"pack": "weekly_checkin", "cadence": "weekly", "weekday": "sunday"}
SAMS_HOUR = {"at": "20:00", "zone": "Europe/Lisbon"}
ALEXS_HOUR = {"at": "09:00", "zone": "America/Denver"}
RELEASED = ("connection", "appreciation")


@dataclass
class Clock:
    """Time as the whole house reads it; the story moves it."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def to(self, weekday: int, at: str, zone: str) -> None:
        """Forward, to such a day and time where somebody is, and as far as reminders are spread."""
        local = self.now.astimezone(ZoneInfo(zone))
        day = local.date() + timedelta(days=(weekday - local.weekday()) % 7)
        moment = datetime.combine(day, time.fromisoformat(at), ZoneInfo(zone)).astimezone(UTC)
        if moment <= self.now:
            moment += timedelta(days=7)
        self.now = moment + timedelta(minutes=8)


@dataclass
class Scene:
    """Two phones and a clock."""

    sam: Phone
    alex: Phone
    clock: Clock
    checkin: str = ""

    @property
    def both(self) -> tuple[Phone, Phone]:
        return self.sam, self.alex


async def sign_up(scene: Scene) -> None:
    """Sam in Lisbon and Alex in Denver sign up, each on their own phone, and open their mail."""
    await asyncio.gather(*(phone.sign_up() for phone in scene.both))
    expect((await scene.sam.get("/pairing"))["state"] == "alone", "Sam is alone at first")


async def pair(scene: Scene) -> None:
    """Sam makes an invitation, Alex types the code, Sam confirms that it is Alex."""
    await type_the_code(scene)
    await scene.sam.waits_for("joiner_waiting")
    standing = await scene.sam.get("/pairing")
    expect(standing["name"] == "Alex", "Sam sees who typed the code")
    await scene.sam.call("POST", "/pairing/confirm")
    await scene.alex.waits_for("paired")


async def type_the_code(scene: Scene) -> None:
    code = (await scene.sam.call("PUT", "/pairing/invitation"))["code"]
    await scene.alex.call("POST", "/pairing/redeem", {"code": code.lower()})


async def consent(scene: Scene) -> None:
    """Each says what they allow; until then every purpose was a no."""
    for phone in scene.both:
        for purpose in ALL:
            yes = {"text_version": 1, "expires_at": None}
            await phone.call("PUT", f"/consents/{purpose}", yes)


async def agree(scene: Scene) -> None:
    """They agree to a weekly check-in: Sam at 20:00 in Lisbon, Alex at 09:00 in Denver."""
    terms = WEEKLY | SAMS_HOUR | {"for_both": True}
    made = await scene.sam.call("POST", "/schedules", terms)
    expect(not made["in_force"], "one signature is not enough")
    await scene.alex.waits_for("schedule_proposed")
    signature = ALEXS_HOUR | {"version": made["version"]}
    signed = await scene.alex.call("PUT", f"/schedules/{made['id']}/signature", signature)
    expect(signed["in_force"], "two are")


async def alexs_hour(scene: Scene) -> None:
    """Sunday, 09:00 in Denver: Alex's phone gets one quiet push. Sam's hour has not come."""
    scene.clock.to(6, **ALEXS_HOUR)
    await scene.alex.waits_for("checkin_reminder")
    expect(await scene.sam.new_pushes() == [], "Sam's phone is quiet")
    [checkin] = (await scene.alex.get("/checkins"))["checkins"]
    scene.checkin = checkin["id"]
    expect((await scene.sam.get("/checkins"))["checkins"] == [], "Sam cannot tell Alex's hour")


async def answer(scene: Scene) -> None:
    """Alex answers alone and marks what may be read. Sam cannot tell that anything happened."""
    before = await scene.sam.get("/today")
    await say(scene.alex, scene.checkin, 4, "You called my mother when I could not.")
    expect(before == await scene.sam.get("/today"), "Sam sees no difference")


async def sams_hour(scene: Scene) -> None:
    """20:00 in Lisbon: Sam's phone gets one quiet push. Alex, who has answered, gets none."""
    scene.clock.to(6, **SAMS_HOUR)
    await scene.sam.waits_for("checkin_reminder")
    expect(await scene.alex.new_pushes() == [], "Alex's phone is quiet")


async def reveal(scene: Scene) -> None:
    """Sam answers and releases the same: now, and only now, both read both."""
    await say(scene.sam, scene.checkin, 3, "You let me sleep on Saturday.")
    await scene.alex.waits_for("reveal")
    for phone in scene.both:
        read = await partners(phone, scene.checkin)
        expect(set(read) == set(RELEASED), f"{phone.name} reads what both released, and only that")


async def say(phone: Phone, checkin: str, connection: int, appreciation: str) -> None:
    said = {"connection": connection, "appreciation": appreciation, "pressure": None}
    answers = [{"question": question, "value": value} for question, value in said.items()]
    path = f"/checkins/{checkin}/answers"
    await phone.call("PUT", path, {"answers": answers})
    await phone.call("POST", f"{path}/released", {"questions": RELEASED})


async def partners(phone: Phone, checkin: str) -> dict[str, object]:
    asked = (await phone.get(f"/checkins/{checkin}/answers"))["questions"]
    return {q["question"]["id"]: q["partner"] for q in asked if q["partner"] is not None}


async def take_space(scene: Scene) -> None:
    """Tuesday: Alex asks for space until Friday, and Sam's phone says so once."""
    scene.clock.to(1, "18:00", "America/Denver")
    friday = scene.clock.now + timedelta(days=2, hours=20)
    told = {"mode": "told", "ends_at": friday.isoformat()}
    await scene.alex.call("PUT", "/space", told)
    await scene.alex.call("PUT", "/space", told)
    await scene.sam.waits_for("space_began")


async def be_left_alone(scene: Scene) -> None:
    """Until Friday nothing from Sam reaches Alex: the server turns it away."""
    refused = await scene.sam.call("POST", "/nudges/sent", {"phrase": "thinking_of_you"}, 409)
    expect(refused["type"] == "/problems/partner-takes-space", "the refusal says why")
    scene.clock.to(3, "12:00", "America/Denver")
    expect(await scene.alex.new_pushes() == [], "Alex's phone stays quiet")


async def friday(scene: Scene) -> None:
    """On Friday evening it is simply over. Sam sends a phrase, and it arrives."""
    scene.clock.to(4, "19:00", "America/Denver")
    expect((await scene.sam.get("/space"))["partner"] is None, "no space any more")
    await scene.sam.call("POST", "/nudges/sent", {"phrase": "no_need_to_answer"})
    await scene.alex.waits_for("partner_nudge")


async def leave(scene: Scene) -> None:
    """Alex leaves: alone, at once, silently. Nothing that was Alex's is left for Sam to find."""
    await scene.alex.call("POST", "/pairing/leave", {"tell": False})
    expect(await partners(scene.sam, scene.checkin) == {}, "Alex's answers are gone from Sam")
    expect((await scene.sam.get("/pairing"))["state"] == "alone", "Sam is alone")
    await scene.sam.call("GET", "/space", status=409)
    expect(await scene.sam.new_pushes() == [], "no phone has said a word")


def expect(true: object, what: str) -> None:
    if not true:
        raise Unexpected(f"this should be so, and is not: {what}")  # noqa: EM102, TRY003


Step = Callable[[Scene], Awaitable[None]]
STORY: tuple[Step, ...] = (
    *(sign_up, pair, consent, agree, alexs_hour, answer, sams_hour, reveal),
    *(take_space, be_left_alone, friday, leave),
)
