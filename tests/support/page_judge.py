"""Expressions by which Chromium judges the page: each returns what is wrong, as a list."""

STICKING_OUT = """
[...document.querySelectorAll('button, input, select, td, th, a, svg, .panel, code')]
.filter(one => {
  const box = one.getBoundingClientRect(), panel = one.closest('.panel, header');
  const edge = panel ? panel.getBoundingClientRect().right : innerWidth;
  return box.width && !one.matches('.skip, thead *') && !one.closest('.line, .sub, .wide')
    && box.right > Math.min(edge, innerWidth) + 1;
}).map(one => one.outerHTML.slice(0, 100))
"""
"""What is cut off at the right edge of the window, or sticks out of the box that it is in."""
PALE = """
(() => {
  const light = color => {
    const [r, g, b] = color.map(part => part / 255)
      .map(part => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const parts = color => (color.match(/[\\d.]+/g) || []).map(Number);
  const ground = one => {
    for (let at = one; at; at = at.parentElement) {
      const found = parts(getComputedStyle(at).backgroundColor);
      if (found.length === 3 || found[3] === 1) return found.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const pale = new Set();
  for (let text; text = walker.nextNode();) {
    const one = text.parentElement;
    if (!text.data.trim() || one.closest('script, :disabled')) continue;
    if (!one.getClientRects().length) continue;
    const both = [parts(getComputedStyle(one).color), ground(one)].map(light);
    const [a, b] = both.sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) pale.add(one.outerHTML.slice(0, 90));
  }
  return [...pale];
})()
"""
"""Texts whose contrast with the ground behind them is less than the 4.5 of WCAG's level AA."""
NAMELESS = """
[...document.querySelectorAll('button, input, select, svg[role=img]')]
.filter(one => {
  const labels = [...(one.labels || [])].some(label => label.textContent.trim());
  const text = one.nodeName === 'BUTTON' && one.textContent.trim();
  return !one.getAttribute('aria-label') && !labels && !text;
}).map(one => one.outerHTML)
"""
"""Fields, buttons and pictures without a name."""
