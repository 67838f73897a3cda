"""A file with changes reads as the file in which they were made."""

from __future__ import annotations

import io
import random

from junmai_jobs.photo.xmp.spliced import Change, spliced


def test_it_reads_as_the_changed_bytes_would_wherever_one_reads() -> None:
    dice = random.Random(1)
    for _ in range(200):
        old = dice.randbytes(dice.randrange(300))
        places = sorted(dice.sample(range(len(old) + 1), min(2 * dice.randrange(4), len(old) // 2 * 2)))
        changes = [
            Change(start, dice.choice((start, end)), dice.randbytes(dice.randrange(90)))
            for start, end in zip(places[::2], places[1::2], strict=True)
        ]
        new = old
        for change in reversed(changes):
            new = new[: change.start] + change.new + new[change.end :]

        file = spliced(io.BytesIO(old), reversed(changes))

        assert (file.read(), file.read(), file.seek(0, io.SEEK_END)) == (new, b"", len(new))
        for _ in range(20):
            at, size = dice.randrange(len(new) + 10), dice.randrange(100)
            assert (file.seek(at), file.read(size)) == (at, new[at : at + size])


def test_its_end_and_where_it_is_are_told() -> None:
    file = spliced(io.BytesIO(b"abcdef"), [Change(1, 3, b"12345"), Change(6, 6, b"!")])

    assert file.read(4) == b"a123"
    assert (file.tell(), file.seek(-2, io.SEEK_CUR), file.read(3)) == (4, 2, b"234")
    assert (file.seek(-2, io.SEEK_END), file.read(), file.seek(50), file.read()) == (8, b"f!", 50, b"")


def test_a_file_that_shrinks_meanwhile_ends_there() -> None:
    old = io.BytesIO(b"abcdef")
    file = spliced(old, [Change(0, 1, b"A")])
    old.truncate(3)

    assert file.read() == b"Abc"
