/**
 * What Prometheus and `promtool check metrics` hold a text exposition to, for tests: the grammar of 0.0.4, families
 * whole and once, histograms that add up, names with base units.
 */
import assert from 'node:assert/strict';

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly type: string;
  readonly samples: Sample[];
}

const SAMPLE =
  /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (\+Inf|-Inf|NaN|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"/g;
const TYPES = ['counter', 'gauge', 'histogram', 'summary', 'untyped'];
/** Units that are not base units, as promtool refuses them. */
const OTHER_UNITS =
  /_(?:milliseconds|microseconds|ms|us|minutes|hours|kilobytes|megabytes|kib|mib|percent)(?:_|$)/;

/** Parses `text` and asserts every rule. @returns the families by name */
export function checkExposition(text: string): Map<string, Family> {
  assert.ok(text.endsWith('\n'), 'the last line ends');
  const families = new Map<string, Family>();
  const helped = new Set<string>();
  const series = new Set<string>();
  let current: Family | undefined;
  for (const line of text.slice(0, -1).split('\n')) {
    const comment = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line);
    if (comment !== null) {
      const [, kind, name, rest] = comment;
      if (kind === 'HELP') {
        assert.ok(!helped.has(name!), `${name} has one HELP`);
        helped.add(name!);
        continue;
      }
      assert.ok(helped.has(name!), `${name} has a HELP`);
      assert.ok(!families.has(name!), `${name} has one TYPE`);
      assert.ok(TYPES.includes(rest!), `${name} is a ${rest}`);
      assert.doesNotMatch(name!, OTHER_UNITS);
      assert.equal(name!.endsWith('_total'), rest === 'counter', `${name}: counters end in _total`);
      current = { name: name!, type: rest!, samples: [] };
      families.set(name!, current);
      continue;
    }
    const match = SAMPLE.exec(line);
    assert.ok(match !== null, `a line that is none: ${line}`);
    const labels = Object.fromEntries(
      [...(match[2] ?? '').matchAll(LABEL)].map(([, name, value]) => [name!, value!]),
    );
    const name = match[1]!;
    assert.ok(current !== undefined, `${name} has a TYPE before it`);
    const suffixes = current.type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
    assert.ok(
      suffixes.some((suffix) => name === current!.name + suffix),
      `${name} is among ${current.name}`,
    );
    const key = name + JSON.stringify(Object.entries(labels).sort());
    assert.ok(!series.has(key), `${line} comes twice`);
    series.add(key);
    current.samples.push({
      name,
      labels,
      value: match[3] === '+Inf' ? Number.POSITIVE_INFINITY : Number(match[3]),
    });
  }
  for (const family of families.values()) {
    assert.ok(family.samples.length > 0, `${family.name} has samples`);
    if (family.type === 'counter') for (const { value } of family.samples) assert.ok(value >= 0);
    if (family.type === 'histogram') checkHistogram(family);
  }
  return families;
}

function checkHistogram({ name, samples }: Family): void {
  const sets = new Map<string, Sample[]>();
  for (const sample of samples) {
    const { le: _, ...own } = sample.labels;
    const key = JSON.stringify(Object.entries(own).sort());
    sets.set(key, [...(sets.get(key) ?? []), sample]);
  }
  for (const [key, of] of sets) {
    const buckets = of.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels }) => Number(labels['le']!.replace('+Inf', 'Infinity')));
    const counts = buckets.map(({ value }) => value);
    assert.ok(
      bounds.every((bound, i) => i === 0 || bound > bounds[i - 1]!),
      `${name}${key}: bounds rise`,
    );
    assert.ok(
      counts.every((count, i) => i === 0 || count >= counts[i - 1]!),
      `${name}${key}: counts are cumulative`,
    );
    assert.equal(bounds.at(-1), Number.POSITIVE_INFINITY, `${name}${key}: the last bucket is +Inf`);
    const one = (suffix: string) => {
      const found = of.filter((sample) => sample.name === name + suffix);
      assert.equal(found.length, 1, `${name}${suffix}${key} comes once`);
      return found[0]!.value;
    };
    assert.equal(one('_count'), counts.at(-1), `${name}${key}: the count is that of +Inf`);
    assert.ok(one('_sum') >= 0);
  }
}
