// What numbers, states and kinds of models are called. Rule: values in, words out.

export function rate(perSecond) {
  if (perSecond === null) return "–";
  if (perSecond === 0) return "0";
  return perSecond < 10 ? perSecond.toFixed(1) : Math.round(perSecond).toLocaleString("en");
}

export function duration(seconds) {
  if (seconds === null) return "–";
  const ms = seconds * 1000;
  if (ms < 1) return `${ms.toFixed(2)} ms`;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${seconds.toFixed(1)} s`;
}

export function number(value) {
  if (value === null) return "–";
  return Number.isInteger(value) || value >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(1);
}

export function percent(share) {
  if (share >= 0.9995) return "100%";
  return share >= 0.1 ? `${(share * 100).toFixed(1)}%` : `${(share * 100).toFixed(2)}%`;
}

const KINDS = {
  pictures: ["Picture", "Classifies pictures"],
  texts: ["Text", "Classifies texts"],
  rows: ["Row", "Classifies rows of a table"],
  numbers: ["Numbers", "Classifies numbers"],
  detect: ["Picture", "Finds objects in pictures"],
  transcribe: ["Recording", "Writes down speech"],
  recommend: ["Items", "Recommends"],
  images: ["Draw", "Draws pictures"],
  chat: ["Chat", "Answers in a chat"],
  completion: ["Text", "Writes text"],
  embeddings: ["Embeddings", "Compares texts"],
  tensors: ["Tensors", "Tensors to tensors"],
  generate: ["Stream", "Streams its answers"],
};

// Of a tab, and of the list of models.
export const kindName = (kind) => KINDS[kind][0];
export const doing = (kind) => KINDS[kind][1];

// Words, and a tone that is also a colour: good, busy, bad or off.
export function state(row) {
  if (row.reason === "unloaded") return { word: "unloaded", tone: "off" };
  return (
    {
      READY: { word: "ready", tone: "good" },
      LOADING: { word: "loading", tone: "busy" },
      UNLOADING: { word: "unloading", tone: "busy" },
      UNKNOWN: { word: "not loaded", tone: "off" },
    }[row.state] ?? { word: "failed", tone: "bad" }
  );
}

// What a person can do about a version that does not answer; nothing where there is nothing to do.
export function nextStep(name, row) {
  const { word, tone } = state(row);
  if (tone === "busy") return "This page follows it.";
  if (tone === "off")
    return `To load it: POST /v2/repository/models/${name}/load, on a server with --model-control-mode explicit.`;
  if (word === "failed")
    return (
      `“slipway models check ${name}” tries it as a server would. Once its files are right, a server with ` +
      "--model-control-mode poll takes them by itself; another at its next start, or by a load request."
    );
  return "";
}
