/**
 * Prometheus' text exposition format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/): families with HELP and TYPE, one
 * sample a line. It knows the format and none of our numbers. Names are ours and asserted; label values
 * may come from anywhere and are escaped.
 */
import { assert } from '../base/assert.ts';

export const EXPOSITION_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

interface HistogramSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly counts: readonly number[];
  readonly sum: number;
}

export class Exposition {
  #text = '';
  readonly #families = new Set<string>();

  /** A number that only grows; `name` ends in `_total`. */
  counter(name: string, help: string, value: number): void {
    this.#family(name, 'counter', help);
    this.#text += `${name} ${number(value)}\n`;
  }

  /** A counter for each value of one label. A family without samples is not written. */
  counters(name: string, help: string, label: string, values: Readonly<Record<string, number>>): void {
    this.#labelled(name, 'counter', help, label, values);
  }

  gauge(name: string, help: string, value: number): void {
    this.#family(name, 'gauge', help);
    this.#text += `${name} ${number(value)}\n`;
  }

  gauges(name: string, help: string, label: string, values: Readonly<Record<string, number>>): void {
    this.#labelled(name, 'gauge', help, label, values);
  }

  /**
   * A classic histogram: buckets that count all up to their bound, a sum and a count. `name` ends in the unit.
   * @param series one for each set of labels; `counts` has one more than `bounds`, for what is above the last
   */
  histogram(name: string, help: string, bounds: readonly number[], series: readonly HistogramSeries[]): void {
    if (series.length === 0) return;
    this.#family(name, 'histogram', help);
    for (const { labels, counts, sum } of series) {
      assert(counts.length === bounds.length + 1, `${name}: a count for each bucket`);
      const own = Object.entries(labels).map(([label, value]) => pair(label, value));
      let total = 0;
      for (const [i, count] of counts.entries()) {
        total += count;
        const bound = pair('le', number(bounds[i] ?? Number.POSITIVE_INFINITY));
        this.#text += `${name}_bucket{${[...own, bound].join(',')}} ${number(total)}\n`;
      }
      const set = own.length === 0 ? '' : `{${own.join(',')}}`;
      this.#text += `${name}_sum${set} ${number(sum)}\n${name}_count${set} ${number(total)}\n`;
    }
  }

  /** The constant 1, with facts as labels: how Prometheus joins versions and names to numbers. */
  info(name: string, help: string, labels: Readonly<Record<string, string>>): void {
    this.#family(name, 'gauge', help);
    const pairs = Object.entries(labels).map(([label, value]) => pair(label, value));
    this.#text += `${name}{${pairs.join(',')}} 1\n`;
  }

  toString(): string {
    return this.#text;
  }

  #labelled(
    name: string,
    type: 'counter' | 'gauge',
    help: string,
    label: string,
    values: Readonly<Record<string, number>>,
  ): void {
    const entries = Object.entries(values);
    if (entries.length === 0) return;
    this.#family(name, type, help);
    for (const [value, count] of entries) this.#text += `${name}{${pair(label, value)}} ${number(count)}\n`;
  }

  #family(name: string, type: 'counter' | 'gauge' | 'histogram', help: string): void {
    assert(NAME.test(name), `a metric is named ${name}`);
    assert(name.endsWith('_total') === (type === 'counter'), `${name}: counters and only they end in _total`);
    assert(!this.#families.has(name), `the family ${name} is written twice`);
    this.#families.add(name);
    this.#text += `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${type}\n`;
  }
}

function pair(label: string, value: string): string {
  assert(LABEL_NAME.test(label), `a label is named ${label}`);
  return `${label}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}

/** Writes what Go's ParseFloat reads. */
function number(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  return String(value);
}
