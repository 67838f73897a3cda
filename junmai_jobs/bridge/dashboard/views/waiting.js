// What waits, queue by queue, why it does, and what can be done about it.

import { askToPurge, cancel, first, look, pause, resume, unfold } from "../actions.js";
import { number, say, sayOr, time } from "../i18n.js";
import { arePaused, state, waitingIn } from "../state.js";
import { repeat } from "../vendor/lit-html/directives/repeat.js";
import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { english, nameOf, plain, queueName, taskName } from "./parts.js";

export function waiting() {
  const isTold = !arePaused(state.overview); // or else it is told above, of all
  const queues = state.overview.queues.filter((queue) => waitingIn(queue) || (isTold && queue.paused));
  return html`<section aria-labelledby="waiting">
    <h2 id="waiting" tabindex="-1">${say("waiting")}</h2>
    ${queues.length
      ? html`<ul class="rows">${repeat(queues, (queue) => queue.name, row)}</ul>`
      : html`<p class="quiet">${say("nothing_waits")}</p>`}
  </section>`;
}

function row(queue) {
  const name = queueName(queue.name);
  const waits = waitingIn(queue);
  return html`<li>
    <div class="line">
      <h3><bdi>${name}</bdi></h3>
      <span class="count">${number(waits)}</span>
    </div>
    ${reason(queue)}
    <div class="actions">
      ${queue.paused
        ? plain(say("resume"), say("resume_queue", { queue: name }), () => resume(queue.name))
        : plain(say("pause"), say("pause_queue", { queue: name }), () => pause(queue.name))}
      ${waits
        ? plain(say("clear"), say("clear_queue", { queue: name }), () => askToPurge(queue))
        : nothing}
    </div>
    ${waits ? jobsOf(queue) : nothing}
  </li>`;
}

function reason(queue) {
  if (queue.reason === null) return queue.paused ? html`<p class="mark">${say("reason_paused")}</p>` : nothing;
  const isFetched = queue.name === "lightroom" && queue.reason === "no_worker";
  const until = queue.until ? ` · ${say("until", { time: time(queue.until) })}` : "";
  const isShort = queue.reason !== "governor" && queue.reason !== "needs";
  return html`
    <p class=${queue.paused ? "mark" : "quiet"}>${sayOr(`reason_${isFetched ? "lightroom" : queue.reason}`, queue.reason)}${until}</p>
    ${isShort || !queue.detail ? nothing : html`<p class="quiet">${english(queue.detail)}</p>`}
  `;
}

function jobsOf(queue) {
  const waits = waitingIn(queue);
  const jobs = state.unfolded[queue.name];
  return html`<details ?open=${queue.name in state.unfolded}
      @toggle=${(event) => {
        const isOpen = event.target.open;
        if (isOpen !== queue.name in state.unfolded) unfold(queue.name, isOpen);
      }}>
    <summary>${say("show_waiting")}</summary>
    ${jobs ? html`<ul class="jobs">${repeat(jobs, (job) => job.id, one)}</ul>` : nothing}
    ${jobs && waits > jobs.length
      ? html`<p class="quiet">${say("more", { count: waits - jobs.length })}</p>`
      : nothing}
  </details>`;
}

function one(job) {
  const name = nameOf(job);
  return html`<li class="line">
    <span>
      <button class="plain name" aria-label=${say("show_name", { name })} @click=${() => look(job.id, name)}>
        <bdi>${name}</bdi>
      </button>
      ${name === taskName(job.task) ? nothing : html`<span class="quiet">${taskName(job.task)}</span>`}
    </span>
    <span>
      ${plain(say("first"), say("first_name", { name }), () => first(job.id))}
      ${plain(say("cancel"), say("cancel_name", { name }), () => cancel(job.id))}
    </span>
  </li>`;
}
