// The page: what it consists of, and what keeps it up to date.

import { askToLogIn, askToProcess, lookAgain, pause, refreshedBy, resume } from "./actions.js";
import { api } from "./api.js";
import { choose, current, LANGUAGES, number, say, span, time } from "./i18n.js";
import { keepUpToDate } from "./live.js";
import { arePaused, change, drawnBy, state, waitingIn } from "./state.js";
import { html, nothing, render } from "./vendor/lit-html/lit-html.js";
import { hour } from "./views/chart.js";
import { computer } from "./views/computer.js";
import { dialog, keepDialog } from "./views/dialog.js";
import { failed } from "./views/failed.js";
import { now } from "./views/now.js";
import { notice } from "./views/parts.js";
import { waiting } from "./views/waiting.js";

const FEW = 10; // jobs, of which no rate is told

const page = () => html`
  <header>
    <div>
      <h1 tabindex="-1">Junmai Jobs</h1>
      <p class="summary">${state.overview ? summary(state.overview) : nothing}</p>
    </div>
    <div class="actions">${state.away === "locked" ? login() : steering()} ${languages()}</div>
  </header>
  <div role="status" class="banner">${state.away ? away() : nothing}</div>
  ${state.overview ? content() : nothing}
  ${notice(state.dialog === null)} ${dialog()}
`;

const content = () => html`
  <main>
    <div class="wide">${now()} ${failed()}</div>
    <div class="narrow">${hour()} ${waiting()} ${computer()}</div>
  </main>
`;

function summary(overview) {
  const { counts, queues, running, throughput } = overview;
  const waits = queues.reduce((sum, queue) => sum + waitingIn(queue), 0);
  const isPaused = arePaused(overview);
  const left = isPaused ? null : timeLeft(waits, throughput);
  return html`
    ${isPaused ? html`<span class="mark">${say("summary_paused")}</span>` : nothing}
    ${running.length ? html`<span>${say("summary_running", { count: running.length })}</span>` : nothing}
    ${waits ? html`<span>${say("summary_waiting", { count: waits })}</span>` : nothing}
    ${left === null ? nothing : html`<span>${say("summary_left", { span: span(left) })}</span>`}
    ${isPaused || waits || running.length ? nothing : html`<span>${say("summary_idle")}</span>`}
    ${counts.failed ? html`<span class="bad">${say("summary_failed", { count: counts.failed })}</span>` : nothing}
  `;
}

// Seconds until nothing waits, at the pace of the last five whole minutes, or of those since the work began; null where
// that tells nothing.
function timeLeft(waits, throughput) {
  const counts = throughput.slice(-6, -1).map((minute) => minute.succeeded + minute.failed);
  const minutes = counts.slice(counts.findIndex((count) => count > 0));
  const ended = minutes.reduce((sum, count) => sum + count, 0);
  return ended >= FEW && waits >= FEW ? (waits / ended) * minutes.length * 60 : null;
}

const login = () => html`<button class="primary" @click=${askToLogIn}>${say("log_in")}</button>`;

function steering() {
  if (!state.overview) return nothing;
  const stopped = arePaused(state.overview);
  return html`
    <button class="primary" @click=${askToProcess}>${say("process")}</button>
    <button id="pause-all" @click=${() => (stopped ? resume() : pause())}>
      ${say(stopped ? "resume_all" : "pause_all")}
    </button>
    ${state.session?.may_change ? nothing : html`<button @click=${askToLogIn}>${say("log_in")}</button>`}
  `;
}

function languages() {
  const chosen = (event) => {
    choose(event.target.value);
    change({ notice: null });
  };
  return html`<select aria-label=${say("language")} @change=${chosen}>
    ${Object.entries(LANGUAGES).map(
      ([code, name]) => html`<option value=${code} lang=${code} ?selected=${code === current()}>${name}</option>`,
    )}
  </select>`;
}

function away() {
  if (state.away === "locked") return html`<p>${say("login_look")}</p>`;
  const since = state.overview ? say("as_of", { time: time(state.overview.timestamp, true) }) : "";
  return html`<p>${say(`away_${state.away}`)} ${since}</p>`;
}

function draw() {
  const held = document.activeElement;
  const place = held?.closest("section")?.querySelector("h2") ?? document.querySelector("h1");
  render(page(), document.body);
  keepDialog();
  const isLost = held && !held.isConnected && document.activeElement === document.body;
  if (isLost) (document.querySelector("dialog[open] [autofocus]") ?? place)?.focus();
  document.title = state.overview?.running.length
    ? `(${number(state.overview.running.length)}) Junmai Jobs`
    : "Junmai Jobs";
}

async function load() {
  try {
    const isBack = state.away !== null;
    if (isBack || !state.session?.may_change) change({ session: await api.session() }); // of another tab, too
    change({ overview: await api.overview(), away: null });
    await lookAgain();
    return state.overview.running.length > 0;
  } catch (problem) {
    const isLocked = problem.status === 401 || problem.status === 403;
    change({ away: isLocked ? "locked" : problem.status === 503 ? "server" : "bridge" });
    throw problem;
  }
}

// The second click of a double click would meet what the first has brought there, or do the same again.
function withoutDoubles(event) {
  if (event.detail < 2) return;
  event.preventDefault();
  event.stopPropagation();
}

addEventListener("click", withoutDoubles, true);
drawnBy(draw);
draw();
refreshedBy(keepUpToDate(load));
