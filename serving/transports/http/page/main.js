// Starts the page: which view is shown, by the address's hash, and what surrounds it.

import { el, replace } from "./dom.js";
import { keyBox } from "./key.js";
import { Live } from "./live.js";
import { modelView } from "./model.js";
import { overview } from "./overview.js";

const main = document.getElementById("main");
const trouble = document.getElementById("trouble");

const key = keyBox();
trouble.after(key);

const live = new Live((words, wantsKey = false) => {
  if (trouble.textContent !== words) trouble.textContent = words;
  trouble.hidden = !words;
  key.hidden = !wantsKey;
  main.hidden = wantsKey;
});
live.follow(() => (document.getElementById("version").textContent = live.version));

let close = () => {};

// #/NAME/TAB is a model's tab, everything else the list of models.
async function show({ isFirst = false } = {}) {
  const [name = "", tab = ""] = location.hash.replace(/^#\/?/, "").split("/").map(decoded);
  if (name && main.dataset.model === name) return main.dispatchEvent(new CustomEvent("tab", { detail: tab }));
  close();
  main.dataset.model = name;
  if (!live.rows.length) await live.look();
  if (main.dataset.model !== name) return;
  const view = name ? modelView(name, live, tab) : overview(live);
  close = view.close;
  replace(main, view.element);
  document.title = name ? `${name} · Slipway` : "Slipway";
  if (!isFirst) main.focus();
  scrollTo(0, 0);
}

// Nothing where it is no encoded text, which a browser's address bar may be given.
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

function themeButton() {
  const button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const current = () => document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light");
  const name = () => {
    const other = current() === "dark" ? "light" : "dark";
    button.setAttribute("aria-label", `Use ${other} colours`);
    button.title = `Use ${other} colours`;
    replace(button, el("span", { class: `theme-${current()}`, "aria-hidden": "true" }));
    return other;
  };
  button.addEventListener("click", () => {
    const other = name();
    document.documentElement.dataset.theme = other;
    try {
      localStorage.setItem("slipway-theme", other);
    } catch {
      // It holds until the page is left.
    }
    name();
  });
  system.addEventListener("change", name);
  name();
}

themeButton();
addEventListener("hashchange", show);
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the hash names the view
  main.focus();
});
show({ isFirst: true });
