/** Medians, spreads and how numbers are shown. Pure. */

/** The middle of the values that are numbers; `undefined` when there is none. */
export function median(values) {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  if (sorted.length === 0) return undefined;
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** (largest - smallest) / median: how far the rounds disagree. */
export function spread(values) {
  const numbers = values.filter(Number.isFinite);
  const middle = median(numbers);
  if (!middle) return undefined;
  return (Math.max(...numbers) - Math.min(...numbers)) / middle;
}

export function ratio(value, reference) {
  return Number.isFinite(value) && Number.isFinite(reference) && reference > 0
    ? value / reference
    : undefined;
}

/** Three significant digits at most, thousands as k: 0.083, 1.52, 12.4, 118k. */
export function short(value) {
  if (!Number.isFinite(value)) return '-';
  const size = Math.abs(value);
  if (size >= 1e6) return `${(value / 1e6).toFixed(2)}M`;
  if (size >= 1e4) return `${(value / 1e3).toFixed(size >= 1e5 ? 0 : 1)}k`;
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return value.toFixed(1);
  if (size >= 1 || size === 0) return value.toFixed(2);
  return value.toFixed(3);
}

/** Rows of cells as text: the first column to the left, the others to the right. */
export function formatTable(rows) {
  const widths = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, String(cell).length);
    });
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === 0 ? String(cell).padEnd(widths[i]) : String(cell).padStart(widths[i])))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
