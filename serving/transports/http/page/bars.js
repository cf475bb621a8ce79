// Scores as bars. Rule: the best one stands out by its place or weight, never by its colour alone.

import { el, replace } from "./dom.js";
import { percent } from "./words.js";

const FEW = 12; // that stay in their own order, so that they do not jump while one draws

// `labels` are all there are, in their order; with few of them all are shown, else the best.
export function bars(labels) {
  const isFixed = labels.length > 0 && labels.length <= FEW;
  const list = el("ol", { class: "bars", "aria-label": "Scores" });
  const empty = el("p", { class: "quiet" }, "The answer comes here.");
  const best = el("p", { class: "best", "aria-live": "polite" });
  const element = el("div", {}, best, list, empty);

  // `found` is best first, {label, score}.
  function show(found) {
    empty.hidden = true;
    best.textContent = found.length ? found[0].label : "Nothing";
    const most = Math.max(1, ...found.map(({ score }) => score));
    const place = ({ label }) => labels.indexOf(label);
    const ordered = isFixed ? [...found].sort((one, other) => place(one) - place(other)) : found;
    const rows = [...list.children];
    const next = ordered.map((each, place) => update(rows[place] ?? row(), each, most, each === found[0]));
    if (next.length !== rows.length) replace(list, next);
  }

  return { element, show, top: isFixed ? labels.length : 10 };
}

function row() {
  const track = el("span", { class: "track", "aria-hidden": "true" }, el("span"));
  return el("li", {}, el("span", { class: "label" }), track, el("span", { class: "score" }));
}

function update(item, { label, score }, most, isBest) {
  const [name, track, share] = item.children;
  name.textContent = label;
  share.textContent = score >= 0 && score <= 1 ? percent(score) : score.toPrecision(3);
  track.firstChild.style.width = `${Math.max(0, (100 * score) / most)}%`;
  item.className = isBest ? "first" : "";
  return item;
}
