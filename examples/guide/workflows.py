# examples/guide/workflows.py
"""A shoot as a workflow: every photo is measured, the best is found and printed, and somebody is told."""

from junmai_jobs import Abort, JobQueue, chain, chord, edge, group, result_of, task


@task
def measure(photo: str) -> float | None:
    """One of these files is broken."""
    if photo == "0003.NEF":
        raise Abort("no picture in it")
    return len(photo) + int(photo[3]) / 10


@task
def best(scores: list[float | None]) -> float:
    """None stands for a photo that could not be measured."""
    return max(score for score in scores if score is not None)


@task
def caption(score: float, *, shoot: str = "the shoot") -> str:
    """Words for the wall."""
    return f"The best of {shoot} has {score}"


@task
def tell(text: str, *, of: str) -> str:
    """Send a message."""
    return f"{of}: {text}"


if __name__ == "__main__":
    jobs = JobQueue()
    photos = group(*(measure.plan(f"000{number}.NEF") for number in range(5)))
    winner = chord(photos, best.with_options(after_policy="continue"))
    words = chain(winner, caption)
    poster = tell.with_options(after=[edge(photo, "continue") for photo in photos]).plan(
        result_of(words), of="poster"
    )
    report = tell.plan("some photos cannot be read", of="report")

    batch = jobs.submit_workflow(poster, on_failure=report)
    with jobs.worker(concurrency=2):
        print(batch[poster].result(timeout=15))
        print(batch.wait(timeout=15), batch.progress().done, "of", batch.progress().total)
        print({str(status): count for status, count in sorted(batch.progress().counts.items())})
        print(batch.results(timeout=15))
