// Detectors: a picture in, boxes over it out.

import { el, field, replace, svg } from "./dom.js";
import { segment } from "./server.js";
import { sketch } from "./sketch.js";
import { percent } from "./words.js";

export function detection(model, settings, example, changed, run) {
  const list = el("ol", { class: "found" });
  const summary = el("p", { class: "best", "aria-live": "polite" });
  const threshold = el("input", { type: "range", min: "0", max: "1", step: "0.05", value: "0.5" });
  const scale = el("output", {}, "0.5");
  const boxes = svg("svg", { class: "boxes", "aria-hidden": "true" });
  const sheet = sketch({
    width: Math.max(settings.width, 2),
    height: Math.max(settings.height, 2),
    isDark: true,
    example: model.example.endsWith(".png") ? example : null,
    changed: (has) => (replace(boxes), changed(), has && run()),
  });
  sheet.sheet.append(boxes);
  let size = { width: 1, height: 1 };

  threshold.addEventListener("input", () => {
    scale.textContent = threshold.value;
    changed();
    if (list.children.length || summary.textContent) run();
  });

  function show({ text }) {
    const found = JSON.parse(text);
    summary.textContent = found.length ? `${found.length} found` : "Nothing found";
    replace(boxes, found.map(({ label, score, box }) => drawn(label, score, box, size)));
    replace(list, found.map(line));
  }

  function request() {
    const file = sheet.picture();
    return { path: `v1/models/${segment(model.name)}/detect`, query: { threshold: threshold.value }, file };
  }

  // Boxes are in pixels of what was sent.
  async function shown(reply) {
    const picture = await createImageBitmap(sheet.picture().blob);
    size = { width: picture.width, height: picture.height };
    boxes.setAttribute("viewBox", `0 0 ${size.width} ${size.height}`);
    show(reply);
  }

  const least = field("Least score that counts", threshold);
  least.append(scale);
  const output = el("div", {}, summary, list);
  const input = el("div", {}, sheet.element, least);
  return { input, output, request, show: (reply) => void shown(reply), isLive: true };
}

const line = ({ label, score, box }) =>
  el("li", {}, el("b", {}, label), ` ${percent(score)} `, el("span", { class: "quiet" }, where(box)));

function drawn(label, score, box, size) {
  const { xmin: x, ymin: y } = box;
  const text = Math.max(size.width, size.height) / 22;
  const above = y > text ? y - text / 4 : y + text;
  return svg(
    "g",
    {},
    svg("rect", { x, y, width: box.xmax - x, height: box.ymax - y, "vector-effect": "non-scaling-stroke" }),
    svg("text", { x, y: above, "font-size": text }, `${label} ${percent(score)}`),
  );
}

function where(box) {
  const [xmin, ymin, xmax, ymax] = [box.xmin, box.ymin, box.xmax, box.ymax].map(Math.round);
  return `${xmin}, ${ymin} to ${xmax}, ${ymax}`;
}
