from tests.proofs.occurrences import prove
from tests.proofs.report import Report


async def test_an_hour_comes_once_per_local_date_in_every_zone() -> None:
    report = Report(seed=2)

    await prove(report, first=2011, last=2012, hours=1, zones=20)

    assert report.violations == []
