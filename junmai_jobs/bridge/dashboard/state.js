// All that the page shows is made of this one state. Whoever changes a part of it has the page drawn anew.

export const state = {
  session: null, // as GET /session tells: { auth, may_change }
  overview: null, // as GET /queue/overview tells, or null until it has
  away: null, // "bridge" or "server" where that does not answer, "locked" where looking needs a login
  notice: null, // what came of the last thing done here: { text, isBad }
  dialog: null, // what the dialog shows: { kind, ... }
  unfolded: {}, // by the names of those queues of which the jobs are shown: these jobs, null until they are there
};

let draw = () => {};

export function drawnBy(how) {
  draw = how;
}

export function change(parts) {
  Object.assign(state, parts);
  draw();
}

export const arePaused = ({ queues }) => queues.length > 0 && queues.every((queue) => queue.paused);

export const waitingIn = (queue) => queue.queued + queue.scheduled + queue.retrying + queue.blocked;
