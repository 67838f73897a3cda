// Requests to the bridge this page came from.

const LONGEST = 20_000; // ms
const LONGEST_FOLDER = 600_000; // a slow card is read whole, and thousands of jobs are made

// What was refused: `code` as the bridge names it, or bridge_away; `message` in the bridge's own words.
export class Problem extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const get = (path) => ask("GET", path);
const post = (path, body) => ask("POST", path, body);
// Its slashes, too: a browser would take "../purge" for a way to elsewhere.
const named = (path, id) => `${path}/${encodeURIComponent(id)}`;

async function ask(method, path, body, longest = LONGEST) {
  const options = { method, cache: "no-store", signal: AbortSignal.timeout(longest) };
  if (body !== undefined) {
    options.headers = { "Content-Type": "application/json" };
    options.body = JSON.stringify(body);
  }
  let answer;
  let document;
  try {
    answer = await fetch(path, options);
    document = await answer.json();
  } catch (error) {
    throw new Problem(answer?.status ?? 0, "bridge_away", String(error));
  }
  if (!answer.ok) throw new Problem(answer.status, document.code, document.error);
  return document;
}

export const api = {
  session: () => get("session"),
  logIn: (code) => post("session", { code }),
  overview: () => get("queue/overview"),
  job: (id) => get(named("queue/jobs", id)),
  jobs: (filter) => get(`queue/jobs?${new URLSearchParams(filter)}`),
  cancel: (id) => post(named("queue/cancel", id)),
  first: (id) => post("queue/attention", { job_id: id }),
  retry: (id) => post(named("queue/retry", id)),
  retryAll: () => post("queue/retry"),
  pause: (queue) => post("queue/pause", queue === null ? {} : { queue_name: queue }),
  resume: (queue) => post("queue/resume", queue === null ? {} : { queue_name: queue }),
  purge: (queue) => post("queue/purge", queue === null ? {} : { queue_name: queue }),
  process: (wish) => ask("POST", "queue/process", wish, LONGEST_FOLDER),
};

export const pictureOf = (photoId) => `photos/${photoId}/thumbnail`;
