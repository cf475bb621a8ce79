// Models that make pictures out of noise: what to draw in, pictures out.

import { el, field, replace } from "./dom.js";

export function drawing(model, settings, example, changed) {
  const names = settings.labels.map((label) => label.split(",")[0].trim());
  const prompt = el("select", { onchange: changed }, names.map((name) => el("option", { value: name }, name)));
  prompt.value = names.at(-1);
  const count = el("input", { type: "number", min: "1", max: "10", value: "6", oninput: changed });
  const seed = el("input", { type: "number", value: "1", oninput: changed });
  const times = Math.max(1, Math.round(96 / settings.width));
  const empty = el("p", { class: "quiet" }, "Pictures come here.");
  const pictures = el("div", { class: "pictures", "aria-live": "polite" }, empty);

  const request = () => ({
    path: "v1/images/generations",
    json: {
      model: model.name,
      prompt: prompt.value,
      n: Number(count.value),
      size: `${times * settings.width}x${times * settings.height}`,
      ...(seed.value === "" ? {} : { seed: Number(seed.value) }),
    },
    openai: { call: "images.generate", read: ["print(len(reply.data), reply.data[0].b64_json[:40])"] },
  });

  function show({ text }) {
    const reply = JSON.parse(text);
    const src = (each) => `data:image/${reply.output_format};base64,${each.b64_json}`;
    const alt = (each, place) => `${each.revised_prompt}, picture ${place + 1}`;
    replace(pictures, reply.data.map((each, place) => el("img", { src: src(each), alt: alt(each, place) })));
    return `seed ${reply.seed}`;
  }

  const fields = [field("Draw", prompt), field("Pictures", count), field("Seed (empty: any)", seed)];
  const input = el("div", { class: "cells" }, fields);
  return { input, output: pictures, request, show, verb: "Draw" };
}
