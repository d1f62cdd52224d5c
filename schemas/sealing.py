"""Sealing: what people write is kept as ciphertext, each person's under a key of their own.

Every person has a data key, and so has every couple, for what the two share. Data keys are kept
sealed as well, by a key that stands in the settings and never in the database: whoever carries a
dump away has neither. A data key that is dropped takes with it whatever was written under it.

AES-256-GCM. What a ciphertext belongs to (table, column, row, owner) is authenticated with it, so
one that was moved to another row does not open.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

FORMAT = b"\x01"
NONCE = 12  # bytes; at random, which is safe for 2**32 messages under one key (NIST SP 800-38D)
KEY = 32  # bytes

Place = tuple[object, ...]  # table, column, owner and row, as far as each has them


class Unsealable(Exception):
    """It is not what was sealed, not here, or not with this key."""


def new_key() -> bytes:
    """256 random bits."""
    return os.urandom(KEY)


def seal(key: bytes, text: bytes, place: Place) -> bytes:
    """Format, nonce, ciphertext and tag: 29 bytes longer than the text."""
    nonce = os.urandom(NONCE)
    return FORMAT + nonce + AESGCM(key).encrypt(nonce, text, said(place))


def unseal(key: bytes, sealed: bytes, place: Place) -> bytes:
    """`Unsealable` for whatever was not sealed with this key for this place."""
    nonce, rest = sealed[1 : NONCE + 1], sealed[NONCE + 1 :]
    try:
        if sealed[:1] == FORMAT:
            return AESGCM(key).decrypt(nonce, rest, said(place))
    except (InvalidTag, ValueError):
        pass
    raise Unsealable


def derived(secret: bytes, purpose: str) -> bytes:
    """A key for this purpose alone: it opens nothing of another, and does not lead back."""
    return HKDF(SHA256(), KEY, salt=None, info=purpose.encode()).derive(secret)


def said(place: Place) -> bytes:
    # As a list, in which no two places look alike: ("a", "bc") is not ("ab", "c").
    return json.dumps([str(each) for each in place]).encode()


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys of the settings, by id. The first wraps; all unwrap, so that keys are changed
    without a break.
    """

    keys: Mapping[str, bytes] = field(repr=False)

    @property
    def mark(self) -> bytes:
        """With what everything begins that the first key has wrapped."""
        return marked(next(iter(self.keys)))

    def wrap(self, key: bytes, place: Place) -> bytes:
        """A data key as the database keeps it: the id of the key that wraps it, and the rest."""
        return self.mark + seal(next(iter(self.keys.values())), key, place)

    def unwrap(self, wrapped: bytes, place: Place) -> bytes:
        """`Unsealable` as well where the settings do not have that key (any more)."""
        length = wrapped[0] + 1 if wrapped else 1
        by = self.keys.get(wrapped[1:length].decode(errors="replace"))
        if by is None:
            raise Unsealable
        return unseal(by, wrapped[length:], place)

    def derived(self, purpose: str) -> "Keyring":
        """The same ids, and keys for this purpose alone."""
        return Keyring({key_id: derived(key, purpose) for key_id, key in self.keys.items()})


def marked(key_id: str) -> bytes:
    name = key_id.encode()
    return bytes([len(name)]) + name
