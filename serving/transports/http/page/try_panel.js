// Trying a model: what is asked on the left, what it answers on the right, and the same in code below.
//
// A trial (TRIALS) is made by `make(model, settings, example, changed, run, left)` and is
//   {input, output, request(), code(), show(reply), event(data, seconds), begin(), end(), verb, isLive}
// whose request() gives {path, query, json | text | file: {blob, name}, openai, triton}, or throws what is missing;
// code() is what is shown as code, where that is another one.

import { button, el } from "./dom.js";
import { ask, asked, segment } from "./server.js";
import { snippetBox } from "./snippet_box.js";
import { tabs } from "./tabs.js";
import { duration, kindName } from "./words.js";
import { detection } from "./try_detection.js";
import { drawing } from "./try_drawing.js";
import { embeddings } from "./try_embeddings.js";
import { chat, completion } from "./try_writing.js";
import { numbers, pictures, rows, texts } from "./try_classification.js";
import { recommendation } from "./try_recommendation.js";
import { stream, tensors } from "./try_tensors.js";
import { transcription } from "./try_transcription.js";

const TRIALS = {
  pictures, texts, rows, numbers, detect: detection, transcribe: transcription, recommend: recommendation,
  images: drawing, chat, completion, embeddings, tensors, generate: stream,
};

// What runs ends with `left`, a signal.
export function tryPanel(model, look, left) {
  const example = () => fetchExample(model);
  const kinds = model.tries.map((settings) => ({
    id: settings.kind,
    name: kindName(settings.kind),
    build: () => trialBox(model, settings, example, look, left),
  }));
  if (kinds.length === 1) return kinds[0].build();
  const { list, panel } = tabs("What to try", kinds, kinds[0].id);
  list.classList.add("chips");
  return el("div", {}, list, panel);
}

async function fetchExample(model) {
  if (!model.example) return null;
  const reply = await asked(`page/models/${segment(model.name)}/example`);
  const kind = { png: "image/png", json: "application/json", wav: "audio/wav" }[model.example.split(".").pop()];
  return reply.ok ? { name: model.example, blob: new Blob([await reply.arrayBuffer()], { type: kind }) } : null;
}

function trialBox(model, settings, example, look, left) {
  const status = el("p", { class: "status", role: "status" });
  const failure = el("p", { class: "error", role: "alert", hidden: true });
  const snippets = snippetBox(() => (trial.code ?? trial.request)());
  let running = null;
  let isAwaited = false; // something was asked while the last request ran

  let trial = null;
  trial = TRIALS[settings.kind](model, settings, example, () => trial && snippets.update(), run, left);
  const start = button(trial.verb ?? "Ask", run, "primary");
  const stop = button("Stop", () => running?.abort(), "");
  stop.hidden = true;
  left.addEventListener("abort", () => running?.abort());

  async function run() {
    if (running) return (isAwaited = Boolean(trial.isLive));
    fail("");
    let request;
    try {
      request = trial.request();
    } catch (missing) {
      return fail(missing.message);
    }
    begin();
    try {
      const reply = await ask(request, running.signal, trial.event);
      const words = trial.show(reply) ?? "";
      status.textContent = [`Answered in ${duration(reply.seconds)}`, words].filter(Boolean).join(" · ");
    } catch (error) {
      if (error.name === "AbortError") status.textContent = `Stopped${trial.stopped?.() ?? ""}`;
      else fail(error.message, error.status && `Refused with status ${error.status} in ${duration(error.seconds)}`);
    }
    end();
  }

  function begin() {
    running = new AbortController();
    box.setAttribute("aria-busy", "true");
    if (!trial.isLive) status.textContent = "Asking …";
    start.hidden = Boolean(trial.event);
    stop.hidden = !trial.event;
    trial.begin?.();
  }

  function end() {
    running = null;
    box.setAttribute("aria-busy", "false");
    start.hidden = false;
    stop.hidden = true;
    trial.end?.();
    snippets.update();
    look();
    if (isAwaited) {
      isAwaited = false;
      run();
    }
  }

  function fail(words, how = "") {
    failure.textContent = words;
    failure.hidden = !words;
    if (words) status.textContent = how;
  }

  const asked = el("section", { class: "asked", "aria-label": "What is asked" }, trial.input);
  const controls = el("div", { class: "controls" }, start, stop, status);
  const answered = el("section", { class: "answered", "aria-label": "Answer" }, trial.output, failure);
  const box = el("div", { class: "trial" }, asked, answered, controls, snippets.element);
  snippets.update();
  return box;
}
