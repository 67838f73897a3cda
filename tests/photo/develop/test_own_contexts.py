"""Contexts of the user's own, laid over those that come along."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from junmai_jobs.photo.develop.contexts import blend_of, detect, load_rules
from junmai_jobs.photo.errors import PresetError
from tests.photo.develop.rules import rule, rules_file


def own_contexts(folder: Path, text: str) -> Path:
    (folder / "contexts.toml").write_text(text, "utf-8")
    return folder / "contexts.toml"


CHURCH = """
[church]
description = "Candles."
recommended_preset = "night"
preset_blend = 70
rules = [{ field = "settings.iso", operator = ">=", value = 1600, weight = 1 }]
"""


def test_contexts_of_the_user_are_laid_over_the_shipped_ones(tmp_path: Path) -> None:
    shipped = load_rules()
    text = (
        CHURCH + "[default]\npreset_blend = 50\n[landscape]\npreset_blend = 33\n[high_key]\nenabled = false"
    )

    found = load_rules(None, own_contexts(tmp_path, text))

    names = [context.name for context in shipped.contexts if context.name != "high_key"]
    assert [context.name for context in found.contexts] == ["church", *names]
    assert blend_of("landscape", found) == 33
    assert found.default == dataclasses.replace(shipped.default, preset_blend=50)
    before = {context.name: context.rules for context in shipped.contexts}
    assert all(context.rules == before[context.name] for context in found.contexts[1:])
    assert detect({"settings": {"iso": 1600}}, {}, found)["context"] == "church"
    assert load_rules() == shipped


def test_they_are_laid_over_a_whole_file_of_rules_too(tmp_path: Path) -> None:
    whole = rules_file(tmp_path, rule("settings.iso", ">", 1))

    found = load_rules(whole, own_contexts(tmp_path, CHURCH + "[first]\npreset_blend = 1"))

    assert [(context.name, context.preset_blend) for context in found.contexts] == [
        ("church", 70),
        ("first", 1),
    ]
    assert load_rules(whole, tmp_path / "none.toml") == load_rules(whole)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[church]\npreset_blend = 50", 'church must have "description": no context of this name'),
        ("[landscape]\npreset_blend = 500", r"landscape\.preset_blend must be a whole number from 0 to 100"),
        ("[landscape]\npreset_blendd = 5", r"landscape\.preset_blendd is not known; did you mean preset_ble"),
        ("[default]\nrules = []", r"default\.rules is not known"),
        ("[default]\nenabled = false", r"default\.enabled is not known"),
        (CHURCH.replace(">=", "=>"), r"church\.rules\[0\]\.operator must be one of"),
        ("[landscape]\n[landscape]", "is no TOML: Cannot declare"),
    ],
)
def test_what_is_wrong_in_contexts_of_the_user_is_named_with_its_place(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(PresetError, match=r"contexts\.toml:? " + message):
        load_rules(None, own_contexts(tmp_path, text))


def test_one_context_must_be_left(tmp_path: Path) -> None:
    whole = rules_file(tmp_path, rule("settings.iso", ">", 1))
    with pytest.raises(PresetError, match=r"contexts\.toml must leave at least one context enabled"):
        load_rules(whole, own_contexts(tmp_path, "[first]\nenabled = false"))
