from tests.proofs.access import prove
from tests.proofs.report import Report


async def test_while_there_is_no_credential_the_queue_waits_and_the_loop_does_not() -> None:
    report = Report(seed=1)

    # A loop that is held up is away for all of the silence; a machine that is busy, for a moment.
    await prove(report, nudges=50, seconds=3, failing=0, brief=1.5)

    assert report.violations == []
