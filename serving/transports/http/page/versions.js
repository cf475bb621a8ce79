// The versions of a model: states with reasons, shares of the traffic, reports, and live figures of each.

import { el, replace } from "./dom.js";
import { figureTiles } from "./figure_tiles.js";
import { address, getJson, segment } from "./server.js";
import { nextStep, state } from "./words.js";

export function versionsList(name, live) {
  const list = el("ul", { class: "versions" });
  const trial = el("p", { class: "note", hidden: true });
  const element = el("div", {}, trial, list);

  async function update() {
    if (!element.isConnected && list.children.length) return;
    let told = { versions: [] };
    try {
      told = await getJson(`v2/models/${segment(name)}/versions`);
    } catch {
      // The next look tells that the server is away.
    }
    trial.hidden = !told.rollout;
    if (told.rollout) trial.textContent = onTrial(told.rollout);
    const reports = Object.fromEntries(told.versions.map((version) => [version.version, version.report]));
    const rows = live.rows.filter((row) => row.name === name);
    replace(list, rows.map((row) => entry(name, row, live.points(name, row.version), reports[row.version])));
  }

  update();
  return { element, update };
}

function entry(name, row, points, report) {
  const { word, tone } = state(row);
  const share = row.traffic_percent ? `${row.traffic_percent}% of the requests that name no version` : "";
  const link = report ? el("a", { href: address(report.slice(1)), target: "_blank", rel: "noopener" }, "Report") : null;
  return el(
    "li",
    {},
    el(
      "div",
      { class: "item-head" },
      el("h2", {}, row.version ? `Version ${row.version}` : "No version"),
      el("span", { class: `pill ${tone}` }, word),
      el("p", { class: "quiet" }, share, share && link ? " · " : "", link),
    ),
    row.reason ? el("p", { class: tone === "bad" ? "note bad" : "note" }, row.reason, " ", nextStep(name, row)) : null,
    row.counts ? figureTiles(points) : null,
  );
}

function onTrial(rollout) {
  const words = Object.entries(rollout)
    .filter(([, value]) => ["string", "number", "boolean"].includes(typeof value))
    .map(([key, value]) => `${key.replaceAll("_", " ")}: ${value}`);
  return `On trial. ${words.join(" · ")}`;
}
