// A request as code that can be pasted: curl, Python, and the clients that people have. Rule: values in, texts out.

import { isPlain, parse } from "./exact_json.js";
import { withQuery } from "./server.js";
import { triton } from "./snippet_triton.js";

export function snippets(request, base) {
  const url = base.href + withQuery(request);
  return {
    curl: curl(request, url),
    Python: python(request, url),
    ...(request.openai ? { openai: openai(request, base) } : {}),
    ...(request.triton ? { tritonclient: triton(request.triton, base) } : {}),
  };
}

function curl(request, url) {
  if (request.file) return `curl -s --data-binary ${shell(`@${request.file.name}`)} \\\n    ${shell(url)}`;
  const stream = request.json?.stream ? "N" : "";
  const body = request.text ?? JSON.stringify(request.json);
  return `curl -s${stream} ${shell(url)} \\\n    -H 'Content-Type: application/json' \\\n    --data-raw ${shell(body)}`;
}

function python(request, url) {
  if (request.file)
    return lines(
      "from pathlib import Path",
      "",
      "import httpx",
      "",
      `content = Path(${literal(request.file.name)}).read_bytes()`,
      `reply = httpx.post(${literal(url)}, content=content)`,
      "print(reply.json())",
    );
  const body = request.text === undefined ? literal(request.json) : parsed(request.text);
  if (request.json?.stream || request.isStream)
    return lines(
      "import httpx",
      "",
      `body = ${body}`,
      `with httpx.stream("POST", ${literal(url)}, json=body, timeout=60) as reply:`,
      "    for line in reply.iter_lines():",
      "        print(line)",
    );
  const asked = `reply = httpx.post(${literal(url)}, json=body)`;
  return lines("import httpx", "", `body = ${body}`, asked, "print(reply.json())");
}

// `request.openai` is {call, read, streams}; the body is the call's arguments.
function openai(request, base) {
  const { call, read, file } = request.openai;
  const given = file
    ? [`model=${literal(file.model)}`, `file=Path(${literal(request.file.name)})`]
    : named(request.json);
  const asked = `client.${call}(\n    ${given.join(",\n    ")},\n)`;
  return lines(
    ...(file ? ["from pathlib import Path", ""] : []),
    "from openai import OpenAI",
    "",
    `client = OpenAI(base_url=${literal(`${base.href}v1`)}, api_key="none")`,
    ...(request.json?.stream
      ? [`for chunk in ${asked}:`, ...read.map((line) => `    ${line}`)]
      : [`reply = ${asked}`, ...read]),
  );
}

const OWN = new Set([
  ...["model", "prompt", "messages", "input", "n", "size", "stop"],
  ...["stream", "stream_options", "max_tokens", "temperature", "top_p"],
]);

// Arguments that OpenAI's client does not know go into `extra_body`.
function named(json) {
  const own = Object.entries(json).filter(([name]) => OWN.has(name) || (name === "seed" && !("size" in json)));
  const extra = Object.entries(json).filter(([name]) => !own.some(([mine]) => mine === name));
  return [
    ...own.map(([name, value]) => `${name}=${literal(value)}`),
    ...(extra.length ? [`extra_body=${literal(Object.fromEntries(extra))}`] : []),
  ];
}

function parsed(text) {
  try {
    return literal(parse(text));
  } catch {
    return `...  # what is in the panel is no JSON yet`;
  }
}

const lines = (...all) => all.join("\n");

// In single quotes, in which a shell reads everything as it is.
export const shell = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

// As Python writes it. JSON's escapes are Python's too, but for halves of surrogate pairs, which no text here has.
export function literal(value) {
  if (value === null || value === undefined) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (!isPlain(value))
    return `{${Object.entries(value).map(([name, each]) => `${literal(name)}: ${literal(each)}`).join(", ")}}`;
  return JSON.stringify(value);
}
