// One job, whole: what it is, how far it is, what was tried, and what went wrong.

import { cancel, close, retry } from "../actions.js";
import { say, sayOr, time } from "../i18n.js";
import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { cause, fact, picture, queueName, taskName } from "./parts.js";

const ENDED = ["succeeded", "failed", "cancelled"];

export function job({ id, name, job: found, problem }) {
  return html`
    <h2 id="dialog-title"><bdi>${name}</bdi></h2>
    ${problem ? html`<p class="bad">${problem}</p>` : nothing}
    ${found ? whole(found) : problem ? nothing : html`<p class="quiet">${say("loading")}</p>`}
    <div class="actions">
      ${found && !ENDED.includes(found.status)
        ? html`<button class="danger" @click=${() => cancel(id)}>${say("cancel")}</button>`
        : nothing}
      ${found?.status === "failed" || found?.status === "cancelled"
        ? html`<button @click=${() => retry(id)}>${say("retry")}</button>`
        : nothing}
      <button class="primary" autofocus @click=${close}>${say("close")}</button>
    </div>
  `;
}

const whole = (found) => html`
  <div class="about">
    ${found.photo_id === null ? nothing : picture(found.photo_id)}
    <dl class="facts">
      ${fact("job_kind", taskName(found.task))} ${fact("job_status", say(`status_${found.status}`))}
      ${fact("job_file", found.file && html`<bdi>${found.kwargs.path ?? found.file}</bdi>`)}
      ${fact("job_tries", tries(found))} ${fact("job_submitted", moment(found.created_at))}
      ${fact("job_started", moment(found.started_at))} ${fact("job_finished", moment(found.finished_at))}
    </dl>
  </div>
  ${found.error ? error(found.error) : nothing}
  ${found.history.length ? history(found.history) : nothing}
  ${found.log.length ? html`<h3>${say("job_log")}</h3><pre tabindex="0">${found.log.join("\n")}</pre>` : nothing}
  <details>
    <summary>${say("job_technical")}</summary>
    <dl class="facts">
      ${fact("job_id", found.id)} ${fact("job_queue", queueName(found.queue))}
      ${fact("job_priority", String(found.priority))} ${fact("job_worker", found.worker)}
    </dl>
    ${found.error?.traceback ? html`<pre tabindex="0" lang="en">${found.error.traceback}</pre>` : nothing}
    <pre tabindex="0">${JSON.stringify({ args: found.args, kwargs: found.kwargs }, null, 2)}</pre>
    ${found.result === null
      ? nothing
      : html`<h3>${say("job_result")}</h3><pre tabindex="0">${JSON.stringify(found.result, null, 2)}</pre>`}
  </details>
`;

const moment = (at) => (at ? html`<time datetime=${at}>${time(at, true)}</time>` : null);

const tries = ({ attempt, max_retries: retries }) =>
  attempt ? say("job_tries_of", { count: attempt, total: Math.max(attempt, retries + 1) }) : null;

const error = ({ message }) => html`<h3>${say("job_error")}</h3><p class="bad">${cause(message)}</p>`;

const history = (runs) => html`
  <h3>${say("job_history")}</h3>
  <ol class="history">
    ${runs.map(
      (run) => html`<li>
        <time datetime=${run.finished_at ?? run.started_at}>${time(run.finished_at ?? run.started_at, true)}</time>
        <span>${sayOr(`event_${run.event}`, run.event)}${run.signal ? html` <span class="quiet">${run.signal}</span>` : nothing}</span>
        ${run.error?.message ? html`<p class="quiet">${cause(run.error.message)}</p>` : nothing}
      </li>`,
    )}
  </ol>
`;
