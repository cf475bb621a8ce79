// Classifiers: pictures, texts, rows of a table, or bare numbers in, labels with scores out.

import { bars } from "./bars.js";
import { button, el, field } from "./dom.js";
import { segment } from "./server.js";
import { sketch } from "./sketch.js";

export function pictures(model, settings, example, changed, run) {
  const scores = scoresOf(model);
  const sheet = sketch({
    ...settings,
    isDark: false,
    isCut: settings.width === settings.height,
    example: model.example.endsWith(".png") ? example : null,
    changed: (has) => (changed(), has && run()),
  });
  const request = () => ({ path: path(model), query: { top_k: scores.top }, file: sheet.picture() });
  return { input: sheet.element, output: scores.element, request, show: ranked(scores), isLive: true };
}

export function texts(model, settings, example, changed) {
  const scores = scoresOf(model);
  const text = el("textarea", { rows: 6, oninput: changed });
  prefill(model, example, (inputs) => typeof inputs === "string" && (text.value = inputs), changed);
  const request = () => asked(model, needed(text.value, "Write a text first."), scores.top);
  return { input: field("Text", text), output: scores.element, request, show: ranked(scores) };
}

export function rows(model, settings, example, changed) {
  const scores = scoresOf(model);
  const cells = settings.columns.map((column) => ({ column, control: control(column, changed) }));
  const fill = (inputs) => {
    if (!inputs || typeof inputs !== "object" || Array.isArray(inputs)) return;
    for (const { column, control } of cells) control.value = inputs[column.name] ?? "";
  };
  prefill(model, example, fill, changed);
  const clear = () => (cells.forEach(({ control }) => (control.value = "")), changed());
  const form = el("div", { class: "cells" }, cells.map(({ column, control }) => field(column.name, control)));
  const words = el("span", { class: "quiet" }, "Empty is missing.");
  const tools = el("div", { class: "tools" }, button("Clear", clear), words);
  const row = () => Object.fromEntries(cells.map(({ column, control }) => [column.name, value(column, control)]));
  const request = () => asked(model, row(), scores.top);
  return { input: el("div", {}, form, tools), output: scores.element, request, show: ranked(scores) };
}

export function numbers(model, settings, example, changed) {
  const scores = scoresOf(model);
  const count = settings.shape.reduce((product, size) => product * size, 1);
  const text = el("textarea", { rows: 6, oninput: changed, spellcheck: "false" });
  text.value = JSON.stringify(new Array(count).fill(0));
  prefill(model, example, (inputs) => Array.isArray(inputs) && (text.value = JSON.stringify(inputs)), changed);
  const request = () => ({ path: path(model), query: { top_k: scores.top }, text: `{"inputs": ${text.value}}` });
  const label = `A list of ${count} numbers`;
  return { input: field(label, text), output: scores.element, request, show: ranked(scores) };
}

const path = (model) => `v1/models/${segment(model.name)}/classify`;

const asked = (model, inputs, top) => ({ path: path(model), json: { inputs, parameters: { top_k: top } } });

function scoresOf(model) {
  const named = model.outputs.find((output) => output.labels.length && output.datatype.startsWith("FP"));
  return bars(named?.labels ?? []);
}

const ranked = (scores) => ({ text }) => {
  const found = JSON.parse(text);
  scores.show(Array.isArray(found[0]) ? found[0] : found);
};

function control(column, changed) {
  if (column.kind === "number") return el("input", { type: "number", step: "any", oninput: changed });
  const options = ["", ...column.values].map((text) => el("option", { value: text }, text || "(missing)"));
  return el("select", { onchange: changed }, options);
}

const value = (column, { value }) => (value === "" ? null : column.kind === "number" ? Number(value) : value);

export function needed(text, words) {
  if (!text.trim()) throw new Error(words);
  return text;
}

// With what the model was published with.
export async function prefill(model, example, use, changed) {
  if (!model.example.endsWith(".json")) return;
  const found = await example();
  if (!found) return;
  try {
    use(JSON.parse(await found.blob.text()).inputs);
    changed();
  } catch {
    // An example of another kind; the form stays empty.
  }
}
