// Models that write down speech: a recording in, its words out.

import { button, el, field, replace } from "./dom.js";
import { Recorder } from "./recorder.js";
import { segment } from "./server.js";

export function transcription(model, settings, example, changed, run, left) {
  const words = el("p", { class: "best long", "aria-live": "polite" });
  const empty = el("p", { class: "quiet" }, "Its words come here.");
  const player = el("audio", { controls: true, hidden: true });
  const said = el("p", { class: "quiet", role: "status" });
  const choose = () => chooser.files[0] && use(chooser.files[0], chooser.files[0].name);
  const chooser = el("input", { type: "file", accept: "audio/*", onchange: choose });
  const record = button("Record", toggle);
  let file = null;
  let recorder = null;
  left.addEventListener("abort", () => recorder?.leave());

  function use(blob, name) {
    file = { blob, name };
    if (player.src) URL.revokeObjectURL(player.src);
    player.src = URL.createObjectURL(blob);
    player.hidden = false;
    changed();
    run();
  }

  async function toggle() {
    try {
      if (!recorder) {
        recorder = await Recorder.begin();
        if (left.aborted) return recorder.leave();
        record.textContent = "Stop recording";
        said.textContent = "Listening …";
        return;
      }
      const ended = recorder;
      recorder = null;
      record.textContent = "Record";
      said.textContent = "";
      use(await ended.end(), "recording.wav");
    } catch (error) {
      said.textContent = `Nothing can be recorded here: ${error.message}`;
    }
  }

  async function useExample() {
    const found = await example();
    if (found) use(found.blob, found.name);
  }

  function request() {
    if (!file) throw new Error("Record something, or choose a recording.");
    const openai = { call: "audio.transcriptions.create", file: { model: model.name }, read: ["print(reply.text)"] };
    return { path: `v1/models/${segment(model.name)}/transcribe`, file, openai };
  }

  function show({ text }) {
    empty.hidden = true;
    words.textContent = JSON.parse(text).text || "(nothing heard)";
  }

  const offered = model.example.endsWith(".wav") ? button("Example", useExample) : null;
  const tools = el("div", { class: "tools" }, record, offered);
  const input = el("div", {}, tools, said, field("Or choose a recording", chooser, "WAV, FLAC, OGG or MP3"), player);
  return { input, output: el("div", {}, words, empty), request, show, verb: "Transcribe" };
}
