// What has failed for good, why, and another try.

import { look, retry, retryAll } from "../actions.js";
import { say, time } from "../i18n.js";
import { state } from "../state.js";
import { repeat } from "../vendor/lit-html/directives/repeat.js";
import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { cause, nameOf, picture, taskName } from "./parts.js";

export function failed() {
  const { failed: jobs, counts } = state.overview;
  const more = counts.failed - jobs.length;
  return html`<section aria-labelledby="failed">
    <div class="line">
      <h2 id="failed" tabindex="-1">${say("failed")}</h2>
      ${jobs.length > 1 ? html`<button id="retry-all" @click=${retryAll}>${say("retry_all")}</button>` : nothing}
    </div>
    ${jobs.length
      ? html`<ul class="failures">${repeat(jobs, (job) => job.id, row)}</ul>`
      : html`<p class="quiet">${say("nothing_failed")}</p>`}
    ${more > 0 ? html`<p class="quiet">${say("more", { count: more })}</p>` : nothing}
  </section>`;
}

function row(job) {
  const name = nameOf(job);
  return html`<li>
    ${picture(job.photo_id)}
    <div class="what">
      <button class="plain name" aria-label=${say("show_name", { name })} @click=${() => look(job.id, name)}>
        <bdi>${name}</bdi>
      </button>
      <p class="bad">${cause(job.error)}</p>
      <p class="quiet">
        ${name === taskName(job.task) ? nothing : html`<span>${taskName(job.task)}</span>`}
        ${job.failed_at ? html`<time datetime=${job.failed_at}>${time(job.failed_at)}</time>` : nothing}
        ${job.retry_may_help ? nothing : html`<span>${say("retry_helps_not")}</span>`}
      </p>
    </div>
    <button class="small" aria-label=${say("retry_name", { name })} @click=${() => retry(job.id)}>${say("retry")}</button>
  </li>`;
}
