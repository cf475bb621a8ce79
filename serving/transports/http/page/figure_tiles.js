// The live figures of a version as small pictures with a number.

import { el } from "./dom.js";
import { sparkline } from "./sparkline.js";
import { duration, number, rate } from "./words.js";

// For the last entry of `points`, as live.js has them, and how they came there.
export function figureTiles(points) {
  const last = points.at(-1) ?? { rate: null, failing: 0, p50: null, p99: null, batch: null, waiting: null };
  const curve = (name) => points.map((point) => point[name]);
  const failing = last.failing > 0 ? el("span", { class: "failing" }, `${rate(last.failing)}/s fail`) : null;
  return el(
    "dl",
    { class: "tiles" },
    tile("Answered", [of(last.rate, rate, "/s"), failing], [curve("rate")], true),
    tile("Latency", latency(last), [curve("p50"), curve("p99")]),
    last.tokens === undefined
      ? tile("Batch", of(last.batch, number, last.batch === 1 ? " row" : " rows"), [curve("batch")])
      : tile("Tokens", of(last.tokens, rate, "/s"), [curve("tokens")], true),
    tile("Queue", of(last.waiting, number, " waiting"), [curve("waiting")]),
  );
}

const unit = (text) => el("span", { class: "unit" }, text);

const NOTHING = el("span", { class: "unit" }, "–");

const of = (value, words, name) => (value === null ? [NOTHING.cloneNode(true)] : [words(value), unit(name)]);

const latency = ({ p50, p99 }) =>
  p50 === null ? of(null) : [duration(p50), unit(" p50 · "), duration(p99), unit(" p99")];

function tile(name, words, curves, isFilled = false) {
  const label = `${name} over the last two minutes`;
  const curve = el("dd", { class: "curve" }, sparkline(curves, label, isFilled));
  return el("div", {}, el("dt", {}, name), el("dd", {}, words), curve);
}
