"""Settings: ``config.json``, then the environment, then flags; the later wins.

``Config`` is its own table: each field tells its key in the file, what it accepts and which variables set it.
Nothing is coerced: a wrong value is a ``ConfigError`` that names file, line, key and what to write instead.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from junmai_jobs import checks
from junmai_jobs.checks import Check, list_of, number, number_or, one_of, optional, whole
from junmai_jobs.config_file import ConfigFile, Setting, checked
from junmai_jobs.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping


def redact(url: str) -> str:
    """Hide the passwords in a URL; a text that is no URL is hidden whole."""
    if "://" not in url:
        return "***"
    hidden = re.sub(r"://([^:@/?#]*:)?.*@", lambda found: f"://{found[1] or ''}***@", url, flags=re.DOTALL)
    return re.sub(r"([?&]\w*password=)[^&#]*", r"\1***", hidden, flags=re.IGNORECASE)


def site_of(address: str) -> str:
    """A web address without its path, which for a webhook is a secret."""
    return re.sub(r"(://)(?:[^/?#]*@)?([^/?#]*).*", r"\1\2/***", address, flags=re.DOTALL)


def _read_whole(text: str) -> int | str:
    return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else text


def _read_yes_or_no(text: str) -> bool | str:
    words = {"on": True, "true": True, "yes": True, "1": True}
    words |= {"off": False, "false": False, "no": False, "0": False}
    return words.get(text.strip().lower(), text)


def _read_list(text: str) -> list[str]:
    return [item.strip() for item in text.split(",")]


def _setting(key: str, check: Check, default: Any, **more: Any) -> Any:
    return field(default=default, repr="show" not in more, metadata={"setting": Setting(key, check, **more)})


def _settings(table: type) -> dict[str, Setting]:
    return {item.name: item.metadata["setting"] for item in fields(table) if "setting" in item.metadata}


def _like(default: Any, also: Check = lambda value: value) -> Check:
    """An object with fields of this dataclass; what it leaves out is as in ``default``."""
    known = {name: setting.check for name, setting in _settings(type(default)).items()}
    return lambda value: replace(default, **checks.object_with(known)(also(value)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How many finished jobs of one status are kept, and for how long."""

    days: float = _setting("days", number(0, 36_500), 7.0)
    count: int = _setting("count", whole(0, 10**9), 100_000)


NAME_FIELDS = ("name", "date", "time", "sequence", "camera", "session", "score")
"""What the ``file_name`` of an export preset may have in braces."""
_POSITIONS = (
    "top_left", "top", "top_right", "left", "center", "right", "bottom_left", "bottom", "bottom_right",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportPreset:
    """One way to export a picture; the keys are those of the original's ``export.presets``, and more.

    ``sharpen`` is a level or percent, ``watermark_opacity`` and ``watermark_scale`` are percent. Without a
    ``file_name`` a file is called as its photo.
    """

    name: str = _setting("name", checks.text, "")
    enabled: bool = _setting("enabled", checks.yes_or_no, default=True)
    format: str = _setting("format", one_of("JPEG", "PNG", "TIFF", "WEBP", "DNG"), "JPEG")
    quality: int = _setting("quality", whole(1, 100), 85)
    max_dimension: int = _setting("max_dimension", whole(16, 65_535), 2048)
    color_space: str = _setting("color_space", one_of("sRGB", "AdobeRGB", "DisplayP3", "ProPhotoRGB"), "sRGB")
    destination: str | None = _setting("destination", optional(checks.text), None)
    file_name: str | None = _setting("file_name", optional(checks.template(*NAME_FIELDS)), None)
    sharpen: str | float = _setting("sharpen", number_or(0, 500, "off", "low", "standard", "high"), "off")
    metadata: str = _setting("metadata", one_of("all", "no_gps", "none"), "all")
    copyright: str | None = _setting("copyright", optional(checks.text), None)
    watermark_text: str | None = _setting("watermark_text", optional(checks.text), None)
    watermark_image: str | None = _setting("watermark_image", optional(checks.text), None)
    watermark_font: str | None = _setting("watermark_font", optional(checks.text), None)
    watermark_position: str = _setting("watermark_position", one_of(*_POSITIONS), "bottom_right")
    watermark_opacity: int = _setting("watermark_opacity", whole(1, 100), 50)
    watermark_scale: int = _setting("watermark_scale", whole(1, 100), 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondOpinion:
    """Who else is asked what a photograph is worth: a vision model that an Ollama runs, in ``timeout_s``."""

    url: str = _setting("url", checks.origin("http://HOST:PORT"), "http://127.0.0.1:11434")
    model: str = _setting("model", checks.text, "")
    timeout_s: float = _setting("timeout_s", number(0.1, 600), 20.0)
    weight: float = _setting("weight", number(0, 1), 0.3)


_RECEIVERS = ("desktop", "command", "webhook")


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeEvents:
    """Which events are told to whom, of those who are configured."""

    session_finished: tuple[str, ...] = _setting("session_finished", list_of(one_of(*_RECEIVERS)), _RECEIVERS)
    jobs_failed: tuple[str, ...] = _setting("jobs_failed", list_of(one_of(*_RECEIVERS)), _RECEIVERS)
    exports_finished: tuple[str, ...] = _setting("exports_finished", list_of(one_of(*_RECEIVERS)), ())
    approval_required: tuple[str, ...] = _setting("approval_required", list_of(one_of(*_RECEIVERS)), ())


_has_model = checks.must_be(
    'an object with a "model"', lambda value: isinstance(value, dict) and "model" in value
)
_KEEP_RESULTS = Retention(days=7.0, count=100_000)
_KEEP_FAILURES = Retention(days=90.0, count=10_000)
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_QUEUES = ("high_priority", "medium_priority", "default", "low_priority")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Every setting, checked. ``home`` holds the embedded server's data, the catalog and ``config.json``."""

    home: Path
    file: Path | None = None  # the one that was read
    unused: tuple[str, ...] = ()  # keys of the original's file that are accepted and do nothing
    exposed: bool = field(
        default=False, compare=False
    )  # whether others may read a secret that is in the file

    redis_url: str | None = _setting(
        "redis.url", optional(checks.redis_address), None, env=("JUNMAI_REDIS_URL", "REDIS_URL"), show=redact
    )
    namespace: str = _setting("namespace", checks.name, "junmai", env=("JUNMAI_NAMESPACE",))
    tasks: tuple[str, ...] = _setting(
        "tasks", list_of(checks.module), (), env=("JUNMAI_TASKS",), read=_read_list
    )
    loglevel: str = _setting(
        "loglevel", one_of(*_LEVELS), "INFO", env=("JUNMAI_LOGLEVEL", "CELERY_LOGLEVEL"), read=str.upper
    )
    logformat: str = _setting(
        "logformat", one_of("text", "logfmt", "json"), "text", env=("JUNMAI_LOGFORMAT",), read=str.lower
    )
    logfile_max_mb: float = _setting("logfile_max_mb", number(0, 10**6), 64.0)
    logfile_keep: int = _setting("logfile_keep", whole(1, 1000), 4)

    max_concurrent_jobs: int = _setting(
        "processing.max_concurrent_jobs",
        whole(1, 1000),
        3,
        env=("JUNMAI_CONCURRENCY", "CELERY_CONCURRENCY"),
        read=_read_whole,
    )
    nice: int = _setting("processing.nice", whole(0, 19), 10)
    keep_awake: bool = _setting(
        "processing.keep_awake",
        checks.yes_or_no,
        default=True,
        env=("JUNMAI_KEEP_AWAKE",),
        read=_read_yes_or_no,
    )

    governor: bool = _setting(
        "processing.governor", checks.yes_or_no, default=True, env=("JUNMAI_GOVERNOR",), read=_read_yes_or_no
    )
    cpu_limit_percent: int = _setting("processing.cpu_limit_percent", whole(1, 100), 80)
    cpu_critical_percent: int = _setting("processing.cpu_critical_percent", whole(1, 100), 95)
    memory_limit_percent: int = _setting("processing.memory_limit_percent", whole(1, 100), 85)
    memory_critical_percent: int = _setting("processing.memory_critical_percent", whole(1, 100), 95)
    gpu_temp_limit_celsius: int = _setting("processing.gpu_temp_limit_celsius", whole(1, 150), 75)
    gpu_temp_critical_celsius: int = _setting("processing.gpu_temp_critical_celsius", whole(1, 150), 85)
    battery_limit_percent: int = _setting("processing.battery_limit_percent", whole(0, 100), 30)
    idle_cpu_percent: int = _setting("processing.idle_cpu_percent", whole(0, 100), 15)
    user_idle_seconds: float = _setting("processing.idle_seconds", number(0, 31_536_000), 300.0)

    queue_order: tuple[str, ...] = _setting("queues.order", list_of(checks.name), _QUEUES)
    max_waiting: int = _setting("queues.max_waiting", whole(1, 10**9), 1_000_000)
    shortest_first: tuple[str, ...] = _setting("queues.shortest_first", list_of(checks.name), ())
    aging_seconds: float | None = _setting("queues.aging_seconds", optional(number(1, 31_536_000)), None)
    disk_reserve: float | str = _setting(
        "processing.disk_reserve_mb",
        number_or(0, 10**9, "off"),
        1024,
        env=("JUNMAI_DISK_RESERVE_MB",),
        read=_read_whole,
    )
    cache_entries: int = _setting(
        "cache.max_entries", whole(0, 10**6), 20_000, env=("JUNMAI_CACHE_ENTRIES",), read=_read_whole
    )
    cache_megabytes: int = _setting("cache.max_megabytes", whole(1, 10**6), 256)
    keep_succeeded: Retention = _setting(  # noqa: RUF009 - it is a field()
        "retention.succeeded", _like(_KEEP_RESULTS), _KEEP_RESULTS
    )
    keep_failed: Retention = _setting(  # noqa: RUF009 - it is a field()
        "retention.failed", _like(_KEEP_FAILURES), _KEEP_FAILURES
    )
    keep_cancelled: Retention = _setting(  # noqa: RUF009 - it is a field()
        "retention.cancelled", _like(_KEEP_FAILURES), _KEEP_FAILURES
    )

    photo_roots: tuple[Path, ...] = _setting("photo.roots", list_of(checks.folder), ())
    photo_presets: tuple[dict[str, Any], ...] = _setting("photo.presets", list_of(checks.named_object), ())
    second_opinion: SecondOpinion | None = _setting(  # noqa: RUF009 - it is a field()
        "photo.llm", optional(_like(SecondOpinion(), _has_model)), None
    )
    rate_picks: bool = _setting("photo.rate_picks", checks.yes_or_no, default=True)
    selection_threshold: float = _setting("ai.selection_threshold", number(1, 5), 3.5)
    export_presets: tuple[ExportPreset, ...] = _setting(
        "export.presets", list_of(_like(ExportPreset(), checks.named_object)), ()
    )

    bridge_host: str = _setting("bridge.host", checks.host, "127.0.0.1")
    bridge_port: int = _setting("bridge.port", whole(1, 65_535), 5100)
    bridge_auth: str = _setting("bridge.auth", one_of("token", "local"), "token")
    bridge_lightroom: bool = _setting("bridge.lightroom", checks.yes_or_no, default=False)
    bridge_hosts: tuple[str, ...] = _setting("bridge.hosts", list_of(checks.host), ())
    bridge_origins: tuple[str, ...] = _setting("bridge.origins", list_of(checks.origin("https://HOST")), ())
    bridge_requests_per_second: int = _setting("bridge.requests_per_second", whole(1, 10**6), 500)
    notify_webhook: str | None = _setting("notify.webhook", optional(checks.web_address), None, show=site_of)
    notify_secret: str | None = _setting(
        "notify.secret", optional(checks.webhook_secret), None, show=lambda _secret: "***"
    )
    notify_command: tuple[str, ...] | None = _setting("notify.command", optional(checks.command), None)
    notify_desktop: bool = _setting("notify.desktop", checks.yes_or_no, default=False)
    notify_events: NoticeEvents = _setting(  # noqa: RUF009 - it is a field()
        "notify.events", _like(NoticeEvents()), NoticeEvents()
    )
    notify_window: float = _setting("notify.window_seconds", number(0, 86_400), 600.0)

    fsync: str = _setting("server.fsync", one_of("always", "everysec"), "always", env=("JUNMAI_FSYNC",))
    idle_seconds: float = _setting("server.idle_seconds", number(1, 31_536_000), 1800.0)

    @property
    def disk_reserve_bytes(self) -> int | None:
        """What a submission leaves free on a disk, see ``room``; None: nothing is refused."""
        return None if isinstance(self.disk_reserve, str) else round(self.disk_reserve * 2**20)

    @property
    def token_file(self) -> Path:
        """Where the bridge's token is, unless the environment has one."""
        return self.home / "bridge-token"

    def describe(self) -> dict[str, Any]:
        """Every setting as JSON, by the keys of the file; secrets are hidden."""
        shown: dict[str, Any] = {"home": str(self.home), "file": self.file and str(self.file)}
        for name, value in asdict(self).items():
            if setting := _SETTINGS.get(name):
                *sections, key = setting.key.split(".")
                here = shown
                for section in sections:
                    here = here.setdefault(section, {})
                here[key] = setting.show(value) if isinstance(value, str) else value
        described: dict[str, Any] = json.loads(json.dumps({**shown, "unused": self.unused}, default=str))
        return described


_SETTINGS = _settings(Config)


def load_config(path: Path | None = None, environ: Mapping[str, str] | None = None, **flags: Any) -> Config:
    """Read the file, the environment and the flags (fields of ``Config``; None is a flag that was not given).

    The file is ``path``, else ``JUNMAI_CONFIG``, which must exist; else ``config.json`` in the
    home, which need not.

    Raises:
        ConfigError: something is wrong in any of the three; nothing was changed or started.
    """
    env = {name: text for name, text in (os.environ if environ is None else environ).items() if text.strip()}
    home = home_of(env)
    found: dict[str, Any] = {}
    if path is not None or "JUNMAI_CONFIG" in env:
        given = _full(path or Path(env["JUNMAI_CONFIG"]), "The configuration file")
        found = ConfigFile(given, _SETTINGS).found
    elif _is_there(home / "config.json"):
        found = ConfigFile(home / "config.json", _SETTINGS).found
    found |= _from_environment(env)
    for name, value in flags.items():
        if value is not None:
            found[name] = checked(_SETTINGS[name].key, _SETTINGS[name].check, value)
    return Config(home=home, **found)


def home_of(env: Mapping[str, str]) -> Path:
    """The data folder, which need not be there; no variable may be blank."""
    if "JUNMAI_HOME" in env:
        return _full(Path(env["JUNMAI_HOME"]), "JUNMAI_HOME")
    import platformdirs  # noqa: PLC0415 - not needed where the home is given

    return platformdirs.user_data_path("junmai-jobs", appauthor=False)


def _full(path: Path, what: str) -> Path:
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        raise ConfigError(f"{what} is {path}, but there is no such user: write the full path") from None


def _is_there(file: Path) -> bool:
    """Whether there is such a file in a home, which need not be there itself."""
    try:
        return file.exists()
    except OSError as error:
        raise ConfigError(
            f"{file.parent} cannot be used: {error.strerror}; make it yours with `chmod 700 {file.parent}`, "
            "or set JUNMAI_HOME to a folder of your own"
        ) from None


def _from_environment(env: Mapping[str, str]) -> dict[str, Any]:
    found = {}
    for name, setting in _SETTINGS.items():
        for variable in [variable for variable in setting.env if variable in env][:1]:
            found[name] = checked(variable, setting.check, setting.read(env[variable]))
    if "redis_url" not in found and env.keys() & {"REDIS_HOST", "REDIS_PORT", "REDIS_DB", "REDIS_PASSWORD"}:
        found["redis_url"] = _compose_address(env)
    return found


def _compose_address(env: Mapping[str, str]) -> str:
    host = checked("REDIS_HOST", checks.host, env.get("REDIS_HOST", "localhost"))
    port = checked("REDIS_PORT", whole(1, 65_535), _read_whole(env.get("REDIS_PORT", "6379")))
    database = checked("REDIS_DB", whole(0, 10**9 - 1), _read_whole(env.get("REDIS_DB", "0")))
    password = f":{quote(env['REDIS_PASSWORD'], safe='')}@" if "REDIS_PASSWORD" in env else ""
    return f"redis://{password}{f'[{host}]' if ':' in host else host}:{port}/{database}"
