"""Pages: where one ended, in letters that an app sends back as they are."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import TypeVar

from pydantic import AfterValidator

PAGE = 50
Row = TypeVar("Row")


def paged(rows: Sequence[Row], ended: Callable[[Row], object]) -> tuple[Sequence[Row], str | None]:
    """Of up to one row more than a page: the page, and where it ended if there is another."""
    page = rows[:PAGE]
    return page, str(ended(page[-1])) if len(rows) > PAGE else None


def packed(place: bytes) -> str:
    return urlsafe_b64encode(place).decode().rstrip("=")


def unpacked(text: str) -> bytes:
    """ValueError for anything that was never packed."""
    return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))


def a_place(read: Callable[[str], object]) -> AfterValidator:
    """What `read` understands: where a page of that list ended."""

    def check(text: str) -> str:
        try:
            read(text)
        except (ValueError, OverflowError) as error:
            msg = "must be the `next` of a page before"
            raise ValueError(msg) from error
        return text

    return AfterValidator(check)
