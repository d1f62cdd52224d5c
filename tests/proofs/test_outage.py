from tests.proofs.outage import prove
from tests.proofs.report import Report


async def test_a_database_that_is_away_is_said_at_once_and_soon_forgotten() -> None:
    report = Report(seed=1)

    await prove(report, seconds=5, phones=4)

    assert report.violations == []
