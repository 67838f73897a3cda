"""The benchmarks run; what they find is for a quiet machine to say."""

from __future__ import annotations

import ast
import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis

from benchmarks import blocking, command, compare, measures, scale, scaling
from benchmarks.contest import DidNotWorkError
from benchmarks.figures import COLUMNS
from benchmarks.peers import PEERS
from benchmarks.stage import ROOT, stage
from tests.waiting import wait_until

ADAPTERS = Path(compare.__file__).parent / "peers"


def entry_points(adapter: str) -> set[str]:
    """Of a module that cannot be imported here."""
    tree = ast.parse((ADAPTERS / f"{adapter.partition(':')[0]}.py").read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_adapter_is_in_the_table() -> None:
    files = {path.stem for path in ADAPTERS.glob("*.py")} - {"__init__", "run"}
    assert {peer.adapter.partition(":")[0] for peer in PEERS.values()} == files
    assert len({peer.adapter for peer in PEERS.values()}) == len(PEERS)


@pytest.mark.parametrize("name", PEERS)
def test_an_adapter_has_what_the_table_says_of_it(name: str) -> None:
    peer, found = PEERS[name], entry_points(PEERS[name].adapter)
    assert {"connect", "submit", "work"} <= found
    assert ("submit_many" in found) == peer.bulk
    assert peer.settings
    ast.parse(peer.producer)


def compared(folder: Path, *arguments: str) -> dict[str, Any]:
    """What is found without peers."""
    document = folder / "found.json"
    with pytest.raises(SystemExit) as ended:
        compare.main(["--peers=", "--rounds=1", f"--json={document}", *arguments])
    found: dict[str, Any] = json.loads(document.read_text())
    assert (ended.value.code, found["failures"]) == (False, {})
    return found


def test_ours_is_compared_with_the_probes(tmp_path: Path) -> None:
    found = compared(tmp_path, "--jobs=300", "--measures=drain,submit")
    figures = found["figures"]
    assert set(figures) == {compare.OURS, compare.SET, *compare.PROBES}
    assert set(figures[compare.OURS]) == {"drain", "late", "submit"}
    assert figures[compare.OURS]["late"] == [0]
    assert set(found["peers"][compare.OURS]["versions"]) == {"redis", "hiredis"}


@pytest.mark.slow
def test_all_is_measured(tmp_path: Path) -> None:
    figures = compared(tmp_path, "--jobs=300")["figures"]
    assert set(figures[compare.OURS]) == set(COLUMNS)


def test_late_is_what_starts_after_something_less_urgent_in_its_process() -> None:
    low, high = 0, 2
    assert measures.late([(high, 1, 7), (low, 2, 7), (low + 3, 3, 7), (high + 3, 4, 8)]) == 0
    assert measures.late([(low, 1, 7), (high, 2, 7), (low + 3, 3, 7), (high + 3, 4, 7)]) == 2


@pytest.mark.slow
def test_the_head_of_a_line_is_measured(tmp_path: Path) -> None:
    document = tmp_path / "found.json"
    scale.main(["--jobs=50", "--rounds=1", "--backlogs=50", "--slots=1", f"--json={document}"])
    found = json.loads(document.read_text())
    assert [len(found["backlog"]["50"]), len(found["slots"]["1"])] == [1, 1]


@pytest.mark.slow
def test_the_way_to_the_server_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a claim that takes one exchange nothing else comes between."""
    document = tmp_path / "found.json"
    monkeypatch.setattr(scaling, "DISTANCES", (0.0, 0.05))
    scaling.main(["distance", "--seconds", "0.5", f"--json={document}"])
    found = json.loads(document.read_text())["distance"]["50 ms"]
    assert 0.9 < 1000 / found["1"] / found["ping_ms"] < 1.5
    assert found["16"] > 8 * found["1"]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("bench", "--jobs 0"),
        ("bench", "--jobs many"),
        ("bench", "--rounds 0"),
        ("blocking", "--times 0"),
        ("bridge", "--seconds 1"),
        ("compare", "--jobs -5"),
        ("compare", "--peers ,,"),
        ("compare", "--measures drain,"),
        ("doctor", "--jobs 5"),
        ("growth", "--keep 0"),
        ("growth", "--jobs 5"),
        ("idle", "--seconds 0"),
        ("micro", "--jobs 0"),
        ("photos", "--photos 0"),
        ("poison", "--jobs 0"),
        ("recovery", "--rounds 0"),
        ("scale", "--backlogs 0,-1"),
        ("scale", "--slots 1,0"),
        ("scale", "--slots ,"),
        ("scaling", "--seconds 0"),
        ("scaling", "--seconds many"),
        ("start", "--rounds 0"),
        ("workflow", "--children 0"),
    ],
)
def test_numbers_out_of_range_are_refused(
    name: str, arguments: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [name, *arguments.split()])
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(f"benchmarks.{name}").main()
    assert ended.value.code == 2
    usage, said = capsys.readouterr().err.split(f"error: argument {arguments.split(maxsplit=1)[0]}")
    assert usage.startswith("usage:")
    assert said.count("\n") == 1


def test_a_situation_that_is_not_known_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["blocking", "nowhere"])
    with pytest.raises(SystemExit, match="2"):
        blocking.main()
    assert "'nowhere' is not among waiting, due, expired" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--json", "--plot"])
@pytest.mark.parametrize("main", [compare.main, scale.main])
def test_a_file_that_cannot_be_written_is_refused(
    main: Callable[[list[str]], None], option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in (tmp_path, tmp_path / "missing" / "found"):
        with pytest.raises(SystemExit) as ended:
            main([option, str(file)])
        assert ended.value.code == 2
        assert str(file) in capsys.readouterr().err


def test_a_file_that_can_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    old.write_text("figures")
    assert [command.output(str(each)) for each in (new, old)] == [new, old]
    assert (new.exists(), old.read_text()) == (False, "figures")


@pytest.fixture
def _signals() -> Iterator[None]:
    before = {number: signal.signal(number, signal.SIG_DFL) for number in command.ENDING}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def fail(error: BaseException) -> None:
    raise error


@pytest.mark.usefixtures("_signals")
@pytest.mark.parametrize(
    ("main", "code", "said"),
    [
        *((partial(signal.raise_signal, number), 128 + number, "") for number in command.ENDING),
        (partial(fail, KeyboardInterrupt()), 130, "stopped\n"),
        (partial(fail, redis.ConnectionError("refused")), "the server is gone: refused", ""),
    ],
)
def test_how_a_benchmark_is_stopped(
    main: Callable[[], None], code: object, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command.run_main(main)
    assert (ended.value.code, capsys.readouterr().err) == (code, said)


def family_at_work(program: psutil.Process) -> list[psutil.Process]:
    """What it has started, once its server has it and two others as clients."""
    family = program.children(recursive=True)
    for each in family:
        with contextlib.suppress(psutil.Error):
            if len(each.net_connections("tcp")) > 3:
                return family
    return []


@pytest.mark.skipif(os.name != "posix", reason="SIGTERM asks nobody there")
def test_sigterm_leaves_nothing_running() -> None:
    started = [sys.executable, "-m", "benchmarks.bench", "--jobs", "20000"]
    with subprocess.Popen(started, cwd=ROOT) as program:
        family: list[psutil.Process] = []
        try:
            family = wait_until(lambda: family_at_work(psutil.Process(program.pid)), 60, "its processes")
            program.terminate()
            assert program.wait(20) == 128 + signal.SIGTERM
            assert psutil.wait_procs(family, timeout=60)[1] == []
        finally:
            program.kill()
            for each in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()


def test_a_comparison_ends_when_its_server_is_gone() -> None:
    def lose_the_server() -> dict[str, float]:
        on.server.kill()
        raise DidNotWorkError("a traceback")

    with stage() as on:
        found = compare.Found(on)
        with pytest.raises(redis.ConnectionError):
            found.take("rq", "drain", lose_the_server)
    assert not found.failures
