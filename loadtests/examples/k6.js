// Slipway under k6: requests leave at a constant rate, whether or not earlier ones came back.
//
//   k6 run -e URL=http://localhost:8000 -e MODEL=digits-cnn -e RATE=200 -e SECONDS=30 loadtests/examples/k6.js
//
// Rule: k6 exits with an error where a threshold is missed. `dropped_iterations` counts requests that had to leave and for
// which there was no free user: those waited for an answer, so without that threshold a server that stalls is not seen.

import { check } from "k6";
import http from "k6/http";

const url = __ENV.URL || "http://localhost:8000";
const model = __ENV.MODEL || "digits-cnn";
const rate = Number(__ENV.RATE || 200);
const seconds = Number(__ENV.SECONDS || 30);

export const options = {
  scenarios: {
    steady: {
      executor: "constant-arrival-rate",
      rate,
      timeUnit: "1s",
      duration: `${seconds}s`,
      preAllocatedVUs: Math.max(10, rate),
      maxVUs: 4 * Math.max(10, rate),
    },
  },
  thresholds: {
    http_req_failed: ["rate<0.001"],
    http_req_duration: ["p(99)<50"],
    dropped_iterations: ["count<1"],
  },
};

// Once, before the load: a request that the model understands, from what it says of its inputs.
export function setup() {
  const reply = http.get(`${url}/v2/models/${model}`);
  if (reply.status !== 200) {
    throw new Error(`${url} has no model ${model}: ${reply.status} ${reply.body}`);
  }
  return JSON.stringify({ inputs: reply.json("inputs").map(madeUp) });
}

export default function (body) {
  const headers = { "Content-Type": "application/json" };
  const reply = http.post(`${url}/v2/models/${model}/infer`, body, { headers });
  check(reply, { answered: (it) => it.status === 200 });
}

function madeUp(tensor) {
  const shape = tensor.shape.map((size) => (size < 0 ? 1 : Number(size)));
  const count = shape.reduce((product, size) => product * size, 1);
  const data = Array.from({ length: count }, (_, index) => index % 10);
  return { name: tensor.name, datatype: tensor.datatype, shape, data };
}
