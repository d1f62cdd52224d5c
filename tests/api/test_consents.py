import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from schemas.consent_pages import Cursor
from schemas.consents import Consent, Purpose
from tests.builders import EVERYTHING, SIX, Person, Two, in_bytes, nudges_of, pushes_of, run_as
from tests.conftest import Engines
from tests.fakes import Clock

WITH_A_PARTNER = {"sharing", "partner_nudges", "intimacy"}


async def given(person: Person) -> set[str]:
    return {each["purpose"] for each in await person.sees("/consents") if each["given"]}


async def history(person: Person, db: AsyncSession) -> list[Consent]:
    """From the beginning, as it is stored at this moment."""
    mine = select(Consent).where(Consent.account_id == person.id).order_by(col(Consent.number))
    return list(await db.exec(mine, execution_options={"populate_existing": True}))


def broken_at(links: list[Consent]) -> int | None:
    """The number of the first entry that does not follow from the one before it."""
    before = b""
    for link in links:
        if link.follows(before) != link.hash:
            return link.number
        before = link.hash
    return None


async def as_owner(db: AsyncSession, statement: str, person: Person) -> None:
    await (await db.connection()).execute(text(statement), {"me": person.id})
    await db.commit()


async def test_nobody_has_allowed_anything_by_being_here(alone: Two) -> None:
    sam, alex = alone
    await sam.pairs_with(alex)

    for person in alone:
        shown = await person.sees("/consents")
        assert [each["purpose"] for each in shown] == [*Purpose]
        assert {(each["given"], each["expires_at"]) for each in shown} == {(False, None)}


async def test_a_yes_is_to_one_purpose_and_to_the_words_that_were_shown(alone: Two) -> None:
    sam, _ = alone
    [asked] = [each for each in await sam.sees("/consents") if each["purpose"] == "reminders"]

    answer = await sam.allows("reminders", SIX)

    assert answer.json() == asked | {"given": True, "expires_at": SIX}
    assert await given(sam) == {"reminders"}
    [entry] = (await sam.sees("/consents/history"))["entries"]
    assert entry == {
        "number": 1,
        "purpose": "reminders",
        "given": True,
        "text_version": asked["text_version"],
        "expires_at": SIX,
        "said_at": "2026-03-02T12:00:00Z",
    }


@pytest.mark.parametrize("version", [0, 2, "1", True, None])
async def test_a_yes_to_words_that_were_never_shown_is_none(version: object, alone: Two) -> None:
    sam, _ = alone

    answer = await sam.put(
        "/consents/reminders", json={"text_version": version, "expires_at": None}
    )

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/text_version"
    assert await given(sam) == set()


async def test_everybody_is_asked_in_their_language(alone: Two) -> None:
    sam, _ = alone
    await sam.moves_to("Europe/Lisbon", "pt")

    [first, *_] = await sam.sees("/consents")

    assert first["text"] == "O Twofold pode guardar as respostas que dou nos check-ins."


async def test_withdrawn_is_no_with_the_next_request(couple: Two) -> None:
    sam, alex = couple
    checkin = await sam.begins()
    for person in couple:
        await person.answers(checkin, mood=3)
        await person.releases(checkin, "mood")
    await alex.sends()
    seen = [(await person.reads(checkin))["mood"] for person in couple]
    assert (seen, len((await sam.sees("/nudges"))["nudges"])) == ([3, 3], 2)

    for purpose in EVERYTHING:
        assert (await sam.withdraws(purpose)).status_code == 204

    assert await given(sam) == set()
    assert (await sam.answers(checkin, mood=4)).json()["type"] == "/problems/checkins-not-allowed"
    assert (await sam.releases(checkin, "mood")).json()["type"] == "/problems/sharing-not-allowed"
    assert [(await person.reads(checkin))["mood"] for person in couple] == [None, None]
    assert (await sam.sees("/nudges"))["nudges"] == []


async def test_a_yes_ends_at_its_moment_by_itself(alone: Two, clock: Clock) -> None:
    sam, _ = alone
    await sam.allows("reminders", SIX)

    clock.forward(hours=6, microseconds=-1)
    assert await given(sam) == {"reminders"}

    clock.forward(microseconds=1)
    assert await given(sam) == set()
    assert {each["expires_at"] for each in await sam.sees("/consents")} == {None}


async def test_a_yes_that_is_already_over_is_a_mistake(alone: Two, clock: Clock) -> None:
    sam, _ = alone
    clock.forward(hours=6)

    answer = await sam.allows("reminders", SIX)

    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/yes-already-over")
    assert answer.json()["errors"][0]["pointer"] == "#/expires_at"
    assert (await sam.sees("/consents/history"))["entries"] == []


async def test_a_new_yes_takes_the_place_of_the_old_one(alone: Two, clock: Clock) -> None:
    sam, _ = alone
    await sam.allows("reminders", SIX)

    await sam.allows("reminders")

    clock.forward(days=300)
    assert await given(sam) == {"reminders"}


@pytest.mark.parametrize("purpose", ["sharing", "partner_nudges"])
async def test_what_has_a_partner_in_mind_needs_one(purpose: str, alone: Two) -> None:
    sam, _ = alone

    answer = await sam.allows(purpose)

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/not-paired")
    assert (await sam.withdraws(purpose)).status_code == 204


async def test_what_was_allowed_with_one_partner_in_mind_ends_with_them(
    couple: Two, db: AsyncSession
) -> None:
    sam, alex = couple
    assert await given(sam) == EVERYTHING
    before = len(await history(sam, db))

    await alex.leaves()
    assert await given(sam) == EVERYTHING - WITH_A_PARTNER

    await sam.pairs_with(alex)
    assert await given(sam) == EVERYTHING - WITH_A_PARTNER
    # Nothing was written for it in anybody's name.
    assert len(await history(sam, db)) == before


async def test_questions_about_intimacy_that_i_want_alone_are_not_asked_with_a_partner(
    alone: Two,
) -> None:
    sam, alex = alone
    await sam.allows("intimacy")
    assert await given(sam) == {"intimacy"}

    await sam.pairs_with(alex)
    assert await given(sam) == set()

    await alex.leaves()
    assert await given(sam) == {"intimacy"}


async def test_never_allowed_withdrawn_and_run_out_are_one_to_the_partner(
    alone: Two, db: AsyncSession, clock: Clock
) -> None:
    sam, alex = alone
    await sam.pairs_with(alex)
    for purpose in EVERYTHING:
        await sam.allows(purpose)
    checkin = await sam.begins()
    await sam.answers(checkin, mood=3)
    await sam.releases(checkin, "mood")
    await alex.allows("checkins")
    await alex.answers(checkin, mood=3)
    await alex.dismisses((await alex.sees("/nudges"))["nudges"][0]["id"])
    told = (await nudges_of(sam, db), await pushes_of(sam, db))

    async def what_sam_sees() -> object:
        paths = ["/pairing", "/today", "/nudges", "/nudges/sent", "/checkins", "/schedules"]
        paths += ["/space", "/boundaries", "/consents", f"/checkins/{checkin}/answers"]
        sent = [await sam.sends(), await sam.releases(checkin, "mood")]
        seen = in_bytes(*sent, *[await sam.get(path) for path in paths])
        await as_owner(db, "delete from partner_nudge where from_id = :me", sam)
        return seen

    never = await what_sam_sees()
    for purpose in EVERYTHING:
        await alex.allows(purpose)
        await alex.withdraws(purpose)
    withdrawn = await what_sam_sees()
    for purpose in EVERYTHING:
        await alex.allows(purpose, "2026-03-02T12:00:01Z")
    allowed = await what_sam_sees()
    clock.forward(seconds=1)
    run_out = await what_sam_sees()

    # What Alex allows shows nowhere either, until both have released something.
    assert never == withdrawn == allowed == run_out
    assert (await nudges_of(sam, db), await pushes_of(sam, db)) == told


async def test_only_i_read_my_history(couple: Two, engines: Engines) -> None:
    sam, alex = couple
    await sam.withdraws("sharing")

    mine, theirs = [await person.sees("/consents/history") for person in couple]

    assert (len(mine["entries"]), len(theirs["entries"])) == (6, 5)
    assert {*await run_as(engines["api"], alex, "select account_id from consent")} == {alex.id}


async def test_the_history_is_read_page_by_page_from_the_newest(alone: Two) -> None:
    sam, _ = alone
    for _ in range(60):
        await sam.allows("reminders")
        await sam.withdraws("reminders")

    numbers, pages, following = [], [], "/consents/history"
    while following:
        page = await sam.sees(following)
        pages.append(len(page["entries"]))
        numbers += [each["number"] for each in page["entries"]]
        following = page["next"] and f"/consents/history?after={page['next']}"

    assert numbers == [*range(120, 0, -1)]
    assert pages == [50, 50, 20]


async def test_a_no_that_is_said_again_adds_nothing(alone: Two, db: AsyncSession) -> None:
    """It is never counted, so nobody must be able to fill a history with it."""
    sam, _ = alone
    await sam.allows("reminders")

    for _ in range(3):
        assert (await sam.withdraws("reminders")).status_code == 204

    assert [link.given for link in await history(sam, db)] == [True, False]


async def test_a_page_that_is_exactly_full_is_the_last(alone: Two) -> None:
    sam, _ = alone
    for _ in range(50):
        await sam.allows("reminders")

    page = await sam.sees("/consents/history")

    assert (len(page["entries"]), page["next"]) == (50, None)
    first = f"/consents/history?after={Cursor(1)}"
    assert await sam.sees(first) == {"entries": [], "next": None}


@pytest.mark.parametrize("after", ["", "AAAAAA", "x", "51", "ç", "_____w", "A" * 41])
async def test_a_page_begins_where_another_ended(after: str, alone: Two) -> None:
    sam, _ = alone

    answer = await sam.get("/consents/history", params={"after": after})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "query/after"


CHANGES = [
    "update consent set given = true",
    "delete from consent",
    "truncate consent",
]


@pytest.mark.parametrize("role", ["api", "worker"])
@pytest.mark.parametrize("change", CHANGES)
async def test_nobody_rewrites_what_was_said(
    change: str, role: str, couple: Two, engines: Engines
) -> None:
    sam, _ = couple

    with pytest.raises(ProgrammingError, match="permission denied"):
        await run_as(engines[role], sam, change)


AGAIN = """
insert into consent select :me, {couple}, purpose, given, text_version, expires_at, said_at,
    number + 100, hash from consent where account_id = me()
"""


async def test_nobody_says_yes_for_somebody_else_or_for_another_couple(
    couple: Two, noise: Two, engines: Engines, db: AsyncSession
) -> None:
    sam, alex = couple
    theirs = (await history(noise[0], db))[-1].couple_id

    for who, said_in in ((alex, "couple_id"), (sam, f"'{theirs}'::uuid")):
        with pytest.raises(ProgrammingError, match="row-level security"):
            await run_as(engines["api"], sam, AGAIN.format(couple=said_in), me=who.id)


async def test_every_entry_follows_from_the_one_before_it(
    couple: Two, db: AsyncSession, clock: Clock
) -> None:
    sam, alex = couple
    clock.forward(microseconds=123_456)
    await sam.allows("reminders", "2026-06-01T02:00:00.000001+02:00")
    await sam.withdraws("sharing")
    await alex.leaves()
    await sam.allows("intimacy")

    links = await history(sam, db)

    assert [link.number for link in links] == [*range(1, 9)]
    assert broken_at(links) is None


@pytest.mark.parametrize(
    "change",
    [
        "given = not given",
        "purpose = 'intimacy'",
        "text_version = 2",
        "expires_at = said_at + interval '1 year'",
        "said_at = said_at - interval '1 microsecond'",
        "couple_id = null",
        "hash = sha256('')",
    ],
)
async def test_a_row_that_was_tampered_with_breaks_the_chain(
    change: str, couple: Two, db: AsyncSession
) -> None:
    sam, _ = couple
    sharing = next(link for link in await history(sam, db) if link.purpose == "sharing")

    tampered = "update consent set {0} where account_id = :me and purpose = 'sharing'"
    await as_owner(db, tampered.format(change), sam)

    assert broken_at(await history(sam, db)) == sharing.number


async def test_a_row_that_was_taken_out_breaks_the_chain(couple: Two, db: AsyncSession) -> None:
    sam, _ = couple

    await as_owner(db, "delete from consent where account_id = :me and number = 2", sam)
    assert broken_at(await history(sam, db)) == 3

    await as_owner(db, "update consent set number = number - 1 where account_id = :me", sam)
    assert broken_at(await history(sam, db)) is not None


async def test_two_phones_of_one_person_make_one_chain(alone: Two, db: AsyncSession) -> None:
    sam, _ = alone

    for _ in range(10):
        said = [sam.allows("reminders"), sam.withdraws("sharing"), sam.allows("checkins")]
        answers = await asyncio.gather(*said, *[sam.allows("intimacy") for _ in range(2)])
        assert {answer.status_code for answer in answers} == {200, 204}

    links = await history(sam, db)
    assert [link.number for link in links] == [*range(1, len(links) + 1)]
    assert len(links) == 41
    assert broken_at(links) is None


async def test_what_one_says_while_they_become_a_couple_counts_alone_or_within_it(
    alone: Two, db: AsyncSession
) -> None:
    sam, alex = alone
    for nth in range(50):
        await alex.types(await sam.invites())

        async def says(delay: float = (nth % 10) / 2000) -> None:
            await asyncio.sleep(delay)
            assert (await alex.allows("intimacy")).status_code == 200

        confirmed, _ = await asyncio.gather(sam.confirms(), says())
        assert confirmed.status_code == 200
        await sam.leaves()

    links = await history(alex, db)
    assert [link.number for link in links] == [*range(1, 51)]
    assert broken_at(links) is None


async def test_another_couple_never_sees_or_moves_a_consent_of_mine(
    couple: Two, noise: Two, db: AsyncSession
) -> None:
    kim, _ = noise
    before = [link.hash for link in await history(kim, db)]

    for person in couple:
        for purpose in EVERYTHING:
            await person.withdraws(purpose)

    assert [link.hash for link in await history(kim, db)] == before
    assert await given(kim) == EVERYTHING


async def test_no_purpose_is_made_up(couple: Two) -> None:
    sam, _ = couple

    assert (await sam.allows("location")).status_code == 422
    assert (await sam.withdraws("location")).status_code == 422
