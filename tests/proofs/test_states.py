"""The short form: a few lives."""

from tests.proofs.program import Ground, Proof
from tests.proofs.states import prove


def test_whatever_three_people_do_in_any_order(ground: Ground) -> None:
    proof = Proof(seed=7)

    prove(ground, proof, examples=3, steps=12)

    assert proof.violations == []
    assert proof.counts["silent steps"]
    assert proof.counts["revealed"]
