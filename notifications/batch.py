"""Pushes that were claimed together, on their way to the phones.

They leave in waves, each in its lane's turn. Before each but the first, the facts are read again:
whoever takes space in the meantime hears nothing of what has not left.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from notifications.facts import read_facts
from notifications.metrics import OUTCOMES, VERDICTS
from notifications.policy import Due, Facts, Later, Send, Settled, Verdict, judge, settle
from notifications.push import Gone, Outcome, Push, Sender, Target
from notifications.way_out import WayOut
from schemas.database import transaction
from schemas.traces import span

WAVE = 100  # messages


@dataclass(slots=True)
class Batch:
    """What was claimed, what is known of its recipients, and what came of it on each phone."""

    pushes: Sequence[Due]
    facts: Mapping[UUID, Facts]
    now: datetime
    outcomes: dict[UUID, dict[UUID, Outcome]] = field(default_factory=lambda: defaultdict(dict))
    dead: dict[UUID, str] = field(default_factory=dict)  # devices, and the target that is no more
    given_back: set[UUID] = field(default_factory=set)
    ahead: Sequence[tuple[Due, UUID]] = ()  # messages that have not left
    judged: dict[UUID, Verdict] = field(default_factory=dict)  # by these facts

    async def leave(self, way: WayOut) -> Awaitable[object]:
        """One wave, until all of it has left or failed before. Told to stop, none begins. What is
        returned ends when the last of them was answered.
        """
        if way.stop.is_set():
            self.given_back |= {push.id for push, _ in self.ahead} - set(self.outcomes)
            self.ahead = []
        wave, self.ahead = self.ahead[:WAVE], self.ahead[WAVE:]
        leaving = [
            (device, Push(push.id, push.kind, target, push.expires_at - self.now), asyncio.Event())
            for push, device in wave
            if (target := self.phones(push).get(device))
        ]
        with span("send", messages=len(leaving)):
            answers = asyncio.gather(*(self.ring(*each, way.sender) for each in leaving))
            for *_, left in leaving:
                await left.wait()
        return answers

    async def look_again(self, engine: AsyncEngine) -> None:
        """Before each further wave."""
        accounts = {push.account_id for push, _ in self.ahead}
        async with transaction(engine) as db:
            self.facts = await read_facts(db, accounts, self.now)
        self.judged.clear()

    def ringing(self) -> list[tuple[Due, UUID]]:
        """What would leave now, message by message."""
        kept = (push for push in self.pushes if push.id not in self.given_back)
        return [(push, device) for push in kept for device in self.phones(push)]

    def fit(self, room: int) -> None:
        """No more messages than that leave. A push goes to all of its phones or is given back."""
        for push in self.pushes:
            if (phones := len(self.phones(push))) > room:
                self.given_back.add(push.id)
            else:
                room -= phones
        self.ahead = self.ringing()

    def phones(self, push: Due) -> Mapping[UUID, Target]:
        """Where it may ring at this moment."""
        verdict = self.verdict(push)
        return verdict.phones if isinstance(verdict, Send) else {}

    def verdict(self, push: Due) -> Verdict:
        """Once for each push and all that is known: nothing changes while a wave leaves."""
        if push.id not in self.judged:
            self.judged[push.id] = judge(push, self.facts.get(push.account_id), self.now)
        return self.judged[push.id]

    async def ring(self, device: UUID, push: Push, left: asyncio.Event, sender: Sender) -> None:
        try:
            outcome = await sender.send(push, left)
        finally:
            left.set()  # or never will: nobody waits for what failed before
        OUTCOMES.labels(type(outcome).__name__.lower()).inc()
        self.outcomes[push.id][device] = outcome
        if isinstance(outcome, Gone):
            self.dead[device] = push.target.value

    def settled(self) -> dict[UUID, Settled]:
        """What follows for each push from what came of it."""
        settled = {push.id: self.follows(push) for push in self.pushes}
        for push_id, result in settled.items():
            sent = push_id in self.outcomes
            VERDICTS.labels("send" if sent else type(result).__name__.lower()).inc()
        return settled

    def follows(self, push: Due) -> Settled:
        if push.id in self.given_back:
            return Later(self.now, push.attempts - 1, push.reminders_left)  # nothing was tried
        if push.id in self.outcomes:
            return settle(push, self.outcomes[push.id], self.now)
        verdict = self.verdict(push)
        return settle(push, {}, self.now) if isinstance(verdict, Send) else verdict
