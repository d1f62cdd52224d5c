"""The short form: three couples, one of each way in which the worker may be killed."""

from tests.proofs.privacy import STEPS, prove
from tests.proofs.program import Ground, Proof


def test_what_somebody_takes_along_and_what_is_left_of_them(ground: Ground) -> None:
    proof = Proof(seed=6)

    prove(ground, proof, couples=len(STEPS))

    assert proof.violations == []
    assert proof.counts["killed halfway, no word that a key opens"] == 1
