// How many jobs ended in each minute of the last hour.

import { say, time } from "../i18n.js";
import { state } from "../state.js";
import { html, svg } from "../vendor/lit-html/lit-html.js";

const HEIGHT = 100; // of the drawing, which is as many units wide as there are minutes, times ten
const WIDTH = 10; // of a minute
const GAP = 2;
const LOWEST_TOP = 4; // jobs a minute that the whole height stands for at least

export function hour() {
  const minutes = state.overview.throughput;
  const done = sum(minutes, "succeeded");
  const lost = sum(minutes, "failed");
  const peak = Math.max(...minutes.map((minute) => minute.succeeded + minute.failed), 0);
  return html`<section aria-labelledby="hour">
    <div class="line">
      <h2 id="hour" tabindex="-1">${say("last_hour")}</h2>
      <p class="quiet">${peak ? say("chart_peak", { count: peak }) : ""}</p>
    </div>
    <svg class="chart" viewBox="0 0 ${minutes.length * WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img"
      aria-label=${say("chart", { count: done, failed: lost })}>
      ${minutes.map((minute, number) => bar(minute, number, HEIGHT / Math.max(peak, LOWEST_TOP)))}
    </svg>
    <p class="line quiet">
      <span>${minutes.length ? time(minutes[0].at) : ""}</span>
      <span class="legend">
        <span class="done">${done} ${say("chart_done")}</span>
        <span class="lost">${lost} ${say("chart_failed")}</span>
      </span>
      <span>${say("chart_now")}</span>
    </p>
  </section>`;
}

const sum = (minutes, outcome) => minutes.reduce((total, minute) => total + minute[outcome], 0);

function bar({ succeeded, failed }, number, scale) {
  const [x, done, lost] = [number * WIDTH, succeeded * scale, failed * scale];
  return svg`
    <rect class="done" x=${x} y=${HEIGHT - done} width=${WIDTH - GAP} height=${done}></rect>
    <rect class="lost" x=${x} y=${HEIGHT - done - lost} width=${WIDTH - GAP} height=${lost}></rect>
  `;
}
