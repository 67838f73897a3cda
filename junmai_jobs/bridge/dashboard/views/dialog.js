// The one dialog: it confirms, asks, or shows a job. The browser keeps the focus in it, and gives it back.

import { close, logIn, process, purge } from "../actions.js";
import { say } from "../i18n.js";
import { state } from "../state.js";
import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { job } from "./job.js";
import { notice, queueName } from "./parts.js";

const CONTENTS = { job, purge: confirmPurge, process: processForm, login: loginForm };

export function dialog() {
  const shown = state.dialog;
  return html`<dialog class=${shown?.kind ?? ""} aria-labelledby="dialog-title" @close=${closed}>
    ${shown ? CONTENTS[shown.kind](shown) : nothing} ${notice(shown !== null)}
  </dialog>`;
}

// By Escape, too; what is told of a dialog that was closed before is not meant for the next one.
function closed({ target }) {
  if (state.dialog && !target.open) close();
}

// Open or close it as the state says.
export function keepDialog() {
  const element = document.querySelector("dialog");
  if (state.dialog && !element.open) element.showModal();
  if (!state.dialog && element.open) element.close();
}

function confirmPurge({ queue, count }) {
  return html`
    <h2 id="dialog-title">${say("purge_title", { queue: queueName(queue) })}</h2>
    <p>${say("purge_text", { count })}</p>
    <div class="actions">
      <button autofocus @click=${close}>${say("purge_not")}</button>
      <button class="danger" @click=${() => purge(queue)}>${say("purge_do", { count })}</button>
    </div>
  `;
}

function processForm({ isBusy = false, problem = null }) {
  const submit = (event) => {
    event.preventDefault();
    const given = [...new FormData(event.target)].map(([name, value]) => [name, value.trim()]);
    process(Object.fromEntries(given.filter(([, value]) => value)));
  };
  return html`
    <h2 id="dialog-title">${say("process_title")}</h2>
    <p>${say("process_text")}</p>
    <form @submit=${submit}>
      ${field("folder", "process_folder", { hint: say("process_hint"), isNeeded: true, problem })}
      ${field("session", "process_session")} ${field("preset", "process_preset")}
      <div class="actions">
        <button type="button" @click=${close}>${say("close")}</button>
        <button class="primary" aria-disabled=${isBusy}>${say("process_do")}</button>
      </div>
    </form>
  `;
}

function loginForm({ next, isBusy = false, problem = null }) {
  const submit = (event) => {
    event.preventDefault();
    logIn(event.target.elements.code.value.trim(), next);
  };
  return html`
    <h2 id="dialog-title">${say("log_in")}</h2>
    <p>${say(state.away === "locked" ? "login_look" : "login_text")}</p>
    <form @submit=${submit}>
      ${field("code", "login_code", { isNeeded: true, problem })}
      <div class="actions">
        <button type="button" @click=${close}>${say("close")}</button>
        <button class="primary" aria-disabled=${isBusy}>${say("log_in")}</button>
      </div>
    </form>
  `;
}

function field(name, label, { hint = "", isNeeded = false, problem = null } = {}) {
  const id = `field-${name}`;
  return html`
    <label for=${id}>${say(label)}</label>
    <input id=${id} name=${name} autocomplete="off" autocapitalize="off" spellcheck="false" ?required=${isNeeded}
      ?autofocus=${isNeeded} aria-describedby="${id}-more" aria-invalid=${problem !== null}>
    <p id="${id}-more" class=${problem ? "bad" : "quiet"} role=${problem ? "alert" : nothing}>${problem ?? hint}</p>
  `;
}
