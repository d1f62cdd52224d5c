"""Three people do whatever they can, in any order, for as long as Hypothesis likes.

After each step it is asked of the database, of the phones and of a simple model of the three: has
nobody two partners; is an answer shown only where both released and both allow it; did nothing
from a partner ring in space or after leaving; do two hands never both go on with one session; and
does a partner's view stay the same, byte for byte, whatever somebody does silently.
"""

from collections.abc import Coroutine
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any, ClassVar

from httpx import Response
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlmodel.ext.asyncio.session import AsyncSession

from tests.builders import in_bytes
from tests.proofs.invariants import broken
from tests.proofs.overheard import Post, a_post
from tests.proofs.program import Ground, Proof, run
from tests.proofs.three import NAMES, One, Three, three
from tests.proofs.worlds import keep, put_back

SCENE = "states"
VIEWS = ("/today", "/space", "/boundaries", "/nudges", "/nudges/sent", "/checkins", "/schedules")
somebody = st.sampled_from(NAMES)


def prove(ground: Ground, proof: Proof, examples: int, steps: int) -> None:
    """So many lives of so many steps."""
    stack = AsyncExitStack()
    post = ground.wait(stack.enter_async_context(a_post(ground)))
    Life.ground, Life.proof, Life.post = ground, proof, post
    Life.kept = ground.wait(a_scene(ground))
    long = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=[*HealthCheck],
        print_blob=False,
    )
    try:
        run_state_machine_as_test(seed(proof.seed)(Life), settings=long)
    except AssertionError as error:
        proof.violations.append("\n".join([str(error), *getattr(error, "__notes__", [])]))
    finally:
        ground.wait(stack.aclose())


async def a_scene(ground: Ground) -> Three:
    async with AsyncSession(ground.engines["owner"], expire_on_commit=False) as db:
        found = await three(ground, db)
    await keep(ground.engines["owner"], SCENE)
    return found


class Life(RuleBasedStateMachine):
    """One life of the three, from the day on which Sam and Alex are a couple and Kit is alone."""

    ground: ClassVar[Ground]
    proof: ClassVar[Proof]
    post: ClassVar[Post]
    kept: ClassVar[Three]

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401
        return self.ground.wait(work)

    def asked(self, work: Coroutine[Any, Any, Response]) -> Response:
        """Never broken and never busy."""
        answer: Response = self.wait(work)
        self.proof.counts[f"answered {answer.status_code}"] += 1
        assert answer.status_code < 500, answer.text
        return answer

    def done(self, work: Coroutine[Any, Any, Response]) -> bool:
        return self.asked(work).status_code < 300

    @initialize()
    def begins(self) -> None:
        self.wait(self.ground.clear())
        self.wait(put_back(self.ground.engines["owner"], SCENE))
        self.wait(self.post.arrived())
        self.three = self.kept.anew()
        self.begins_a_checkin("alex")
        for name, mood in (("alex", 4), ("sam", 2)):
            self.answers(name, mood)
        self.releases("alex")
        self.releases("sam")  # most lives begin with something that is read together

    def one(self, name: str) -> One:
        return self.three.people[name]

    # Coming together and leaving.

    @rule(who=somebody)
    def invites(self, who: str) -> None:
        answer = self.asked(self.one(who).phone.put("/pairing/invitation"))
        if answer.status_code == 200:
            self.three.invites(who, answer.json()["code"])

    @rule(who=somebody, whose=somebody)
    def types(self, who: str, whose: str) -> None:
        if code := self.three.codes.get(whose):
            self.done(self.one(who).phone.types(code))

    @rule(who=somebody)
    def confirms(self, who: str) -> None:
        if self.done(self.one(who).phone.confirms()):
            self.wait(self.three.paired(self.ground))

    @rule(who=somebody)
    def steps_back(self, who: str) -> None:
        self.done(self.one(who).phone.steps_back())

    @rule(who=somebody, tell=st.booleans())
    def leaves(self, who: str, *, tell: bool) -> None:
        if self.done(self.one(who).phone.leaves(tell=tell)):
            self.three.left(who)

    @rule(who=somebody)
    def deletes_their_account(self, who: str) -> None:
        self.three.left(who)
        self.wait(self.three.deleted(who, self.ground))

    @rule(who=somebody, whose=somebody)
    def pairs_with(self, who: str, whose: str) -> None:
        """All three steps, since by chance they seldom follow each other."""
        self.invites(whose)
        self.types(who, whose)
        self.confirms(whose)

    # What the two do together.

    @rule(who=somebody)
    def begins_a_checkin(self, who: str) -> None:
        one = self.one(who)
        pack = {"pack": "daily_pulse", "for_both": True}
        answer = self.asked(one.phone.post("/checkins", json=pack))
        if answer.status_code == 201:
            self.three.begun(who, answer.json()["id"])

    @rule(who=somebody, mood=st.integers(1, 5))
    def answers(self, who: str, mood: int) -> None:
        checkin = self.three.checkin(who)
        if checkin and self.silently(who, self.one(who).phone.answers(checkin, mood=mood)):
            self.three.said[who, checkin] = mood

    @rule(who=somebody)
    def releases(self, who: str) -> None:
        if checkin := self.three.checkin(who):
            release = self.one(who).phone.releases(checkin, "mood")
            shows = (self.one(who).partner, checkin) in self.three.released
            if (self.done if shows else lambda work: self.silently(who, work))(release):
                self.three.released.add((who, checkin))

    @rule(who=somebody)
    def takes_back(self, who: str) -> None:
        if checkin := self.three.checkin(who):
            revealed = self.three.reads(who, checkin) is not None
            taken = self.silently(who, self.one(who).phone.takes_back(checkin, "mood"))
            assert not (taken and revealed), "what both released cannot be taken back"
            if taken:
                self.three.released.discard((who, checkin))

    @rule(who=somebody, phrase=st.sampled_from(["thinking_of_you", "thank_you", "tea_together"]))
    def sends(self, who: str, phrase: str) -> None:
        self.done(self.one(who).phone.sends(phrase))

    @rule(who=somebody)
    def proposes_a_schedule(self, who: str) -> None:
        daily = {"pack": "daily_pulse", "cadence": "daily", "weekday": None}
        self.done(self.one(who).phone.schedules(**daily))

    @rule(who=somebody)
    def signs_what_there_is(self, who: str) -> None:
        for schedule in self.wait(self.one(who).phone.sees("/schedules"))[:2]:
            self.done(self.one(who).phone.signs(schedule))

    # What somebody sets for themselves.

    @rule(who=somebody, mode=st.sampled_from(["told", "silent"]), hours=st.sampled_from([0, 3, 30]))
    def takes_space(self, who: str, mode: str, hours: int) -> None:
        ends = self.three.clock.now + timedelta(hours=hours) if hours else None
        space = self.one(who).phone.takes_space(mode, ends.isoformat() if ends else None)
        quiet = mode == "silent" and not self.three.told(who)
        if self.silently(who, space) if quiet else self.done(space):
            self.three.space[who] = (mode, ends)

    @rule(who=somebody)
    def ends_space(self, who: str) -> None:
        end = self.one(who).phone.delete("/space")
        if self.done(end) if self.three.told(who) else self.silently(who, end):
            self.three.space.pop(who, None)

    @rule(who=somebody, purpose=st.sampled_from(["sharing", "partner_nudges"]), yes=st.booleans())
    def consents(self, who: str, purpose: str, *, yes: bool) -> None:
        phone = self.one(who).phone
        say = phone.allows(purpose) if yes else phone.withdraws(purpose)
        # What was read together is hidden from both; of everything else nobody sees a thing.
        quiet = purpose != "sharing" or not self.three.read_together(who)
        if self.silently(who, say) if quiet else self.done(say):
            change = self.three.allows.add if yes else self.three.allows.discard
            change((who, purpose))

    @rule(who=somebody, most=st.integers(0, 3), start=st.sampled_from(["09:00", "13:00"]))
    def sets_boundaries_unseen(self, who: str, most: int, start: str) -> None:
        unseen: dict[str, object] = {
            "daily_budget": {"most": most, "shown": False},
            "quiet_hours": {"start": start, "until": "23:00", "shown": False},
        }
        self.silently(who, self.one(who).phone.sets(**unseen))

    @rule(who=somebody)
    def looks_and_dismisses(self, who: str) -> None:
        phone = self.one(who).phone
        self.silently(who, phone.post("/nudges/behind-the-door/look"))
        for nudge in self.wait(phone.sees("/nudges"))["nudges"][:1]:
            self.silently(who, phone.dismisses(nudge["id"]))

    @rule(who=somebody, hand=st.sampled_from(["phone", "thief"]))
    def goes_on_with_the_session(self, who: str, hand: str) -> None:
        self.wait(self.three.refreshes(who, hand, self.ground))

    @rule(who=somebody)
    def has_a_token_stolen(self, who: str) -> None:
        self.three.steals(who)

    # Time, and what rings meanwhile.

    @rule(minutes=st.sampled_from([5, 61, 12 * 60, 26 * 60]))
    def time_passes(self, minutes: int) -> None:
        self.ground.clock.forward(minutes=minutes)

    @rule()
    def the_worker_ticks(self) -> None:
        self.wait(self.post.tick())
        for target, rang in self.wait(self.post.kinds()).items():
            self.proof.counts["rings"] += len(rang)
            wrong = self.three.must_not_ring(target) & rang
            assert not wrong, f"{target} rang with {wrong}"

    def silently(self, who: str, work: Coroutine[Any, Any, Response]) -> bool:
        """Done, and the partner's view is what it was."""
        before = self.view(self.one(who).partner)
        done = self.done(work)
        assert self.view(self.one(who).partner) == before, f"{who} was silent, and yet it shows"
        self.proof.counts["silent steps"] += before is not None
        return done

    def view(self, who: str | None) -> object:
        return who and self.wait(self.seen_by(self.one(who)))

    async def seen_by(self, one: One) -> object:
        paths = [
            *VIEWS,
            *(f"/checkins/{each}/answers" for each in self.three.checkins_of(one.name)),
        ]
        return in_bytes(*[await one.phone.get(path) for path in paths])

    @invariant()
    def nothing_in_the_database_is_wrong(self) -> None:
        found = self.wait(broken(self.ground.engines["owner"]))
        self.proof.counts["steps"] += 1
        assert not found, found

    @invariant()
    def an_answer_is_shown_where_both_want_it_and_nowhere_else(self) -> None:
        for name in NAMES:
            for checkin in self.three.checkins_of(name):
                shown = self.wait(self.one(name).phone.reads(checkin))["mood"]
                assert shown == self.three.reads(name, checkin), f"{name} reads {shown}"
                self.proof.counts["revealed" if shown else "not revealed"] += 1


if __name__ == "__main__":
    run(prove, examples=400, steps=60)
