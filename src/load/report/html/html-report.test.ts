import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it, test } from 'node:test';
import { Script } from 'node:vm';
import type { LoadResult } from '../../measure/load-result.ts';
import {
  emptyRun,
  HOSTILE,
  hostileRun,
  hourRun,
  oneSecondRun,
  singleRun,
  wideRun,
  zeroRun,
} from './border-runs.fixture.ts';
import { renderHtmlReport } from './html-report.ts';
import { measuredOf } from './outcome-section.ts';
import { REPORT_SCRIPT } from './page-script.ts';
import { DARK_COLOURS, LIGHT_COLOURS, REPORT_STYLE } from './page-style.ts';
import {
  comparedRuns,
  failedRun,
  healthyRun,
  portsRun,
  searchedRun,
  stalledRun,
} from './sample-runs.fixture.ts';

const compared = comparedRuns();
const REPORTS: Record<string, string> = {
  healthy: renderHtmlReport(healthyRun()),
  stalled: renderHtmlReport(stalledRun()),
  ports: renderHtmlReport(portsRun()),
  failed: renderHtmlReport(failedRun()),
  searched: renderHtmlReport(searchedRun()),
  compared: renderHtmlReport(compared.result, compared.before),
  'compared with one': renderHtmlReport(compared.result, [stalledRun()]),
  'compared with nothing': renderHtmlReport(emptyRun(), [emptyRun(), failedRun()]),
  empty: renderHtmlReport(emptyRun()),
  single: renderHtmlReport(singleRun()),
  'one second': renderHtmlReport(oneSecondRun()),
  zero: renderHtmlReport(zeroRun()),
  wide: renderHtmlReport(wideRun()),
  hour: renderHtmlReport(hourRun()),
  hostile: renderHtmlReport(hostileRun(), [hostileRun()]),
};

/** All of the page but style, scripts and data. */
const shownIn = (page: string) => page.replace(/<(style|script)\b[^>]*>[\s\S]*?<\/\1>/g, '');
const textsOf = (page: string, element: string) =>
  [...shownIn(page).matchAll(new RegExp(`<${element}\\b[^>]*>([\\s\\S]*?)</${element}>`, 'g'))].map((match) =>
    match[1]!.replace(/<[^>]+>/g, '').replaceAll('\u00a0', ' '),
  );
const dataIn = (page: string): LoadResult =>
  JSON.parse(/<script type="application\/json" id="result">([^<]*)<\/script>/.exec(page)![1]!);

test('a rate is an outcome where the same was asked, and no run is better for having been asked for more', () => {
  const asked = (ratePerSecond: number | undefined, answeredPerSecond: number) => {
    const run = healthyRun();
    return {
      ...run,
      plan: { ...run.plan, ratePerSecond },
      requests: { ...run.requests, answeredPerSecond, failed: 10 * answeredPerSecond },
    };
  };
  const rateRow = (now: LoadResult, then: LoadResult) =>
    /requests a second<\/th>[\s\S]*?<\/tr>/.exec(shownIn(renderHtmlReport(now, [then])))![0];
  assert.match(rateRow(asked(2000, 2000), asked(1000, 1000)), />2\.00×</);
  assert.match(rateRow(asked(2000, 1000), asked(2000, 2000)), /ratio worse">0\.50×, worse/);
  assert.match(rateRow(asked(undefined, 2000), asked(undefined, 1000)), /ratio better">2\.00×, better/);
  assert.doesNotMatch(rateRow(asked(undefined, 2000), asked(1000, 1000)), /better/);
});

test('all latencies of a report are in one unit, which stands in the head of its column', () => {
  for (const page of Object.values(REPORTS)) {
    const heads = textsOf(page, 'th').filter((head) => /^(?:p\d|slowest|this run|latency)[^<]*, /.test(head));
    const units = new Set(heads.map((head) => head.split(', ').at(-1)));
    assert.ok(units.size <= 1, [...units].join(' '));
    const figures = [...shownIn(page).matchAll(/class="figure">[\d.,]+\u00a0([^<]+)</g)].map(
      ([, unit]) => unit,
    );
    assert.ok(new Set(figures).size <= 1, figures.join(' '));
  }
});

test('the outline of a report', () => {
  assert.deepEqual(textsOf(REPORTS['healthy']!, 'h1'), ['GET http://127.0.0.1:8080/']);
  assert.deepEqual(textsOf(REPORTS['healthy']!, 'h2'), [
    'The server’s CPU was the limit',
    'Requests a second',
    'p50 latency',
    'p99 latency',
    'p99.9 latency',
    'Failed requests',
    'Connections',
    'Thresholds: all met',
    'Latency',
    'Over time',
    'Connections',
    'Errors',
    'Answers by status',
    'Plan',
    'Requests and traffic',
    'CPU',
    'Client machine',
  ]);
  assert.deepEqual(textsOf(REPORTS['healthy']!, 'h3'), [
    'How this is known',
    'What to do',
    'Latency by percentile',
    'Requests answered a second',
    'Latency',
    'Connections opened a second',
    'CPU of this client',
    'Open connections and source ports',
  ]);
});

test('compared runs have a column, a ratio and a line in every chart, and what else differs is said', () => {
  const page = REPORTS['compared']!;
  assert.deepEqual(textsOf(page, 'h3').slice(2), [
    'Latency by percentile',
    'Requests answered a second',
    'Latency: p50',
    'Latency: p99',
    'Latency: p99.9',
    'Connections opened a second',
    'CPU of this client',
    'Source ports in use',
  ]);
  for (const figure of shownIn(page).matchAll(/<figure[\s\S]*?<\/figure>/g))
    for (const style of ['s0', 's2', 's3'])
      assert.match(
        figure[0],
        new RegExp(`<path class="line ${style}" d="M[\\d.]+ `),
        figure[0].slice(0, 200),
      );
  const table = page.slice(page.indexOf('Key figures of all runs'));
  assert.deepEqual(textsOf(table, 'th').slice(0, 4), ['figure', 'this run', 'before 1', 'before 2']);
  assert.match(shownIn(page), /1\.19×, better/);
  assert.match(shownIn(page), /0\.36×, better/);
  assert.match(shownIn(page), /<li>connections: 64 in this run, 128 in before 2<\/li>/);
  assert.doesNotMatch(shownIn(page), /in before 1<\/li>/);
});

test('at a constant rate service time is drawn beside latency, and the difference explained', () => {
  const page = shownIn(REPORTS['stalled']!);
  assert.match(page, /coordinated omission/);
  assert.match(page, /<path class="line s5" d="M/);
  assert.doesNotMatch(shownIn(REPORTS['healthy']!), /coordinated omission|service time/);
});

test('marked seconds are shaded in every chart over time, each kind in a lane of its own, and explained', () => {
  const page = shownIn(REPORTS['stalled']!);
  assert.equal([...page.matchAll(/class="shade"/g)].length, 5 * 5); // five stretches in five charts
  for (const [style, y] of [
    ['client-cpu', -9],
    ['client-waited-for-cpu', -18],
    ['late-timers', -27],
  ] as const)
    assert.match(page, new RegExp(`class="m-${style}" y="${y}"`));
  assert.match(page, /the client’s timers fired late \(4 seconds\)/);
});

test('source ports in use are drawn against those available when they come near', () => {
  assert.match(shownIn(REPORTS['ports']!), /source ports available/);
  assert.match(
    shownIn(REPORTS['healthy']!),
    /28,232 were available to one destination, far above this chart/,
  );
});

test('of a search, what was found comes first', () => {
  const [headline] = textsOf(REPORTS['searched']!, 'h2');
  assert.equal(headline, '33,125 req/s is the highest rate found that keeps the threshold');
  assert.match(shownIn(REPORTS['searched']!), /those of the step at 33,125 req\/s/);
  const found = searchedRun();
  const none = { ...found, limitSearch: found.limitSearch.map((step) => ({ ...step, isMet: false })) };
  assert.equal(textsOf(renderHtmlReport(none), 'h2')[0], 'No rate that was tried keeps the threshold');
});

test('thresholds are shown as latencies, or as shares where their name asks for one', () => {
  const threshold = (name: string, limit: number, measured: number) =>
    measuredOf({ name, limit, measured, isMet: true }).replaceAll('\u00a0', ' ');
  assert.equal(threshold('p99 <= 10ms', 10, 9.43), '9.43 ms');
  assert.equal(threshold('p99 <= 1s', 1000, 938), '0.938 s');
  assert.equal(threshold('error rate <= 0.1 %', 0.001, 0.025), '2.5 %');
  assert.equal(threshold('error rate <= 0 %', 0, 0.025), '2.5 %');
  assert.equal(threshold('mean <= 85 µs', 0.085, 0.0812), '81.2 µs');
});

for (const [name, page] of Object.entries(REPORTS))
  describe(`the report of a run: ${name}`, () => {
    it('says nothing that people would not write', () => {
      assert.doesNotMatch(
        shownIn(page).replaceAll('&#39;', ''),
        /\bNaN|Infinity|\bundefined\b|\bnull\b|\[object/,
      );
    });

    it('loads nothing and lets nothing in but its own style and script', () => {
      const shown = shownIn(page);
      assert.doesNotMatch(shown, /<(img|iframe|object|embed|base|form|audio|video)\b/i);
      assert.doesNotMatch(shown, /\s(src|style|on\w+)=(?=["'])/);
      assert.deepEqual(
        [...shown.matchAll(/\shref="([^"]*)"/g)].map((match) => match[1]),
        ['data:,'],
      );
      assert.doesNotMatch(REPORT_STYLE, /@import|url\((?!#)|https?:/);
      const policy = /Content-Security-Policy" content="([^"]*)"/.exec(page)![1]!.replaceAll('&#39;', "'");
      assert.match(policy, /default-src 'none'/);
      for (const text of [REPORT_STYLE, REPORT_SCRIPT])
        assert.ok(policy.includes(`'sha256-${createHash('sha256').update(text).digest('base64')}'`));
      assert.ok(page.includes(`<style>${REPORT_STYLE}</style>`));
      assert.ok(page.includes(`<script>${REPORT_SCRIPT}</script>`));
    });

    it('opens and closes its elements in order', () => {
      assert.deepEqual(unbalanced(shownIn(page)), []);
    });

    it('has a text for every chart, and a name for every table', () => {
      for (const [tag] of page.matchAll(/<svg role="img"[^>]*>/g))
        assert.match(tag, /aria-label="[^"]{20,}"/);
      for (const [table] of page.matchAll(/<table[\s\S]*?<\/table>/g))
        assert.match(table, /<caption[^>]*>[^<]{3,}/);
    });

    it('keeps every point inside of its plot', () => {
      for (const [, path] of page.matchAll(/<path class="(?:line|dot) [^"]*" d="([^"]*)"/g))
        for (const [digits] of path!.matchAll(/-?[\d.]+/g))
          assert.ok(Number(digits) >= 0 && Number(digits) <= 1000);
    });
  });

test('the data comes back as it went in', () => {
  for (const result of [healthyRun(), hostileRun(), emptyRun()])
    assert.deepEqual(dataIn(renderHtmlReport(result)), JSON.parse(JSON.stringify(result)));
});

test('the same results make the same report', () => {
  assert.equal(renderHtmlReport(healthyRun()), REPORTS['healthy']);
});

test('what came from outside is only ever text', () => {
  const page = REPORTS['hostile']!;
  assert.ok(HOSTILE.includes('</script><script>'));
  assert.doesNotMatch(page, /<script>window|<img|onerror="/);
  for (const hidden of ['\u0000', '\u202e']) assert.ok(!shownIn(page).includes(hidden));
  // There is a script for each chart to read out, one with the data, and the script itself.
  const charts = [...page.matchAll(/<figure /g)].length;
  assert.equal([...page.matchAll(/<script/g)].length, charts + 2);
  assert.match(page, /&lt;\/script&gt;&lt;script&gt;window\.harmed=1/);
});

test('a result that was read from JSON makes the same report as the one that was written', () => {
  for (const result of [healthyRun(), stalledRun(), portsRun(), singleRun()]) {
    const read = JSON.parse(JSON.stringify(result)) as LoadResult;
    assert.equal(renderHtmlReport(read, [read]), renderHtmlReport(result, [result]));
  }
});

test('the script is JavaScript, and neither it nor the style can end its own element', () => {
  new Script(REPORT_SCRIPT);
  assert.doesNotMatch(REPORT_SCRIPT + REPORT_STYLE, /<\/(script|style)|<!--/i);
  assert.doesNotMatch(
    REPORT_SCRIPT,
    /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|fetch\(|XMLHttp/,
  );
});

test('texts have a contrast of 4.5 at least, lines of 3, in light and in dark colours', () => {
  for (const colours of [LIGHT_COLOURS, DARK_COLOURS]) {
    const of = Object.fromEntries(
      [...colours.matchAll(/--([\w-]+): (#\w+)/g)].map((match) => [match[1]!, luminance(match[2]!)]),
    );
    const contrast = (a: string, b: string) => {
      const [dark, light] = [of[a]!, of[b]!].sort((x, y) => x - y) as [number, number];
      return (light + 0.05) / (dark + 0.05);
    };
    for (const text of ['text', 'dim', 'accent', 'good', 'warn', 'bad'])
      for (const ground of ['card', 'page']) assert.ok(contrast(text, ground) >= 4.5, `${text} on ${ground}`);
    for (const [text, ground] of [
      ['text', 'warn-wash'],
      ['accent', 'accent-wash'],
      ['warn', 'warn-wash'],
      ['bad', 'bad-wash'],
      ['card', 'accent'],
    ] as const)
      assert.ok(contrast(text, ground) >= 4.5, `${text} on ${ground}`);
    for (const line of ['s0', 's1', 's2', 's3', 's4', 's5', 's6', 'bad'])
      assert.ok(contrast(line, 'card') >= 3, `${line} on card: ${contrast(line, 'card')}`);
  }
});

/** Relative luminance, WCAG 2.2. */
function luminance(hex: string): number {
  const full = hex.length === 4 ? hex.replace(/[^#]/g, '$&$&') : hex;
  const [r, g, b] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(full.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** End tags that do not belong to the innermost open element, and what is left open. */
function unbalanced(page: string): string[] {
  const open: string[] = [];
  const wrong: string[] = [];
  for (const [, slash, name, attributes] of page.matchAll(
    /<(\/?)([a-z][a-z0-9]*)\b((?:[^>"]|"[^"]*")*)>/gi,
  )) {
    if (slash === '/') {
      if (open.pop() !== name) wrong.push(`</${name}>`);
    } else if (!attributes!.endsWith('/') && !/^(meta|link|br|hr|input)$/.test(name!)) open.push(name!);
  }
  return [...wrong, ...open];
}
