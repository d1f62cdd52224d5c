from tests.proofs.crash import prove
from tests.proofs.report import Report


async def test_of_workers_and_databases_that_are_killed_no_ring_is_lost() -> None:
    report = Report(seed=1)
    small = {"nudges": 300, "kills": 2, "database_kills": 1, "forgetful": 600}

    await prove(report, **small, workers=2, lease=4, retry=1, batch=20)

    assert report.violations == []
