"""The same programs at small size: they share one database of a test run."""

from collections.abc import Iterator

import pytest

from tests.proofs.program import Ground, a_ground


@pytest.fixture(scope="session")
def standing() -> Iterator[Ground]:
    with a_ground("short") as ground:
        yield ground


@pytest.fixture
def ground(standing: Ground) -> Iterator[Ground]:
    yield standing
    standing.wait(standing.clear())
