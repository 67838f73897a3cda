// What runs: a card for each job, with the photograph that it works on.

import { askToProcess, cancel, look } from "../actions.js";
import { say, span } from "../i18n.js";
import { state, waitingIn } from "../state.js";
import { repeat } from "../vendor/lit-html/directives/repeat.js";
import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { nameOf, picture, plain, taskName } from "./parts.js";

const WORTH_TELLING = 3; // s

let places = []; // the ids of the jobs as they were shown last

// So that nothing jumps: what still runs stays in its place, and what is new takes that of one that has ended.
function inPlace(jobs) {
  const fresh = jobs.filter((job) => !places.includes(job.id));
  const known = new Map(jobs.map((job) => [job.id, job]));
  const shown = places.map((id) => known.get(id) ?? fresh.shift()).filter(Boolean).concat(fresh);
  places = shown.map((job) => job.id);
  return shown;
}

export function now() {
  const { running, session } = state.overview;
  const jobs = inPlace(running);
  return html`<section class="now" aria-labelledby="now">
    <h2 id="now" tabindex="-1">${say("now")}</h2>
    ${session ? progressOf(session) : nothing}
    ${jobs.length ? html`<ul class="cards">${repeat(jobs, (job) => job.id, card)}</ul>` : empty()}
  </section>`;
}

const progressOf = ({ name, photos, processed }) => html`
  <div class="session">
    <h3><bdi>${name}</bdi></h3>
    <span class="quiet">${say("session_progress", { done: processed, count: photos })}</span>
    <progress max=${Math.max(photos, 1)} .value=${processed} aria-label=${name}></progress>
  </div>
`;

function card(job) {
  const name = nameOf(job);
  return html`<li class="card">
    ${picture(job.photo_id)}
    <button class="plain name" aria-label=${say("show_name", { name })} @click=${() => look(job.id, name)}>
      <bdi>${name}</bdi>
    </button>
    <p class="line">
      <span class="quiet">${job.progress?.stage || taskName(job.task)}${told(job)}</span>
      ${plain(say("cancel"), say("cancel_name", { name }), () => cancel(job.id))}
    </p>
    ${bar(job.progress, name)}
  </li>`;
}

const told = (job) => (job.running_s >= WORTH_TELLING ? ` · ${span(job.running_s)}` : "");

const bar = (progress, name) =>
  progress?.total
    ? html`<progress max=${progress.total} .value=${progress.done} aria-label=${name}></progress>`
    : html`<progress aria-label=${name}></progress>`;

function empty() {
  const { queues, workers } = state.overview;
  const waits = queues.some(waitingIn);
  const isPaused = queues.some((queue) => queue.paused && waitingIn(queue));
  const isAlone = !workers.some((worker) => worker.alive);
  const hint = isPaused ? "paused_hint" : isAlone ? "no_workers" : "starting_hint";
  return html`<div class="empty">
    <p>${say("nothing_runs")}</p>
    <p class="quiet">${say(waits ? hint : "nothing_runs_hint")}</p>
    ${waits ? nothing : html`<button @click=${askToProcess}>${say("process")}</button>`}
  </div>`;
}
