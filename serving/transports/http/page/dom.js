// Elements. Rule: text is text whatever it holds, nothing is ever parsed as HTML.

const SVG = "http://www.w3.org/2000/svg";

export function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

export function replace(node, ...children) {
  node.replaceChildren(...given(children));
}

let latest = 0;

// A label with what it belongs to.
export function field(label, control, hint = "") {
  control.id ||= `field-${++latest}`;
  return el("div", { class: "field" }, el("label", { for: control.id }, label), control, hint && el("small", {}, hint));
}

export function button(label, onclick, kind = "") {
  return el("button", { type: "button", class: kind, onclick }, label);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value") node.value = value;
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...given(children));
  return node;
}

// Lists in lists may be given, and nothing.
const given = (children) => children.flat(Infinity).filter((child) => ![null, undefined, ""].includes(child));
