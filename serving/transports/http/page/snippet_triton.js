// Tensors as code for Triton's own client.

import { parse } from "./exact_json.js";
import { literal } from "./snippets.js";

// The whole numbers are called as numpy calls them, but for the capitals.
const OTHERS = { BOOL: "bool_", BYTES: "object_", BF16: "float32", FP16: "float16", FP32: "float32", FP64: "float64" };

// `asked` is {model, outputs, body}: the names of what comes out, and the text in the editor.
// `key` is the code that reads one, "" where none is wanted.
export function triton({ model, outputs, body }, base, key) {
  let tensors;
  try {
    tensors = parse(body).inputs.map(tensor);
  } catch {
    return "# What is in the panel are no tensors yet.";
  }
  return [
    ...(key ? ["import os", ""] : []),
    "import numpy as np",
    "import tritonclient.http as triton",
    "",
    `client = triton.InferenceServerClient(${literal(base.host)}${base.protocol === "https:" ? ", ssl=True" : ""})`,
    "inputs = []",
    ...tensors,
    `answer = client.infer(${literal(model)}, inputs${key && `, headers={"X-API-Key": ${key}}`})`,
    ...outputs.map((name) => `print(answer.as_numpy(${literal(name)}))`),
  ].join("\n");
}

function tensor({ name, datatype, shape, data }) {
  const kind = OTHERS[datatype] ?? datatype.toLowerCase();
  const array = `np.array(${literal(data)}, np.${kind}).reshape(${literal(shape)})`;
  return [
    `inputs.append(triton.InferInput(${literal(name)}, ${literal(shape)}, ${literal(datatype)}))`,
    `inputs[-1].set_data_from_numpy(${array})`,
  ].join("\n");
}
