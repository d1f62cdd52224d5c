"""The short form: two hundred and fifty pairs of writes, once each."""

from tests.proofs.program import Ground, Proof
from tests.proofs.races import prove


def test_two_phones_on_every_two_writes_at_once(ground: Ground) -> None:
    proof = Proof(seed=7)

    prove(ground, proof, rounds=1, pairs=250)

    assert proof.violations == []
    assert proof.counts["answered 204"] > proof.counts["answered 422"]
