from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs.config import Config, ExportPreset, Retention, load_config, redact
from junmai_jobs.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

# The keys of the original's file, version 2.0.
ORIGINAL = {
    "version": "2.0",
    "system": {
        "hot_folders": ["E:/In"],
        "lightroom_catalog": "",
        "temp_folder": "E:/Tmp",
        "log_level": "DEBUG",
    },
    "ai": {
        "llm_provider": "lm_studio",
        "llm_model": "m",
        "ollama_host": "http://[::1]:1",
        "selection_threshold": 4,
    },
    "processing": {
        "auto_import": False,
        "auto_select": True,
        "auto_develop": True,
        "auto_export": False,
        "max_concurrent_jobs": 5,
        "cpu_limit_percent": 70,
        "gpu_temp_limit_celsius": 68,
    },
    "export": {
        "presets": [
            {
                "name": "Print",
                "enabled": True,
                "format": "TIFF",
                "quality": 95,
                "max_dimension": 8192,
                "color_space": "AdobeRGB",
                "destination": "E:/Out",
            },
            {"name": "Net"},
        ],
        "cloud_sync": {"enabled": False, "provider": "none", "remote_path": "/"},
    },
    "notifications": {"desktop": True, "email": {"smtp_port": 25, "use_tls": True}, "line": {"token": "x"}},
    "ui": {"theme": "light", "language": "ja", "show_advanced_settings": True},
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def load(home: Path) -> Callable[..., Config]:
    def load(content: object = None, /, path: Path | None = None, **environ: str) -> Config:
        home.mkdir(exist_ok=True)
        if content is not None:
            text = content if isinstance(content, str) else json.dumps(content, indent=1)
            (home / "config.json").write_text(text, "utf-8")
        return load_config(path, {"JUNMAI_HOME": str(home)} | environ)

    return load


@pytest.fixture
def refuse(load: Callable[..., Config]) -> Callable[..., str]:
    """The message of the error that a file, or the environment, is refused with."""

    def refuse(content: object = None, /, **environ: str) -> str:
        with pytest.raises(ConfigError) as caught:
            load(content, **environ)
        return str(caught.value)

    return refuse


def test_defaults(load: Callable[..., Config], home: Path) -> None:
    config = load()
    assert config == Config(home=home)
    assert config.redis_url is None
    assert (config.namespace, config.loglevel, config.max_concurrent_jobs) == ("junmai", "INFO", 3)
    assert (config.cpu_limit_percent, config.gpu_temp_limit_celsius, config.memory_limit_percent) == (
        80,
        75,
        85,
    )
    assert config.max_waiting == 1_000_000
    assert config.keep_succeeded == Retention(days=7, count=100_000)
    assert config.keep_failed == config.keep_cancelled == Retention(days=90, count=10_000)
    assert (config.bridge_host, config.bridge_port, config.selection_threshold) == ("127.0.0.1", 5100, 3.5)
    assert (config.fsync, config.unused, config.file) == ("always", (), None)


def test_home_is_the_users_data_folder() -> None:
    config = load_config(environ={"JUNMAI_CONFIG": ""})
    assert config.home.is_absolute()
    assert config.home.name == "junmai-jobs"


def test_nothing_is_read_at_import(tmp_path: Path) -> None:
    code = "import junmai_jobs.config, junmai_jobs.server"
    environ = {"JUNMAI_CONFIG": str(tmp_path / "missing"), "JUNMAI_CONCURRENCY": "many"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environ, cwd=Path(__file__).parents[1])


def test_every_section_of_ours_is_used(load: Callable[..., Config], home: Path) -> None:
    config = load(
        {
            "redis": {"url": "rediss://:pw@redis.local:6380/2"},
            "namespace": "studio",
            "tasks": ["studio.tasks", "more"],
            "loglevel": "WARNING",
            "processing": {
                "max_concurrent_jobs": 8,
                "nice": 0,
                "keep_awake": False,
                "governor": False,
                "cpu_limit_percent": 50,
                "cpu_critical_percent": 70,
                "memory_limit_percent": 60,
                "memory_critical_percent": 80,
                "gpu_temp_limit_celsius": 65,
                "gpu_temp_critical_celsius": 78,
                "battery_limit_percent": 0,
                "idle_cpu_percent": 5,
                "idle_seconds": 600,
            },
            "queues": {"order": ["default", "low_priority"], "max_waiting": 10},
            "retention": {"succeeded": {"days": 0.5}, "failed": {"count": 5}},
            "cache": {"max_entries": 0, "max_megabytes": 64},
            "photo": {"roots": ["/shoots"], "presets": [{"name": "kaguya", "blend_amount": 60}]},
            "bridge": {
                "host": "::1",
                "port": 5200,
                "auth": "local",
                "hosts": ["studio.local", "2001:db8::1"],
                "origins": ["https://photos.example:8443"],
                "requests_per_second": 50,
            },
            "notify": {"webhook": "https://example.org/h/secret", "command": ["notify-send", "done"]},
            "server": {"fsync": "everysec", "idle_seconds": 60},
        }
    )
    assert config == Config(
        home=home,
        file=home / "config.json",
        redis_url="rediss://:pw@redis.local:6380/2",
        namespace="studio",
        tasks=("studio.tasks", "more"),
        loglevel="WARNING",
        max_concurrent_jobs=8,
        nice=0,
        keep_awake=False,
        governor=False,
        cpu_limit_percent=50,
        cpu_critical_percent=70,
        memory_limit_percent=60,
        memory_critical_percent=80,
        gpu_temp_limit_celsius=65,
        gpu_temp_critical_celsius=78,
        battery_limit_percent=0,
        idle_cpu_percent=5,
        user_idle_seconds=600,
        queue_order=("default", "low_priority"),
        max_waiting=10,
        cache_entries=0,
        cache_megabytes=64,
        keep_succeeded=Retention(days=0.5, count=100_000),
        keep_failed=Retention(days=90, count=5),
        photo_roots=(Path("/shoots"),),
        photo_presets=({"name": "kaguya", "blend_amount": 60},),
        bridge_host="::1",
        bridge_port=5200,
        bridge_auth="local",
        bridge_hosts=("studio.local", "2001:db8::1"),
        bridge_origins=("https://photos.example:8443",),
        bridge_requests_per_second=50,
        notify_webhook="https://example.org/h/secret",
        notify_command=("notify-send", "done"),
        fsync="everysec",
        idle_seconds=60,
    )


@pytest.mark.parametrize(
    ("texts", "value"), [(("on", "True", "1", "yes"), True), ((" OFF ", "false", "0", "no"), False)]
)
def test_yes_or_no_in_the_environment(
    load: Callable[..., Config], texts: tuple[str, ...], value: bool
) -> None:
    other = {"processing": {"governor": not value, "keep_awake": not value}}
    for text in texts:
        config = load(other, JUNMAI_GOVERNOR=text, JUNMAI_KEEP_AWAKE=text)
        assert (config.governor, config.keep_awake) == (value, value)


def test_neither_yes_nor_no_is_refused(refuse: Callable[..., str]) -> None:
    assert refuse(JUNMAI_GOVERNOR="maybe") == 'JUNMAI_GOVERNOR must be true or false, not "maybe"'


def test_the_originals_file_is_valid(load: Callable[..., Config]) -> None:
    config = load(ORIGINAL)
    assert (config.max_concurrent_jobs, config.cpu_limit_percent, config.gpu_temp_limit_celsius) == (
        5,
        70,
        68,
    )
    assert config.selection_threshold == 4
    assert config.export_presets == (
        ExportPreset(
            name="Print",
            format="TIFF",
            quality=95,
            max_dimension=8192,
            color_space="AdobeRGB",
            destination="E:/Out",
        ),
        ExportPreset(name="Net"),
    )
    assert config.loglevel == "INFO"
    assert set(config.unused) == {
        "version",
        *(f"system.{key}" for key in ("hot_folders", "lightroom_catalog", "temp_folder", "log_level")),
        *(f"ai.{key}" for key in ("llm_provider", "llm_model", "ollama_host")),
        *(f"processing.auto_{step}" for step in ("import", "select", "develop", "export")),
        *(f"export.cloud_sync.{key}" for key in ("enabled", "provider", "remote_path")),
        *(f"notifications.{key}" for key in ("desktop", "email.smtp_port", "email.use_tls", "line.token")),
        *(f"ui.{key}" for key in ("theme", "language", "show_advanced_settings")),
    }


def test_a_null_is_no_address(load: Callable[..., Config]) -> None:
    assert load({"redis": {"url": None}}).redis_url is None


def test_a_byte_order_mark_is_accepted(load: Callable[..., Config]) -> None:
    assert load('\ufeff{"namespace": "studio"}').namespace == "studio"


def test_the_file_named_counts_and_must_exist(
    load: Callable[..., Config], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("given", "named", "config"):
        (tmp_path / f"{name}.json").write_text(json.dumps({"namespace": name}))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    Path("config.json").write_text('{"namespace": "here"}')

    assert load().namespace == "junmai"
    assert load({"namespace": "at-home"}).namespace == "at-home"
    named = {"JUNMAI_CONFIG": str(tmp_path / "named.json")}
    assert load(**named).namespace == "named"
    assert load(path=tmp_path / "given.json", **named).namespace == "given"
    for missing in ({"path": tmp_path / "missing"}, {"JUNMAI_CONFIG": "missing"}, {"path": tmp_path}):
        with pytest.raises(ConfigError, match=r"cannot be read: .*; name another with --config"):
            load(**missing)


def test_environment_over_file_and_flags_over_both(load: Callable[..., Config], home: Path) -> None:
    config = load(
        {"namespace": "file", "processing": {"max_concurrent_jobs": 1}, "loglevel": "ERROR"},
        JUNMAI_NAMESPACE="environment",
        JUNMAI_CONCURRENCY="2",
        CELERY_CONCURRENCY="9",
        CELERY_LOGLEVEL="debug",
        JUNMAI_TASKS="a.b, c",
        JUNMAI_FSYNC="everysec",
    )
    assert (config.namespace, config.max_concurrent_jobs, config.loglevel) == ("environment", 2, "DEBUG")
    assert (config.tasks, config.fsync) == (("a.b", "c"), "everysec")
    flagged = load_config(None, {"JUNMAI_HOME": str(home)}, namespace="flag", max_concurrent_jobs=None)
    assert (flagged.namespace, flagged.max_concurrent_jobs) == ("flag", 1)
    with pytest.raises(ConfigError, match=r"processing.max_concurrent_jobs must be"):
        load_config(None, {"JUNMAI_HOME": str(home)}, max_concurrent_jobs=0)


def test_an_empty_variable_is_not_set(load: Callable[..., Config]) -> None:
    assert load(JUNMAI_CONCURRENCY="", REDIS_URL=" ", REDIS_HOST="", JUNMAI_CONFIG="") == load()


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({"JUNMAI_REDIS_URL": "redis://a", "REDIS_URL": "redis://b", "REDIS_HOST": "c"}, "redis://a"),
        ({"REDIS_URL": "redis://b", "REDIS_HOST": "c"}, "redis://b"),
        ({"REDIS_URL": "unix:///run/redis.sock?db=1"}, "unix:///run/redis.sock?db=1"),
        ({"REDIS_HOST": "nas"}, "redis://nas:6379/0"),
        ({"REDIS_PORT": "6380"}, "redis://localhost:6380/0"),
        ({"REDIS_DB": "3"}, "redis://localhost:6379/3"),
        ({"REDIS_PASSWORD": "a/b@c:%# é"}, "redis://:a%2Fb%40c%3A%25%23%20%C3%A9@localhost:6379/0"),
        ({"REDIS_HOST": "::1", "REDIS_PORT": "1", "REDIS_DB": "2"}, "redis://[::1]:1/2"),
    ],
)
def test_the_server_in_the_environment(
    load: Callable[..., Config], environ: dict[str, str], url: Any
) -> None:
    assert load({"redis": {"url": "redis://file"}}, **environ).redis_url == url


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("JUNMAI_CONCURRENCY", "0"),
        ("JUNMAI_CONCURRENCY", "three"),
        ("CELERY_CONCURRENCY", "1.5"),
        ("JUNMAI_LOGLEVEL", "LOUD"),
        ("JUNMAI_NAMESPACE", "a b"),
        ("JUNMAI_TASKS", "a,,b"),
        ("JUNMAI_FSYNC", "sometimes"),
        ("REDIS_PORT", "70000"),
        ("REDIS_PORT", "tcp://10.0.0.1:6379"),
        ("REDIS_DB", "abc"),
        ("REDIS_DB", "-1"),
        ("REDIS_HOST", "http://nas"),
    ],
)
def test_a_wrong_variable_is_named(refuse: Callable[..., str], variable: str, text: str) -> None:
    message = refuse(**{variable: text})
    assert message.startswith(variable)
    assert " must be " in message


@pytest.mark.parametrize(
    "url",
    [
        "hunter2",
        "http://:hunter2@host",
        "redis://:hunter2@host:70000",
        "redis://:hunter2@host:port",
        "redis://:hunter2@host/abc",
        "redis://:hun/ter2@host",
        "redis://:1#hunter2@host",
        "redis://:hunter2@",
        "unix://",
        ["redis://:hunter2@host"],
        {"password": "hunter2"},
    ],
)
def test_a_wrong_address_is_refused_and_not_shown(refuse: Callable[..., str], url: Any) -> None:
    messages = [refuse({"redis": {"url": url}})]
    if isinstance(url, str):
        messages.append(refuse({}, REDIS_URL=url))
    for message in messages:
        assert "redis://[:PASSWORD@]HOST" in message
        assert "hunter2" not in message
        assert "ter2" not in message


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://host:1/0", "redis://host:1/0"),
        ("redis://:pw@host:1/0", "redis://:***@host:1/0"),
        ("redis://bob:p:w@host", "redis://bob:***@host"),
        ("redis://:p@w/x@host", "redis://:***@host"),
        ("redis://pw@host", "redis://***@host"),
        ("redis://host?password=pw&db=1", "redis://host?password=***&db=1"),
        ("pw", "***"),
    ],
)
def test_redact(url: Any, shown: str) -> None:
    assert redact(url) == shown


def test_the_description_is_json_without_secrets(load: Callable[..., Config], home: Path) -> None:
    config = load(
        ORIGINAL
        | {"redis": {"url": "redis://:hunter2@host"}, "photo": {"roots": ["/shoots"]}}
        | {"notify": {"webhook": "https://u:hunter2@example.org/hunter2?t=hunter2"}}
    )
    shown = config.describe()
    assert json.loads(json.dumps(shown)) == shown
    assert shown["redis"] == {"url": "redis://:***@host"}
    assert shown["notify"]["webhook"] == "https://example.org/***"
    assert shown["home"] == str(home)
    assert shown["photo"]["roots"] == ["/shoots"]
    assert shown["export"]["presets"][0]["name"] == "Print"
    assert shown["retention"]["failed"] == {"days": 90.0, "count": 10_000}
    assert "ui.theme" in shown["unused"]
    assert "hunter2" not in repr(config) + json.dumps(shown)
