/**
 * The report's only script: the button that gives the data back, and values read out of charts by pointer or
 * arrow keys. Without it the page lacks these two and nothing else. It asks nobody for anything, and whatever
 * it shows is put in as text.
 */

export const REPORT_SCRIPT = `
'use strict';
{
  const button = document.getElementById('download');
  button.hidden = false;
  document.getElementById('no-script').hidden = true;
  button.addEventListener('click', () => {
    const data = JSON.parse(document.getElementById('result').textContent);
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([JSON.stringify(data, null, 2), '\\n'], { type: 'application/json' }));
    link.download = button.dataset.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  });
}
const withText = (name, text) => {
  const node = document.createElement(name);
  node.textContent = text;
  return node;
};
for (const source of document.querySelectorAll('.read-out-data')) {
  const { at, labels, rows } = JSON.parse(source.textContent);
  if (at.length === 0) continue;
  const figure = source.closest('figure');
  const plot = figure.querySelector('.plot');
  const cursor = figure.querySelector('.cursor');
  const out = figure.querySelector('.read-out');
  // Above the picture and not around it: what is inside of a slider is hidden from screen readers.
  const reader = document.createElement('div');
  reader.className = 'reader';
  plot.append(reader);
  reader.tabIndex = 0;
  let chosen = -1;
  const show = (index) => {
    chosen = Math.min(at.length - 1, Math.max(0, index));
    cursor.setAttribute('x1', at[chosen] * 100 + '%');
    cursor.setAttribute('x2', at[chosen] * 100 + '%');
    cursor.classList.add('on');
    const values = rows.map((row) => (row.name === '' ? '' : row.name + ' ') + row.values[chosen]);
    out.replaceChildren(withText('b', labels[chosen]), ...values.map((value) => withText('span', value)));
    reader.setAttribute('aria-valuenow', chosen);
    reader.setAttribute('aria-valuetext', labels[chosen] + ': ' + values.join(', '));
  };
  const hide = () => { cursor.classList.remove('on'); out.replaceChildren(); };
  const nearest = (place) => {
    let low = 0, high = at.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (at[middle] < place) low = middle + 1; else high = middle;
    }
    return low > 0 && place - at[low - 1] < at[low] - place ? low - 1 : low;
  };
  figure.classList.add('reads');
  reader.setAttribute('role', 'slider');
  reader.setAttribute('aria-label', 'Values of: ' + figure.querySelector('h3').textContent);
  reader.setAttribute('aria-valuemin', 0);
  reader.setAttribute('aria-valuemax', at.length - 1);
  reader.setAttribute('aria-valuenow', 0);
  reader.setAttribute('aria-valuetext', labels[0]);
  reader.addEventListener('pointermove', (event) => {
    const box = reader.getBoundingClientRect();
    show(nearest((event.clientX - box.left) / box.width));
  });
  reader.addEventListener('pointerdown', (event) => {
    const box = reader.getBoundingClientRect();
    show(nearest((event.clientX - box.left) / box.width));
  });
  reader.addEventListener('pointerleave', (event) => { if (event.pointerType === 'mouse' && document.activeElement !== reader) hide(); });
  reader.addEventListener('focus', () => { if (reader.matches(':focus-visible') && chosen < 0) show(0); });
  reader.addEventListener('blur', hide);
  reader.addEventListener('keydown', (event) => {
    const far = Math.max(1, Math.round(at.length / 10));
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -far, PageUp: far, Home: -at.length, End: at.length };
    if (!(event.key in steps)) return;
    event.preventDefault();
    show(chosen + steps[event.key]);
  });
}
`;
