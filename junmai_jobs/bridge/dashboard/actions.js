// What a person can have done. Each needs the right to change something: where that is missing, a login comes first.

import { api } from "./api.js";
import * as errors from "./errors.js";
import { say, sayOr } from "./i18n.js";
import { change, state, waitingIn } from "./state.js";

let refresh = () => {};

// How the page is brought up to date after something was done.
export function refreshedBy(how) {
  refresh = how;
}

export function open(dialog) {
  change({ dialog });
}

export const close = () => change({ dialog: null });

const TOLD_FOR = 8000; // ms; what has gone wrong stays until it is dismissed

export function tell(text, isBad = false) {
  const notice = { text, isBad };
  change({ notice });
  if (!isBad) setTimeout(() => state.notice === notice && change({ notice: null }), TOLD_FOR);
}

export const inWords = (problem) =>
  sayOr(`problem_${problem.code}`, errors.told(problem.message).text || say("problem_failed"));

// Run it now if changes are allowed, else once the person has logged in.
function allowed(action) {
  if (state.session?.may_change) return action();
  return open({ kind: "login", next: action });
}

// Have something done, and tell what came of it.
async function act(does, told) {
  try {
    tell(told(await does()));
  } catch (problem) {
    if (problem.status === 401) {
      change({ session: { ...state.session, may_change: false } });
      return allowed(() => act(does, told));
    }
    tell(inWords(problem), true);
  }
  refresh();
}

export const pause = (queue = null) => allowed(() => act(() => api.pause(queue), () => say("did_pause")));

export const resume = (queue = null) => allowed(() => act(() => api.resume(queue), () => say("did_resume")));

export const retry = (id) => allowed(() => act(() => api.retry(id), () => say("did_retry", { count: 1 })));

export const retryAll = () =>
  allowed(() => act(api.retryAll, ({ retried }) => say("did_retry", { count: retried.length })));

export const cancel = (id) => allowed(() => act(() => api.cancel(id), () => say("did_cancel")));

export const first = (id) => allowed(() => act(() => api.first(id), () => say("did_first")));

export const askToPurge = (queue) =>
  allowed(() => open({ kind: "purge", queue: queue.name, count: waitingIn(queue) }));

export function purge(queue) {
  close();
  return act(() => api.purge(queue), ({ tasks_purged }) => say("did_purge", { count: tasks_purged }));
}

export const askToProcess = () => allowed(() => open({ kind: "process" }));

export async function process(wish) {
  const found = await answered(() => api.process(wish));
  if (!found) return;
  const { photo_count: count, submitted } = found;
  tell(say(submitted ? "did_process" : count ? "did_process_before" : "did_process_nothing", { count }));
  refresh();
}

export const askToLogIn = () => open({ kind: "login", next: () => tell(say("did_log_in")) });

export async function logIn(code, next) {
  const session = await answered(() => api.logIn(code).then(api.session));
  if (!session) return;
  change({ session });
  refresh();
  next();
}

// Have done what a dialog asks for, once: then it closes; where that is refused it tells why, and null comes of it.
async function answered(does) {
  if (state.dialog.isBusy) return null;
  const dialog = { ...state.dialog, isBusy: true, problem: null };
  change({ dialog });
  const isOpen = () => state.dialog === dialog;
  try {
    const found = await does();
    if (isOpen()) close();
    return found;
  } catch (problem) {
    if (isOpen()) change({ dialog: { ...dialog, isBusy: false, problem: inWords(problem) } });
    else tell(inWords(problem), true);
    return null;
  }
}

export async function look(id, name) {
  open({ kind: "job", id, name, job: null });
  await lookAgain();
}

// Show the job of the dialog, and the jobs of unfolded queues, as they are now.
export async function lookAgain() {
  const { dialog } = state;
  if (dialog?.kind === "job") {
    const told = (problem) => ({ problem: inWords(problem) });
    const found = await api.job(dialog.id).then((job) => ({ job, problem: null }), told);
    if (state.dialog?.id === dialog.id) change({ dialog: { ...state.dialog, ...found } });
  }
  await Promise.all(Object.keys(state.unfolded).map(listWaiting));
}

const MOST_LISTED = 20;
const WAITING = ["queued", "retrying", "scheduled", "blocked"];

export function unfold(queue, isOpen) {
  const { [queue]: _, ...others } = state.unfolded;
  change({ unfolded: isOpen ? { ...others, [queue]: state.unfolded[queue] ?? null } : others });
  return isOpen ? listWaiting(queue) : null;
}

async function listWaiting(name) {
  const queue = state.overview.queues.find((each) => each.name === name);
  const statuses = WAITING.filter((status) => queue?.[status]);
  try {
    const found = await Promise.all(
      statuses.map((status) => api.jobs({ queue: name, status, limit: MOST_LISTED })),
    );
    const jobs = found.flatMap((each) => each.jobs).slice(0, MOST_LISTED);
    if (name in state.unfolded) change({ unfolded: { ...state.unfolded, [name]: jobs } });
  } catch {
    // It is asked for again with all else.
  }
}
