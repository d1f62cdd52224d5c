"""What opens a sealed text, and what does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.sealing import Keyring, Unsealable, new_key, seal, unseal

KEY, OTHER = new_key(), new_key()
HERE = ("answer", "sealed", "sam", "mood")


@given(st.binary(max_size=300))
def test_what_was_sealed_opens_as_it_was(text: bytes) -> None:
    sealed = seal(KEY, text, HERE)
    assert unseal(KEY, sealed, HERE) == text
    assert len(sealed) == len(text) + 29


def test_the_same_words_never_look_the_same() -> None:
    assert len({seal(KEY, b"yes", HERE) for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "there",
    [
        ("answer", "sealed", "alex", "mood"),
        ("answer", "shared", "sam", "mood"),
        ("answer", "sealed", "sam", "closeness"),
        ("account", "sealed", "sam", "mood"),
        ("answer", "sealed", "sammood"),
        ("answer", "sealed", "sa", "m", "mood"),
        (),
    ],
)
def test_moved_elsewhere_it_does_not_open(there: tuple[str, ...]) -> None:
    with pytest.raises(Unsealable):
        unseal(KEY, seal(KEY, b"a word", HERE), there)


def test_with_another_key_it_does_not_open() -> None:
    with pytest.raises(Unsealable):
        unseal(OTHER, seal(KEY, b"a word", HERE), HERE)


def test_whatever_is_changed_of_it_it_does_not_open() -> None:
    sealed = seal(KEY, b"a word", HERE)
    changed = [
        sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :] for at in range(len(sealed))
    ]
    for each in [*changed, b"", sealed[:5], sealed[:-1], sealed + b"\0"]:
        with pytest.raises(Unsealable):
            unseal(KEY, each, HERE)


def test_the_first_key_wraps_and_all_unwrap() -> None:
    old, new = {"old": new_key()}, {"new": new_key()}
    before, between, after = Keyring(old), Keyring(new | old), Keyring(new)

    wrapped = before.wrap(KEY, HERE)
    again = between.wrap(between.unwrap(wrapped, HERE), HERE)

    assert wrapped.startswith(before.mark)
    assert again.startswith(between.mark)
    assert after.unwrap(again, HERE) == KEY
    for keyring, broken in ((after, wrapped), (between, wrapped[1:]), (between, b"")):
        with pytest.raises(Unsealable):
            keyring.unwrap(broken, HERE)


def test_a_key_wrapped_for_somebody_else_does_not_open() -> None:
    keyring = Keyring({"only": new_key()})
    with pytest.raises(Unsealable):
        keyring.unwrap(keyring.wrap(KEY, HERE), ("data_key", "wrapped", "alex"))


def test_a_keyring_that_is_printed_holds_no_secret() -> None:
    assert repr(KEY) not in repr(Keyring({"only": KEY}))
