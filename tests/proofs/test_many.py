from tests.proofs.many import prove
from tests.proofs.report import Report


async def test_of_two_api_processes_and_two_workers_nobody_can_tell_which_it_was() -> None:
    report = Report(seed=1)

    await prove(report, rounds=1)

    assert report.violations == []
