// A model's card, which is Markdown. Rule: it came with the model, so that only what cards have is understood, as text.

import { el } from "./dom.js";

export function card(markdown) {
  const blocks = markdown.replaceAll("\r", "").split(/\n{2,}/).filter((block) => block.trim());
  return el("div", { class: "card" }, blocks.flatMap(block));
}

function block(text) {
  const lines = text.split("\n").filter((line) => line.trim());
  const heading = /^(#{1,6}) (.*)/.exec(lines[0]);
  if (heading) {
    const rest = lines.slice(1).join("\n");
    const level = Math.min(heading[1].length + 1, 6); // the page's own title is the first
    return [el(`h${level}`, {}, plain(heading[2])), ...(rest ? block(rest) : [])];
  }
  if (lines.length > 1 && /^\|? ?:?-{3}/.test(lines[1])) return [table(lines)];
  if (lines.every((line) => /^\s*[-*] /.test(line)))
    return [el("ul", {}, lines.map((line) => el("li", {}, plain(line.replace(/^\s*[-*] /, "")))))];
  return [el("p", {}, plain(lines.join(" ")))];
}

function table([head, , ...rows]) {
  const names = cells(head);
  const body = rows.map((row) => el("tr", {}, cells(row).map((cell) => el("td", {}, cell))));
  const columns = el("tr", {}, names.map((name) => el("th", { scope: "col" }, name)));
  const whole = el("table", {}, el("thead", {}, columns), el("tbody", {}, body));
  const label = names.filter(Boolean).join(", ") || "Table";
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, whole);
}

const cells = (line) => line.trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((cell) => plain(cell.trim()));

// Without the backslashes before what Markdown would understand.
const plain = (text) => text.replace(/\\([\\`*_{}[\]<>#|!])/g, "$1");
