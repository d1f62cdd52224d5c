"""The short form: one question in thirty, and a row for every operation."""

from tests.operations import operations
from tests.proofs.matrix import prove
from tests.proofs.matrix_table import ROWS
from tests.proofs.program import Ground, Proof


def test_it_is_said_of_every_operation_who_is_answered_what() -> None:
    assert [*ROWS] == [*map(str, operations())]


def test_each_of_the_two_walls_holds_alone(ground: Ground) -> None:
    proof = Proof(seed=7)

    prove(ground, proof, every=31)

    assert proof.violations == []
    assert proof.counts["checks off: answer without a canary"] > 15
