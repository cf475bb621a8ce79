// One model: how it is, what it does now, a way to try it, and what is known of it.

import { card } from "./card.js";
import { el, replace } from "./dom.js";
import { figureTiles } from "./figure_tiles.js";
import { address, getJson, segment } from "./server.js";
import { tabs } from "./tabs.js";
import { tensorTables } from "./tensor_tables.js";
import { tryPanel } from "./try_panel.js";
import { versionsList } from "./versions.js";
import { doing, nextStep, state } from "./words.js";

export function modelView(name, live, tab) {
  const main = document.getElementById("main");
  const pill = el("span");
  const about = el("p", { class: "quiet" });
  const reason = el("div", { class: "note", hidden: true });
  const figures = el("div");
  const body = el("div");
  let shown = ""; // the version and its load that `body` is about
  let parts = null;
  let left = new AbortController(); // of what `body` shows now

  function render() {
    const row = live.row(name);
    if (!row) {
      replace(reason, el("p", {}, `There is no model “${name}”.`));
      reason.hidden = false;
      return;
    }
    const { word, tone } = state(row);
    pill.className = `pill ${tone}`;
    pill.textContent = word;
    const next = nextStep(name, row);
    if (reason.dataset.words !== row.reason + next) {
      reason.dataset.words = row.reason + next;
      reason.className = tone === "bad" ? "note bad" : "note";
      reason.hidden = !(row.reason || next);
      replace(reason, row.reason && el("p", {}, row.reason), next && el("p", { class: "quiet" }, next));
    }
    replace(figures, row.counts ? figureTiles(live.points(name, row.version)) : null);
    parts?.versions.update();
    const loaded = row.counts ? `${row.version} ${row.counts.loaded}` : "";
    if (loaded !== shown) {
      shown = loaded;
      left.abort();
      left = new AbortController();
      if (loaded) describe();
      else replace(body);
    }
  }

  async function describe() {
    try {
      const model = await getJson(`page/models/${segment(name)}`);
      about.textContent = [doing(model.tries[0].kind), `version ${model.version}`, model.backend].join(" · ");
      parts = modelParts(model, live, tab, left.signal);
      replace(body, parts.element);
    } catch (error) {
      shown = "";
      replace(body, el("p", { role: "alert", class: "error" }, error.message));
    }
  }

  const onTab = (event) => parts?.choose(event.detail);
  main.addEventListener("tab", onTab);
  render();
  const unfollow = live.follow(render);
  const close = () => (unfollow(), left.abort(), main.removeEventListener("tab", onTab));
  const head = el("div", { class: "model-head" }, el("h1", {}, name), pill, about);
  const back = el("p", { class: "back" }, el("a", { href: "#/" }, "← All models"));
  return { element: el("article", {}, back, head, reason, figures, body), close };
}

function modelParts(model, live, tab, left) {
  const versions = versionsList(model.name, live);
  const report = `v1/models/${segment(model.name)}/report`;
  const list = [
    { id: "try", name: "Try it", build: () => tryPanel(model, () => live.look(), left) },
    { id: "tensors", name: "Inputs and outputs", build: () => tensorTables(model) },
    ...(model.card ? [{ id: "card", name: "Card", build: () => card(model.card) }] : []),
    ...(model.has_report ? [{ id: "report", name: "Report", build: () => reportFrame(model.name, report) }] : []),
    { id: "versions", name: "Versions", build: () => versions.element },
  ];
  const { list: tablist, panel, choose } = tabs(`About ${model.name}`, list, tab, (id) =>
    history.replaceState(null, "", `#/${segment(model.name)}/${id}`),
  );
  return { element: el("div", {}, tablist, panel), choose, versions };
}

function reportFrame(name, path) {
  const link = el("a", { href: address(path), target: "_blank", rel: "noopener" }, "Open it on a page of its own");
  const title = `Evaluation report of ${name}`;
  const frame = el("iframe", { src: address(path), title, sandbox: "", class: "report" });
  return el("div", {}, el("p", {}, link), frame);
}
