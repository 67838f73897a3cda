// Who works, and how the machine is.

import { number, say, span } from "../i18n.js";
import { state } from "../state.js";
import { repeat } from "../vendor/lit-html/directives/repeat.js";
import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { english } from "./parts.js";

export function computer() {
  const { workers, hardware } = state.overview;
  return html`<section aria-labelledby="computer">
    <h2 id="computer" tabindex="-1">${say("computer")}</h2>
    ${workers.length
      ? html`<ul class="rows">${repeat(workers, (worker) => worker.name, row)}</ul>`
      : html`<p class="mark">${say("no_workers")}</p>`}
    ${hardware ? html`<dl class="gauges">${gauges(hardware)}</dl>` : html`<p class="quiet">${say("not_measured")}</p>`}
  </section>`;
}

const row = ({ name, host, alive, silent_s: silent, slots, busy, allowance }) => html`<li>
  <h3><bdi>${host ?? name}</bdi></h3>
  ${alive
    ? html`<p class="quiet">${say("slots_busy", { busy, count: slots })}</p>`
    : html`<p class="bad">${say("worker_silent", { span: span(silent) })}</p>`}
  ${allowance && !allowance.startsWith("full") ? html`<p class="quiet">${english(allowance)}</p>` : nothing}
</li>`;

function gauges(found) {
  const memory = found.gpu_memory_total_mb ? (100 * found.gpu_memory_used_mb) / found.gpu_memory_total_mb : null;
  return [
    gauge("cpu", found.cpu_percent),
    gauge("memory", found.memory_percent),
    gauge("gpu", found.gpu_percent),
    gauge("gpu_memory", memory),
    gauge("temperature", found.gpu_celsius, "°C"),
    gauge("battery", found.battery_percent),
  ];
}

const gauge = (word, value, unit = "%") =>
  value === null
    ? nothing
    : html`<div>
        <dt>${say(word)}</dt>
        <dd><progress max="100" .value=${value} aria-hidden="true"></progress>${number(value)} ${unit}</dd>
      </div>`;
