"""May the user that is configured give every command that the verbs need, on the namespace's keys?"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from redis.exceptions import NoPermissionError

from junmai_jobs.doctor.finding import Finding, fine, listed, wrong
from junmai_jobs.doctor.patient import Patient, as_text
from junmai_jobs.errors import CallRefused
from junmai_jobs.scripts import library

BESIDE_THE_SCRIPTS = (
    "client|setname",
    "fcall",
    "function|load",
    "eval",
    "blpop",
    "hgetall",
    "hscan",
    "xrange",
    "zscan",
)
_SCRIPT = Path(__file__).with_name("rights.lua")
_ARGUMENTS = {
    "time": "", "client|setname": "name", "function|load": "text", "fcall": "name 1 {key}",
    "eval": "text 1 {key}", "blpop": "{key} 1", "rename": "{key} {key}", "renamenx": "{key} {key}",
    "xinfo": "stream {key}",
}  # fmt: skip
"""What has no key as its only argument."""


def commands_needed() -> list[str]:
    """As ``ACL SETUSER`` names them: those of the scripts, for which the server asks too, and some beside."""
    given = re.findall(r"redis\.call\('(\w+)'", library())
    return [*BESIDE_THE_SCRIPTS, *sorted({command.lower() for command in given} - {*BESIDE_THE_SCRIPTS})]


def check_rights(patient: Patient) -> Finding:
    """Ask the server, by a script that does nothing else."""
    key = patient.reader.keys.bodies
    calls = {_call(command, key): command for command in commands_needed()}
    name = _user(patient)
    keys = f"'~{patient.reader.keys.prefix}*'"
    try:
        refused = patient.link.evaluate(_SCRIPT.read_text(encoding="utf-8"), key, *calls)
    except CallRefused as error:
        if not isinstance(error.__cause__, NoPermissionError):
            raise
        what = f"the user {name} may not even ask what it may do ({error})"
        return wrong(what, _grant(patient, name, keys, [*calls.values()]))
    lacking = [calls[as_text(call)] for call in refused]
    if not lacking:
        return fine(f"the user {name} may give all {len(calls)} commands that are needed")
    what = f"the user {name} may not give {listed(lacking)} on the keys of {patient.namespace}"
    return wrong(what, _grant(patient, name, keys, lacking))


def _call(command: str, key: str) -> str:
    return f"{command.replace('|', ' ')} {_ARGUMENTS.get(command, '{key}').replace('{key}', key)}".strip()


def _grant(patient: Patient, name: str, keys: str, commands: list[str]) -> str:
    allowed = " ".join(f"'+{command}'" if "|" in command else f"+{command}" for command in commands)
    return patient.redis_cli(f"ACL SETUSER {shlex.quote(name)} {keys} {allowed}")


def _user(patient: Patient) -> str:
    try:
        said = patient.ask(lambda client: client.acl_whoami())
    except CallRefused:  # which needs a right of its own
        told = patient.link.client.connection_pool.connection_kwargs
        return str(told.get("username") or "default")
    return as_text(said)
