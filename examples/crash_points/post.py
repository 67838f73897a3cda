"""The tasks: they send mail, which a test can see as lines of a file."""

from pathlib import Path

from junmai_jobs import Abort, RetryPolicy, current_job, task


@task(unique="invoice:{order}", retry=RetryPolicy(max_retries=0))
def send_invoice(order: int, outbox: str) -> None:
    """Never twice: where an earlier run may have sent it, a person has to look."""
    try:
        Path(outbox, f"invoice-{order}.begun").touch(exist_ok=False)
    except FileExistsError:
        raise Abort(f"invoice {order} may have been sent: look, and then send it again") from None
    _mail(f"invoice {order}", outbox)


@task
def send_reminder(order: int, outbox: str) -> None:
    """Once for each job, which stands in the mail: who runs it again finds it there."""
    line = f"reminder {order}, {current_job().id}"
    mail = Path(outbox, "mail")
    if not mail.exists() or line not in mail.read_text():
        _mail(line, outbox)


@task
def send_reminder_carelessly(order: int, outbox: str) -> None:
    """Once for each run: the second of the planted bugs."""
    _mail(f"reminder {order}", outbox)


def _mail(line: str, outbox: str) -> None:
    with Path(outbox, "mail").open("a") as file:
        print(line, file=file)
