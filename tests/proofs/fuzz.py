"""The contract, read by a machine that tries everything it promises and much that it forbids.

Schemathesis makes requests out of openapi.yaml, good and bad, alone and one after the other, with
the token of somebody who has a partner; a real server answers on a real database. Whatever answer
is not in the contract is a violation.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from http import HTTPStatus
from typing import Any

import schemathesis
from schemathesis import Case
from schemathesis.config import SchemathesisConfig
from schemathesis.core.transport import Response
from schemathesis.engine import events, from_schema
from schemathesis.engine.recorder import CheckFailureInfo
from schemathesis.openapi.checks import RejectedPositiveData
from schemathesis.schemas import BaseSchema
from sqlmodel.ext.asyncio.session import AsyncSession

from api import tokens
from api.app import create_app
from api.tokens import Claims
from notifications.emulator_socket import serve
from schemas.database import Role, open_engine
from tests.builders import TOKEN_KEYS, fittings
from tests.operations import Cast, a_cast, contract
from tests.proofs.program import Ground, Proof, run
from tests.proofs.worlds import keep, put_back

SCENE = "fuzz"
# After these there is nobody to ask for any more.
ENDS = {"sessions_end_sessions", "sessions_end_session", "pairing_leave"}

# Rules that the contract says in words, by the field that breaks them.
SAID_IN_WORDS = {
    "Idempotency-Key": "names one request: another under the same is refused",
    "after": "a cursor is the `next` of a page before",
    "answers": "no question twice, and the pack knows what answers each",
    "born_on": "18 or older",
    "code": "12 letters and digits, in groups as one likes",
    "display_name": "no U+0000, which no schema of a text says",
    "email": "an address",
    "ends_at": "in the future, and before 2100",
    "expires_at": "the same",
    "nonce": "no U+0000",
    "pack": "the id of a questionnaire",
    "password": "not a common one",
    "questions": "answered by me, and of this pack",
    "refresh_token": "no U+0000",
    "target": "visible ASCII, where `$` does not mean before a last line break",
    "token": "no U+0000",
    "until": "not the same as `start`",
    "value": "as the question's kind wants it",
    "version": "a whole number, not 1.0",
    "weekday": "goes with weekly, and with nothing else",
    "zone": "an IANA name",
}


def prove(ground: Ground, proof: Proof, examples: int, coverage: int) -> None:
    """So many for each operation, and as many chains of them; and, unless `coverage` is 0, each
    boundary of each field by itself.
    """
    cast: Cast = ground.wait(a_scene(ground))
    with a_server(ground) as url:
        schema = reader(ground, proof, cast, url, examples)
        schema.config.phases.coverage.enabled = bool(coverage)
        for event in from_schema(schema).execute():
            look(event, proof)


async def a_scene(ground: Ground) -> Cast:
    async with AsyncSession(ground.engines["owner"], expire_on_commit=False) as db:
        cast = await a_cast(ground.app, db, ground.clock)
    await keep(ground.engines["owner"], SCENE)
    return cast


@contextmanager
def a_server(ground: Ground) -> Iterator[str]:
    """In a thread of its own, with a loop and connections of its own."""
    ready, done = threading.Event(), asyncio.Event()
    found: list[tuple[str, asyncio.AbstractEventLoop]] = []

    async def serving() -> None:
        engine = open_engine(ground.url, Role.API)
        async with serve(create_app(fittings(engine, ground.clock))) as url:
            found.append((url, asyncio.get_running_loop()))
            ready.set()
            await done.wait()
        await engine.dispose()

    thread = threading.Thread(target=asyncio.run, args=(serving(),))
    thread.start()
    ready.wait(20)
    [(url, loop)] = found
    yield url
    loop.call_soon_threadsafe(done.set)
    thread.join()


def reader(ground: Ground, proof: Proof, cast: Cast, url: str, examples: int) -> BaseSchema:
    config = SchemathesisConfig(seed=proof.seed)
    schema = schemathesis.openapi.from_dict(deepcopy(contract()), config=config)
    me = Claims(cast.sam.id, cast.sam.session_id)
    bearer = f"Bearer {tokens.issue(TOKEN_KEYS, me, ground.clock.now)}"
    schema.config.update(base_url=url, continue_on_failure=True, headers={"Authorization": bearer})
    schema.config.generation.update(max_examples=examples, database="none")
    schema.config.checks.update(included_check_names=["all"])

    def after_call(_: object, case: Case[Any], response: Response) -> None:
        proof.counts[f"answered {response.status_code}"] += 1
        if name_of(case) in ENDS and response.status_code < 300:
            ground.wait(put_back(ground.engines["owner"], SCENE))

    def filter_failure(_: object, failure: object, __: object, response: Response) -> bool:
        words = isinstance(failure, RejectedPositiveData) and refused_in_words(response)
        proof.counts["refused by a rule in words"] += words
        return not words

    schema.hook(after_call)
    schema.hook(filter_failure)
    return schema


def refused_in_words(response: Response) -> bool:
    """Is nothing wrong with it but what no schema can say?"""
    if response.status_code == HTTPStatus.GONE:
        return True  # a link that nobody was sent
    named = [each["pointer"].split("/") for each in response.json().get("errors", [])]
    fields = {next((step for step in reversed(each) if not step.isdigit()), "") for each in named}
    return bool(fields) and fields <= SAID_IN_WORDS.keys()


def name_of(case: Case[Any]) -> str:
    name: str = case.operation.definition.raw["operationId"]
    return name


def look(event: events.EngineEvent, proof: Proof) -> None:
    if isinstance(event, events.ScenarioFinished):
        phase = event.phase.value
        proof.counts[f"scenarios: {phase}"] += 1
        proof.counts[f"cases: {phase}"] += len(event.recorder.interactions)
        for checks in event.recorder.checks.values():
            for each in checks:
                failed = each.failure_info
                proof.must(f"check {each.name}", failed is None, failed and describe(failed))
    elif isinstance(event, events.NonFatalError):
        proof.violations.append(f"{event.label}: {event.info.format()}")
    elif isinstance(event, events.FatalError):
        raise event.exception


def describe(failed: CheckFailureInfo) -> str:
    failure = failed.failure
    return f"{failure.operation}: {failure.title}: {failure.message} {failed.code_sample}"


if __name__ == "__main__":
    run(prove, examples=300, coverage=1)
