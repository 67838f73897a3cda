// The page's language: its words, and how numbers and times are written in it.

import { EN } from "./words/en.js";
import { JA } from "./words/ja.js";

export const WORDS = { en: EN, ja: JA };
export const LANGUAGES = { en: "English", ja: "日本語" };
const KEPT_AS = "junmai-jobs language";

let language = chosen();
document.documentElement.lang = language;

function chosen() {
  const wanted = [kept(), ...navigator.languages].filter(Boolean).map((each) => each.slice(0, 2));
  return wanted.find((each) => each in WORDS) ?? "en";
}

// A browser that keeps nothing for this page refuses even to be asked.
function kept() {
  try {
    return localStorage.getItem(KEPT_AS);
  } catch {
    return null;
  }
}

export const current = () => language;

export function choose(other) {
  language = document.documentElement.lang = other;
  try {
    localStorage.setItem(KEPT_AS, other);
  } catch {
    // It is chosen until the page is closed.
  }
}

// The word with this key, its {names} filled in; the form is chosen by `count`.
export function say(key, values = {}) {
  const word = WORDS[language][key];
  const form = typeof word === "string" ? word : word[new Intl.PluralRules(language).select(values.count)];
  return form.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === "number" ? number(value) : value;
  });
}

// The same where there may be no such word: a task, queue or problem that is not ours goes by its own name.
export const sayOr = (key, otherwise) => (Object.hasOwn(WORDS.en, key) ? say(key) : otherwise);

export const number = (value) => new Intl.NumberFormat(language, { maximumFractionDigits: 0 }).format(value);

// A time of day; with its date, if that is not today.
export function time(iso, withSeconds = false) {
  const moment = new Date(iso);
  const options = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  if (withSeconds) options.second = "2-digit";
  if (moment.toDateString() !== new Date().toDateString()) Object.assign(options, { month: "short", day: "numeric" });
  return new Intl.DateTimeFormat(language, options).format(moment);
}

export function span(seconds) {
  if (seconds < 90) return say("seconds", { count: Math.round(seconds) });
  if (seconds < 90 * 60) return say("minutes", { count: Math.round(seconds / 60) });
  return say("hours", { count: Math.round(seconds / 3600) });
}
