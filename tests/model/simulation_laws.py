"""What must hold after every call, told from the call, its reply, and the store before and after it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from junmai_jobs import codec
from junmai_jobs.keys import FINISHED_HOMES
from tests.verbs.store import BAND

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from junmai_jobs.record import State
    from tests.model.simulation_store import Call, View

WAITING = ("ready", "scheduled", "retrying", "blocked")
UNPARKED = {("blocked", "ready")}
TAKEN_BACK = {("leases", "ready"), ("leases", "cancelled")}
LOST = {("leases", "ready"), ("leases", "retrying"), ("leases", "failed"), ("leases", "cancelled")}
CANCELLED = {(home, "cancelled") for home in WAITING}
MOVES: dict[str, set[tuple[str, str]]] = {
    "enqueue": {("", "ready"), ("", "scheduled"), ("", "blocked")},
    "fire": {("", "ready"), ("", "scheduled")},
    "promote": {("scheduled", "ready"), ("retrying", "ready")} | UNPARKED,
    "resolve": {("blocked", "ready"), ("blocked", "scheduled"), ("blocked", "cancelled")},
    "cancel": CANCELLED,
    "purge": CANCELLED,
    "revive": {(home, to) for home in ("failed", "cancelled") for to in ("ready", "blocked")},
    "step": {(home, to) for home in ("ready", "blocked") for to in ("leases", "blocked", "cancelled")}
    | TAKEN_BACK
    | UNPARKED,
    "release": TAKEN_BACK | UNPARKED,
    "crash": LOST | UNPARKED,
    "deregister": LOST | UNPARKED,
    "reap": LOST | UNPARKED,
}
"""Which verb may take a job from where to where, endings aside."""
ENDINGS = {
    "succeed": {"succeeded"},
    "retry": {"retrying", "cancelled"},
    "fail": {"failed"},
    "defer": {"scheduled", "cancelled"},
    "step_aside": {"ready", "cancelled"},
    "confirm_cancel": {"cancelled"},
}
WIDTHS = {"succeed": 4, "retry": 4, "fail": 4, "defer": 5, "step_aside": 2, "confirm_cancel": 3}
"""How many arguments each has."""
MOVES |= dict.fromkeys(ENDINGS, UNPARKED)
INSIDE = {"progress", "checkpoint", "log"}


class Run(NamedTuple):
    """Whom a fencing token was given to, and for which job."""

    claimer: str
    generation: str
    number: int
    id: str


class Ended(NamedTuple):
    verb: str
    id: str
    token: str
    arguments: list[bytes]


class Move(NamedTuple):
    """What a call has done to one job."""

    id: str
    home: str
    to: str
    old: State | None
    new: State | None
    ends_at: float
    """Of the lease, if it had one (ms)."""
    ending: str
    """The verb, if the call was its run's end."""

    @property
    def taken(self) -> bool:
        """Whether it ran, and that run is over."""
        return self.home == "leases" and not (
            self.old and self.new and (self.new.word, self.new.token) == (self.old.word, self.old.token)
        )


class Laws:
    """Checks each call; remembers what was promised."""

    def __init__(self, limits: dict[str, int]) -> None:
        self.limits = limits
        self.parents: dict[str, list[str]] = {}
        self.limit_of: dict[str, str] = {}
        self.bodies: dict[str, bytes] = {}
        self.runs: dict[str, Run] = {}
        self.accepted: dict[str, Ended] = {}
        """Token -> the end of that run that counted."""
        self.answers: dict[tuple[str, str], list[tuple[str, str]]] = {}
        """What each request was given: id and token."""
        self.have_ended: set[str] = set()
        """Also those that were revived since."""
        self.last_token = 0
        self.reaped_at: int | None = None
        self.paused: dict[str, bool] = {}
        self.seen: Counter[str] = Counter()

    def check(self, call: Call, reply: list[Any], before: View, after: View, now: int) -> None:
        """See that this call did nothing it may not do."""
        words, verb = call.texts(), call.verb
        endings = _endings(call)
        counted = {ended.id: ended for ended in endings if before.runs(ended.id, ended.token)}
        self.seen[verb] += 1
        if endings:
            told = reply[0].decode().split()
            assert len(told) == len(endings), f"of {len(endings)} endings is told {told}"
            for ended, word in zip(endings, told, strict=True):
                self._check_ending(ended, ended.id in counted, word, before, after)
        if verb == "step":
            self._check_claim(words, reply[1:], before, after, now)
        elif verb in INSIDE:
            ours = before.runs(words[0], words[1])
            assert (reply[0] != b"LOST") == ours, f"a run is told {reply[0]} of its job"
        elif verb == "extend":
            self._check_extend(words, reply, before, after, now)
        elif verb == "enqueue" and reply[0] == b"OK":
            self._check_enqueue(call)
        elif verb in {"pause", "resume"}:
            self._note_pause(words, paused=verb == "pause")
        if before is not after:
            self._check_moves(verb, words, list(_moves(before, after, counted)), now)
            self._check_results(before, after, counted)
            self._check_state(after)
        if verb == "reap":
            self._check_reaped(after, now, int(words[0]))
            self.reaped_at = now

    # What a caller is told.

    def _check_ending(self, ended: Ended, counts: bool, word: str, before: View, after: View) -> None:
        known = self.accepted.get(ended.token)
        if counts:
            assert known is None, f"the run {ended.token} of {ended.id} has ended twice"
            assert word in {"OK", "CANCELLED"}, f"a run that ends its own job is told {word}"
            self.accepted[ended.token] = ended
            self.seen[ended.verb] += 1
        elif word == "LOST":
            state = before.states.get(ended.id)
            forgotten = state is None or state.token != ended.token or state.word == "blocked"
            assert known != ended or forgotten, f"{ended.verb} of {ended.id}, which counts, is told {word}"
            self.seen["stale ending"] += 1
        else:
            assert word in {"OK", "CANCELLED"}, f"{ended.verb} of {ended.id} is told {word!r}"
            assert known is not None, f"{ended.verb} of {ended.id} is told {word}, but it does not count"
            assert known == ended, f"{ended.verb} of {ended.id} is told {word}, but it had ended otherwise"
            self.seen["repeated ending"] += 1
        if word == "OK" and ended.verb == "succeed":
            assert after.homes[ended.id] == "succeeded"
            assert after.results[ended.id] == ended.arguments[0], "another run's result is stored"
            assert codec.unpack(ended.arguments[0]) == ended.token, "the result is not of this run"

    def _check_claim(self, words: list[str], reply: list[Any], before: View, after: View, now: int) -> None:
        claimer, request, lease = words[0], words[1], int(words[2])
        flat = [each.decode("latin-1") for each in reply[1:]] if reply[0] == b"JOB" else []
        given = list(zip(flat[::4], flat[1::4], strict=True))
        for job_id, token in given:
            assert after.runs(job_id, token), "a job is given out that does not run"
            assert after.scores[job_id] == now + lease, "a lease is not as long as it should be"
        earlier = [run for run in self.answers.get((claimer, request), ()) if before.runs(*run)]
        if earlier:
            assert given == earlier, f"request {request} of {claimer} was given {earlier}, and now {given}"
            self.seen["repeated claim"] += 1
            return
        for job_id, token in given:
            self._check_start(claimer, request, job_id, token, after)
        if given:
            self.answers[claimer, request] = given
            self._check_row([job_id for job_id, _ in given], int(words[6]), before, after)

    def _check_start(self, claimer: str, request: str, job_id: str, token: str, after: View) -> None:
        assert int(token) > self.last_token, "tokens do not grow"
        self.last_token = int(token)
        generation, _, number = request.partition(".")
        self.runs[token] = Run(claimer, generation, int(number), job_id)
        queue = after.states[job_id].queue
        assert not self.paused.get(queue, self.paused.get("*", False)), f"{job_id} starts in a paused queue"
        for parent in self.parents.get(job_id, ()):
            assert parent in self.have_ended, f"{job_id} starts before its parent {parent} ends"

    def _check_row(self, ids: list[str], most: int, before: View, after: View) -> None:
        """What is claimed at once stood in line side by side, of one priority, and is fit for that."""
        assert len(ids) <= most, f"{ids} are claimed at once"
        if ids[1:]:
            line = before.lines[after.states[ids[0]].queue]
            at = line.index(ids[0])
            assert line[at : at + len(ids)] == ids, f"{ids} did not stand side by side"
            assert len({before.scores[each] // BAND for each in ids}) == 1, f"{ids} are of two priorities"
            for each in ids:
                assert each not in before.states, f"{each} is claimed ahead although it has run before"
                assert each not in self.limit_of, f"{each} is claimed ahead although it has a limit"
            self.seen["claimed ahead"] += 1

    def _check_extend(self, words: list[str], reply: list[Any], before: View, after: View, now: int) -> None:
        claimers = words[2:]
        renewed = {job_id for job_id, score in after.scores.items() if score != before.scores.get(job_id)}
        for job_id in sorted(renewed):
            assert before.states[job_id].claimer in claimers, f"the lease of {job_id} is renewed by another"
        if reply[0] == b"UNKNOWN":
            return
        running = [state for state in after.states.values() if state.word == "running"]
        held = {
            state.token: "CANCEL" if state.note == "cancel" else "HELD"
            for state in running
            if state.claimer in claimers
        }
        told = [each.decode() for each in reply[1:]]
        assert dict(zip(told[::2], told[1::2], strict=True)) == held, f"who holds {held} is told {told}"
        assert all(after.scores[self.runs[token].id] == now + int(words[1]) for token in held)

    def _check_enqueue(self, call: Call) -> None:
        for at in range(1, len(call.arguments), 4):
            job_id, body = call.arguments[at].decode(), call.arguments[at + 3]
            assert self.bodies.setdefault(job_id, body) == body, f"{job_id} is accepted with other content"

    def _note_pause(self, names: list[str], *, paused: bool) -> None:
        if names:
            self.paused |= dict.fromkeys(names, paused)
        else:
            self.paused = {"*": True} if paused else {}

    def _check_reaped(self, after: View, now: int, lease: int) -> None:
        if self.reaped_at is not None and now < self.reaped_at:
            ends = [after.scores[job_id] for job_id, home in after.homes.items() if home == "leases"]
            assert max(ends, default=0) <= now + lease, "time has run back, and a lease is too long"

    # What has become of each job.

    def _check_moves(self, verb: str, words: list[str], moves: list[Move], now: int) -> None:
        alone = sum(move.taken for move in moves) == 1
        for move in moves:
            self._check_move(verb, move)
            self._check_spent(verb, words, move, alone=alone)
            if move.taken and not move.ending:
                self._check_taken(verb, words, move, now)

    def _check_move(self, verb: str, move: Move) -> None:
        if move.home != move.to:
            # In one step a job may end and be claimed again.
            ends = {("leases", to) for to in ENDINGS.get(move.ending, ())}
            assert (move.home, move.to) in ends | MOVES.get(verb, set()), (
                f"{move.id}: {move.home} -> {move.to}"
            )
            self.seen[f"{move.home} -> {move.to}"] += 1
        if move.to in FINISHED_HOMES:
            self.have_ended.add(move.id)
        elif move.taken and move.old:
            assert move.old.note != "cancel", f"{move.id} was to be cancelled, and goes to {move.to}"

    @staticmethod
    def _check_spent(verb: str, words: list[str], move: Move, *, alone: bool) -> None:
        """Retries are spent by retry alone, crashes by the verbs of the dead, in the run in which it was."""
        failures, crashes = (move.old.failures, move.old.crashes) if move.old else (0, 0)
        if verb == "revive":
            failures = crashes = 0
        elif move.home == "leases" and move.to != "cancelled":
            failures += move.ending == "retry"
            crashes += move.taken and _is_blamed(verb, words, move, alone=alone)
        spent = (move.new.failures, move.new.crashes) if move.new else (0, 0)
        assert spent == (failures, crashes), f"{move.id} has spent {spent}, not {(failures, crashes)}"

    def _check_taken(self, verb: str, words: list[str], move: Move, now: int) -> None:
        """A run was taken from its claimer: by whom?"""
        assert move.old is not None
        run = self.runs[move.old.token]
        if verb == "step":
            assert run.claimer == words[0], f"{words[0]} gives back {move.id}, which {run.claimer} runs"
            generation, _, number = words[1].partition(".")
            later = (int(generation), int(number)) > (int(run.generation), run.number)
            assert later, f"a late copy of {words[1]} takes {move.id} from {run}"
        elif verb == "release" and words[2]:
            goes_on = self.runs[words[2]]
            assert goes_on._replace(id=run.id) == run, f"release of {words} takes {move.id} from {run}"
            behind = int(move.old.token) > int(words[2])
            assert behind, f"{move.id} is not behind the run {goes_on} that goes on, and is taken from {run}"
        elif verb in {"crash", "release"}:
            mine = run.claimer == words[0] and run.generation == words[1].partition(".")[0]
            assert mine, f"{verb} by {words[0]} {words[1]} takes {move.id} from {run}"
        elif verb == "deregister":
            assert run.claimer in words[2:], f"deregister of {words[0]} takes {move.id} from {run}"
        else:
            assert verb == "reap", f"{verb} takes {move.id} from {run}"
            gap = -1 if self.reaped_at is None else now - self.reaped_at
            assert move.ends_at < now, f"{move.id} is reaped before its lease is over"
            assert 0 <= gap <= int(words[0]) / 2, f"{move.id} is reaped by one who has slept"
        self.seen[f"taken by {verb}"] += 1

    @staticmethod
    def _check_results(before: View, after: View, counted: dict[str, Ended]) -> None:
        changed = {each for each, data in after.results.items() if data != before.results.get(each)}
        own = {job_id for job_id, ended in counted.items() if ended.verb == "succeed"}
        assert changed <= own, f"the results of {changed} are others now"

    def _check_state(self, after: View) -> None:
        running = [(job_id, state) for job_id, state in after.states.items() if state.word == "running"]
        requests = {self.runs[state.token]._replace(id="") for _, state in running}
        assert len({run.claimer for run in requests}) == len(requests), "a claimer has leases of two requests"
        held = Counter(self.limit_of[job_id] for job_id, _ in running if job_id in self.limit_of)
        assert all(count <= self.limits[key] for key, count in held.items()), f"a limit is passed: {held}"


def _is_blamed(verb: str, words: list[str], move: Move, *, alone: bool) -> bool:
    """Whether a loss counts for a job. alone: its claimer had claimed nothing else."""
    if move.old is None or verb not in {"crash", "reap", "deregister"}:
        return False
    if verb == "crash":
        return move.old.token == words[4] or (words[4] == "" and alone)
    return move.old.note != "ahead" and (verb == "reap" or words[1] == "lost")


def _moves(before: View, after: View, counted: dict[str, Ended]) -> Iterator[Move]:
    for job_id in sorted(before.homes.keys() | after.homes.keys()):
        home, to = before.homes.get(job_id, ""), after.homes.get(job_id, "")
        old, new = before.states.get(job_id), after.states.get(job_id)
        if (home, old) != (to, new):
            ends_at = before.scores.get(job_id, 0)
            ending = counted[job_id].verb if job_id in counted else ""
            yield Move(job_id, home, to, old, new, ends_at, ending)


def _endings(call: Call) -> list[Ended]:
    """What a call ends."""
    if call.verb in ENDINGS:
        rest = [call.verb.encode(), *call.arguments]
    else:
        rest = call.arguments[7:] if call.verb == "step" else []
    found = []
    while rest:
        verb = rest[0].decode()
        job_id, token, *arguments = rest[1 : 1 + WIDTHS[verb]]
        found.append(Ended(verb, job_id.decode(), token.decode(), arguments))
        rest = rest[1 + WIDTHS[verb] :]
    return found


def unfinished(homes: dict[str, str], ids: Iterable[str]) -> list[str]:
    """Those that have not ended, or are not there."""
    return [job_id for job_id in ids if homes.get(job_id) not in FINISHED_HOMES]
