// Models that write: their tokens as they come, with a way to stop them.

import { button, el, field, replace } from "./dom.js";
import { needed } from "./try_classification.js";
import { duration, rate } from "./words.js";

const printed = (part) => ["if chunk.choices:", `    print(chunk.choices[0].${part} or "", end="", flush=True)`];

export function completion(model, settings, example, changed) {
  const prompt = el("textarea", { rows: 5, oninput: changed });
  prompt.value = settings.answers ? "3 March 2024" : "str.split";
  const sampling = samplingFields(changed);
  const text = el("span", { class: "written" });
  const begun = el("span", { class: "quiet" });
  const output = el("div", { class: "stream", role: "group", "aria-label": "What it writes" }, begun, text);
  const meter = measured();

  const request = () => ({
    path: "v1/completions",
    json: { model: model.name, prompt: needed(prompt.value, "Write a prompt first."), ...sampling.values(), ...STREAM },
    openai: { call: "completions.create", read: printed("text") },
  });

  function begin() {
    meter.begin();
    text.textContent = "";
    begun.textContent = settings.answers ? "" : prompt.value;
  }

  function event(data, seconds) {
    meter.note(data, seconds);
    text.append(data.choices[0]?.text ?? "");
  }

  const input = el("div", {}, field("Prompt", prompt), sampling.element);
  return { input, output, request, begin, event, show: meter.words, stopped: meter.stopped, verb: "Write" };
}

export function chat(model, settings, example, changed) {
  const message = el("textarea", { rows: 3, oninput: changed });
  message.value = "str.split";
  const sampling = samplingFields(changed);
  const turns = el("div", { class: "turns", role: "log", "aria-label": "Conversation", "aria-live": "off" });
  const meter = measured();
  let messages = [];
  let answer = null;

  const asked = (messages) => ({
    path: "v1/chat/completions",
    json: { model: model.name, messages, ...sampling.values(), ...STREAM },
    openai: { call: "chat.completions.create", read: printed("delta.content") },
  });
  const said = () => ({ role: "user", content: needed(message.value, "Write a message first.") });
  const request = () => asked([...messages, said()]);
  // Between an answer and the next message, how the answer came.
  const code = () => (messages.length && !message.value ? asked(messages.slice(0, -1)) : request());

  function begin() {
    meter.begin();
    answer = turn("assistant", "");
    turns.append(turn("user", message.value), answer);
  }

  function event(data, seconds) {
    meter.note(data, seconds);
    answer.lastChild.append(data.choices[0]?.delta?.content ?? "");
    turns.scrollTop = turns.scrollHeight;
  }

  // What was written is part of the conversation, also where it was stopped.
  function end() {
    const content = answer.lastChild.textContent;
    if (!content) return turns.lastChild.remove(), turns.lastChild.remove();
    messages = [...messages, { role: "user", content: message.value }, { role: "assistant", content }];
    message.value = "";
  }

  const anew = () => ((messages = []), replace(turns), changed());
  const tools = el("div", { class: "tools" }, button("New conversation", anew));
  const input = el("div", {}, field("Message", message), sampling.element, tools);
  const { words: show, stopped } = meter;
  return { input, output: turns, request, code, begin, event, end, show, stopped, verb: "Send" };
}

const STREAM = { stream: true, stream_options: { include_usage: true } };

const turn = (role, content) =>
  el("div", { class: `turn ${role}` }, el("b", {}, role === "user" ? "You" : "Model"), el("p", {}, content));

function samplingFields(changed) {
  const input = (value, more) => el("input", { type: "number", value, step: "any", oninput: changed, ...more });
  const controls = {
    max_tokens: ["Most tokens", input("60", { min: "1", step: "1" })],
    temperature: ["Temperature", input("0.7", { min: "0" })],
    top_p: ["Top p", input("", { min: "0", max: "1", placeholder: "1" })],
    seed: ["Seed", input("", { step: "1", placeholder: "any" })],
  };
  const given = ([name, [, control]]) => (control.value === "" ? [] : [[name, Number(control.value)]]);
  const fields = Object.values(controls).map(([label, control]) => field(label, control));
  const values = () => Object.fromEntries(Object.entries(controls).flatMap(given));
  return { element: el("div", { class: "cells small" }, fields), values };
}

// How fast tokens come.
function measured() {
  let first = 0, last = 0, chunks = 0, tokens = 0;
  const stopped = () => (chunks ? ` after ${chunks} pieces` : "");
  return {
    begin: () => ([first, last, chunks, tokens] = [0, 0, 0, 0]),
    note(data, seconds) {
      if (data.usage) tokens = data.usage.completion_tokens;
      if (!(data.choices[0]?.text ?? data.choices[0]?.delta?.content)) return;
      first ||= seconds;
      last = seconds;
      chunks += 1;
    },
    words() {
      const speed = tokens > 1 && last > first ? (tokens - 1) / (last - first) : 0;
      const begun = chunks && `the first token in ${duration(first)}`;
      return [begun, tokens && `${tokens} tokens`, speed && `${rate(speed)} a second`].filter(Boolean).join(" · ");
    },
    stopped,
  };
}
