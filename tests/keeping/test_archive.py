"""What is read from a file is what was written into it; anything else is refused, with the line."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from junmai_jobs.archive import COLLECTIONS, FORMAT, End, Header, Row, StoredJob, Writer
from junmai_jobs.archive_reader import LINE_LIMIT, ArchiveError, read
from junmai_jobs.keys import FINISHED_HOMES, QUEUE_HOMES, Keys

if TYPE_CHECKING:
    from collections.abc import Callable

HEADER = Header(FORMAT, "1.2.3", "2", "studio", "2026-11-24T10:00:00.000Z", 2)
JOBS = [
    StoredJob(b"a", b"ready", b"default", b"5", b"1default|5\n\x91\xa4noop"),
    StoredJob(
        b"b", b"blocked", b"night+gpu=1", b"1764000000000", b"2night+gpu=1|5||u=key\n\xc1\xff",
        b"blocked|night+gpu=1|||0|0||||0", b"\xa1x", b'{"attempt":1}\n', b'{"done":1}', b"\x93\x00",
        b"1 2\n3 \xff\n", b"1764000000001", b"b alive 0", b"cancel+=a continue=c",
    ),
]  # fmt: skip
ROWS = [
    Row("needed", b"a b", b"0"),
    Row("paused", b"*", b"1"),
    Row("schedules", b"hourly", b"\x93\xff"),
    Row("starts", b"site 1764000000000000 a", b"0"),
    Row("minutes", b"1764000000|1|2|3||", b"1764000000"),
    Row("meta", b"token", b"1764000000000000"),
]


def written(*records: StoredJob | Row) -> bytes:
    file = BytesIO()
    writer = Writer(file)
    writer.header(HEADER)
    for record in records:
        if isinstance(record, Row):
            assert writer.row(record)
        else:
            assert writer.job(record)
    writer.end()
    return file.getvalue()


WHOLE = written(*JOBS, *ROWS)
LINES = WHOLE.splitlines(keepends=True)


def refused(data: bytes, *words: str) -> str:
    with pytest.raises(ArchiveError) as caught:
        list(read(BytesIO(data)))
    said = str(caught.value)
    assert all(word in said for word in words), said
    return said


def resealed(lines: list[bytes], **end: Any) -> bytes:
    """The lines before an end that has their numbers and digest: as by somebody who edits the file."""
    found = [json.loads(line) for line in lines]
    sums = {
        "jobs": sum("job" in line for line in found),
        "rows": sum("in" in line for line in found),
        "sha256": hashlib.sha256(b"".join(lines)).hexdigest(),
    }
    return b"".join(lines) + json.dumps({"end": sums | end}).encode() + b"\n"


def edited(number: int, **fields: Any) -> bytes:
    """The export with other fields in one line, None taking one out; the end agrees."""
    line = json.loads(LINES[number]) | fields
    line = {name: value for name, value in line.items() if value is not None}
    lines = [*LINES[:-1]]
    lines[number] = json.dumps(line).encode() + b"\n"
    return resealed(lines)


@pytest.mark.parametrize("packed", [bytes, gzip.compress])
def test_what_is_written_is_read(packed: Callable[[bytes], bytes]) -> None:
    header, *records, end = read(BytesIO(packed(WHOLE)))
    assert (header, records) == (HEADER, [*JOBS, *ROWS])
    assert end == End(2, len(ROWS), hashlib.sha256(b"".join(LINES[:-1])).hexdigest())


_names = st.binary(min_size=1, max_size=40)
_scores = st.one_of(
    st.integers(-(2**53), 2**53).map(lambda number: b"%d" % number),
    st.sampled_from([b"inf", b"-inf", b"0.5", b"1.5e+300"]),
)
_homes = st.sampled_from(["", *QUEUE_HOMES, *FINISHED_HOMES]).map(str.encode)
_jobs = st.builds(
    StoredJob, _names, _homes, st.just(b"default"), _scores, st.binary(max_size=200), st.binary(max_size=99),
    st.binary(max_size=99), st.binary(max_size=99), st.binary(max_size=99), st.binary(max_size=99),
    st.binary(max_size=99), st.one_of(st.just(b""), _scores), st.just(b""), st.just(b""),
)  # fmt: skip


@given(st.lists(_jobs, max_size=5, unique_by=lambda job: job.id))
def test_any_bytes_come_back(jobs: list[StoredJob]) -> None:
    _, *records, _ = read(BytesIO(written(*jobs)))
    for before, after in zip(jobs, records, strict=True):
        assert isinstance(after, StoredJob)
        assert (after._replace(score=b"", expires=b"")) == before._replace(score=b"", expires=b"")
        assert float(after.score) == float(before.score)
        assert bool(after.expires) == bool(before.expires)


@pytest.mark.parametrize("zipped", [False, True])
def test_cut_off_anywhere_it_is_refused(zipped: bool) -> None:
    data = gzip.compress(WHOLE) if zipped else WHOLE
    for length in range(len(data)):
        refused(data[:length], "line ")


@pytest.mark.parametrize("zipped", [False, True])
def test_a_changed_byte_is_noticed_wherever_it_is(zipped: bool) -> None:
    data, dice = gzip.compress(WHOLE, mtime=0) if zipped else WHOLE, random.Random(7)
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1 << dice.randrange(8)
        try:
            found = list(read(BytesIO(bytes(changed))))
        except ArchiveError:
            continue
        # Of what gzip says of itself, as its time, nothing is read; all that is has to be the same.
        assert zipped, place
        assert found[1:-1] == [*JOBS, *ROWS]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", ["line 1", "cut off"]),
        (b"\n", ["line 1"]),
        (b"hello\n", ["line 1"]),
        (b"[]\n", ["line 1", "no export of junmai-jobs"]),
        (b"\xff\xd8\xff\xe1 no newline", ["line 1", "no export of junmai-jobs"]),
        (LINES[0] + b"[]\n", ["line 2", "no JSON object"]),
        (b"{}\n", ["line 1", "no export of junmai-jobs"]),
        (b"\x1f\x8bjunk", ["line 1", "damaged or cut off"]),
        (b"[" * 100_000, ["line 1"]),
        (WHOLE + b"\n", ["line 11", "more behind the end"]),
        (WHOLE + WHOLE, ["line 11", "more behind the end"]),
        (
            edited(0, format=FORMAT + 1, made_by="9.9.9"),
            ["line 1", "made by junmai-jobs 9.9.9", "update this one"],
        ),
        (edited(0, format="1"), ["line 1", "format"]),
        (edited(0, format=0), ["line 1", "format"]),
        (edited(0, jobs=True), ["line 1", "jobs"]),
        (resealed([*LINES[:2], LINES[1], *LINES[2:-1]]), ["line 3", "the job a stands in it twice"]),
        (resealed([*LINES[:1], *LINES[3:-1], LINES[1]]), ["line 8", "a job stands behind rows"]),
        (resealed([*LINES[:3], *reversed(LINES[3:-1])]), ["line 5", "wrong order"]),
        (resealed(LINES[:-1], jobs=3), ["line 10", "not as many"]),
        (resealed(LINES[:-1], rows=0), ["line 10", "not as many"]),
        (resealed(LINES[:-1], sha256="0" * 64), ["line 10", "SHA-256"]),
        (resealed([*LINES[:-1], b'{"what": 1}\n']), ["line 10", "neither a job nor a row"]),
        (edited(1, home="nowhere"), ["line 2", "no such home"]),
        (edited(1, job=""), ["line 2", "no id"]),
        (edited(1, job=7), ["line 2", "job"]),
        (edited(1, job="x" * 2000), ["line 2", "too long"]),
        (edited(1, lane="a b"), ["line 2", "no name of a queue"]),
        (edited(1, body="%%%"), ["line 2"]),
        (edited(1, body=None), ["line 2", "body"]),
        (edited(1, score="many"), ["line 2", "score"]),
        (edited(1, score=True), ["line 2", "score"]),
        (edited(1, score=None), ["line 2", "score"]),
        (edited(1, score=[]), ["line 2", "score"]),
        (edited(2, expires={}), ["line 3", "expires"]),
        (edited(1, score=10**400), ["line 2", "score"]),
        (edited(1, state="\ud800"), ["line 2", "state"]),
        (edited(1, rank=1), ["line 2", "no field 'rank'"]),
        (edited(2, unique="a alive 0"), ["line 3", "unique key"]),
        (edited(2, dependencies="perhaps=a"), ["line 3", "dependencies"]),
        (edited(1, result="A" * (8 * 2**20)), ["line 2", "result takes"]),
        (edited(3, **{"in": "bodies"}), ["line 4", "no collection 'bodies'"]),
        (edited(3, name="one"), ["line 4", "no row of needed"]),
        (edited(4, value="2"), ["line 5", "no row of paused"]),
        (edited(8, name="clock_offset"), ["line 9", "no row of meta"]),
        (edited(8, value="abc"), ["line 9", "no row of meta"]),
        (edited(8, value="9" * 17), ["line 9", "no row of meta"]),
        (edited(8, name="sequence", value="9" * 15), ["line 9", "no row of meta"]),
        (edited(8, name="cache_bytes", value="-1"), ["line 9", "no row of meta"]),
        (edited(3, value="x"), ["line 4", "no field 'value'"]),
        (LINES[0] + b'{"job": "a", "job": "b"}\n', ["line 2", "stands in it twice"]),
        (LINES[0] + b"x" * (LINE_LIMIT + 1), ["line 2", "too long"]),
    ],
)
def test_what_is_wrong_is_named_with_its_line(data: bytes, words: list[str]) -> None:
    said = refused(data, *words)
    assert "nothing was imported" in said
    assert len(said) < 300


def test_a_line_that_grows_without_end_when_unpacked_is_cut_short() -> None:
    bomb = gzip.compress(LINES[0] + b"x" * (3 * LINE_LIMIT))
    assert len(bomb) < LINE_LIMIT // 100
    refused(bomb, "line 2", "too long")


def test_what_is_none_of_ours_is_not_written() -> None:
    writer = Writer(BytesIO())
    assert not writer.row(Row("needed", b"\xff", b"0"))
    assert not writer.row(Row("meta", b"clock_offset", b"0"))
    assert not writer.job(JOBS[0]._replace(lane=b"a b"))
    assert not writer.job(JOBS[0]._replace(id=b"x" * 2000))
    assert not writer.job(JOBS[0]._replace(dependencies=b"junk"))
    assert writer.rows == writer.jobs == 0


def test_every_collection_is_a_key() -> None:
    assert COLLECTIONS.keys() <= set(Keys._fields)
