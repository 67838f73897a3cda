"""``junmai-jobs batch``: a workflow that was submitted line by line, cancelled and retried."""

from __future__ import annotations

import json

from tests.command_line import CommandLine


def test_a_batch_is_shown_cancelled_and_retried(cli: CommandLine) -> None:
    lines = [
        {"id": "a", "batch": "shoot", "args": [1]},
        {"id": "b", "batch": "shoot", "args": [2], "after": ["cancel=a"]},
    ]
    cli.json("submit", "add", "--stdin", stdin="\n".join(map(json.dumps, lines)))
    shown = {"id": "shoot", "done": 0, "total": 2, "counts": {"queued": 1, "blocked": 1}}
    assert cli.json("batch", "shoot") == shown
    assert cli.run("batch", "shoot").out == "0 of 2 jobs done: 1 blocked, 1 queued\n"

    refused = cli.run("batch", "shoot", "--cancel")
    assert (refused.code, refused.out) == (2, "")
    cancelled = {"id": "shoot", "done": 2, "total": 2, "counts": {"cancelled": 2}, "cancelled": ["b", "a"]}
    assert cli.json("batch", "shoot", "--cancel", "--yes") == cancelled

    again = cli.run("batch", "shoot", "--retry")
    assert again.out == "2 jobs retried\n0 of 2 jobs done: 1 blocked, 1 queued\n"
    assert cli.run("worker", "--burst", "--concurrency", "1").code == 0
    assert cli.json("batch", "shoot")["counts"] == {"succeeded": 2}


def test_what_is_not_there_and_what_contradicts_itself(cli: CommandLine) -> None:
    unknown = cli.run("batch", "nothing")
    assert (unknown.code, unknown.out) == (1, "")
    assert "no batch nothing: none of its jobs is kept, or there never was one" in unknown.err
    both = cli.run("batch", "nothing", "--cancel", "--retry")
    assert (both.code, both.out) == (2, "")
    assert "give --cancel or --retry, not both" in both.err
