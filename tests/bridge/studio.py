"""What the tests of the bridge share: photographs that a catalog knows, and a client that may do all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from junmai_jobs.bridge import create_blueprint
from junmai_jobs.bridge.serving import app_of
from junmai_jobs.bridge.token import token_for
from junmai_jobs.catalog import Catalog
from tests.photographs import copy_to

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Flask
    from werkzeug.test import TestResponse

    from junmai_jobs import JobQueue


class Studio:
    """A bridge and its catalog. ``ask`` brings the token, ``app`` is for those who do not."""

    def __init__(self, jobs: JobQueue, folder: Path) -> None:
        self.jobs = jobs
        self.token = token_for(jobs.config)
        self.app: Flask = app_of(create_blueprint(jobs))
        with self.catalog() as catalog:
            self.session = catalog.session("shoot", folder)
            self.photos = list(catalog.photo_ids(self.session, copy_to(folder)).values())

    def catalog(self) -> Catalog:
        return Catalog(self.jobs.config.home / "catalog.db")

    def path(self, photo_id: int) -> Path:
        """Where a photograph is."""
        with self.catalog() as catalog:
            row = catalog.photo_row(photo_id)
        assert row is not None
        return row.path

    def ask(self, method: str, path: str, **more: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token}"} | more.pop("headers", {})
        return self.app.test_client().open(path, method=method, headers=headers, **more)

    def done(self, method: str, path: str, **more: Any) -> Any:
        """The document that it is answered with."""
        answer = self.ask(method, path, **more)
        assert answer.status_code == 200, answer.text
        return answer.get_json()
