// Keeps the page up to date. Events only say that something has changed: what is shown is asked for, whole, and at
// most once a second. While the page is out of sight nothing is asked for, and the stream of events is closed.

const BETWEEN = 1000; // ms from one request to the next
const WHILE_RUNNING = 2000; // how far jobs are tells no event
const OTHERWISE = 15_000;
const WITHOUT_EVENTS = 4000;
const LONGEST_PAUSE = 10_000; // between two tries while nobody answers
const EVENTS = [
  "submitted", "started", "succeeded", "failed", "retrying", "scheduled", "released", "cancelled", "governed", "lost",
];

// `load` asks for all that is shown and returns whether jobs run; it throws while nobody answers.
export function keepUpToDate(load) {
  let source = null;
  let timer = null;
  let due = Infinity;
  let last = -BETWEEN; // when it was asked for last, by a clock that nobody sets
  let failures = 0;
  let isLoading = false;
  let isStale = false; // something has changed while it was asked for

  function at(moment) {
    if (isLoading) isStale = true;
    moment = Math.max(moment, last + BETWEEN);
    if (isLoading || document.hidden || moment >= due) return;
    clearTimeout(timer);
    due = moment;
    timer = setTimeout(run, moment - performance.now());
  }

  async function run() {
    due = Infinity;
    isLoading = true;
    isStale = false;
    last = performance.now();
    let pause = WITHOUT_EVENTS;
    try {
      const areRunning = await load();
      failures = 0;
      if (source === null && !document.hidden) listen();
      if (source?.readyState === EventSource.OPEN) pause = areRunning ? WHILE_RUNNING : OTHERWISE;
    } catch {
      failures += 1;
      pause = Math.min(LONGEST_PAUSE, BETWEEN * 2 ** (failures - 1));
    }
    isLoading = false;
    at(isStale ? last : last + pause);
  }

  const soon = () => {
    if (!failures) at(performance.now());
  };

  function listen() {
    source = new EventSource("queue/events");
    for (const word of EVENTS) source.addEventListener(word, soon);
    source.addEventListener("open", now);
    source.addEventListener("error", () => {
      if (source?.readyState === EventSource.CLOSED) hangUp();
    });
  }

  function hangUp() {
    source?.close();
    source = null;
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      clearTimeout(timer);
      due = Infinity;
      hangUp();
    } else {
      at(performance.now());
    }
  });

  // Ask now, whatever was to come.
  const now = () => {
    failures = 0;
    at(performance.now());
  };
  now();
  return now;
}
