// A small curve over the last two minutes. Rule: a gap where there is nothing to say.

import { svg } from "./dom.js";
import { POINTS } from "./live.js";

const WIDTH = 120, HEIGHT = 34, TOP = 3;

// `curves` are lists of numbers or null, drawn on one scale; `isFilled`, the first has an area below it.
export function sparkline(curves, label, isFilled) {
  const most = 1.1 * Math.max(...curves.flat().map((value) => value ?? 0), 1e-9);
  const lines = curves.map((values, place) => svg("path", { class: `curve-${place}`, d: path(values, most) }));
  const area = isFilled ? svg("path", { class: "area", d: path(curves[0], most, true) }) : null;
  const frame = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", class: "sparkline" };
  return svg("svg", { ...frame, role: "img", "aria-label": label }, area, ...lines.reverse());
}

function path(values, most, closed = false) {
  const begin = POINTS - values.length;
  const x = (place) => (((begin + place) * WIDTH) / (POINTS - 1)).toFixed(1);
  const y = (value) => (HEIGHT - 1 - (value / most) * (HEIGHT - 1 - TOP)).toFixed(1);
  return runs(values)
    .map((run) => {
      const line = run.map((place) => `${x(place)} ${y(values[place])}`).join("L");
      if (closed) return `M${x(run[0])} ${HEIGHT}L${line}L${x(run.at(-1))} ${HEIGHT}Z`;
      return run.length > 1 ? `M${line}` : `M${line}h0.01`;
    })
    .join("");
}

// Places that follow one another and have a value.
function runs(values) {
  const found = [];
  values.forEach((value, place) => {
    if (value === null) return;
    if (place && values[place - 1] !== null && found.length) found.at(-1).push(place);
    else found.push([place]);
  });
  return found;
}
