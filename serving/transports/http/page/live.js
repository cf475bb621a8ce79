// Looks at the server every two seconds while somebody looks at the page.
// Rule: each point is over the last ten seconds by the server's own clock; a version that was loaded anew begins anew.

import { getJson } from "./server.js";
import { between } from "./figures.js";

const EVERY = 2000; // milliseconds
const SPAN = 5; // looks that a point is over
const WANTS_KEY = [401, 403];
export const POINTS = 60;

export class Live {
  #listeners = new Set();
  #histories = new Map();
  #timer = 0;
  #looking = null;

  constructor(onTrouble) {
    this.onTrouble = onTrouble;
    this.version = "";
    this.rows = [];
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#pause() : this.look()));
  }

  // Called after each look, until the function that this returns is called.
  follow(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  // At once; what is asked meanwhile waits for the same look.
  look() {
    this.#looking ??= this.#look().finally(() => (this.#looking = null));
    return this.#looking;
  }

  points(name, version) {
    return this.#histories.get(key(name, version))?.points ?? [];
  }

  // The version's row that has most of the traffic, or else the last one.
  row(name) {
    const rows = this.rows.filter((row) => row.name === name);
    return rows.reduce((best, row) => (row.traffic_percent >= best.traffic_percent ? row : best), rows[0]);
  }

  #pause() {
    clearTimeout(this.#timer);
    this.#histories.forEach((history) => (history.looks = []));
  }

  async #look() {
    clearTimeout(this.#timer);
    try {
      const found = await getJson("page/live");
      this.version = found.version;
      this.rows = [...found.models, ...(await this.#others(found.models))];
      found.models.forEach((row) => this.#note(row, found.seconds));
      this.onTrouble("");
    } catch (error) {
      const next = WANTS_KEY.includes(error.status) ? "" : " This page tries again every two seconds.";
      this.onTrouble(error.message + next, WANTS_KEY.includes(error.status));
    }
    this.#listeners.forEach((listener) => listener());
    if (!document.hidden) this.#timer = setTimeout(() => this.look(), EVERY);
  }

  // What lies in the repository and was never loaded; asked for once, since the server reads its disk for it.
  async #others(known) {
    this.index ??= await getJson("v2/repository/index", { method: "POST" });
    const names = new Set(known.map((row) => row.name));
    return this.index
      .filter((row) => !names.has(row.name) && !row.state)
      .map(({ name }) => ({ name, version: "", state: "UNKNOWN", reason: "", traffic_percent: 0, counts: null }));
  }

  #note(row, at) {
    const its = key(row.name, row.version);
    if (!row.counts) return this.#histories.delete(its);
    let history = this.#histories.get(its);
    if (history?.loaded !== row.counts.loaded || history.looks.at(-1)?.at > at) {
      history = { loaded: row.counts.loaded, looks: [], points: [] };
      this.#histories.set(its, history);
    }
    const look = { ...row.counts, at };
    if (history.looks.length) history.points = [...history.points, between(history.looks[0], look)].slice(-POINTS);
    history.looks = [...history.looks, look].slice(-SPAN);
    return history;
  }
}

const key = (name, version) => `${name}\n${version}`;
