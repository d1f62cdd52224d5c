"""No line of a log, and nothing that is printed, holds a word that somebody wrote."""

import ast
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from random import Random

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from api.logs import form
from api.observed import Observed
from notifications import worker
from notifications.emulator import local_emulator, service_account
from notifications.emulator_socket import serve
from notifications.fcm import open_fcm
from notifications.way_out import WayOut
from tests.builders import Two, letters_to
from tests.conftest import Engines
from tests.test_guards_code import files, name, read

CANARY = "tweetytweety"
SIGN_UP = {
    "email": f"{CANARY}@example.org",
    "password": f"{CANARY} lantern otter",
    "display_name": CANARY,
    "zone": "Europe/Lisbon",
    "locale": "en",
    "born_on": "1990-05-17",
}
SIGN_IN = {name: SIGN_UP[name] for name in ("email", "password")}
PHONE = {"target_kind": "token", "platform": "ios", "locale": "en", "discreet": False}
# The first speaks of what it sends, the second writes what it is asked into a log if told to.
LOGGERS = {"": logging.DEBUG, "sqlalchemy.engine": logging.INFO, "uvicorn": logging.DEBUG}
OUR_OWN_PHONES = {"httpx", "httpcore.connection", "httpcore.http11"}
Log = Callable[[], list[str]]


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[Log]:
    """All that is said, with every trace; and the lines as they are written."""
    for logger, level in LOGGERS.items():
        caplog.set_level(level, logger=logger)
    said = logging.Formatter("%(name)s %(message)s").format
    written = StringIO()
    handlers = [logging.StreamHandler(written) for _ in (True, False)]
    for handler, plain in zip(handlers, (True, False), strict=True):
        handler.setFormatter(form("serve", plain=plain))
        handler.addFilter(lambda record: record.name not in OUR_OWN_PHONES)
        logging.getLogger().addHandler(handler)
    yield lambda: [
        *(said(each) for each in caplog.records if each.name not in OUR_OWN_PHONES),
        *written.getvalue().splitlines(),
    ]
    for handler in handlers:
        logging.getLogger().removeHandler(handler)


async def signed_in(phone: AsyncClient, app: FastAPI) -> None:
    assert (await phone.post("/accounts", json=SIGN_UP)).status_code == 202
    [letter] = await letters_to(SIGN_UP["email"], app)
    confirmation = {"token": letter.token, "password": SIGN_UP["password"]}
    assert (await phone.post("/accounts/confirm", json=confirmation)).status_code == 204
    await phone.post("/accounts", json=SIGN_UP)
    await phone.post("/accounts/reset", json={"email": SIGN_UP["email"]})
    tokens = (await phone.post("/sessions", json=SIGN_IN)).json()
    phone.headers["authorization"] = f"Bearer {tokens['access_token']}"
    await phone.post("/sessions/refresh", json={"refresh_token": tokens["refresh_token"]})
    await phone.put("/credentials/email", json={"email": f"{CANARY}@example.com"})
    registered = await phone.put("/devices/current", json=PHONE | {"target": CANARY})
    assert registered.status_code == 200


async def says_everything(phone: AsyncClient) -> None:
    await phone.put("/consents/checkins", json={"text_version": 1, "expires_at": None})
    begun = await phone.post("/checkins", json={"pack": "daily_pulse", "for_both": False})
    said = {"answers": [{"question": "a_word", "value": CANARY}]}
    answered = await phone.put(f"/checkins/{begun.json()['id']}/answers", json=said)
    assert answered.status_code == 200


async def is_mistaken(phone: AsyncClient) -> None:
    for path, body in (
        ("/sessions", SIGN_IN | {"password": f"{CANARY} {CANARY}"}),
        ("/sessions", {CANARY: CANARY}),
        ("/sessions/refresh", {"refresh_token": CANARY}),
        ("/sessions/current/proof", {"password": f"{CANARY} {CANARY}"}),
        ("/accounts/confirm", {"token": CANARY, "password": f"{CANARY} {CANARY}"}),
        ("/accounts/reset/confirm", {"token": CANARY, "password": f"{CANARY} {CANARY}"}),
        ("/pairing/redeem", {"code": CANARY}),
        ("/identities/apple/sign-in", {"token": CANARY, "nonce": CANARY * 2}),
        (f"/{CANARY}", {}),
    ):
        assert 400 <= (await phone.post(path, json=body)).status_code < 500
    for path in (f"/checkins?after={CANARY}", f"/checkins/{CANARY}/answers", f"/nudges/{CANARY}"):
        assert 400 <= (await phone.get(path)).status_code < 500
    broken = await phone.post("/sessions", content=f'{{"email": "{CANARY}')
    assert broken.status_code == 422
    stranger = await phone.get("/today", headers={"authorization": f"Bearer {CANARY}"})
    assert stranger.status_code == 401


@pytest.mark.usefixtures("db")
async def test_nothing_that_somebody_says_or_mistypes(
    app: FastAPI, log: Log, capfd: pytest.CaptureFixture[str]
) -> None:
    async with (
        serve(Observed(app)) as url,
        AsyncClient(base_url=f"{url}/v1", trust_env=False) as phone,
    ):
        await signed_in(phone, app)
        await says_everything(phone)
        await is_mistaken(phone)

    assert any("INSERT INTO account" in line for line in log()), "else nothing was logged"
    assert any(line.startswith("uvicorn") for line in log())
    assert any('"operation": "answers_answer", "status": 200' in line for line in log())
    assert [line for line in log() if CANARY in line] == []
    assert CANARY not in "".join(capfd.readouterr())


@contextmanager
def failing(engines: Engines, error: Exception) -> Iterator[None]:
    """Every transaction of the api, as it is about to be kept."""

    def fail(_: object) -> None:
        raise error

    event.listen(engines["api"].sync_engine, "commit", fail)
    yield
    event.remove(engines["api"].sync_engine, "commit", fail)


ERRORS = {
    "RuntimeError": (500, RuntimeError(CANARY)),
    "OperationalError": (503, OperationalError(CANARY, {CANARY: CANARY}, Exception(CANARY))),
}


@pytest.mark.parametrize("name", ERRORS)
async def test_what_somebody_said_as_it_went_wrong(
    couple: Two, engines: Engines, log: Log, name: str
) -> None:
    sam, _ = couple
    status, error = ERRORS[name]

    with failing(engines, error):
        answer = await sam.put("/devices/current", json=PHONE | {"target": CANARY})

    assert (answer.status_code, CANARY in answer.text) == (status, False)
    assert any(name in line for line in log())
    assert [line for line in log() if CANARY in line] == []


async def test_what_the_database_refused_to_keep(couple: Two, engines: Engines, log: Log) -> None:
    sam, _ = couple
    async with engines["owner"].begin() as owner:
        await owner.execute(text("alter table device add constraint no check (target !~ '^twe')"))

    # PostgreSQL's own words for it repeat the whole row.
    answer = await sam.put("/devices/current", json=PHONE | {"target": CANARY})

    async with engines["owner"].begin() as owner:
        await owner.execute(text("alter table device drop constraint no"))
    assert answer.status_code == 500
    assert any("IntegrityError at" in line for line in log())
    assert [line for line in log() if CANARY in line] == []


FAULTS = ["unregistered", "invalid_argument", "internal", "unauthorized", "drop", "rubbish"]


@pytest.mark.parametrize("fault", [None, *FAULTS])
async def test_where_a_push_was_going(
    alone: Two, engines: Engines, log: Log, fault: str | None
) -> None:
    sam, alex = alone
    await sam.put("/devices/current", json=PHONE | {"target": CANARY})
    await alex.types(await sam.invites())

    async with (
        local_emulator(sam.clock) as fcm,
        AsyncClient(base_url=fcm, trust_env=False) as emulator,
        open_fcm(service_account(fcm), fcm, now=sam.clock, random=Random(1)) as sender,
    ):
        await emulator.put("/faults", json=[{"mode": fault}] if fault else [])
        await worker.tick(engines["worker"], WayOut(sender), sam.clock.now)

    assert any(line.startswith("notifications.fcm push") for line in log())
    assert [line for line in log() if CANARY in line] == []


# What a line of ours may say beside its words. No path, body, address, target or token.
MAY_BE_SAID = {"operation", "status", "ms", "host", "port"}


@pytest.mark.parametrize("file", files(), ids=name)
def test_a_line_of_ours_has_words_of_ours_and_what_may_be_said(file: Path) -> None:
    for call in ast.walk(read(file)):
        if not (isinstance(call, ast.Call) and ast.unparse(call.func).startswith("log.")):
            continue
        words = [each for each in call.args if isinstance(each, ast.Constant)]
        assert any(isinstance(each.value, str) for each in words), ast.unparse(call)
        for extra in call.keywords:
            assert extra.arg == "extra"
            assert isinstance(extra.value, ast.Dict), "written where it is said"
            said = {key.value for key in extra.value.keys if isinstance(key, ast.Constant)}
            assert len(said) == len(extra.value.keys)
            assert said <= MAY_BE_SAID
