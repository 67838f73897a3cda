"""The dashboard in its two languages."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest

from junmai_jobs.bridge import pages
from junmai_jobs.bridge.queue_views import WaitReason
from junmai_jobs.job import Status
from junmai_jobs.photo.errors import PhotoError
from junmai_jobs.photo.pictures.decoding import load_color
from tests.photographs import scenes

if TYPE_CHECKING:
    from tests.bridge.dashboard.page import Dashboard
    from tests.bridge.dashboard.scene import Scene

FOLDER = Path(pages.__file__).with_name("dashboard")


def test_the_language_is_the_systems_until_another_one_is_chosen(visitor: Dashboard, scene: Scene) -> None:
    visitor.open(language="ja")
    assert "処理中" in visitor.text("main h2")
    choose = "(each) => { each.value = 'en'; each.dispatchEvent(new Event('change', { bubbles: true })); }"
    visitor.tab.say(f"({choose})(document.querySelector('select'))")
    visitor.wait_for_text("In progress", "main")
    visitor.tab.look_at(visitor.address, 1400)
    visitor.wait_for_text("In progress", "main")
    assert visitor.tab.say("document.documentElement.lang") == "en"


def test_every_word_is_there_in_both_languages(visitor: Dashboard) -> None:
    visitor.open()
    words: dict[str, dict[str, Any]] = visitor.tab.say("import('/assets/i18n.js').then(({ WORDS }) => WORDS)")
    assert words["en"].keys() == words["ja"].keys()
    for key, english in words["en"].items():
        japanese = words["ja"][key]
        assert places(english) == places(japanese), key
        assert type(english) is type(japanese)
        assert isinstance(english, str) or (
            english.keys() == {"one", "other"} and japanese.keys() == {"other"}
        )
    sources = "".join(
        path.read_text("utf-8") for path in FOLDER.glob("**/*.js") if "vendor" not in path.parts
    )
    asked = set(re.findall(r'\b(?:say|fact|gauge|field)\(\s*"(?:\w+", ")?(\w+)"', sources))
    assert asked - words["en"].keys() == {"folder", "session", "preset", "code"} & asked
    built = tuple(re.findall(r"`(\w+_)\$\{", sources))  # as in reason_${...}
    assert [key for key in words["en"] if f'"{key}"' not in sources and not key.startswith(built)] == []
    assert {f"reason_{each}" for each in get_args(WaitReason)} <= words["en"].keys()
    assert {f"status_{each}" for each in Status} <= words["en"].keys()


def test_what_is_often_wrong_with_a_photo_is_told_in_japanese_too(visitor: Dashboard, tmp_path: Path) -> None:
    whole = scenes()[0].read_bytes()
    half = whole[: len(whole) // 2]
    contents = {"empty": b"", "cut": half, "text": b"no picture at all", "zeros": half + bytes(len(half)),
                "bad": whole[:700] + b"x" * 700}  # fmt: skip
    for name, content in contents.items():
        (tmp_path / f"{name}.jpg").write_bytes(content)
    errors = []
    for name in (*contents, "gone"):
        with pytest.raises(PhotoError) as caught:
            load_color(tmp_path / f"{name}.jpg", 500)
        errors.append(str(caught.value))
    visitor.open(language="ja")
    ask = f"import('/assets/errors.js').then(({{ told }}) => {json.dumps([*errors, 'x < y'])}.map(told))"
    *known, unknown = visitor.tab.say(ask)
    for name, each in zip((*contents, "gone"), known, strict=True):
        assert each["language"] == "ja", each
        assert each["text"].startswith(f"{name}.jpg ")
        assert not re.search(r"[a-z]{3,}", each["text"].removeprefix(f"{name}.jpg "))
    assert unknown == {"language": "en", "text": "x < y"}


def places(word: str | dict[str, str]) -> set[str]:
    """What is filled into it."""
    return set(re.findall(r"\{(\w+)\}", word if isinstance(word, str) else word["other"]))
