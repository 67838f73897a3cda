"""What the tasks promise, whatever crashes. ``PLANTED=key,mail`` plants two bugs, which these tests find."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from examples.crash_points.post import send_invoice, send_reminder, send_reminder_carelessly
from junmai_jobs.testing import InProcessQueue

PLANTED = os.environ.get("PLANTED", "").split(",")
FORGETS_THE_KEY = {
    "local over = finished_home(word) or": "local over = (finished_home(word) and word ~= 'failed') or"
}
"""The first of the planted bugs, in the library itself: ``fail`` ends a run, and does not let its key go."""
ALTERED = FORGETS_THE_KEY if "key" in PLANTED else {}
REMIND = send_reminder_carelessly if "mail" in PLANTED else send_reminder


class Outbox:
    """A folder in which mail can be seen."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def empty(self) -> None:
        """Nothing was ever sent."""
        for path in self.folder.iterdir():
            path.unlink()

    def count(self, text: str) -> int:
        """How often something was sent."""
        mail = self.folder / "mail"
        return mail.read_text().count(text) if mail.exists() else 0


@pytest.fixture
def jobs() -> Iterator[InProcessQueue]:
    """The queue; ``junmai`` would be the same without the bug."""
    with closing(InProcessQueue(altered=ALTERED)) as jobs:
        yield jobs


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    """Where the tasks of a test send to."""
    return Outbox(tmp_path)


def test_an_invoice_is_sent(jobs: InProcessQueue, outbox: Outbox) -> None:
    """Also with the planted bug: here nothing fails, so nobody sees it."""
    invoice = jobs.submit(send_invoice, 7, str(outbox.folder))
    jobs.run_until_idle()
    jobs.assert_succeeded(invoice)
    assert outbox.count("invoice 7") == 1
    assert not jobs.submit(send_invoice, 7, str(outbox.folder)).existing


def test_no_crash_sends_an_invoice_twice_or_keeps_it_from_being_sent(
    jobs: InProcessQueue, outbox: Outbox
) -> None:
    """A submission that got no answer is sent again: the unique key makes it the same job."""

    def scenario(jobs: InProcessQueue) -> None:
        jobs.submit(send_invoice, 7, str(outbox.folder))
        jobs.run_until_idle()

    def check(jobs: InProcessQueue) -> None:
        [invoice] = jobs.submitted(send_invoice)
        assert outbox.count("invoice 7") <= 1, "it was sent twice"
        again = jobs.submit(send_invoice, 7, str(outbox.folder))
        assert not again.existing, f"it has {invoice.status}, and its unique key is held for ever"

    jobs.crash_everywhere(scenario, check, begin=outbox.empty)


def test_no_crash_sends_a_reminder_twice(jobs: InProcessQueue, outbox: Outbox) -> None:
    """What was sent before a crash is not sent again by the run after it."""

    def scenario(jobs: InProcessQueue) -> None:
        jobs.submit(REMIND.with_options(id="remind-7"), 7, str(outbox.folder))
        jobs.run_until_idle()

    def check(jobs: InProcessQueue) -> None:
        jobs.assert_succeeded("remind-7")
        sent = outbox.count("reminder 7")
        assert sent == 1, f"the customer got {sent} mails"

    jobs.crash_everywhere(scenario, check, begin=outbox.empty)
