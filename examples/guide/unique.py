# examples/guide/unique.py
"""One job for many submissions: while it waits, for a while, or with the last arguments."""

from junmai_jobs import JobQueue, Unique, task


@task(unique="sheet:{folder}")
def contact_sheet(folder: str, columns: int = 5) -> str:
    """At most one for each folder at a time."""
    return f"{folder} in {columns} columns"


if __name__ == "__main__":
    jobs = JobQueue()
    first = jobs.submit(contact_sheet, "/shoot")
    second = jobs.submit(contact_sheet, "/shoot", columns=4)
    print(second.id == first.id, second.existing)

    last = contact_sheet.with_options(unique=Unique("preview", keep="last"), delay=0.5)
    for columns in (1, 2, 3):
        preview = jobs.submit(last, "/preview", columns=columns)

    once_a_minute = contact_sheet.with_options(unique=Unique("import-17", period=60))
    with jobs.worker(concurrency=2):
        print(first.result(timeout=15))
        print(preview.result(timeout=15))
        print(jobs.submit(once_a_minute, "/card").result(timeout=15))
        again = jobs.submit(once_a_minute, "/another")
        print(again.result(timeout=15), again.existing)
