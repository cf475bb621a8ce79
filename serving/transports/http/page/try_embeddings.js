// Models that give texts their embeddings: two texts in, how alike they are out.

import { el, field, replace, svg } from "./dom.js";
import { needed } from "./try_classification.js";

export function embeddings(model, settings, example, changed) {
  const begun = ["A cat sleeps on the sofa.", "A kitten naps on the couch."];
  const texts = begun.map((value) => el("textarea", { rows: 3, value, oninput: changed }));
  const output = el("div", { "aria-live": "polite" }, el("p", { class: "quiet" }, "How alike they are comes here."));
  const request = () => ({
    path: "v1/embeddings",
    json: { model: model.name, input: texts.map((text) => needed(text.value, "Write two texts first.")) },
    openai: { call: "embeddings.create", read: ["print([len(each.embedding) for each in reply.data])"] },
  });

  function show({ text }) {
    const reply = JSON.parse(text);
    const vectors = reply.data.map((each) => each.embedding);
    replace(
      output,
      el("p", { class: "best" }, cosine(...vectors).toFixed(3)),
      el("p", { class: "quiet" }, `The cosine of two vectors of ${vectors[0].length} numbers; 1 is the same direction.`),
      vectors.map((vector) => strip(vector)),
    );
    return `${reply.usage.prompt_tokens} tokens`;
  }

  const input = el("div", {}, field("One text", texts[0]), field("Another", texts[1]));
  return { input, output, request, show, verb: "Compare" };
}

function cosine(one, other) {
  const dot = (a, b) => a.reduce((sum, value, place) => sum + value * b[place], 0);
  return dot(one, other) / Math.sqrt(dot(one, one) * dot(other, other));
}

function strip(vector) {
  const shown = vector.slice(0, 256);
  const most = Math.max(...shown.map(Math.abs)) || 1;
  const cell = (value, x) => {
    const strength = { class: value < 0 ? "below" : "above", "fill-opacity": (Math.abs(value) / most).toFixed(2) };
    return svg("rect", { x, width: 1.02, height: 1, ...strength });
  };
  const cells = shown.map(cell);
  const frame = { class: "strip", viewBox: `0 0 ${shown.length} 1`, preserveAspectRatio: "none" };
  return svg("svg", { ...frame, role: "img", "aria-label": `The first ${shown.length} numbers` }, cells);
}
