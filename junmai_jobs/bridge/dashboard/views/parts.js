// Small pieces that several views are made of.

import { pictureOf } from "../api.js";
import { told } from "../errors.js";
import { say, sayOr } from "../i18n.js";
import { change, state } from "../state.js";
import { html, nothing } from "../vendor/lit-html/lit-html.js";

export const taskName = (task) => sayOr(`task_${task}`, task);

export const queueName = (queue) => sayOr(`queue_${queue}`, queue);

// What a job is called: by the file or the photo that it works on, else by what it does.
export const nameOf = ({ file, photo_id: id, task }) =>
  file ?? (id === null ? taskName(task) : say("photo_number", { id: String(id) }));

// The picture beside which the name stands, so that it needs no words of its own.
export function picture(photoId) {
  const missing = (event) => event.target.remove();
  return html`<div class="frame">
    ${photoId === null ? nothing : html`<img src=${pictureOf(photoId)} alt="" @error=${missing}>`}
    <p class="quiet" aria-hidden="true">${say("no_picture")}</p>
  </div>`;
}

// What the bridge says in its own words, which are English whatever the page's language.
export const english = (text) => html`<span lang="en">${text}</span>`;

// Why a job has failed.
export function cause(error) {
  const { language, text } = told(error);
  return html`<bdi lang=${language}>${text}</bdi>`;
}

export const plain = (label, name, onClick) =>
  html`<button class="plain" aria-label=${name} @click=${onClick}>${label}</button>`;

// What came of the last thing done: told where the person is, in the dialog while there is one.
export const notice = (isHere) => html`<div role="status" class="notice">
  ${isHere && state.notice
    ? html`<p class=${state.notice.isBad ? "bad" : ""}>${state.notice.text}</p>
        ${plain(say("dismiss"), say("dismiss"), () => change({ notice: null }))}`
    : nothing}
</div>`;

export const fact = (term, value) =>
  value === null || value === undefined || value === ""
    ? nothing
    : html`<div><dt>${say(term)}</dt><dd>${value}</dd></div>`;
