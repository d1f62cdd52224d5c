"""A spool: what is too much to be held in memory, and too private to lie about.

What outgrows a little memory goes to a file without a name, sealed with a key that is kept nowhere
else: neither the disk nor a copy of it ever holds a word.
"""

from collections.abc import Iterator
from tempfile import SpooledTemporaryFile

from schemas.sealing import new_key, seal, unseal

PIECE = 64 * 1024
IN_MEMORY = 1024 * 1024


class Spool:
    """Written once, then read once; it is gone when it was read, or with whoever held it."""

    def __init__(self) -> None:
        self.file = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - read after the request is over
        self.key = new_key()
        self.piece = bytearray()
        self.sizes: list[int] = []
        self.length = 0

    def write(self, said: bytes) -> None:
        self.piece += said
        self.length += len(said)
        if len(self.piece) >= PIECE:
            self.put()

    def put(self) -> None:
        sealed = seal(self.key, bytes(self.piece), ("spool", len(self.sizes)))
        self.sizes.append(len(sealed))
        self.file.write(sealed)
        self.piece.clear()

    def read(self) -> Iterator[bytes]:
        """In the pieces in which it was written."""
        with self.file:
            self.put()
            self.file.seek(0)
            for number, size in enumerate(self.sizes):
                yield unseal(self.key, self.file.read(size), ("spool", number))
