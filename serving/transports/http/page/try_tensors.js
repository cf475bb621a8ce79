// Bare tensors as JSON, for any model. Rule: they are sent as they are, and what is wrong is what the server says.

import { button, el, field, replace } from "./dom.js";
import { isPlain, parse } from "./exact_json.js";
import { segment } from "./server.js";

const LARGEST = 100_000; // numbers that a person may want to see

export function tensors(model, settings, example, changed) {
  const editor = el("textarea", { rows: 14, class: "mono", spellcheck: "false", oninput: changed });
  const reset = () => ((editor.value = pretty(valid(model))), changed());
  editor.value = pretty(valid(model));
  const output = el("pre", { class: "answer", tabindex: "0", role: "region", "aria-label": "Tensors that came back" });
  const path = `v2/models/${segment(model.name)}/infer`;
  const outputs = model.outputs.map(({ name }) => name);
  const request = () => ({ path, text: editor.value, triton: { model: model.name, outputs, body: editor.value } });
  const show = ({ text }) => (output.textContent = pretty(parse(text))) && "";
  const tools = el("div", { class: "tools" }, button("Start anew", reset));
  return { input: el("div", {}, field("Request", editor), tools), output, request, show };
}

// For models that answer any number of times.
export function stream(model, settings, example, changed) {
  const body = Object.fromEntries(model.inputs.map((input) => [input.name, single(filled(input, model))]));
  const editor = el("textarea", { rows: 10, class: "mono", spellcheck: "false", oninput: changed });
  editor.value = pretty(body);
  const output = el("ol", { class: "events", "aria-live": "polite" });
  const path = `v2/models/${segment(model.name)}/generate_stream`;
  const request = () => ({ path, text: editor.value, isStream: true });
  const event = (data) => output.append(el("li", {}, el("pre", {}, pretty(data))));
  const begin = () => replace(output);
  const show = () => `${output.children.length} ${output.children.length === 1 ? "event" : "events"}`;
  return { input: field("Request", editor), output, request, begin, event, show };
}

// A request that the model takes: zeros of the smallest size.
function valid(model) {
  const inputs = model.inputs.map((input) => ({
    name: input.name,
    shape: sizes(input),
    datatype: input.datatype,
    data: filled(input, model),
  }));
  const sequence = { parameters: { sequence_id: 1, sequence_start: true, sequence_end: true } };
  return { ...(model.takes_sequences ? sequence : {}), inputs };
}

const sizes = (input) => input.shape.map((size) => (size === -1 ? 1 : size));

function filled(input) {
  const shape = sizes(input);
  const count = shape.reduce((product, size) => product * size, 1);
  if (count > LARGEST) return []; // the server says how many it wants
  const value = { BYTES: "text", BOOL: false }[input.datatype] ?? 0;
  return nested(shape, value);
}

const nested = ([size, ...rest], value) =>
  size === undefined ? value : Array.from({ length: size }, () => nested(rest, value));

const single = (data) => (Array.isArray(data) && data.length === 1 ? single(data[0]) : data);

// JSON with each innermost list on a line.
function pretty(value, indent = "") {
  if (isPlain(value)) return JSON.stringify(value);
  const next = `${indent}  `;
  if (Array.isArray(value)) {
    if (value.every(isPlain)) return `[${value.map((each) => JSON.stringify(each)).join(", ")}]`;
    return `[\n${value.map((each) => next + pretty(each, next)).join(",\n")}\n${indent}]`;
  }
  const members = Object.entries(value).map(([name, each]) => `${next}${JSON.stringify(name)}: ${pretty(each, next)}`);
  return members.length ? `{\n${members.join(",\n")}\n${indent}}` : "{}";
}
