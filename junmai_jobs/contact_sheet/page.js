"use strict";
// Without this the page stays in the order of time.
const lists = [...document.querySelectorAll(".groups, .singles")];
const byTime = lists.map((list) => [...list.children]);
const byScore = byTime.map((items) => [...items].sort((a, b) => b.dataset.score - a.dataset.score));
const sorting = document.getElementById("sorting");
sorting.hidden = false;
sorting.addEventListener("change", (event) => {
  const order = event.target.value === "score" ? byScore : byTime;
  lists.forEach((list, number) => list.replaceChildren(...order[number]));
});
