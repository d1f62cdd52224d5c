from tests.proofs.outage import prove
from tests.proofs.report import Report


async def test_a_database_that_is_away_is_said_at_once_and_soon_forgotten() -> None:
    report = Report(seed=1)

    # Whoever hung would hang for five seconds; on a machine that is busy two are easily three.
    await prove(report, seconds=5, phones=4, at_once=4.0)

    assert report.violations == []
