"""Counts how often somebody asks, and says so in every answer.

The counts lie in memory, or in a Redis for several processes, under a keyed hash: neither an
address nor an e-mail address can be read there. What an answer says of a count is its subject's
own: how much is left to an address or an e-mail address would tell what others do there, and
how long until it is whole again, when they began. So that is always the whole window.
"""

import hmac
import logging
import secrets
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from limits.errors import StorageError

from api.counts import Counts, InMemory
from api.errors import Busy, TooManyRequests
from api.layers import Header
from api.policy.limits import POLICIES, Policy, Subject

OWN = {Subject.ACCOUNT, Subject.SESSION, Subject.PHONE}

log = logging.getLogger(__name__)


class Limits:
    """How often somebody may ask, as far as these policies go."""

    def __init__(
        self,
        counts: Counts | None = None,
        key: bytes | None = None,
        in_force: Collection[Policy] = POLICIES,
    ) -> None:
        """Without a key that others share, nobody else can make out these counts."""
        self.counts = counts or InMemory()
        self.key = key or secrets.token_bytes(32)
        self.in_force = {policy.name: policy for policy in in_force}

    async def count(self, policy: Policy, subject: str) -> "Count | None":
        """`Busy` where it guards a secret and the counts cannot be read; else None, and go on."""
        if not (in_force := self.in_force.get(policy.name)):
            return None
        try:
            used = await self.counts.one_more(self._hidden(in_force, subject), in_force.seconds)
        except (StorageError, OSError) as error:  # a timeout is an OSError
            log.warning("limits: %s for %s", type(error).__name__, policy.name)
            if policy.closed:
                raise Busy from None
            return None
        return Count(in_force, used <= in_force.most, max(0, in_force.most - used))

    def _hidden(self, policy: Policy, subject: str) -> str:
        said = f"{policy.subject}:{subject}".encode(errors="replace")
        hidden = hmac.digest(self.key, said, "sha256").hex()
        return f"{policy.name}/{hidden}/{policy.most}/{policy.seconds}/second"


class Count(NamedTuple):
    """What became of one request under one policy."""

    policy: Policy
    good: bool
    left: int


@dataclass
class Tally:
    """What one request was counted under."""

    limits: Limits
    subjects: dict[Subject, str]  # those of whoever asks, as far as they are known
    counts: list[Count] = field(default_factory=list)

    async def add(self, policy: Policy, subject: str | None = None) -> None:
        """`TooManyRequests` if it was one too many."""
        counted = await self.limits.count(policy, subject or self.subjects[policy.subject])
        if counted:
            self.counts.append(counted)
            if not counted.good:
                raise TooManyRequests

    async def within(self, policy: Policy, subject: str) -> bool:
        """For an address that anybody may name: a refusal would tell what its owner did lately. So
        what is too many is answered as ever, in the same headers, and done without.
        """
        counted = await self.limits.count(policy, subject)
        return counted is None or counted.good

    def headers(self) -> Iterator[Header]:
        """`RateLimit`, `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers) and, after one
        too many, `Retry-After`.
        """
        told = [each for each in self.counts if not each.good or each.policy.subject in OWN]
        if told:
            yield b"ratelimit-policy", ", ".join(each.policy.told for each in told).encode()
            yield b"ratelimit", ", ".join(map(remaining, told)).encode()
        for each in told:
            if not each.good:
                yield b"retry-after", str(each.policy.seconds).encode()


def remaining(counted: Count) -> str:
    left = f'"{counted.policy.name}";r={counted.left}'
    return left if counted.good else f"{left};t={counted.policy.seconds}"
