"""Ways to break the scripts, each of which the simulation must find."""

from __future__ import annotations

from tests.model.simulation_store import Mutant

MUTANTS = (
    Mutant(
        "an ending of any token counts",
        "if not state or state.token ~= token then return nil, 'LOST' end",
        "if not state then return nil, 'LOST' end",
    ),
    Mutant(
        "a repeated ending is told that it was lost",
        "return nil, homes[state.word] or 'LOST'",
        "return nil, 'LOST'",
    ),
    Mutant("a late copy of a claim is heeded", "if is_late(request, record.request) then", "if false then"),
    Mutant("a repeated claim is a new one", "if record.request ~= request then", "if true then"),
    Mutant(
        "a claim leaves no record", "  write_record(claimer, request, id, token, answer)\n  redis", "  redis"
    ),
    Mutant(
        "a repeated step forgets how the job ended",
        "  write_record(claimer, request, id, token, answer)\n  redis",
        "  write_record(claimer, request, id, token, '')\n  redis",
    ),
    Mutant(
        "a crash counts for every generation",
        "if string.match(record.request, '^%d+') ~= string.match(request, '^%d+') then return {'NONE'} end",
        "",
    ),
    Mutant(
        "a lease is known by its job alone",
        "state.word == 'running' and state.token == record.token",
        "state.word == 'running'",
    ),
    Mutant(
        "extend renews another's lease",
        "if not state or state.token ~= record.token then return 'LOST', record.token end",
        "if not state then return 'LOST', record.token end",
    ),
    Mutant("extend does not tell of a cancel", "state.note == 'cancel' and 'CANCEL' or 'HELD'", "'HELD'"),
    Mutant(
        "a cancel is forgotten with its run", "local wanted = state.note == 'cancel'", "local wanted = false"
    ),
    Mutant("who has slept reaps", "now - last > lease / 2", "now - last > 1e15"),
    Mutant("who saw time run back reaps", "local ran_back = last and now < last", "local ran_back = false"),
    Mutant("a job taken back keeps its token", "  state.token = ''\n  for _, home", "  for _, home"),
    Mutant(
        "a released job keeps its lease",
        "write_state(id, state)\n  leave_leases(id, state)\n  ring_queue",
        "ring_queue",
    ),
    Mutant("tokens follow the clock alone", "follows and last + 1 or now_us", "now_us"),
    Mutant("a retry is not counted", "state.failures = state.failures + 1", ""),
    Mutant(
        "a loss spends a retry",
        "state.crashes = state.crashes + 1",
        "state.failures, state.crashes = state.failures + 1, state.crashes + 0",
    ),
    Mutant("an id may have two contents", "content_of(known) ~= content_of(job.body)", "false"),
    Mutant("a limit lets one more pass", "return count - running, now", "return count - running + 1, now"),
    Mutant("a pause is not seen", "if redis.call('EXISTS', paused) == 1 then open", "if false then open"),
    Mutant("children are not told", "if redis.call('EXISTS', children) == 1 then", "if false then"),
    Mutant(
        "a running job is cancelled at once",
        "if is_waiting[state.word] then",
        "if state.word ~= 'failed' then",
    ),
)
