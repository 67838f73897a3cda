"""What the plugin consists of: files that Lightroom can load, texts in both languages, settings it knows."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from junmai_jobs.photo.develop.settings import _CURVE_NAMES, _WHITE_BALANCES, CONTROLLER_NAMES, PARAMETERS
from tests.lightroom.lightroom import PLUGIN, STAND_IN, lua_says, requests

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lightroom.conftest import StartLightroom

LUA = sorted(PLUGIN.glob("*.lua"))
TEXT = re.compile(r"LOC[ (]'(\$\$\$/[\w/]+)=([^']*)'")


@pytest.mark.parametrize("file", LUA, ids=lambda file: file.name)
def test_every_file_is_lua_5_1(file: Path) -> None:
    assert lua_says(f"print(_VERSION, loadfile '{file.as_posix()}' ~= nil)") == "Lua 5.1\ttrue\n"


def test_the_files_that_lightroom_is_told_of_are_there() -> None:
    told = re.findall(r"'(\w+\.lua)'", (PLUGIN / "Info.lua").read_text("utf-8"))
    assert len(told) == 6
    assert {PLUGIN / name for name in told} <= set(LUA)


def test_every_text_has_a_key_and_a_japanese_form() -> None:
    texts = [found for file in LUA for found in TEXT.findall(file.read_text("utf-8"))]
    english = dict(texts)
    assert len(english) == len(set(texts)), "a key has one text"
    lines = (PLUGIN / "TranslatedStrings_ja.txt").read_text("utf-8").splitlines()
    japanese = dict(line.strip('"').split("=", 1) for line in lines)
    assert all(re.fullmatch(r'"\$\$\$/[\w/]+=.+"', line) for line in lines)
    assert japanese.keys() == english.keys()
    places = {key: set(re.findall(r"\^\d", text)) for key, text in english.items()}
    assert places == {key: set(re.findall(r"\^\d", text)) for key, text in japanese.items()}


def test_the_plugin_knows_the_settings_that_presets_may_have() -> None:
    said = json.loads(
        lua_says("""
        local P = require 'Parameters'
        local words = {}
        for name, known in pairs(P.WORDS) do
          words[name] = {}
          for word in pairs(known) do table.insert(words[name], word) end
        end
        print(require('dkjson').encode {ranges = P.RANGES, words = words})
        """)
    )
    assert said["ranges"] == {name: [each.low, each.high] for name, each in PARAMETERS.items()}
    words = {name: set(known) for name, known in said["words"].items()}
    assert words == {"WhiteBalance": {*_WHITE_BALANCES}, "ToneCurveName2012": {*_CURVE_NAMES}}


def test_the_plugin_understands_both_schemes_of_names() -> None:
    settings = dict.fromkeys(CONTROLLER_NAMES, 1)
    config = json.dumps({"version": "1.0", "pipeline": [{"stage": "base", "settings": settings}]})
    code = "local J = require 'dkjson' print(J.encode(require('Parameters').read(J.decode [==[%s]==])))"
    assert json.loads(lua_says(code % config)) == dict.fromkeys(CONTROLLER_NAMES.values(), 1)


@pytest.mark.parametrize(
    ("url", "token"),
    [
        ("http://127.0.0.1:5100", "secret"),
        ("http://localhost", "secret"),
        ("http://[::1]:5100", "secret"),
        ("https://studio.example", "secret"),
        ("http://studio.example:5100", "nil"),
        ("http://127.0.0.1.studio.example", "nil"),
        ("http://127.0.0.1:5100@studio.example", "nil"),
    ],
)
def test_the_token_of_the_file_goes_in_the_clear_to_this_computer_alone(url: str, token: str) -> None:
    sdk = """
        local sdk = {
          LrFileUtils = {exists = function() return true end, readFile = function() return ' secret\\n' end},
          LrPasswords = {retrieve = function() end},
          LrPathUtils = {child = function() return '' end, getStandardFilePath = function() return '' end},
          LrPrefs = {prefsForPlugin = function() return {url = '%s'} end},
        }
        function import(name) return sdk[name] end
        print(require('Settings').token())
    """
    assert lua_says(sdk % url).strip() == token


def test_the_settings_can_be_changed_in_the_plug_in_manager_and_by_the_menu(
    lightroom: StartLightroom,
) -> None:
    plugin = lightroom()
    scripts = [STAND_IN.with_name("manager.lua"), PLUGIN / "ShowSettings.lua"]
    plugin.start(prefs={"startsItself": False}, scripts=[str(script) for script in scripts], password="")
    plugin.finish()
    assert [line["title"] for line in plugin.calls("dialog")] == ["Junmai Jobs"]
    prefs = plugin.calls("end")[0]["prefs"]
    assert (prefs["url"], prefs["startsItself"]) == ("http://studio.example:5100", False)
    assert prefs["tokenFile"].endswith("/Library/Application Support/junmai-jobs/bridge-token")
    assert requests(plugin.journal()) == [], "it was not started"


def test_it_runs_once_however_often_it_is_started(lightroom: StartLightroom) -> None:
    plugin = lightroom()
    plugin.run(scripts=[str(PLUGIN / "Start.lua")] * 2)
    assert requests(plugin.journal()) == [("next", 404)]
