import pytest

from api.policy.limits import (
    NEVER_REFUSED,
    POLICIES,
    Subject,
    counted_at_once,
    neighbourhood,
    protects,
)
from tests.operations import operations


def test_whatever_is_never_refused_is_an_operation() -> None:
    there = {(each.method.upper(), each.path) for each in operations()}

    assert there > NEVER_REFUSED


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/pairing/leave"),
        ("PUT", "/v1/space"),
        ("DELETE", "/v1/space"),
        ("PUT", "/v1/boundaries"),
        ("DELETE", "/v1/schedules/019cabd8-3800-7aaa-aaaa-aaaaaaaaaaaa/signature"),
        ("DELETE", "/v1/checkins/019cabd8-3800-7aaa-aaaa-aaaaaaaaaaaa/answers/released/mood"),
        ("DELETE", "/v1/nudges/behind-the-door"),
        ("DELETE", "/v1/consents/sharing"),
        ("DELETE", "/v1/sessions"),
        ("DELETE", "/v1/identities/apple"),
        ("DELETE", "/v1/devices/019cabd8-3800-7aaa-aaaa-aaaaaaaaaaaa"),
        ("DELETE", "/v1/sessions/019cabd8-3800-7aaa-aaaa-aaaaaaaaaaaa"),
    ],
)
def test_what_protects_somebody_is_known_by_its_place(method: str, path: str) -> None:
    assert protects(method, path)
    assert not counted_at_once(method, path)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/space"),
        ("PUT", "/v1/consents/sharing"),
        ("POST", "/v1/accounts"),
        ("DELETE", "/v1/sessions/a/b"),
        ("DELETE", "/v1/sessions/"),
        ("DELETE", "/v1/spaces"),
        ("PUT", "/v1/space\n"),
    ],
)
def test_what_only_looks_like_it_is_counted(method: str, path: str) -> None:
    assert not protects(method, path)
    assert counted_at_once(method, path)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/sessions/refresh",
        "/v1/sessions",
        "/v1/identities/apple/sign-in",
        "/v1/sessions/current/proof",
        "/v1/identities/apple/proof",
    ],
)
def test_coming_in_and_going_on_are_counted_and_not_beside_others(path: str) -> None:
    assert not protects("POST", path)
    assert not counted_at_once("POST", path)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"),
        ("203.0.113.7", "::ffff:203.0.113.7"),
        ("2001:DB8::1", "2001:db8:0:0::2"),
    ],
)
def test_addresses_that_one_phone_may_have_are_one(one: str, other: str) -> None:
    assert neighbourhood(one) == neighbourhood(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:3::1"),
        ("203.0.113.7", "203.0.113.8"),
        ("nowhere", "elsewhere"),
        ("", "::"),
    ],
)
def test_addresses_of_two_neighbours_are_two(one: str, other: str) -> None:
    assert neighbourhood(one) != neighbourhood(other)


def test_policies_have_names_of_their_own() -> None:
    assert len({each.name for each in POLICIES}) == len(POLICIES)


def test_what_guards_a_secret_is_refused_while_nothing_can_be_counted() -> None:
    open_ = {each.name for each in POLICIES if not each.closed}

    # A phone must be able to read and to go on while a Redis is away.
    assert open_ == {
        "anybody",
        "anybody-phone",
        "signed-in",
        "refresh",
        "refresh-phone",
        "mail-link",
        "consents",
        "once",
        "export",
    }


def test_an_email_address_is_counted_less_often_than_a_whole_network() -> None:
    most = {(each.name.removesuffix("-email"), each.subject): each.most for each in POLICIES}

    for (name, subject), limit in most.items():
        if subject is Subject.EMAIL:
            assert limit < most[name, Subject.ADDRESS]
