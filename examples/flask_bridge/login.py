"""The studio's own login: a password, a session cookie, and a word in each form that no other site knows."""

from __future__ import annotations

import hmac
import secrets

from flask import Blueprint, Flask, abort, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response


def protect(app: Flask, password: str, *, but: Blueprint) -> None:
    """Have every page need a login and every form its word, but those of a blueprint with a gate of its own.

    Without that exception a client of the bridge, which has a token and no cookie, would be sent to the login
    page. Who wants both in front of the bridge leaves it out: then its clients log in first.
    """

    @app.before_request
    def check() -> Response | None:
        if request.blueprint == but.name:
            return None
        if request.method == "POST" and not _same(request.form.get("word"), session.get("word")):
            abort(400, "this form is not of this session: load the page again")
        if request.endpoint != "login" and "is_known" not in session:
            return redirect(url_for("login"), 303)
        return None

    @app.route("/login", methods=["GET", "POST"])
    def login() -> Response | tuple[str, int]:
        if request.method == "POST" and _same(request.form.get("password"), password):
            session["is_known"] = True
            return redirect(url_for("sessions"), 303)
        session.setdefault("word", secrets.token_urlsafe(16))
        return render_template("login.html"), 401 if request.method == "POST" else 200

    @app.post("/logout")
    def logout() -> Response:
        session.clear()
        return redirect(url_for("login"), 303)


def _same(given: str | None, expected: str | None) -> bool:
    return expected is not None and hmac.compare_digest((given or "").encode(), expected.encode())
