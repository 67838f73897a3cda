"""Calls of every verb, and of the read side, with arguments as real callers give them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any

from benchmarks.ground import QUEUES, Call, Ground
from benchmarks.tasks import noop, path_of
from junmai_jobs import endings
from junmai_jobs.broker import pages
from junmai_jobs.endings import Ending
from junmai_jobs.job import Status, new_id
from junmai_jobs.limits import Concurrency, Unique
from junmai_jobs.schedule import MOST_TICKS, Schedule, Timetable

Case = tuple[str, Sequence[Call]]
ERROR = {"type": "ValueError", "message": "too dark", "traceback": "  File shoot.py, line 7\n" * 20}
RESULT = b"\xc4\xc8" + bytes(200)
HOMES = ("ready", "scheduled", "retrying", "blocked")


def submissions(on: Ground, times: int) -> Iterator[Case]:
    """Of one job and of as many as go in a call: plain, delayed, with a key and a batch, behind parents."""
    enqueue = partial(on.broker.enqueue, max_waiting=10**7)

    def full(**options: Any) -> list[Call]:
        jobs = on.new_jobs(200 * (times // 5), **options)
        return [partial(enqueue, page) for page in islice(pages(jobs), times // 5)]

    yield "enqueue, 1", [partial(enqueue, on.new_jobs(1)) for _ in range(times)]
    yield "enqueue, 200", full()
    yield "enqueue, 200 delayed", full(delay=86400.0)
    batch = f"shoot-{next(on.numbers)}"
    keyed = [
        noop.with_options(unique=Unique(key=f"photo:{new_id()}"), batch=batch)
        for _ in range(200 * (times // 5))
    ]
    rows = [task.new_job((number, path_of(number)), {}) for number, task in enumerate(keyed)]
    yield (
        "enqueue, a page with unique key and batch",
        [partial(enqueue, page) for page in islice(pages(rows), times // 5)],
    )
    parent = on.add(1)[0]
    yield "enqueue, a page behind a parent", full(after=parent)
    several = tuple(on.add(10))
    yield "enqueue, a page behind 10 parents", full(after=several)
    many = tuple(on.add(100))
    yield (
        "enqueue, 1 behind 100 parents",
        [partial(enqueue, on.new_jobs(1, after=many)) for _ in range(times // 5)],
    )


def runs(on: Ground, times: int) -> Iterator[Case]:
    """From a claim to each of its ends, and what a running task may ask for."""
    broker = on.broker
    on.add(times)
    yield "claim", [partial(broker.claim, f"claim/{next(on.numbers)}", "1.1", QUEUES) for _ in range(times)]
    on.add(times)
    held = on.claimed(times)
    yield (
        "step, succeed and claim",
        [
            partial(broker.step, name, "1.2", QUEUES, [(job, endings.succeed(RESULT, 3600))])
            for name, job in held
        ],
    )
    asked: dict[str, Callable[..., object]] = {
        "progress": lambda job: broker.progress(job, {"done": 7, "total": 9, "message": "IMG_0007.JPG"}),
        "checkpoint": lambda job: broker.checkpoint(job, bytes(2000)),
        "log, 64 KiB kept": lambda job: broker.log(job, next(on.numbers), "read IMG_0007.JPG\n" * 100),
        "outranked": lambda job: broker.outranked(job, QUEUES),
    }
    held = on.claimed(times)
    for name, ask in asked.items():
        of = held[:20] * (times // 20) if name.startswith("log") else held
        yield name, [partial(ask, job) for _, job in of]
    yield "extend, 2", [partial(broker.extend, "w0", [name for name, _ in held[:2]]) for _ in range(times)]
    for how in _ENDINGS:
        held = on.claimed(times)
        yield how.verb, [partial(broker.end, job, how) for _, job in held]
    held = on.claimed(times)
    yield "release", [partial(broker.release, name, "1.2") for name, _ in held]
    held = on.claimed(times)
    yield "crash", [partial(broker.crash, name, "1.2", {"signal": "SIGKILL"}) for name, _ in held]


_ENDINGS: tuple[Ending, ...] = (
    endings.succeed(RESULT, 3600),
    endings.retry(3600, ERROR),
    endings.fail(ERROR),
    endings.defer(3600, "", "later"),
    endings.step_aside(),
    endings.confirm_cancel(),
)


def workers(on: Ground, times: int) -> Iterator[Case]:
    """What supervisors say of themselves; the largest has 1,000 slots."""
    broker, info = on.broker, {"host": "studio", "pid": 1, "claimers": [f"w/{slot}" for slot in range(8)]}
    names = [f"worker-{next(on.numbers)}" for _ in range(times)]
    yield "register", [partial(broker.register, name, info) for name in names]
    yield (
        "deregister, 2 idle slots",
        [partial(broker.deregister, name, [f"{name}/0", f"{name}/1"], lost=False) for name in names],
    )
    large = f"worker-{next(on.numbers)}"
    for word in ("released", "lost"):
        broker.register(large, info)
        slots = [name for name, _ in on.claimed(1000, slots=1000)]
        yield "extend, 40 of 1,000", [partial(broker.extend, large, slots[:40])] * (times // 5)
        yield (
            f"deregister, 1,000 slots {word}",
            [
                partial(broker._call, "deregister", *slots, worker=large, event=word)  # noqa: SLF001
            ]
            * 51,
        )


def people(on: Ground, times: int) -> Iterator[Case]:
    """What somebody wants otherwise."""
    broker = on.broker
    ids = on.waiting(times)
    yield "cancel, waiting", [partial(broker.cancel, job_id, new_id()) for job_id in ids]
    yield "revive", [partial(broker.revive, job_id, new_id()) for job_id in ids]
    yield "reprioritize", [partial(broker.reprioritize, job_id, 7) for job_id in on.waiting(times)]
    yield "boost", [partial(broker.boost, [job_id]) for job_id in on.waiting(times)]
    held = on.claimed(times)
    yield "cancel, running", [partial(broker.cancel, job.id, new_id()) for _, job in held]
    for name, queues in (("a queue", ("default",)), ("all", ())):
        yield f"pause, {name}", [partial(broker.pause, queues)] * times
        yield f"resume, {name}", [partial(broker.resume, queues)] * times
    yield "listen", [broker.listen] * times
    schedules = [
        Schedule(
            name=f"every-{next(on.numbers)}",
            timetable=Timetable.of(60, None, None, None),
            body=on.new_jobs(1)[0].body,
        )
        for turn in range(times)
    ]
    yield "schedule", [partial(broker.schedule, each) for each in schedules]
    yield "due", [broker.due] * times
    ticks = [60 * tick for tick in range(MOST_TICKS)]
    fired = [
        (each, each.encode(), int(on.client.zscore(on.keys.ticks, each.name)) // 1000) for each in schedules
    ]
    for count, some in ((1, fired[: times // 2]), (MOST_TICKS, fired[times // 2 :])):
        yield (
            f"fire, {count}",
            [
                partial(broker.fire, each, spec, tick, ticks[:count], tick + 60, max_waiting=10**7)
                for each, spec, tick in some
            ],
        )
    yield "unschedule", [partial(broker.unschedule, each.name, new_id()) for each in schedules]


def chores(on: Ground, times: int) -> Iterator[Case]:
    """What a supervisor does for all, as many jobs a call as the scripts take."""
    rounds = times // 10
    on.ended(100 * rounds, endings.retry(0, ERROR))
    yield "promote, retrying", [partial(on.broker._call, "promote", *QUEUES)] * rounds  # noqa: SLF001
    on.ended(100 * rounds, endings.succeed(RESULT, 0.001))
    yield "expire", [partial(on.broker._call, "expire")] * rounds  # noqa: SLF001
    failed = on.ended(100 * rounds, endings.fail(ERROR))
    yield "announce", [partial(on.broker.announce, new_id()) for _ in range(times)]
    yield "inherit, 100", [partial(on.broker.inherit, failed[:100])] * times
    yield (
        "purge",
        [
            partial(on.broker._call, "purge", *HOMES, request=new_id(), queue=queue)  # noqa: SLF001
            for queue in QUEUES
            for _ in range(rounds // 4)
        ],
    )
    for word in ("succeeded", "failed", "cancelled"):
        keep = max(0, on.client.zcard(getattr(on.keys, word)) - 100 * rounds)
        yield (
            f"prune, {word}",
            [
                partial(on.broker._call, "prune", word=word, max_age=10**12, keep=keep, after=0)  # noqa: SLF001
            ]
            * rounds,
        )
    yield (
        "age",
        _after(lambda: on.client.hdel(on.keys.meta, "aged"), partial(on.broker.age, QUEUES, 1.0), times),
    )
    yield "sample", [on.broker.sample] * times


def ends_of_parents(on: Ground, times: int) -> Iterator[Case]:
    """A parent with thousands of children, which run, or which are cancelled with it."""
    for word, policy in (("run", "continue"), ("are cancelled", "cancel")):
        parent = on.add(1)[0]
        on.add(times * 10, after=parent, after_policy=policy)
        on.broker.cancel(parent, new_id())
        yield f"resolve, children {word}", [partial(on.broker._call, "resolve")] * (times // 5)  # noqa: SLF001


def limits(on: Ground, times: int) -> Iterator[Case]:
    """A limit that is full: those before their turn wait aside, and come back when there is room."""
    broker, queue = on.broker, f"limited-{next(on.numbers)}"
    limit = Concurrency(1000, queue)
    on.add(1000 + times * 10, queue=queue, concurrency=limit)
    held = [broker.claim(f"{queue}/{turn}", "1.1", [queue]) for turn in range(1000)]
    yield (
        "claim, heads in a full limit of 1,000",
        [partial(broker.claim, f"{queue}-other/{turn}", "1.1", [queue]) for turn in range(times // 2)],
    )
    yield (
        "succeed, one comes back",
        [partial(broker.end, job, endings.succeed(b"")) for job in held[:times] if job],
    )
    yield (
        "promote, a limit has room",
        _after(
            lambda: on.client.zadd(on.keys.limits_due, {f"{queue},1000": 1}),
            partial(broker._call, "promote", *QUEUES),  # noqa: SLF001
            times // 10,
        ),
    )


def reads(on: Ground, times: int) -> Iterator[Case]:
    """What people and supervisors look at."""
    look, ids = on.inspector, on.waiting(200)
    yield "stats", [look.stats] * (times // 10)
    for status in Status:
        yield f"list, {status}", [partial(look.jobs, status=status)] * (times // 50)
    yield "list, of a task nobody has", [partial(look.jobs, status=Status.QUEUED, queue="default", task="x")]
    yield "statuses, 200", [partial(look.statuses, ids)] * (times // 5)
    yield "load, 200", [partial(look.load, ids)] * (times // 5)
    yield "members", [partial(look.members, "shoot-1")]
    for name in ("workers", "silences", "worker_info", "paused", "queues", "schedules"):
        yield name, [getattr(look, name)] * (times // 10)
    yield "unfinished", [partial(look.unfinished, QUEUES, within=60)] * times


def _after(prepare: Call, call: Call, times: int) -> list[Call]:
    def both() -> None:
        prepare()
        call()

    return [both] * times


ALL = (submissions, runs, workers, people, chores, ends_of_parents, limits, reads)
