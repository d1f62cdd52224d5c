"""The short form: a few requests for each operation, good, bad and in chains."""

from tests.proofs.fuzz import prove
from tests.proofs.program import Ground, Proof


def test_whatever_is_answered_is_in_the_contract(ground: Ground) -> None:
    proof = Proof(seed=7)

    prove(ground, proof, examples=1, coverage=0)

    assert proof.violations == []
    assert proof.counts["answered 200"] > 20
