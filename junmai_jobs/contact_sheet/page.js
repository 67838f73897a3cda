"use strict";
// Without this the page stays in the order of time.
const lists = [...document.querySelectorAll(".groups, .singles")];
const byTime = lists.map((list) => [...list.children]);
const best = byTime.map((items) => [...items].sort((a, b) => b.dataset.score - a.dataset.score));
const orders = { time: byTime, best, worst: best.map((items) => [...items].reverse()) };
const sorting = document.getElementById("sorting");
sorting.hidden = false;
sorting.addEventListener("change", (event) => {
  lists.forEach((list, number) => list.replaceChildren(...orders[event.target.value][number]));
});
