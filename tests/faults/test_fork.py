"""A host that forks when it is connected: no process reads what is another's."""

from __future__ import annotations

import subprocess
import sys

from junmai_jobs import JobQueue
from tests.servers import RedisProcess
from tests.worker import tasks

TURNS, CHILDREN = 50, 8
HOST = f"""
import os, sys, threading
from junmai_jobs import JobQueue
from tests.worker.tasks import quick

jobs = JobQueue(sys.argv[1])
client = jobs._link.client

def hammer(name):
    for turn in range({TURNS}):
        word = f"{{name}}-{{turn}}"
        assert client.echo(word) == word.encode()
        assert jobs.submit(quick.with_options(id=word), turn).id == word
        job = jobs.job(word)
        assert (job.id, job.args) == (word, [turn]), job

hammer("parent")
busy = threading.Thread(target=hammer, args=("thread",))  # so that some forks happen in mid-call
busy.start()
children = []
for number in range({CHILDREN}):
    pid = os.fork()
    if not pid:
        code = 1
        try:
            hammer(f"child-{{number}}")
            jobs.close()
            hammer(f"closed-{{number}}")
            code = 0
        finally:
            sys.stderr.flush()
            os._exit(code)
    children.append(pid)
hammer("meanwhile")
busy.join()
sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children))
"""


def test_eight_forks_of_a_connected_host_work_side_by_side(
    redis_server: RedisProcess, jobs: JobQueue
) -> None:
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", HOST, redis_server.url]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert jobs.stats()["jobs_by_status"]["queued"] == TURNS * (3 + 2 * CHILDREN)


def test_a_queue_that_was_closed_opens_again(jobs: JobQueue) -> None:
    handle = jobs.submit(tasks.quick, 1)
    jobs.close()
    jobs.close()
    assert handle.status == "queued"
    assert jobs.submit(tasks.quick, 2).id != handle.id
