// What goes into a model and what comes out.

import { el } from "./dom.js";

export function tensorTables(model) {
  const batch = model.max_batch_size
    ? `Up to ${model.max_batch_size} rows at a time; the first dimension is theirs.`
    : "One request runs at a time in each instance.";
  return el(
    "div",
    {},
    table("Inputs", model.inputs),
    table("Outputs", model.outputs),
    el("p", { class: "quiet" }, batch, " A dimension of any size is a star."),
  );
}

function table(caption, tensors) {
  const head = ["Name", "Type", "Shape", "Names of its entries"].map((name) => el("th", { scope: "col" }, name));
  const rows = tensors.map((tensor) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, tensor.name),
      el("td", {}, tensor.datatype),
      el("td", {}, el("code", {}, shape(tensor.shape))),
      el("td", {}, labels(tensor.labels)),
    ),
  );
  const whole = el("table", {}, el("caption", {}, caption), el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows));
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, whole);
}

const shape = (sizes) => `[${sizes.map((size) => (size === -1 ? "*" : size)).join(", ")}]`;

function labels(names) {
  if (!names.length) return "";
  const text = names.slice(0, 12).join(", ");
  return names.length > 12 ? `${text} and ${names.length - 12} more` : text;
}
