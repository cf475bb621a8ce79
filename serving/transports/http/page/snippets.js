// A request as code that can be pasted: curl, Python, and the clients that people have. Rule: values in, texts out.

import { isPlain, parse } from "./exact_json.js";
import { withQuery } from "./server.js";
import { triton } from "./snippet_triton.js";

// Where one `hasKey`, the code takes it from the environment, so that it can be shown around.
export function snippets(request, base, hasKey) {
  const url = base.href + withQuery(request);
  const key = hasKey ? 'os.environ["SLIPWAY_API_KEY"]' : "";
  return {
    curl: curl(request, url, hasKey ? ' -H "X-API-Key: $SLIPWAY_API_KEY"' : ""),
    Python: python(request, url, key),
    ...(request.openai ? { openai: openai(request, base, key) } : {}),
    ...(request.triton ? { tritonclient: triton(request.triton, base, key) } : {}),
  };
}

function curl(request, url, key) {
  if (request.file) return `curl -s${key} --data-binary ${shell(`@${request.file.name}`)} \\\n    ${shell(url)}`;
  const stream = request.json?.stream ? "N" : "";
  const body = request.text ?? JSON.stringify(request.json);
  return `curl -s${stream}${key} ${shell(url)} \\\n    -H 'Content-Type: application/json' \\\n    --data-raw ${shell(body)}`;
}

function python(request, url, key) {
  const imports = key ? ["import os", ""] : [];
  const headers = key && `, headers={"X-API-Key": ${key}}`;
  if (request.file)
    return lines(
      ...imports.slice(0, 1),
      "from pathlib import Path",
      "",
      "import httpx",
      "",
      `content = Path(${literal(request.file.name)}).read_bytes()`,
      `reply = httpx.post(${literal(url)}, content=content${headers})`,
      "print(reply.json())",
    );
  const body = request.text === undefined ? literal(request.json) : parsed(request.text);
  if (request.json?.stream || request.isStream)
    return lines(
      ...imports,
      "import httpx",
      "",
      `body = ${body}`,
      `with httpx.stream("POST", ${literal(url)}, json=body${headers}, timeout=60) as reply:`,
      "    for line in reply.iter_lines():",
      "        print(line)",
    );
  const asked = `reply = httpx.post(${literal(url)}, json=body${headers})`;
  return lines(...imports, "import httpx", "", `body = ${body}`, asked, "print(reply.json())");
}

// `request.openai` is {call, read, streams}; the body is the call's arguments.
function openai(request, base, key) {
  const { call, read, file } = request.openai;
  const given = file
    ? [`model=${literal(file.model)}`, `file=Path(${literal(request.file.name)})`]
    : named(request.json);
  const asked = `client.${call}(\n    ${given.join(",\n    ")},\n)`;
  const imports = [...(key ? ["import os"] : []), ...(file ? ["from pathlib import Path"] : [])];
  return lines(
    ...(imports.length ? [...imports, ""] : []),
    "from openai import OpenAI",
    "",
    `client = OpenAI(base_url=${literal(`${base.href}v1`)}, api_key=${key || '"none"'})`,
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
