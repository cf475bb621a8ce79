// Asking the server. Rule: relative addresses only, so that the page also works behind a proxy with a path of its own.

import { shown } from "./key.js";

export const base = new URL(".", document.baseURI);

export const address = (path) => new URL(path, base).href;

export const segment = encodeURIComponent;

// With the key, where there is one.
export const asked = (path, options = {}) =>
  fetch(address(path), { ...options, headers: { ...options.headers, ...shown() } });

export async function getJson(path, options = {}) {
  let reply;
  try {
    reply = await asked(path, options);
  } catch {
    throw new Error("The server does not answer.");
  }
  const text = await reply.text();
  if (!reply.ok) throw Object.assign(new Error(said(text, reply.status)), { status: reply.status });
  return JSON.parse(text);
}

// `request` as in trials.js. The reply's `text` is read whole; `onEvent` is called for each event of a stream instead.
export async function ask(request, signal, onEvent) {
  const begin = performance.now();
  let reply;
  try {
    reply = await asked(withQuery(request), {
      method: "POST",
      headers: request.file ? { "Content-Type": request.file.blob.type } : { "Content-Type": "application/json" },
      body: request.file ? request.file.blob : request.text ?? JSON.stringify(request.json),
      signal,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer; is it still there?");
  }
  if (reply.ok && onEvent && reply.headers.get("content-type")?.startsWith("text/event-stream"))
    await readEvents(reply.body, (data) => {
      if (data.error) throw new Error(data.error.message ?? data.error);
      onEvent(data, (performance.now() - begin) / 1000);
    });
  const text = reply.bodyUsed ? "" : await reply.text();
  const seconds = (performance.now() - begin) / 1000;
  if (!reply.ok) throw Object.assign(new Error(said(text, reply.status)), { status: reply.status, seconds });
  return { text, seconds };
}

export function withQuery({ path, query = {} }) {
  const text = new URLSearchParams(query).toString();
  return text ? `${path}?${text}` : path;
}

// An error in the server's own words.
function said(text, status) {
  try {
    const { error } = JSON.parse(text);
    return error?.message ?? String(error);
  } catch {
    return text.slice(0, 2000) || `The server answered ${status}.`;
  }
}

async function readEvents(body, onData) {
  let rest = "";
  for (const reader = body.pipeThrough(new TextDecoderStream()).getReader(); ; ) {
    const { value, done } = await reader.read();
    if (done) return;
    const events = (rest + value).split(/\r?\n\r?\n/);
    rest = events.pop();
    for (const event of events) {
      const data = event.replace(/^data: ?/, "");
      if (data !== "[DONE]") onData(JSON.parse(data));
    }
  }
}
