"""Pushes that were claimed together, on their way to the phones.

They leave in waves. Before each but the first, the facts are read again: whoever takes space in
the meantime hears nothing of what has not left. In flight is at most one wave of it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from notifications.facts import read_facts
from notifications.metrics import OUTCOMES, VERDICTS
from notifications.policy import Due, Facts, Later, Send, Settled, Verdict, judge, settle
from notifications.push import Gone, Outcome, Push, Sender, Target
from schemas.database import transaction

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
    judged: dict[UUID, Verdict] = field(default_factory=dict)  # by these facts

    async def send(
        self, engine: AsyncEngine, sender: Sender, stop: asyncio.Event | None = None
    ) -> None:
        """No transaction is open while a wave is on its way. Told to stop, no other begins."""
        ringing = self.ringing()
        for start in range(0, len(ringing), WAVE):
            if stop and stop.is_set():
                self.given_back |= {push.id for push, _ in ringing[start:]} - set(self.outcomes)
                return
            if start:
                accounts = {push.account_id for push, _ in ringing[start:]}
                async with transaction(engine) as db:
                    self.facts = await read_facts(db, accounts, self.now)
                self.judged.clear()
            wave = ringing[start : start + WAVE]
            await asyncio.gather(
                *(
                    self.ring(push, device, phones[device], sender)
                    for push, device in wave
                    if device in (phones := self.phones(push))
                )
            )

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

    def phones(self, push: Due) -> Mapping[UUID, Target]:
        """Where it may ring at this moment."""
        verdict = self.verdict(push)
        return verdict.phones if isinstance(verdict, Send) else {}

    def verdict(self, push: Due) -> Verdict:
        """Once for each push and all that is known: nothing changes while a wave leaves."""
        if push.id not in self.judged:
            self.judged[push.id] = judge(push, self.facts.get(push.account_id), self.now)
        return self.judged[push.id]

    async def ring(self, push: Due, device: UUID, target: Target, sender: Sender) -> None:
        ttl = push.expires_at - self.now
        outcome = await sender.send(Push(push.id, push.kind, target, ttl))
        OUTCOMES.labels(type(outcome).__name__.lower()).inc()
        self.outcomes[push.id][device] = outcome
        if isinstance(outcome, Gone):
            self.dead[device] = target.value

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
