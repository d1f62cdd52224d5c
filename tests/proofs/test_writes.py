from tests.proofs.report import Report
from tests.proofs.writes import prove


async def test_of_an_api_that_is_killed_no_write_is_lost_and_none_is_done_twice() -> None:
    report = Report(seed=1)

    await prove(report, couples=5, kills=3, processes=2, keyless=2)

    assert report.violations == []
