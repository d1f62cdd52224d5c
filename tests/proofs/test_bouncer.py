from tests.proofs.bouncer import prove
from tests.proofs.report import Report


async def test_through_pgbouncer_all_is_as_it_is_without() -> None:
    report = Report(seed=1)

    await prove(report, rounds=50)

    assert report.violations == []
