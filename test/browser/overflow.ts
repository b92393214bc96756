/** A question to a page: what stands out of the screen's right edge, so that a reader would have to scroll. */

/** JavaScript whose value lists the offenders: none when the page fits. What scrolls within itself may be wide. */
export const OVERFLOWING = `(() => {
  const width = document.documentElement.clientWidth;
  const found = document.documentElement.scrollWidth > width ? ['the page is ' + document.documentElement.scrollWidth + ' px wide'] : [];
  const scrolls = (node) => node !== null && (['auto', 'scroll', 'hidden'].includes(getComputedStyle(node).overflowX) || scrolls(node.parentElement));
  for (const node of document.body.querySelectorAll('*')) {
    const box = node.getBoundingClientRect();
    if (box.width > 0 && box.right > width + 0.5 && !scrolls(node.parentElement))
      found.push(node.tagName + '.' + (node.getAttribute('class') ?? '') + ' ends at ' + Math.round(box.right) + ': ' + node.textContent.slice(0, 40));
  }
  return found.slice(0, 5);
})()`;
