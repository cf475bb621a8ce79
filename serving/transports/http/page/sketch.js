// A sheet to draw on, and a place for pictures that are there already. Gives a PNG, or the file as it is.

import { button, el, field } from "./dom.js";

const SIDE = 280; // pixels of the longer side
const TINY = 16; // pixels; so small pictures are filled by what they show
const TINY_MARGIN = 0.04, MARGIN = 0.2; // of what is drawn, on each side; MNIST's is 4 beside 20
const PAPER = { false: ["#ffffff", "#111111"], true: ["#101010", "#fafafa"] };

// `isDark` is how the sheet begins; with `isCut`, what is drawn is sent as pictures of one thing are made, cut out and
// in the middle; `changed` is called after each stroke and each new picture.
export function sketch({ width, height, isDark, isCut, example, changed }) {
  const ratio = SIDE / Math.max(width, height);
  const canvas = el("canvas", {
    width: Math.max(80, Math.round(width * ratio)),
    height: Math.max(80, Math.round(height * ratio)),
    role: "img",
    "aria-label": "Draw here with a mouse, a pen or a finger; without one, choose a picture below",
  });
  const pen = canvas.getContext("2d");
  const hint = el("p", { class: "hint", "aria-hidden": "true" }, "Draw here");
  const shown = el("img", { alt: "The picture that was chosen", hidden: true });
  const choose = () => chooser.files[0] && use(chooser.files[0]);
  const chooser = el("input", { type: "file", accept: "image/*", onchange: choose });
  const inverted = el("input", { type: "checkbox", onchange: clear });
  inverted.checked = isDark;
  let file = null; // what is asked with; null for nothing
  let last = null;
  let inked = null; // left, top, right and bottom
  let link = "";

  function clear() {
    const [paper, ink] = PAPER[inverted.checked];
    pen.fillStyle = paper;
    pen.fillRect(0, 0, canvas.width, canvas.height);
    const lineWidth = Math.min(canvas.width, canvas.height) / (isCut ? 9 : 14);
    Object.assign(pen, { strokeStyle: ink, lineWidth, lineCap: "round", lineJoin: "round" });
    hint.className = inverted.checked ? "hint light" : "hint";
    hint.hidden = false;
    inked = null;
    present(null);
    changed(false);
  }

  function present(chosen) {
    file = chosen;
    if (link) URL.revokeObjectURL(link);
    link = chosen ? URL.createObjectURL(chosen.blob) : "";
    shown.hidden = !chosen;
    canvas.hidden = Boolean(chosen);
    if (chosen) shown.src = link;
  }

  function use(blob) {
    hint.hidden = true;
    present({ blob, name: blob.name ?? "picture.png" });
    chooser.value = "";
    changed(true);
  }

  function at(event) {
    const box = canvas.getBoundingClientRect();
    const scale = canvas.width / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  }

  function stroke(event) {
    if (!last) return;
    const to = at(event);
    pen.beginPath();
    pen.moveTo(...last);
    pen.lineTo(...to);
    pen.stroke();
    for (const [x, y] of [last, to]) {
      const [left, top, right, bottom] = inked ?? [x, y, x, y];
      inked = [Math.min(left, x), Math.min(top, y), Math.max(right, x), Math.max(bottom, y)];
    }
    last = to;
    keep();
  }

  let isKept = false; // a PNG of the sheet is being made
  function keep() {
    if (isKept) return;
    isKept = true;
    setTimeout(() => sent().toBlob((blob) => {
      isKept = false;
      if (inked && !canvas.hidden) {
        file = { blob, name: "drawing.png" };
        changed(true);
      }
    }), 80);
  }

  function sent() {
    if (!isCut || !inked) return canvas;
    const [left, top, right, bottom] = inked;
    const extent = Math.max(right - left, bottom - top) + pen.lineWidth;
    const side = Math.ceil(extent * (1 + 2 * (width > TINY ? MARGIN : TINY_MARGIN)));
    const cut = el("canvas", { width: side, height: side });
    const onto = cut.getContext("2d");
    onto.fillStyle = PAPER[inverted.checked][0];
    onto.fillRect(0, 0, side, side);
    onto.drawImage(canvas, side / 2 - (left + right) / 2, side / 2 - (top + bottom) / 2);
    return cut;
  }

  canvas.addEventListener("pointerdown", (event) => {
    hint.hidden = true;
    canvas.setPointerCapture(event.pointerId);
    last = at(event);
    stroke(event);
  });
  canvas.addEventListener("pointermove", stroke);
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (last = null));

  const sheet = el("div", { class: "sheet" }, canvas, shown, hint);
  sheet.addEventListener("dragover", (event) => event.preventDefault());
  sheet.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files[0]) use(event.dataTransfer.files[0]);
  });
  const useExample = async () => {
    const found = await example();
    if (found) use(new File([found.blob], found.name, { type: found.blob.type }));
  };
  const tools = el(
    "div",
    { class: "tools" },
    button("Clear", clear),
    example ? button("Example", useExample) : null,
    el("label", { class: "check" }, inverted, "Light on dark"),
  );
  const how = isCut ? el("small", {}, "It is sent cut out and centred.") : null;
  const element = el("div", { class: "sketch" }, sheet, tools, how, field("Or choose a picture", chooser));
  clear();
  return {
    element,
    sheet,
    picture() {
      if (!file) throw new Error("Draw something, or choose a picture.");
      return file;
    },
  };
}
