"""Workers and PostgreSQL are killed amid a heap of nudges, before an FCM that does what it likes.

None is lost, none shows twice, and none is sent more than three times. The same with a queue that
deletes what it claims must lose some: else this would not notice.
"""

import asyncio
from collections import Counter
from dataclasses import asdict, dataclass, replace
from random import Random

from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from notifications.emulator import Emulator
from notifications.emulator_faults import Faults, Mode, Rule
from notifications.policy import MOST_ATTEMPTS
from schemas.nudges import Push
from tests.proofs.crowd import a_crowd
from tests.proofs.report import Report, run
from tests.proofs.stage import Database, Fleet, a_database, a_local_fcm, start, until

TROUBLE = (
    Rule(mode=Mode.UNAVAILABLE),
    Rule(mode=Mode.INTERNAL),
    Rule(mode=Mode.LOSE_ANSWER),
    Rule(mode=Mode.LOSE_LINE),
    Rule(mode=Mode.DROP),
    Rule(mode=Mode.RUBBISH),
    Rule(mode=Mode.STALL, seconds=0.5),
    Rule(mode=Mode.QUOTA, retry_after=1),
)
OFTEN = (30, 30, 30, 30, 30, 30, 3, 1)  # the last two stop a whole batch


class Storm(Faults):
    """Of five first tries one goes wrong. With one that a kill takes there is a third: more than
    that is more than anybody promised.
    """

    def __init__(self, random: Random) -> None:
        super().__init__()
        self.random = random
        self.asked: Counter[str] = Counter()
        self.went_wrong: Counter[str] = Counter()

    def for_push(self, target: str) -> Rule | None:
        self.asked[target] += 1
        if self.asked[target] > 1 or self.random.random() > 1 / 5:
            return None
        [rule] = self.random.choices(TROUBLE, OFTEN)
        self.went_wrong[rule.mode] += 1
        return rule


@dataclass(frozen=True)
class Sizes:
    nudges: int
    kills: int
    database_kills: int
    workers: int
    forgetful: int  # how many nudges the queue that forgets is given
    lease: int  # seconds; longer than any batch takes
    retry: int  # likewise, after a failure of FCM
    batch: int


@dataclass
class Outcome:
    """What the phones say."""

    lost: int
    twice: int
    wrong: int
    repeated: int
    most_sends: int
    went_wrong: Counter[str]


async def prove(report: Report, **sizes_: int) -> None:
    """Nudges, through kills of workers and of PostgreSQL; and with a queue that forgets."""
    sizes = Sizes(**sizes_)
    kills = max(4, sizes.kills // 8)
    few = replace(sizes, nudges=sizes.forgetful, kills=kills, database_kills=0)
    with a_database() as database:
        came = await through_it_all(report, database, sizes)
        forgot = await through_it_all(report, database, few, "forgetful")
    say(report, sizes, came)
    report.must(not came.lost, f"{came.lost} phones got nothing")
    report.must(not came.twice, f"{came.twice} phones show it twice")
    report.must(not came.wrong, f"{came.wrong} phones got a tag that is not theirs")
    report.must(came.most_sends <= MOST_ATTEMPTS, f"one was sent {came.most_sends} times")
    report.must(came.repeated, "no kill came between a send and its record: too tame")
    report.say(f"of {few.nudges}, {few.kills} kills: lost by a queue that forgets", forgot.lost)
    report.must(forgot.lost, "a queue that deletes at claim loses nothing: this notices nothing")


def say(report: Report, sizes: Sizes, came: Outcome) -> None:
    report.say("nudges", sizes.nudges)
    report.say("workers killed", sizes.kills)
    report.say("PostgreSQL killed", sizes.database_kills)
    for mode, times in sorted(came.went_wrong.items()):
        report.say(f"FCM: {mode}", times)
    report.say("lost", came.lost)
    report.say("shown twice", came.twice)
    report.say("sent again, with the same tag", came.repeated)
    report.say("sends of one nudge, at most", came.most_sends)


async def through_it_all(report: Report, database: Database, sizes: Sizes, *manner: str) -> Outcome:
    storm = Storm(report.random)
    engine = create_async_engine(database.url)
    async with a_local_fcm() as (url, fcm), AsyncSession(engine) as db:
        due = await a_crowd(db, sizes.nudges)
        fcm.faults = storm
        settings = {
            "database_url": database.as_text,
            "fcm_emulator": url,
            "fcm_per_minute": 10**8,  # what is proved does not depend on how fast it comes
            "data": database.folder.parent,
        }
        how = map(str, (sizes.lease, sizes.retry, sizes.batch))
        command = ("tests.proofs.worker", *how, *manner)
        async with Fleet(sizes.workers, lambda _: start(*command, **settings)) as fleet:
            await unkind(report, database, fleet, storm, sizes)
            await until_nothing_waits(database)
    await engine.dispose()
    return outcome(due, fcm, storm)


async def unkind(
    report: Report, database: Database, fleet: Fleet, storm: Storm, sizes: Sizes
) -> None:
    """All kills fall while there are nudges that nobody has tried yet: what a kill takes lines up
    behind those, so none is taken twice. By the first half, since what they take is not sent.
    """
    blows = ["worker"] * sizes.kills + ["database"] * sizes.database_kills
    report.random.shuffle(blows)
    for number, blow in enumerate(blows, 1):
        enough = number * sizes.nudges // (2 * len(blows))
        await until(lambda enough=enough: len(storm.asked) >= enough)  # type: ignore[misc]
        if blow == "worker":
            fleet.kill_one()
        else:
            await database.kill()
            await asyncio.to_thread(database.restart)


async def until_nothing_waits(database: Database) -> None:
    engine = create_async_engine(database.url)
    waiting = 1
    async with asyncio.timeout(600):
        while waiting:
            await asyncio.sleep(0.2)
            async with AsyncSession(engine) as db:
                waiting = (await db.exec(select(func.count(col(Push.id))))).one()
    await engine.dispose()


def outcome(due: dict[str, str], fcm: Emulator, storm: Storm) -> Outcome:
    phones = fcm.phones.all
    tags = {phone: [each.message["data"]["id"] for each in phones[phone].log] for phone in due}
    return Outcome(
        lost=sum(not got for got in tags.values()),
        twice=sum(len(phones[phone].shows) > 1 for phone in due),
        wrong=sum(got != [due[phone]] * len(got) for phone, got in tags.items()),
        repeated=sum(len(got) > 1 for got in tags.values()),
        most_sends=max(storm.asked.values()),
        went_wrong=storm.went_wrong,
    )


FULL = Sizes(
    nudges=30_000,
    kills=40,
    database_kills=3,
    workers=3,
    forgetful=8_000,
    lease=20,
    retry=10,
    batch=200,
)

if __name__ == "__main__":
    run(prove, **asdict(FULL))
