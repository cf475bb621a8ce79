// The request that is in the panel now as code to copy.

import { button, el, replace } from "./dom.js";
import { isShown } from "./key.js";
import { base } from "./server.js";
import { snippets } from "./snippets.js";

export function snippetBox(request) {
  const code = el("code");
  const text = el("pre", { tabindex: "0", role: "region", "aria-label": "Code" }, code);
  const languages = el("div", { class: "chips", role: "group", "aria-label": "Language" });
  const copied = el("span", { class: "quiet", role: "status" });
  const save = el("span");
  let chosen = "curl";
  let link = "";

  async function copy() {
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch {
      select(code); // without HTTPS only localhost may write there
      document.execCommand("copy");
    }
    copied.textContent = "Copied";
    setTimeout(() => (copied.textContent = ""), 2000);
  }

  function update() {
    let found;
    let file = null;
    try {
      const asked = request();
      found = snippets(asked, base, isShown());
      file = asked.file ?? null;
    } catch (missing) {
      found = { curl: `# ${missing.message}` };
    }
    if (!(chosen in found)) chosen = Object.keys(found)[0];
    replace(languages, Object.keys(found).map((name) => choice(name)));
    code.textContent = found[chosen];
    offer(file);
  }

  function choice(name) {
    const pick = () => {
      chosen = name;
      update();
      [...languages.children].find((each) => each.textContent === name)?.focus();
    };
    const made = button(name, pick);
    made.setAttribute("aria-pressed", String(name === chosen));
    return made;
  }

  // The file that the code reads, for whoever has it only here.
  function offer(file) {
    if (link) URL.revokeObjectURL(link);
    link = file ? URL.createObjectURL(file.blob) : "";
    replace(save, file ? el("a", { href: link, download: file.name }, `Save ${file.name}`) : null);
  }

  const bar = el("div", { class: "code-bar" }, languages, save, copied, button("Copy", copy));
  const element = el("section", { class: "code", "aria-label": "The same in code" }, bar, text);
  return { element, update };
}

function select(node) {
  const range = document.createRange();
  range.selectNodeContents(node);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
}
