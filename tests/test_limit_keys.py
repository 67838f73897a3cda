"""Which key a job has, of a text with its arguments in braces."""

from __future__ import annotations

from itertools import combinations

import pytest

from junmai_jobs.limits import Concurrency, Rate, Unique


def key(text: str, **arguments: object) -> str:
    return Unique(text).spec(arguments).split(",")[0]


def test_an_argument_stands_in_the_key_as_it_is() -> None:
    assert key("sheet:{folder}", folder="2026/wedding-1") == "sheet:2026/wedding-1"
    assert key("{a}:{b}", a="p", b=7) == "p:7"


@pytest.mark.parametrize("text", ["{a}:{b}", "{a}/{b}", "{a}{b}", "x{a}y{b}z", "{a}-{b}"])
def test_different_arguments_make_different_keys(text: str) -> None:
    values = [
        ("p:q", "r"),
        ("p", "q:r"),
        ("p/q", "r"),
        ("p", "q/r"),
        ("p-q", "r"),
        ("p", "q-r"),
        ("pq", "r"),
        ("p", "qr"),
    ]
    values += [("pyq", "r"), ("p", "qyr"), ("p", "qr z")]
    for (a, b), (c, d) in combinations(values, 2):
        assert key(text, a=a, b=b) != key(text, a=c, b=d)


def test_limits_are_kept_apart_in_the_same_way() -> None:
    for made in (Concurrency(2, "{a}:{b}"), Rate(2, key="{a}:{b}")):
        assert made.spec("task", {"a": "p:q", "b": "r"}) != made.spec("task", {"a": "p", "b": "q:r"})
