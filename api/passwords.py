"""Passwords: Argon2id in a pool of its own, so that a rush of sign-ins starves nothing else.

One verification takes about 60 ms of a core and 46 MiB. No database connection is held while
one waits, and who would wait too long is told so at once.
"""

import asyncio
import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Lock
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from pydantic import SecretStr
from zxcvbn import zxcvbn

from api.errors import Busy, Refusal

# The OWASP Password Storage Cheat Sheet's first choice: 46 MiB, one pass, one lane.
HASHER = PasswordHasher(time_cost=1, memory_cost=47104, parallelism=1)
# One core stays free for everything that is not a password.
AT_ONCE = max(1, (os.cpu_count() or 2) - 1)
# 40 in line are about 2.4 s for one core. More than that is a rush, and waits elsewhere.
IN_LINE = 40
HARD_TO_GUESS = 10**10  # guesses: what zxcvbn calls "very unlikely", and no list of leaks holds
# Its time grows with the square of the length: 72 signs that all stand for letters take 2 s.
READ_BY_ZXCVBN = 32
# It keeps what it was told of one person in a dictionary that all its calls share.
ONE_AT_A_TIME = Lock()

Result = TypeVar("Result")


class Passwords:
    """Hashes and compares, a few at a time."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="argon2")
        self.in_line = 0
        self.nobody = nobodys()

    async def hash(self, password: str) -> str:
        """With a salt of its own."""
        return await self._in_turn(lambda: HASHER.hash(password))

    async def match(self, known: str | None, password: str) -> bool:
        """False, and no sooner, where nothing is known."""
        matched = await self._in_turn(lambda: verify(known or self.nobody, password))
        return matched and known is not None

    async def commonly_used(self, password: str, about_them: list[str]) -> bool:
        """Is it in the lists that attackers begin with, or made of what anybody knows of them?"""
        return await self._in_turn(lambda: easily_guessed(password, about_them))

    def close(self) -> None:
        self.pool.shutdown(cancel_futures=True)

    async def _in_turn(self, work: Callable[[], Result]) -> Result:
        if self.in_line >= IN_LINE:
            raise Busy
        self.in_line += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self.pool, work)
        finally:
            self.in_line -= 1


class PasswordCommonlyUsed(Refusal):
    type = "/problems/password-commonly-used"
    status = 422
    detail = "This password is easily guessed. Four or five unrelated words make a good one."
    pointer = "#/password"


class WrongPassword(Refusal):
    type = "/problems/wrong-password"
    status = 403
    detail = "This is not the password."
    pointer = "#/password"


async def chosen(passwords: Passwords, password: SecretStr, about_them: list[str]) -> str:
    """The hash of a password that somebody chooses, if it is not easily guessed."""
    if await passwords.commonly_used(password.get_secret_value(), about_them):
        raise PasswordCommonlyUsed
    return await passwords.hash(password.get_secret_value())


@cache
def nobodys() -> str:
    """Compared with where there is no account, so that an unknown address takes as long."""
    return HASHER.hash(os.urandom(16))


def verify(known: str, password: str) -> bool:
    try:
        return HASHER.verify(known, password)
    except VerificationError:
        return False


def easily_guessed(password: str, about_them: list[str]) -> bool:
    parts = [part for text in about_them for part in re.split(r"[\W_]+", text) if part]
    known = [*about_them, *parts, "twofold"]
    with ONE_AT_A_TIME:
        found = zxcvbn(password[:READ_BY_ZXCVBN], user_inputs=known)
    return bool(found["guesses"] < HARD_TO_GUESS)
