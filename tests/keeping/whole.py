"""A namespace with something of every kind in it, and all that is stored of one that an export keeps."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from junmai_jobs import endings as verbs
from junmai_jobs.inspector.keeping import InspectorKeeping
from junmai_jobs.job import new_id
from junmai_jobs.keeping import Exported, Imported, export_to, import_from
from tests.verbs.scenarios import KEY, PHOTO, die
from tests.verbs.scenarios import schedule as hourly
from tests.verbs.store import ERROR, NEWER_BODY, new_job

if TYPE_CHECKING:
    from junmai_jobs.broker import Broker
    from tests.backends import Backend
    from tests.verbs.store import Store

NOT_KEPT = {"workers", "worker_info", "claimers", "event_stream", "alarm", "holders"}
META = (b"token", b"sequence", b"announced", b"cache_hits", b"cache_misses", b"cache_bytes")
DONE = verbs.succeed(b"\xa4done")
QUEUES = ("default", "night", "last")


def fill(store: Store) -> None:
    """Jobs of every kind that is not running, and all that stands beside them."""
    _run(store)
    _wait(store)
    broker = store.broker
    broker.schedule(hourly())
    broker.schedule(hourly("nightly", "1d", queue="night"))
    broker.pause(["last"])
    broker.age(QUEUES, 600)
    broker.sample()
    store.advance(120)
    broker.sample()


def _run(store: Store) -> None:
    """Jobs whose runs have ended, whichever way, and what they have left."""
    broker = store.broker
    broker.register("w", {"offers": [{"pool": "studio", "ram_mb": 64_000}]})
    store.ended("done", DONE)
    store.ended("done.for.a.while", verbs.succeed(b"\x01", 3600))
    store.ended("done.without.result", verbs.succeed(b""))
    store.ended("failed", verbs.fail(ERROR, "too dark"))
    store.add("cancelled")
    broker.cancel("cancelled", "person.1")
    job = store.running("again")
    broker.progress(job, {"done": 1, "total": 2})
    broker.checkpoint(job, b"\x93\x01\x02\xff")
    broker.log(job, 1, "read\nscöred 📷")
    broker.end(job, verbs.retry(60, ERROR))
    store.ended("deferred", verbs.defer(120, "note", "later"))
    store.running("crashed.once")
    broker.crash("w/1", store.request(), {"signal": "SIGSEGV"}, pause=60)
    die(store, "died", signal="SIGSEGV", input=PHOTO)
    store.ended("revived", verbs.fail(ERROR))
    job = store.running("maker")
    broker.remember(KEY, job.token, b"\x07\xff", lasts=3600, most=9, room=10_000)
    broker.recall(KEY, "5")
    broker.end(job, DONE)
    broker.revive("revived", "person.2")


def _wait(store: Store) -> None:
    """Jobs that wait: in line, for their time, for others, for room."""
    broker = store.broker
    store.add(*(f"ready.{priority}" for priority in range(4)))
    for priority in range(11):
        store.add(f"band.{priority}", priority=priority, queue="night")
    broker.reprioritize("ready.2", 8)
    store.add("machine", needs={"ram_mb": 1000})
    store.add("later", delay=3600, expires=7200)
    broker.enqueue([new_job("large", args=["x" * 20_000]), new_job(new_id(), expires=3600)])
    store.add("batched.1", "batched.2", extras={"b": "shoot"})
    store.add("only.one", extras={"u": "folder,alive,0,first", "b": "shoot"})
    store.ended("was.the.one", DONE, extras={"u": "sheet,alive,3600000,first"}, priority=10)
    store.add("parent", queue="last")
    store.add("child", after=("cancel=parent", "continue+=done"), delay=5)
    store.add("on.failure", after=("failure=parent",))
    store.add("grandchild", after=("cancel+=child",), after_policy="cancel")
    store.add("reader", after=("cancel+=done",))
    broker.resolve()
    store.ended("told.nobody.yet", DONE, priority=10)
    store.add("awaits.an.ended.one", after=("cancel=told.nobody.yet",))
    store.ended("limited.1", DONE, extras={"r": "site,1,3600000"}, priority=10)
    store.add("limited.2", "limited.3", extras={"r": "site,1,3600000"}, priority=10)
    assert store.claim() is not None, "to find the limit full, and what is behind it"
    broker.release("w/1", store.request())


def damage(store: Store) -> None:
    """What this version did not write, or cannot read."""
    store.add("newer", "junk", "odd.state", queue="last")
    store.damage("newer", NEWER_BODY.replace(b"3default", b"9last"))
    store.damage("junk", b"junk \xff\xfe")
    store.damage_state("odd.state", b"\xffnone")


def exported(backend: Backend, broker: Broker, namespace: str) -> tuple[bytes, Exported]:
    """A namespace as a file."""
    file = BytesIO()
    inspector = InspectorKeeping(backend.link, namespace)
    found = export_to(file, broker, inspector, namespace, lambda *_: None)
    return file.getvalue(), found


def imported(broker: Broker, data: bytes) -> Imported:
    return import_from(BytesIO(data), broker, lambda *_: None)


def kept(store: Store) -> dict[str, Any]:
    """All that is stored, to the last bit, but for what docs/export-format.md says is not kept."""
    found = {
        name: content
        for name, content in store.exact().items()
        if name not in NOT_KEPT and not name.startswith("@") and not name.endswith(":bell") and content
    }
    found["ended"] = sorted(found.get("ended", []))  # the time in it is that of the import
    meta = found.get("meta", {})
    found["meta"] = {name: meta[name] for name in META if name in meta}
    return found
