"""Consents: what I allow, one purpose at a time. Shape: mine.

The default is no. A yes is given to a version of a text, may end by itself, and is withdrawn in
one call, with effect on the next request and on pushes that wait. The history is only ever
added to, and only I can read it. Whether I never allowed something, withdrew it or let it run
out: my partner sees the same as if I had not answered.
"""

from sqlmodel.ext.asyncio.session import AsyncSession

from api.areas import area
from api.deps import Db, Me, MeWriting, Now, limited
from api.errors import NotPaired, NotSignedIn, Refusal, documented
from api.policy.limits import CONSENTS
from schemas.consent_pages import (
    FIRST_PAGE,
    HISTORY,
    After,
    ConsentHistory,
    ConsentPast,
    Cursor,
)
from schemas.consents import (
    LAST_CONSENT,
    TEXT_VERSION,
    TEXTS,
    Consent,
    ConsentPublic,
    ConsentWrite,
    LastWord,
    Purpose,
)
from schemas.last_words import MY_LAST_WORDS
from schemas.paging import paged
from schemas.pairing import Person
from schemas.sheets import BIND_REVEALED

router = area("/consents", NotSignedIn)


class YesAlreadyOver(Refusal):
    type = "/problems/yes-already-over"
    status = 422
    detail = "A yes ends in the future, or not by itself."
    pointer = "#/expires_at"


@router.get("", summary="See what I allow")
async def read_consents(me: Me, db: Db, now: Now) -> list[ConsentPublic]:
    """Every purpose there is, with the words that a yes would be given to."""
    said = await last_words_of(me, db)
    given = {p: each for p, each in said.items() if each.allows(me.couple_id, now)}
    return [shown(purpose, given.get(purpose), me) for purpose in Purpose]


async def last_words_of(me: Person, db: AsyncSession) -> dict[Purpose, LastWord]:
    rows = await db.exec(MY_LAST_WORDS, params=me.scope)
    return {each.purpose: each for each in map(LastWord.model_validate, rows)}


def shown(purpose: Purpose, given: LastWord | None, me: Person) -> ConsentPublic:
    return ConsentPublic(
        purpose=purpose,
        given=given is not None,
        expires_at=given.expires_at if given else None,
        text=TEXTS[purpose][me.locale],
        text_version=TEXT_VERSION,
    )


@router.get("/history", summary="Read what I said, and when")
async def read_history(me: Me, db: Db, after: After | None = None) -> ConsentHistory:
    """Newest first. Nobody else can read it, and nobody can change it."""
    end = Cursor.read(after) if after else FIRST_PAGE
    rows, more = paged((await db.exec(HISTORY, params=me.scope | end._asdict())).all(), Cursor.of)
    return ConsentHistory(entries=[*map(ConsentPast.model_validate, rows)], next=more)


@router.put(
    "/{purpose}",
    summary="Say yes",
    responses=documented(NotPaired, YesAlreadyOver),
    dependencies=[limited(CONSENTS)],
)
async def give(
    purpose: Purpose, body: ConsentWrite, me: MeWriting, db: Db, now: Now
) -> ConsentPublic:
    """From the next request on. What has my partner in mind needs one, and ends with us."""
    if purpose.within_pairing and purpose is not Purpose.INTIMACY and not me.couple_id:
        raise NotPaired
    if body.expires_at and body.expires_at <= now:
        raise YesAlreadyOver
    last = (await db.exec(LAST_CONSENT, params=me.scope)).one_or_none()
    said = Consent.of(me, last, purpose, body, now)
    db.add(said)
    if purpose is Purpose.SHARING:
        await db.exec(BIND_REVEALED, params={"now": now})
    return shown(purpose, said, me)


@router.delete("/{purpose}", status_code=204, summary="Withdraw")
async def withdraw(purpose: Purpose, me: MeWriting, db: Db, now: Now) -> None:
    """At once, also for pushes that wait. My partner is not told and cannot find out. Where my last
    word is a no, nothing is added.
    """
    word = (await last_words_of(me, db)).get(purpose)
    if word and not word.given:
        return
    last = (await db.exec(LAST_CONSENT, params=me.scope)).one_or_none()
    db.add(Consent.of(me, last, purpose, None, now))
