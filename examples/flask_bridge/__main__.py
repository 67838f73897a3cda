"""Run the studio's program: python -m examples.flask_bridge [PORT]."""

import contextlib
import os
import secrets
import signal
import sys

from examples.flask_bridge.app import create_app
from junmai_jobs import JobQueue

if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 5100
    password = os.environ.get("STUDIO_PASSWORD") or secrets.token_urlsafe(9)
    jobs = JobQueue()
    app = create_app(jobs, password)
    # The host owns the signals; this one stops it as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt), jobs.worker(concurrency=2):
        print(f"The studio is at http://127.0.0.1:{port}/ and its password is {password}", flush=True)
        app.run(port=port)
