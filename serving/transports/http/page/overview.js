// The list of models: what each is for, how it is, and what it does right now.

import { el, field, replace } from "./dom.js";
import { figureTiles } from "./figure_tiles.js";
import { getJson, segment } from "./server.js";
import { doing, state } from "./words.js";

const MANY = 8; // models, of which one may want to look for one

export function overview(live) {
  const summary = el("p", { class: "quiet", id: "summary" });
  const list = el("ul", { class: "models", "aria-labelledby": "models" });
  const filter = el("input", { type: "search", oninput: () => render() });
  const search = field("Find a model", filter);
  const items = new Map();
  let kinds = {};
  let described = "";

  async function describe() {
    const versions = live.rows.map((row) => `${row.name} ${row.version} ${row.counts?.loaded}`).join();
    if (versions === described) return;
    described = versions;
    try {
      kinds = Object.fromEntries((await getJson("page/models")).map((model) => [model.name, model.kinds]));
      render();
    } catch {
      described = ""; // the next look tells that the server is away
    }
  }

  function render() {
    const names = [...new Set(live.rows.map((row) => row.name))].sort();
    const failed = (row) => state(row).tone === "bad";
    const rows = names.map((name) => live.row(name)).sort((one, other) => failed(other) - failed(one));
    summary.textContent = counted(rows);
    search.hidden = names.length <= MANY;
    const shown = rows.filter((row) => row.name.toLowerCase().includes(filter.value.toLowerCase()));
    const entries = shown.map((row) => {
      if (!items.has(row.name)) items.set(row.name, item(row.name));
      items.get(row.name).update(row, live.points(row.name, row.version), kinds[row.name] ?? []);
      return items.get(row.name).element;
    });
    if (!sameChildren(list, entries)) replace(list, entries);
  }

  render();
  describe();
  const unfollow = live.follow(() => (render(), describe()));
  const head = el("div", { class: "page-head" }, el("div", {}, el("h1", { id: "models" }, "Models"), summary), search);
  return { element: el("div", {}, head, list), close: unfollow };
}

const sameChildren = (list, entries) =>
  list.children.length === entries.length && entries.every((entry, place) => list.children[place] === entry);

function counted(rows) {
  if (!rows.length) return "There are none yet. Publish one: slipway train digits-cnn";
  const words = rows.map((row) => state(row).word);
  return [...new Set(words)].map((word) => `${words.filter((each) => each === word).length} ${word}`).join(" · ");
}

function item(name) {
  const pill = el("span");
  const what = el("p", { class: "quiet" });
  const figures = el("div", { class: "item-figures" });
  const link = el("a", { href: `#/${segment(name)}` }, name);
  const element = el("li", {}, el("div", { class: "item-head" }, el("h2", {}, link), pill, what), figures);
  return {
    element,
    update(row, points, kinds) {
      const { word, tone } = state(row);
      pill.className = `pill ${tone}`;
      pill.textContent = word;
      what.textContent = [kinds.length ? doing(kinds[0]) : "", row.version && `version ${row.version}`]
        .filter(Boolean)
        .join(" · ");
      if (row.counts) replace(figures, figureTiles(points), row.reason && el("p", { class: "note" }, row.reason));
      else replace(figures, el("p", { class: tone === "bad" ? "note bad" : "note" }, row.reason));
    },
  };
}
