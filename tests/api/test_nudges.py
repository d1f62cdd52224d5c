import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlmodel.ext.asyncio.session import AsyncSession

from schemas.base import new_id
from schemas.nudges import Kind
from tests.builders import (
    SIX,
    Person,
    Two,
    a_couple,
    in_bytes,
    nudges_of,
    pushes_of,
)
from tests.fakes import NOON, Clock

PHRASES = {
    "thinking_of_you": ("warmth", "I am thinking of you.", "Estou a pensar em ti."),
    "thank_you": ("thanks", "Thank you.", "Obrigado por tudo."),
    "you_looked_lovely": ("flirt", "You looked lovely.", "Estavas um encanto."),
}
BEHIND = {"nudges": [], "behind_the_door": True}
NOTHING: dict[str, object] = {"nudges": [], "behind_the_door": False}


async def phrases(person: Person) -> list[str]:
    """What somebody's own list shows of what their partner sent, newest first."""
    return [each["phrase"] for each in (await person.sees("/nudges"))["nudges"] if each["phrase"]]


async def send_one_after_the_other(sam: Person, *said: str) -> list[int]:
    statuses = []
    for phrase in said:
        sam.clock.forward(minutes=1)
        statuses.append((await sam.sends(phrase)).status_code)
    return statuses


# What waits.


async def test_what_a_push_announces_waits_here_until_it_is_dismissed(
    couple: Two, db: AsyncSession
) -> None:
    sam, alex = couple
    checkin = await sam.begins()
    sam.clock.forward(minutes=1)
    sent = (await sam.sends("thank_you")).json()

    waits = (await alex.sees("/nudges"))["nudges"]

    on = {"made_on": "2026-03-02"}
    told = [{name: each[name] for name in ("kind", "about", "phrase", "made_on")} for each in waits]
    assert told == [
        on | {"kind": "partner_nudge", "about": sent["id"], "phrase": "thank_you"},
        on | {"kind": "checkin_opened", "about": checkin, "phrase": None},
    ]
    assert {each["id"] for each in waits} == {str(push.id) for push in await pushes_of(alex, db)}

    for each in waits:
        assert (await alex.dismisses(each["id"])).status_code == 204
    assert await alex.sees("/nudges") == NOTHING
    assert await pushes_of(alex, db) == []


async def test_who_sent_it_sees_no_difference_when_it_is_dismissed(couple: Two) -> None:
    sam, alex = couple
    await sam.sends()
    everywhere = ("/nudges/sent", "/nudges", "/today")
    before = [await sam.get(path) for path in everywhere]
    (waits,) = (await alex.sees("/nudges"))["nudges"]

    await alex.dismisses(waits["id"])

    after = [await sam.get(path) for path in everywhere]
    assert [(each.content, each.headers) for each in after] == [
        (each.content, each.headers) for each in before
    ]


async def test_somebody_elses_nudge_is_not_found_and_stays(couple: Two, noise: Two) -> None:
    sam, alex = couple
    kim, lou = noise
    await lou.delete("/space")
    await sam.sends()
    alexs = (await alex.sees("/nudges"))["nudges"][0]["id"]

    for whose in (alexs, str(new_id(NOON))):
        for stranger in (sam, kim):
            answer = await stranger.dismisses(whose)
            assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")

    assert await phrases(alex) == ["thinking_of_you"]
    assert (await alex.dismisses(alexs)).status_code == 204
    assert (await alex.dismisses(alexs)).status_code == 404


async def test_what_waited_two_weeks_is_gone(couple: Two, clock: Clock) -> None:
    sam, alex = couple
    await sam.sends()

    clock.forward(days=13)
    assert await phrases(alex) == ["thinking_of_you"]

    clock.forward(days=1)
    assert await alex.sees("/nudges") == NOTHING


async def test_leaving_takes_all_that_either_sent(couple: Two) -> None:
    sam, alex = couple
    await sam.sends()
    await alex.sends()

    await alex.leaves()

    assert await sam.sees("/nudges") == await alex.sees("/nudges") == NOTHING
    assert (await sam.get("/nudges/sent")).status_code == 409
    await sam.pairs_with(alex)
    assert await sam.sees("/nudges/sent") == []
    assert await phrases(alex) == []


async def test_alone_nothing_waits(alone: Two) -> None:
    sam, _ = alone

    assert await sam.sees("/nudges") == NOTHING
    for answer in (await sam.sends(), await sam.get("/nudges/sent")):
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/not-paired")


# The phrases, and sending one.


@pytest.mark.parametrize(("locale", "place"), [("en", 1), ("pt", 2)])
async def test_the_phrases_are_read_in_my_language(couple: Two, locale: str, place: int) -> None:
    sam, _ = couple
    await sam.moves_to("Europe/Lisbon", locale)

    shown = {each["id"]: each for each in await sam.sees("/nudges/phrases")}

    assert len(shown) == 9
    assert all(each["text"] and "?" not in each["text"] for each in shown.values())
    for phrase, told in PHRASES.items():
        assert (shown[phrase]["kind"], shown[phrase]["text"]) == (told[0], told[place])


async def test_what_i_sent_is_listed_by_the_day(couple: Two) -> None:
    sam, alex = couple

    assert await send_one_after_the_other(sam, "thank_you", "good_night") == [202, 202]

    shown = await sam.sees("/nudges/sent")
    assert [each["phrase"] for each in shown] == ["good_night", "thank_you"]
    assert {each["sent_on"] for each in shown} == {"2026-03-02"}
    assert {*shown[0]} == {"id", "phrase", "sent_on"}
    assert await alex.sees("/nudges/sent") == []


@pytest.mark.parametrize("body", [{"phrase": "I see you."}, {"phrase": "thank_you", "text": "!"}])
async def test_there_is_no_free_text(couple: Two, body: dict[str, str]) -> None:
    sam, alex = couple

    answer = await sam.post("/nudges/sent", json=body)

    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid")
    assert await phrases(alex) == []


async def test_twenty_a_day_are_the_most_wherever_my_clock_is(couple: Two, clock: Clock) -> None:
    sam, alex = couple
    clock.to(NOON + timedelta(hours=6))
    sent = [(await sam.sends()).status_code for _ in range(20)]
    clock.forward(hours=10)  # over midnight in Kolkata, and in Lisbon

    assert sent == [202] * 20
    for zone in ("Europe/Lisbon", "Pacific/Kiritimati", "Etc/GMT+12", "Asia/Kolkata"):
        await sam.moves_to(zone)
        answer = await sam.sends()
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/enough-for-today")
    assert (await alex.sends()).status_code == 202

    clock.forward(hours=14)
    assert (await sam.sends()).status_code == 409
    clock.forward(minutes=1)
    assert (await sam.sends()).status_code == 202


async def test_many_at_once_are_still_twenty(couple: Two, db: AsyncSession) -> None:
    sam, alex = couple

    answers = []
    for _ in range(3):  # as many at once as one phone may have
        answers += await asyncio.gather(*(sam.sends() for _ in range(9)))

    assert sorted(answer.status_code for answer in answers) == [202] * 20 + [409] * 7
    assert (await nudges_of(alex, db)).count(Kind.PARTNER_NUDGE) == 20
    assert len(await pushes_of(alex, db)) == 1


# The door: what is shown refuses, what is not shown holds without a sign.


async def test_told_space_refuses(couple: Two, db: AsyncSession) -> None:
    sam, alex = couple
    await alex.takes_space("told", SIX)

    answer = await sam.sends()

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/partner-takes-space")
    assert await sam.sees("/nudges/sent") == []
    assert await nudges_of(alex, db) == []
    sam.clock.forward(hours=6)
    assert (await sam.sends()).status_code == 202


@pytest.mark.parametrize(
    ("boundary", "problem"),
    [
        ({"daily_budget": {"most": 0}}, "partners-daily-budget"),
        ({"off_limit_topics": {"topics": ["intimacy"]}}, "partners-topics"),
        ({"unwanted_nudges": {"kinds": ["flirt"]}}, "partners-kinds"),
        ({"quiet_hours": {"start": "11:00", "until": "13:00"}}, "partners-quiet-hours"),
    ],
)
async def test_what_is_shown_refuses_in_words(
    couple: Two, db: AsyncSession, boundary: dict[str, Any], problem: str
) -> None:
    sam, alex = couple
    shown = {name: setting | {"shown": True} for name, setting in boundary.items()}
    assert (await alex.sets(**shown)).status_code == 200

    answer = await sam.sends("you_looked_lovely")

    assert (answer.status_code, answer.json()["type"]) == (409, f"/problems/{problem}")
    assert await sam.sees("/nudges/sent") == []
    assert await nudges_of(alex, db) == []


async def silent_space(alex: Person) -> None:
    assert (await alex.takes_space("silent")).status_code == 200


async def no_consent(alex: Person) -> None:
    assert (await alex.withdraws("partner_nudges")).status_code == 204


async def consent_that_expired(alex: Person) -> None:
    assert (await alex.allows("partner_nudges", "2026-03-02T12:30:00Z")).status_code == 200


async def no_budget(alex: Person) -> None:
    await unshown(alex, daily_budget={"most": 0})


async def topic_off_limits(alex: Person) -> None:
    await unshown(alex, off_limit_topics={"topics": ["intimacy"]})


async def unwanted_kind(alex: Person) -> None:
    await unshown(alex, unwanted_nudges={"kinds": ["flirt"]})


async def quiet_hours(alex: Person) -> None:
    await unshown(alex, quiet_hours={"start": "11:00", "until": "14:00"})


async def unshown(alex: Person, **boundaries: dict[str, Any]) -> None:
    kept = {name: setting | {"shown": False} for name, setting in boundaries.items()}
    assert (await alex.sets(**kept)).status_code == 200


KEPT_BACK = [silent_space, no_consent, consent_that_expired]
KEPT_BACK += [no_budget, topic_off_limits, unwanted_kind]


@pytest.mark.parametrize("setting", [*KEPT_BACK, quiet_hours])
async def test_what_is_not_shown_looks_to_the_sender_like_nothing(
    noise: Two,  # noqa: ARG001
    db: AsyncSession,
    app: FastAPI,
    clock: Clock,
    setting: Any,  # noqa: ANN401
) -> None:
    sam, alex = await a_couple(db, Person("sam", app, clock), Person("alex", app, clock))
    other_sam, _ = await a_couple(db, Person("sam", app, clock), Person("alex", app, clock))
    await setting(alex)
    clock.forward(hours=1)

    here, there = [await sends_and_looks(each) for each in (sam, other_sam)]

    assert here[0].status_code == 202
    assert in_bytes(*here) == in_bytes(*there)


async def sends_and_looks(sam: Person) -> list[Any]:
    sent = await sam.sends("you_looked_lovely")
    paths = ("/nudges/sent", "/nudges", "/today", "/space", "/boundaries")
    return [sent, *[await sam.get(path) for path in paths]]


@pytest.mark.parametrize("setting", KEPT_BACK)
async def test_what_is_kept_back_is_not_listed(couple: Two, clock: Clock, setting: Any) -> None:  # noqa: ANN401
    sam, alex = couple
    await setting(alex)
    clock.forward(hours=1)

    await sam.sends("you_looked_lovely")

    assert (await alex.sees("/nudges"))["nudges"] == []
    assert (await alex.sees("/today"))["nudges"]["nudges"] == []


async def test_quiet_hours_keep_the_phone_still_and_not_the_list(couple: Two) -> None:
    sam, alex = couple
    await quiet_hours(alex)

    await sam.sends()

    assert await phrases(alex) == ["thinking_of_you"]


async def test_what_is_not_of_an_unwanted_kind_or_topic_is_let_in(couple: Two) -> None:
    sam, alex = couple
    await unshown(alex, off_limit_topics={"topics": ["intimacy"]}, unwanted_nudges={"kinds": []})

    await send_one_after_the_other(sam, "you_looked_lovely", "thank_you")

    assert await phrases(alex) == ["thank_you"]


async def test_without_consent_nothing_of_the_partner_is_listed(couple: Two) -> None:
    sam, alex = couple
    checkin = await sam.begins()
    for person in couple:
        await person.answers(checkin, mood=1)
    await alex.releases(checkin, "mood")
    await sam.releases(checkin, "mood")
    await sam.schedules()
    await sam.takes_space("told")
    kinds = {each["kind"] for each in (await alex.sees("/nudges"))["nudges"]}
    assert kinds >= {"reveal", "schedule_proposed", "space_began"}

    await alex.withdraws("partner_nudges")

    assert await alex.sees("/nudges") == NOTHING


# Budgets, by the recipient's day.


@pytest.mark.parametrize("most", [0, 1, 3])
async def test_a_shown_budget_refuses_what_is_above_it(couple: Two, most: int) -> None:
    sam, alex = couple
    await alex.sets(daily_budget={"most": most, "shown": True})

    statuses = await send_one_after_the_other(sam, *["thank_you"] * 5)

    assert statuses == [202] * most + [409] * (5 - most)
    assert await phrases(alex) == ["thank_you"] * most


@pytest.mark.parametrize("most", [0, 1, 3])
async def test_an_unshown_budget_keeps_what_is_above_it(couple: Two, most: int) -> None:
    sam, alex = couple
    await unshown(alex, daily_budget={"most": most})

    statuses = await send_one_after_the_other(sam, "i_noticed", *["thank_you"] * 4)

    assert statuses == [202] * 5
    assert await phrases(alex) == (["thank_you"] * 2 + ["i_noticed"])[-most:] * bool(most)


async def test_what_was_above_the_budget_is_never_poured_out(couple: Two, clock: Clock) -> None:
    sam, alex = couple
    await unshown(alex, daily_budget={"most": 1})
    await send_one_after_the_other(sam, "i_noticed", "thank_you", "good_night")

    for day in range(3):
        assert await phrases(alex) == ["i_noticed"], day
        clock.forward(days=1)
    await send_one_after_the_other(sam, "tea_together", "thank_you")
    assert await phrases(alex) == ["tea_together", "i_noticed"]


async def test_to_dismiss_one_makes_no_room_for_what_was_above_the_budget(couple: Two) -> None:
    sam, alex = couple
    await unshown(alex, daily_budget={"most": 1})
    await send_one_after_the_other(sam, "i_noticed", "thank_you")
    (waits,) = (await alex.sees("/nudges"))["nudges"]

    await alex.dismisses(waits["id"])

    assert await alex.sees("/nudges") == NOTHING
    assert (await alex.sees("/today"))["nudges"] == NOTHING


@pytest.mark.parametrize("shown", [True, False])
async def test_the_recipients_midnight_makes_a_new_day(
    couple: Two, clock: Clock, *, shown: bool
) -> None:
    """Alex is in Denver, where 3 March begins at 07:00 UTC; for Sam it is Tuesday long since."""
    sam, alex = couple
    await alex.moves_to("America/Denver")
    await alex.sets(daily_budget={"most": 1, "shown": shown})
    came = []
    for at in ("02T12:00", "03T06:59", "03T07:00", "04T06:59", "04T07:00"):
        clock.to(datetime.fromisoformat(f"2026-03-{at}").replace(tzinfo=UTC))
        await sam.sends("thank_you" if at.endswith("59") else "good_night")
        came.append(len(await phrases(alex)))

    assert came == [1, 1, 2, 2, 3]
    assert set(await phrases(alex)) == {"good_night"}


async def test_a_check_in_is_no_contact(couple: Two) -> None:
    sam, alex = couple
    await unshown(alex, daily_budget={"most": 1})

    await sam.begins()
    sam.clock.forward(minutes=1)
    await sam.sends()

    kinds = [each["kind"] for each in (await alex.sees("/nudges"))["nudges"]]
    assert kinds == ["partner_nudge", "checkin_opened"]


# Behind the door.


async def takes_silent_space_and_is_sent(couple: Two, *said: str) -> None:
    """For an hour, a minute from now."""
    sam, alex = couple
    clock = alex.clock
    clock.forward(minutes=1)
    await alex.takes_space("silent")
    await send_one_after_the_other(sam, *said)
    clock.forward(hours=1)
    await alex.delete("/space")


async def test_what_came_into_space_waits_behind_the_door_until_i_look(couple: Two) -> None:
    sam, alex = couple
    await alex.takes_space("silent")
    await send_one_after_the_other(sam, "i_noticed", "thank_you")
    assert await alex.sees("/nudges") == BEHIND

    sam.clock.forward(hours=1)
    await alex.delete("/space")
    assert await alex.sees("/nudges") == BEHIND
    assert (await alex.sees("/today"))["nudges"] == BEHIND

    looked = (await alex.post("/nudges/behind-the-door/look")).json()
    assert looked == await alex.sees("/nudges")
    assert [each["phrase"] for each in looked["nudges"]] == ["thank_you", "i_noticed"]
    assert looked["behind_the_door"] is False


async def test_i_may_look_while_space_is_on_and_what_comes_next_waits_again(couple: Two) -> None:
    sam, alex = couple
    await alex.takes_space("silent")
    await send_one_after_the_other(sam, "i_noticed")
    await alex.post("/nudges/behind-the-door/look")

    await send_one_after_the_other(sam, "thank_you")

    assert await phrases(alex) == ["i_noticed"]
    assert (await alex.sees("/nudges"))["behind_the_door"]


async def test_what_is_discarded_is_gone_unseen(couple: Two, db: AsyncSession) -> None:
    sam, alex = couple
    await send_one_after_the_other(sam, "good_night")
    await takes_silent_space_and_is_sent(couple, "i_noticed", "thank_you")

    assert (await alex.delete("/nudges/behind-the-door")).status_code == 204

    assert await phrases(alex) == ["good_night"]
    assert not (await alex.sees("/nudges"))["behind_the_door"]
    assert await nudges_of(alex, db) == [Kind.PARTNER_NUDGE]


@pytest.mark.parametrize("choice", ["look", "discard"])
async def test_nobody_is_told_that_i_looked_or_discarded(couple: Two, choice: str) -> None:
    sam, alex = couple
    await takes_silent_space_and_is_sent(couple, "i_noticed", "thank_you")
    everywhere = ("/nudges/sent", "/nudges", "/today", "/space")
    before = [await sam.get(path) for path in everywhere]

    if choice == "look":
        assert (await alex.post("/nudges/behind-the-door/look")).status_code == 200
    else:
        assert (await alex.delete("/nudges/behind-the-door")).status_code == 204

    assert in_bytes(*[await sam.get(path) for path in everywhere]) == in_bytes(*before)


async def test_a_second_space_does_not_release_what_came_into_the_first(couple: Two) -> None:
    sam, alex = couple
    await takes_silent_space_and_is_sent(couple, "i_noticed")
    await send_one_after_the_other(sam, "good_night")
    assert await phrases(alex) == ["good_night"]

    await takes_silent_space_and_is_sent(couple, "thank_you")
    await takes_silent_space_and_is_sent(couple)

    assert await phrases(alex) == ["good_night"]
    looked = (await alex.post("/nudges/behind-the-door/look")).json()
    assert [each["phrase"] for each in looked["nudges"]] == ["thank_you", "good_night", "i_noticed"]


async def test_space_that_is_prolonged_keeps_what_came_before(couple: Two) -> None:
    sam, alex = couple
    await alex.takes_space("silent", SIX)
    await send_one_after_the_other(sam, "i_noticed")

    await alex.takes_space("silent", "2026-03-05T00:00:00Z")
    assert await alex.sees("/nudges") == BEHIND

    sam.clock.forward(days=7)
    await alex.takes_space("silent")
    assert await alex.sees("/nudges") == BEHIND


async def test_my_own_reminders_are_not_kept_behind_the_door(alone: Two) -> None:
    sam, alex = alone
    await alex.types(await sam.invites())
    assert (await sam.confirms()).status_code == 200

    await alex.takes_space("silent")

    waits = await alex.sees("/nudges")
    assert ([each["kind"] for each in waits["nudges"]], waits["behind_the_door"]) == (
        ["paired"],
        False,
    )


async def test_what_space_kept_back_still_counts_for_the_day(couple: Two) -> None:
    sam, alex = couple
    await unshown(alex, daily_budget={"most": 1})
    await takes_silent_space_and_is_sent(couple, "i_noticed")
    await alex.delete("/nudges/behind-the-door")

    await send_one_after_the_other(sam, "thank_you")

    assert await alex.sees("/nudges") == NOTHING


async def test_of_space_that_is_over_nothing_is_said_any_more(couple: Two) -> None:
    sam, alex = couple
    await alex.takes_space("told")
    assert [each["kind"] for each in (await sam.sees("/nudges"))["nudges"]] == ["space_began"]

    await alex.delete("/space")

    assert await sam.sees("/nudges") == {"nudges": [], "behind_the_door": False}
    assert (await sam.sees("/today"))["nudges"] == {"nudges": [], "behind_the_door": False}
