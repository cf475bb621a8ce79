// The API key that a server may want. Rule: it is kept as long as the tab, and goes to this server only.

import { button, el, field } from "./dom.js";

const PLACE = "slipway-key";

export function shown() {
  try {
    const key = sessionStorage.getItem(PLACE);
    return key ? { Authorization: `Bearer ${key}` } : {};
  } catch {
    return {};
  }
}

export const isShown = () => "Authorization" in shown();

// Where one is entered. What was asked without it is asked anew.
export function keyBox() {
  const input = el("input", { type: "password", autocomplete: "off", spellcheck: "false" });
  const use = () => {
    sessionStorage.setItem(PLACE, input.value.trim());
    location.reload();
  };
  input.addEventListener("keydown", (event) => event.key === "Enter" && use());
  const hint = "Kept until this tab is closed. It needs the scope metadata, and inference to try models.";
  return el("div", { class: "key", hidden: true }, field("API key", input, hint), button("Use it", use, "primary"));
}
