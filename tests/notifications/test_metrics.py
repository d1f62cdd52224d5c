import re
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from prometheus_client.parser import text_string_to_metric_families

from api.metrics import metrics
from api.observed import Observed
from api.passwords import Passwords
from notifications.chores import measure
from schemas.database import Role
from tests.builders import ANY_ID, Person, Two
from tests.conftest import Engines
from tests.notifications.conftest import Worker
from tests.operations import operations

OTHER_OPERATIONS = {"none", "health_lives", "health_works", "reporting_read_contact"}
# Whatever a label of ours may say.
SAID = {
    "operation": OTHER_OPERATIONS | {str(each) for each in operations()},
    "status": {str(number) for number in range(200, 600)},
    "verdict": {"open", "held", "refused", "send", "later", "done"},
    "outcome": {"sent", "gone", "refused", "retry", "unsent"},
    "role": {*Role},
}


@pytest.fixture
async def prometheus(engines: Engines) -> AsyncIterator[AsyncClient]:
    """Whoever runs this, asking on a port of its own."""
    by_role = {Role.API: engines["api"], Role.WORKER: engines["worker"]}
    async with (
        metrics(0, "127.0.0.1", by_role, Passwords()) as port,
        AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
    ):
        yield client


async def counted(prometheus: AsyncClient) -> dict[tuple[str, ...], float]:
    """By name and labels."""
    families = text_string_to_metric_families((await prometheus.get("/metrics")).text)
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
        if sample.name.startswith("twofold_")
    }


def observed(person: Person, app: FastAPI) -> Person:
    """The same person, as they meet an application that is served."""
    person._transport = ASGITransport(Observed(app))  # noqa: SLF001
    return person


async def test_requests_are_counted_by_operation_and_status(
    couple: Two, app: FastAPI, prometheus: AsyncClient
) -> None:
    sam = observed(couple[0], app)
    before = await counted(prometheus)

    await sam.get("/today")
    await sam.get("/no-such-path")

    after = await counted(prometheus)
    for key in (
        ("twofold_requests_total", "today_read_today", "200"),
        ("twofold_requests_total", "none", "404"),
        ("twofold_request_seconds_count", "today_read_today"),
    ):
        assert after[key] == before.get(key, 0) + 1
    assert after["twofold_database_connections", Role.API] == 0
    assert after["twofold_passwords_in_line",] == 0


async def test_the_door_and_the_pushes_are_counted(
    couple: Two,
    prometheus: AsyncClient,
    work: Worker,
    engines: Engines,
) -> None:
    sam, alex = couple
    before = await counted(prometheus)

    await sam.sends()
    await measure(engines["worker"], sam.clock.now)
    waiting = await counted(prometheus)
    await work.tick()
    await alex.takes_space("told")
    await sam.sends("good_night")

    after = await counted(prometheus)
    assert waiting["twofold_pushes_waiting",] >= 1
    for key in (
        ("twofold_knocks_total", "open"),
        ("twofold_knocks_total", "refused"),
        ("twofold_push_outcomes_total", "sent"),
        ("twofold_push_verdicts_total", "send"),
    ):
        assert after[key] > before.get(key, 0)


async def test_no_metric_says_who(
    couple: Two,
    app: FastAPI,
    prometheus: AsyncClient,
    work: Worker,
) -> None:
    sam, alex = couple
    await observed(sam, app).sends()
    await sam.get(f"/checkins/{alex.id}/answers")
    await work.tick()

    text = (await prometheus.get("/metrics")).text

    assert not ANY_ID.search(text.encode())
    for who in (sam, alex):
        assert not re.search(rf"{who.name}|{UUID(str(who.id)).hex}", text)
    for family in text_string_to_metric_families(text):
        for sample in family.samples if family.name.startswith("twofold_") else []:
            for label, value in sample.labels.items():
                assert label == "le" or value in SAID[label], sample


async def test_the_public_port_has_no_metrics(couple: Two) -> None:
    for path in ("/metrics", "/../metrics"):
        answer = await couple[0].get(f"http://api{path}")
        assert answer.status_code == 404


async def test_without_a_port_there_are_none(engines: Engines) -> None:
    async with metrics(None, "127.0.0.1", {Role.API: engines["api"]}, None) as port:
        assert port is None
