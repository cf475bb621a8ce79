// What is hard to see, to use or to hear, in words: of everything that a page shows now.
() => {
  const faults = [];
  const rgb = (text) => (text.match(/[\d.]+/g) ?? []).map(Number);
  const light = (color) => rgb(color).slice(0, 3).map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const [, , , alpha = 1] = rgb(getComputedStyle(node).backgroundColor);
      if (alpha > 0.99) return getComputedStyle(node).backgroundColor;
    }
    return "rgb(255, 255, 255)";
  };
  const shown = (node) => node.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const name = (node) => `${node.tagName} ${node.className} ${node.textContent.trim().slice(0, 30)}`;
  for (const node of document.querySelectorAll("body *")) {
    if (!shown(node)) continue;
    const says = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    if (says && !node.closest("svg, .hint")) {
      const style = getComputedStyle(node);
      const [one, other] = [light(style.color), light(ground(node))].sort((a, b) => b - a);
      const size = parseFloat(style.fontSize);
      const needed = size >= 24 || (size >= 18.6 && style.fontWeight >= 700) ? 3 : 4.5;
      const contrast = (one + 0.05) / (other + 0.05);
      if (contrast < needed) faults.push(`contrast ${contrast.toFixed(2)}: ${name(node)}`);
    }
    if (node.matches("input, select, textarea") && !node.labels.length) faults.push(`no label: ${name(node)}`);
    const words = node.textContent.trim() || node.ariaLabel;
    if (node.matches("button, a") && !words) faults.push(`no name: ${name(node)}`);
    if (node.matches("img") && !node.hasAttribute("alt")) faults.push(`no alt: ${name(node)}`);
    if (node.matches("svg, canvas") && !(node.ariaLabel || node.ariaHidden)) faults.push(`no words: ${name(node)}`);
  }
  const levels = [...document.querySelectorAll("h1, h2, h3, h4")].filter(shown).map((node) => Number(node.tagName[1]));
  const jumps = levels.some((level, at) => at && level > levels[at - 1] + 1);
  if (levels[0] !== 1 || jumps) faults.push(`headings ${levels}`);
  const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
  if (new Set(ids).size !== ids.length) faults.push(`the same id twice: ${ids}`);
  const width = document.documentElement.scrollWidth;
  if (width > innerWidth) faults.push(`wider than the window: ${width}`);
  return faults;
}
