"""The studio's pages: its sessions, a button for each photo, and what has become of an order."""

from __future__ import annotations

import secrets

from flask import Flask, abort, redirect, render_template, url_for
from werkzeug.wrappers import Response

from examples.flask_bridge.login import protect
from junmai_jobs import JobNotFound, JobQueue, StoreUnavailable
from junmai_jobs.bridge import create_blueprint
from junmai_jobs.bridge.codes import new_code
from junmai_jobs.bridge.token import token_for
from junmai_jobs.catalog import Catalog
from junmai_jobs.manager import JobQueueManager, NotInCatalog

PREFIX = "/junmai"


def create_app(jobs: JobQueue, password: str) -> Flask:
    """Make the program. Its own pages need the password, the bridge under ``PREFIX`` has its own gate."""
    app = Flask(__name__)
    app.secret_key = secrets.token_bytes(32)
    bridge = create_blueprint(jobs, auth="token")
    protect(app, password, but=bridge)
    app.register_blueprint(bridge, url_prefix=PREFIX)
    manager = JobQueueManager(jobs)

    @app.get("/")
    def sessions() -> str:
        """Show every session that the catalog knows: ``junmai-jobs process FOLDER`` makes one."""
        with Catalog(jobs.config.home / "catalog.db") as catalog:
            shoots = [(shoot, catalog.photos(shoot.id)) for shoot in catalog.sessions()]
        # Who has logged in here need not look for a code elsewhere.
        code = new_code(token_for(jobs.config))
        return render_template("sessions.html", shoots=shoots, dashboard=f"{PREFIX}/", code=code)

    @app.post("/photos/<int:photo_id>/process")
    def process(photo_id: int) -> Response:
        """Have a photo processed before all that nobody waits for; no token is needed inside."""
        try:
            job_id = manager.submit_photo_processing(photo_id, user_requested=True)
        except NotInCatalog:
            abort(404)
        return redirect(url_for("order", job_id=job_id), 303)

    @app.get("/orders/<path:job_id>")
    def order(job_id: str) -> str:
        """Show what has become of an order."""
        try:
            job = jobs.job(job_id)
        except JobNotFound:
            abort(404)
        return render_template("order.html", job=job)

    @app.errorhandler(StoreUnavailable)
    def away(error: StoreUnavailable) -> tuple[str, int]:
        """Say so while the server is away; what was accepted is kept."""
        return str(error), 503

    return app
