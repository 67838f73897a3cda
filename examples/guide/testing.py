# examples/guide/testing.py
"""Testing: jobs in the test's own process, a clock that is moved, and a crash at every call."""

from junmai_jobs import RetryPolicy, current_job, task
from junmai_jobs.testing import InProcessQueue

OUTBOX: list[str] = []


@task(retry=RetryPolicy(max_retries=2))
def fetch_preview(photo: str) -> str:
    """Fail at first, as with a camera that is still busy."""
    if current_job().attempt == 1:
        raise ConnectionError("the camera is busy")
    return f"{photo}.jpg"


@task
def send_mail(customer: str) -> None:
    """Send it with every run, which is once too often when a run dies before its end is told."""
    OUTBOX.append(customer)


def test_a_busy_camera_is_asked_again(junmai: InProcessQueue) -> None:
    """``junmai`` is a queue with nothing in it, for each test another one."""
    preview = junmai.submit(fetch_preview, "0001.NEF")
    junmai.run_until_idle()
    assert preview.status == "retrying"
    junmai.advance(60)
    junmai.run_until_idle()
    assert junmai.assert_succeeded(preview).result == "0001.NEF.jpg"


def test_what_is_submitted(junmai: InProcessQueue) -> None:
    """What a program submits can be looked at without being run."""
    junmai.submit(send_mail, "Ann")
    junmai.assert_submitted(send_mail, customer="Ann")


if __name__ == "__main__":
    queue = InProcessQueue()
    mail = send_mail.with_options(id="mail-17")

    def scenario(jobs: InProcessQueue) -> None:
        """What is played, again and again."""
        jobs.submit(mail, "Ann")
        jobs.run_until_idle()

    def check(jobs: InProcessQueue) -> None:
        """What must be so, whatever has crashed."""
        jobs.assert_succeeded("mail-17")
        assert OUTBOX == ["Ann"], f"mail to {OUTBOX}"

    try:
        queue.crash_everywhere(scenario, check, begin=OUTBOX.clear)
    except AssertionError as error:
        print(error)
