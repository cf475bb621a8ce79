// Tabs as screen readers and keyboards expect them: arrow keys move, Home and End jump, one tab is in the tab order.

import { el, replace } from "./dom.js";

let latest = 0;

// `tabs` are {id, name, build}; what `build` gives is made when its tab is first shown. `onChoose` is told its id.
export function tabs(label, tabs, chosen, onChoose = () => {}) {
  const group = `tabs-${++latest}`;
  const made = new Map();
  const panel = el("div", { role: "tabpanel", id: `${group}-panel`, class: "panel" });
  const buttons = tabs.map((tab) => {
    const its = { id: `${group}-${tab.id}`, "aria-controls": `${group}-panel`, onclick: () => choose(tab) };
    return el("button", { type: "button", role: "tab", ...its }, tab.name);
  });
  const list = el("div", { role: "tablist", "aria-label": label, onkeydown: move }, buttons);
  let current = null;

  function choose(tab, tell = true) {
    if (tab === current) return;
    current = tab;
    buttons.forEach((button, place) => {
      button.setAttribute("aria-selected", String(tabs[place] === tab));
      button.tabIndex = tabs[place] === tab ? 0 : -1;
    });
    panel.setAttribute("aria-labelledby", `${group}-${tab.id}`);
    if (!made.has(tab)) made.set(tab, tab.build());
    replace(panel, made.get(tab));
    if (tell) onChoose(tab.id);
  }

  function move(event) {
    const at = tabs.indexOf(current);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const place = (to + tabs.length) % tabs.length;
    choose(tabs[place]);
    buttons[place].focus();
  }

  const named = (id) => tabs.find((tab) => tab.id === id) ?? tabs[0];
  choose(named(chosen), false);
  return { list, panel, choose: (id) => choose(named(id), false) };
}
