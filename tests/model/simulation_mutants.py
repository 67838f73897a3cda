"""Ways to break the verbs, each of which the simulation must find."""

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
        "a claim leaves no record",
        "  write_record(claim.claimer, claim.request, id, state.token, claim.answer, ahead)\n",
        "",
    ),
    Mutant(
        "a repeated step forgets how the job ended",
        "state.token, claim.answer, ahead)",
        "state.token, '', ahead)",
    ),
    Mutant(
        "a crash counts for every generation",
        "if string.match(record.request, '^%d+') ~= string.match(request, '^%d+') then return {'NONE'} end",
        "",
    ),
    Mutant(
        "a lease is known by its job alone",
        "state.word == 'running' and state.token == token",
        "state.word == 'running'",
    ),
    Mutant(
        "extend does not tell of a cancel", "each.state.note == 'cancel' and 'CANCEL' or 'HELD'", "'HELD'"
    ),
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
    Mutant(
        "a loss counts for what was claimed ahead",
        "local is_unknown = event == 'lost' and state.note == 'ahead'",
        "local is_unknown = false",
    ),
    Mutant(
        "a crash counts for all that was claimed ahead",
        "local ran = each.state.token == token or (token == '' and not leases[2])",
        "local ran = true",
    ),
    Mutant(
        "what has run is claimed ahead",
        "readable and not (known[index] or extras or expired)",
        "readable and not (extras or expired)",
    ),
    Mutant(
        "more is claimed ahead than is asked for",
        "row_behind(score, lane, claim.ahead - 1)",
        "row_behind(score, lane, claim.ahead + 0)",
    ),
    Mutant(
        "jobs claimed together have one token",
        "last = digits(token + index)",
        "last = digits(token)",
    ),
    Mutant(
        "what was claimed ahead is not in the record",
        "if row then last, ahead = take_row",
        "if row then last = take_row",
    ),
    Mutant(
        "a release of what is behind a run takes that run, too",
        "if is_behind then hand_back(each.id, each.state) end",
        "if is_behind or each.state.token == token then hand_back(each.id, each.state) end",
    ),
    Mutant(
        "a row that has ended keeps its leases",
        "  redis.call('ZREM', queue_key(lane, 'leases'), unpack(ids))\n",
        "",
    ),
    Mutant("an id may have two contents", "content_of(known) ~= content_of(job.body)", "false"),
    Mutant("a limit lets one more pass", "return count - running, now", "return count - running + 1, now"),
    Mutant("a pause is not seen", "if is_special() then open", "if false then open"),
    Mutant("children are not told", "if is_special() then tell", "if false then tell"),
    Mutant(
        "a running job is cancelled at once",
        "if is_waiting[state.word] then",
        "if state.word ~= 'failed' then",
    ),
)
