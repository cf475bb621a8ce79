// Models that recommend: what somebody had in, what they may want next out.

import { bars } from "./bars.js";
import { button, el, field, replace } from "./dom.js";
import { segment } from "./server.js";
import { prefill } from "./try_classification.js";

export function recommendation(model, settings, example, changed, run) {
  const scores = bars([]);
  const had = el("ul", { class: "had", "aria-label": "What they had, oldest first" });
  const known = settings.items.map((item) => el("option", { value: item }));
  const options = el("datalist", { id: `items-${segment(model.name)}` }, known);
  const next = el("input", { list: options.id, onkeydown: (event) => event.key === "Enter" && add(next.value) });
  let items = [];

  function set(chosen) {
    items = chosen;
    replace(had, items.map((item, place) => {
      const remove = button("×", () => set(items.filter((_, other) => other !== place)));
      remove.setAttribute("aria-label", `Remove ${item}`);
      return el("li", {}, item, remove);
    }));
    changed();
  }

  function add(item) {
    if (item.trim()) set([...items, item.trim()]);
    next.value = "";
    next.focus();
  }

  prefill(model, example, (inputs) => Array.isArray(inputs) && set(inputs.map(String)), changed);
  const path = `v1/models/${segment(model.name)}/recommend`;
  const request = () => ({ path, json: { inputs: items, parameters: { top_k: 10 } } });

  function show({ text }) {
    scores.show(JSON.parse(text).map(({ item, score }) => ({ label: item, score })));
  }

  const adding = el("div", { class: "tools" }, button("Add", () => add(next.value)), button("Clear", () => set([])));
  const words = el("p", { class: "quiet" }, "What somebody had so far, oldest first; nothing is somebody new.");
  const input = el("div", {}, words, had, options, field("Another item", next), adding);
  return { input, output: scores.element, request, show, verb: "Recommend" };
}
