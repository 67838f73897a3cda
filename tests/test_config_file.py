from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from junmai_jobs.config import load_config
from junmai_jobs.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Refuse = Callable[[str | bytes], str]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def refuse(home: Path) -> Refuse:
    """The message of the error that a file is refused with."""

    def refuse(content: str | bytes) -> str:
        home.mkdir()
        (home / "config.json").write_bytes(content if isinstance(content, bytes) else content.encode())
        with pytest.raises(ConfigError) as caught:
            load_config(environ={"JUNMAI_HOME": str(home)})
        return str(caught.value)

    return refuse


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (
            '{"bridge":\n {"port": "5100"}}',
            2,
            ["bridge.port", "1 to 65535", '"5100"', "leave out the quotes"],
        ),
        ('{"bridge": {"port": 70000}}', 1, ["bridge.port", "70000"]),
        ('{"bridge": {"hosts": ["a b"]}}', 1, ["bridge.hosts[0]", "a host name or an IP address"]),
        ('{"bridge": {"hosts": "a"}}', 1, ["bridge.hosts", "a list in [brackets]"]),
        ('{"bridge": {"origins": ["https://a.b/c"]}}', 1, ["bridge.origins[0]", "nothing behind it"]),
        ('{"bridge": {"origins": ["a.b"]}}', 1, ["bridge.origins[0]", "https://HOST"]),
        (
            '{"processing": {\n"max_concurrent_jobs": true}}',
            2,
            ["processing.max_concurrent_jobs", "not true"],
        ),
        ('{"processing": {"max_concurrent_jobs": 0}}', 1, ["from 1 to"]),
        ('{"processing": {"max_concurrent_jobs": 2.0}}', 1, ["whole number"]),
        ('{"processing": {"cpu_limit_percent": null}}', 1, ["whole number", "not null"]),
        ('{"processing": {"governor": "on"}}', 1, ["processing.governor", "true or false"]),
        ('{"processing": {"battery_limit_percent": 101}}', 1, ["from 0 to 100"]),
        ('{"processing": {"nice": -1}}', 1, ["processing.nice", "from 0 to 19"]),
        ('{"processing": {\n\n"max_concurent_jobs": 2}}', 3, ["did you mean max_concurrent_jobs?"]),
        ('{"processing": {"auto_improt": true}}', 1, ["did you mean auto_import?"]),
        ('{\n"procesing": {}}', 2, ["did you mean processing?"]),
        ('{"max_waiting": 5}', 1, ["did you mean queues.max_waiting?"]),
        ('{"colour": 5}', 1, ["colour is not known", "known here: ai, bridge"]),
        ('{"bridge":\n5100}', 1, ["bridge must be an object"]),
        ("[]", 1, ["must be an object"]),
        ('{"ai": {"selection_threshold": NaN}}', 1, ["ai.selection_threshold", "from 1 to 5"]),
        ('{"ai": {"selection_threshold": 1e999}}', 1, ["ai.selection_threshold"]),
        ('{"ai": {"selection_threshold": "3.5"}}', 1, ["ai.selection_threshold"]),
        ('{"queues": {"order": [\n"default",\n"Hot"]}}', 3, ["queues.order[1]", '"Hot"']),
        ('{"queues": {"order": ["a",\n "a"]}}', 2, ["queues.order[1]", "twice"]),
        ('{"queues": {"order": "default"}}', 1, ["a list in [brackets]"]),
        ('{"queues": {"max_waiting": 0}}', 1, ["queues.max_waiting"]),
        ('{"retention": {"failed":\n{"day": 1}}}', 2, ["retention.failed.day", "did you mean days?"]),
        ('{"retention": {"failed": 90}}', 1, ["retention.failed", "days, count"]),
        ('{"retention": {"failed": {"days": -1}}}', 1, ["retention.failed.days"]),
        ('{"photo": {"roots": ["shoots"]}}', 1, ["photo.roots[0]", "full path"]),
        ('{"photo": {"roots": ["/a\\u0000b"]}}', 1, ["photo.roots[0]", "full path"]),
        ('{"photo": {"roots": ["/a\\ud800b"]}}', 1, ["photo.roots[0]", "full path"]),
        ('{"photo": {"roots": ["~no-such-user/a"]}}', 1, ["photo.roots[0]", "full path"]),
        ('{"notify": {"command": ["a\\u0000b"]}}', 1, ["notify.command", "a list of words"]),
        ('{"photo": {"presets": [{}]}}', 1, ["photo.presets[0]", '"name"']),
        ('{"notify": {"command": "notify-send"}}', 1, ["notify.command", "a list of words"]),
        ('{"export": {"presets": [{"name": "a",\n"quality": 101}]}}', 2, ["export.presets[0].quality"]),
        ('{"export": {"presets": [{"name": "a"}, {"qualty": 1}]}}', 1, ["export.presets[1]", '"name"']),
        ('{"export": {"presets": [{"name": "a", "format": "GIF"}]}}', 1, ["JPEG, PNG, TIFF, WEBP, DNG"]),
        ('{"namespace": "Studio"}', 1, ["namespace", "a-z"]),
        ('{"namespace": "' + "a" * 129 + '"}', 1, ["namespace"]),
        ('{"namespace": "a\\n"}', 1, ["namespace"]),
        ('{"tasks": ["my-tasks"]}', 1, ["tasks[0]", "studio.tasks"]),
        ('{"server": {"fsync": "no"}}', 1, ["always, everysec"]),
        ('{"bridge": {"port": 1},\n"bridge": {"port": 2}}', 2, ["bridge is given twice"]),
        ('{"ui": {"theme": 1,\n"th\\u0065me": 2}}', 2, ["ui.theme is given twice"]),
        ('{"bridge": {"port": 5100} // ours\n}', 1, ["no comments"]),
        ('{\n/* ours */ "bridge": {}}', 2, ["no comments"]),
        ("", 1, ["Expecting value"]),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(
    home: Path, refuse: Refuse, content: str, line: int, words: list[str]
) -> None:
    message = refuse(content)
    assert message.startswith(f"{home / 'config.json'}, line {line}: ")
    for word in words:
        assert word in message


def test_a_comma_too_much_is_refused(refuse: Refuse) -> None:
    assert re.search(r", line [12]: ", refuse('{"bridge": {"port": 5100},\n}'))  # Python's versions differ


@pytest.mark.parametrize("content", [b"\xff\xfe{\x00}\x00", "{'notify': '写真'}".encode("shift-jis")])
def test_another_encoding_is_refused(refuse: Refuse, content: bytes) -> None:
    assert "UTF-8" in refuse(content)


@pytest.mark.parametrize("content", ["[" * 100_000, '{"ui": ' + "9" * 5000 + "}"])
def test_json_beyond_python_is_refused(refuse: Refuse, content: str) -> None:
    assert "config.json" in refuse(content)
