/** The report of a load run in a real browser: on a phone, a desktop, paper, in the dark, and without script. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { URLS_RESULT } from '#src/load/measure/load-result.fixture.ts';
import type { LoadResult } from '#src/load/measure/load-result.ts';
import {
  emptyRun,
  hostileRun,
  hourRun,
  oneSecondRun,
  singleRun,
  wideRun,
  zeroRun,
} from '#src/load/report/html/border-runs.fixture.ts';
import { renderHtmlReport } from '#src/load/report/html/html-report.ts';
import {
  comparedRuns,
  failedRun,
  healthyRun,
  portsRun,
  searchedRun,
  stalledRun,
} from '#src/load/report/html/sample-runs.fixture.ts';
import { CHROMIUM_IS_MISSING, Chromium } from './chromium.ts';
import { OVERFLOWING } from './overflow.ts';
import type { Page, Screen } from './page.ts';

/** A phone and a desktop for every run; the smallest phone and a tablet for those with the most to show. */
const WIDTHS = [390, 1200];
const MORE_WIDTHS = [320, 390, 768, 1200];
const WITH_MOST: readonly string[] = ['stalled', 'compared', 'searched'];

/** Pairs of labels of one chart that overlap, and labels that stand out of the page. */
const CLASHING_LABELS = `(() => {
  const found = [];
  for (const figure of document.querySelectorAll('figure')) {
    const title = figure.querySelector('h3').textContent;
    const boxes = [...figure.querySelectorAll('.labels text')]
      .map((label) => ({ text: label.textContent, box: label.getBoundingClientRect() }))
      .filter(({ box }) => box.width > 0);
    const card = figure.closest('.card').getBoundingClientRect();
    for (const { text, box } of boxes)
      if (box.left < card.left || box.right > card.right) found.push(title + ': "' + text + '" leaves its card');
    for (const [i, a] of boxes.entries())
      for (const b of boxes.slice(i + 1))
        if (a.box.left < b.box.right && b.box.left < a.box.right && a.box.top < b.box.bottom - 2 && b.box.top < a.box.bottom - 2)
          found.push(title + ': "' + a.text + '" and "' + b.text + '"');
  }
  return found;
})()`;

/** Labels of ours that are broken inside of a word; what comes from outside may be one endless word. */
const BROKEN_WORDS = `(() => {
  const found = [];
  const texts = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode(); text !== null; text = texts.nextNode()) {
    const { parentElement } = text;
    // The heads of a folded table are for screen readers alone.
    const heads = parentElement.closest('thead');
    if (heads !== null && getComputedStyle(heads).position === 'absolute') continue;
    if (parentElement.closest('svg, script, style, h1, .given, .name, .address, .sentence, .reasons, .warning') !== null) continue;
    for (const { 0: word, index } of text.textContent.matchAll(/[^\\s\u00a0-]+/g)) {
      const range = document.createRange();
      range.setStart(text, index);
      range.setEnd(text, index + word.length);
      const lines = new Set([...range.getClientRects()].filter(({ width }) => width > 2).map(({ top }) => Math.round(top)));
      if (lines.size > 1) found.push(parentElement.tagName + ': ' + word);
    }
  }
  return found;
})()`;

const COLOURS = `(() => {
  const style = getComputedStyle(document.body);
  return [style.backgroundColor, style.color, getComputedStyle(document.querySelector('.line.s0')).stroke].join(' ');
})()`;

describe('the load report in Chromium', { skip: CHROMIUM_IS_MISSING }, () => {
  let browser: Chromium;
  let page: Page;
  let folder: string;

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'holdfast-report-'));
    browser = await Chromium.launch();
    page = await browser.newPage();
  });
  after(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function open(name: string, screen: Screen, result: LoadResult, earlier: LoadResult[] = []) {
    const file = path.join(folder, `${name}.html`);
    writeFileSync(file, renderHtmlReport(result, earlier));
    await page.setScreen(screen);
    page.errors.length = 0;
    page.requests.length = 0;
    const url = pathToFileURL(file).href;
    await page.open(url);
    return url;
  }

  const compared = comparedRuns();
  const runs: [name: string, result: LoadResult, earlier?: LoadResult[]][] = [
    ['healthy', healthyRun()],
    ['stalled', stalledRun()],
    ['ports', portsRun()],
    ['compared', compared.result, compared.before],
    ['failed', failedRun()],
    ['searched', searchedRun(), [stalledRun()]],
    ['empty', emptyRun()],
    ['single', singleRun()],
    ['one-second', oneSecondRun()],
    ['zero', zeroRun()],
    ['wide', wideRun()],
    ['hour', hourRun()],
    ['hostile', hostileRun(), [hostileRun()]],
    ['urls', URLS_RESULT],
  ];
  for (const [name, result, earlier] of runs)
    it(`fits every screen, asks for nothing and complains of nothing: ${name}`, async () => {
      const url = await open(name, { width: 360 }, result, earlier);
      // The table of an hour's seconds folds as any other, and takes a second to lay out.
      if (name !== 'hour')
        await page.evaluate(`for (const each of document.querySelectorAll('details')) each.open = true`);
      for (const width of WITH_MOST.includes(name) ? MORE_WIDTHS : WIDTHS) {
        await page.setScreen({ width });
        assert.deepEqual(await page.evaluate(OVERFLOWING), [], `at ${width} px`);
        assert.deepEqual(await page.evaluate(CLASHING_LABELS), [], `at ${width} px`);
        if (name !== 'hostile') assert.deepEqual(await page.evaluate(BROKEN_WORDS), [], `at ${width} px`);
      }
      assert.deepEqual(page.errors, []);
      assert.deepEqual(
        page.requests.filter((each) => !each.startsWith('data:')),
        [url],
      );
    });

  it('canary: what is too wide, and labels that clash, are found', async () => {
    await open('healthy', { width: 360 }, healthyRun());
    assert.ok((await page.evaluate<number>(`document.querySelectorAll('.labels text').length`)) > 30);
    await page.evaluate(`(() => {
      const labels = [...document.querySelector('figure').querySelectorAll('.labels text[dy="18"]')];
      const [one, other] = labels.filter((label) => label.getBoundingClientRect().width > 0);
      one.setAttribute('x', other.getAttribute('x'));
      document.querySelector('.tile').style.width = '400px';
    })()`);
    assert.equal((await page.evaluate<string[]>(CLASHING_LABELS)).length, 1);
    assert.notDeepEqual(await page.evaluate(OVERFLOWING), []);
    assert.deepEqual(await page.evaluate(BROKEN_WORDS), []);
    await page.evaluate(`document.querySelector('.tile h2').style = 'width: 30px; overflow-wrap: anywhere'`);
    assert.notDeepEqual(await page.evaluate(BROKEN_WORDS), []);
  });

  it('runs nothing of what came from outside', async () => {
    await open('hostile', { width: 1280 }, hostileRun(), [hostileRun()]);
    assert.equal(await page.evaluate('typeof window.harmed'), 'undefined');
    assert.equal(await page.evaluate(`document.querySelectorAll('img, [onerror]').length`), 0);
    assert.match(await page.evaluate('document.querySelector("h1").textContent'), /<\/script><script>/);
  });

  it('would not run it even if it got in', async () => {
    await open('healthy', { width: 1280 }, healthyRun());
    await page.evaluate(
      `document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.harmed = 1' }))`,
    );
    assert.equal(await page.evaluate('typeof window.harmed'), 'undefined');
    assert.match(page.errors.join(), /Content Security Policy/);
  });

  it('gives the data back as it went in', async () => {
    const result = hostileRun();
    await open('download', { width: 360 }, result);
    assert.equal(await page.evaluate(`document.getElementById('download').checkVisibility()`), true);
    await page.evaluate(`document.getElementById('download').click()`);
    const file = await browser.downloaded();
    assert.match(path.basename(file), /^holdfast-load-.*\.json$/);
    const text = readFileSync(file, 'utf8');
    assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(result)));
    assert.equal(text, `${JSON.stringify(result, null, 2)}\n`);
    assert.equal(readdirSync(browser.downloads).length, 1);
  });

  it('is dark where that is preferred, and light on paper all the same', async () => {
    await open('healthy', { width: 1280 }, healthyRun());
    const light = await page.evaluate<string>(COLOURS);
    await page.setScreen({ width: 1280, dark: true });
    const dark = await page.evaluate<string>(COLOURS);
    await page.setScreen({ width: 1280, dark: true, paper: true });
    const paper = await page.evaluate<string>(COLOURS);
    for (const [i, colour] of light.split(') ').entries()) assert.notEqual(dark.split(') ')[i], colour);
    assert.equal(paper.split(') ')[2], light.split(') ')[2]);
    assert.match(paper, /^rgb\(255, 255, 255\)/);
  });

  it('is printed on A4 without what needs a pointer, and no chart is cut', async () => {
    await open('compared', { width: 794, paper: true }, compared.result, compared.before);
    assert.equal(await page.evaluate(`document.getElementById('download').checkVisibility()`), false);
    assert.equal(await page.evaluate(`document.querySelector('details').checkVisibility()`), false);
    assert.equal(
      await page.evaluate(
        `[...document.querySelectorAll('figure')].every((each) => getComputedStyle(each).breakInside === 'avoid')`,
      ),
      true,
    );
    const pdf = (await page.pdf()).toString('latin1');
    assert.match(pdf, /^%PDF-/);
    // A4 in points, 1/72 inch: 595 by 842.
    const sizes = [...pdf.matchAll(/\/MediaBox ?\[0 0 ([\d.]+) ([\d.]+)\]/g)];
    assert.ok(sizes.length >= 2 && sizes.length <= 9, `${sizes.length} pages`);
    for (const [, width, height] of sizes)
      assert.ok(
        Math.abs(Number(width) - 595) < 2 && Math.abs(Number(height) - 842) < 2,
        `${width} x ${height}`,
      );
  });

  it('says what it says without its script', async () => {
    await page.setScript(false);
    try {
      await open('compared', { width: 360 }, compared.result, compared.before);
      assert.equal(await page.evaluate(`document.getElementById('download').checkVisibility()`), false);
      assert.equal(await page.evaluate(`document.getElementById('no-script').checkVisibility()`), true);
      assert.deepEqual(await page.evaluate(OVERFLOWING), []);
      assert.equal(await page.evaluate(`document.querySelectorAll('figure .lines path').length >= 20`), true);
      assert.equal(await page.evaluate(`document.querySelectorAll('[tabindex]').length`), 0);
    } finally {
      await page.setScript(true);
    }
  });

  it('reads values out by pointer and by keys', async () => {
    const result = healthyRun();
    await open('healthy', { width: 1280 }, result);
    const readOut = `document.querySelectorAll('.read-out')[1].textContent`;
    assert.equal(await page.evaluate(readOut), '');
    const [x, y] = await page.evaluate<[number, number]>(`(() => {
      const reader = document.querySelectorAll('.reader')[1];
      reader.scrollIntoView({ block: 'center' });
      const box = reader.getBoundingClientRect();
      return [box.left + box.width * 17.5 / 30, box.top + 50];
    })()`);
    await page.movePointer(x, y);
    const answered = (second: number) => result.series[second]!.answered.toLocaleString('en');
    await page.until(`${readOut} === '17\\u00a0sanswered ${answered(17)}\\u00a0/s'`);
    await page.movePointer(5, 5);
    await page.until(`${readOut} === ''`);
    await page.evaluate(`document.querySelectorAll('.reader')[1].focus()`);
    await page.press('End');
    await page.until(`${readOut} === '29\\u00a0sanswered ${answered(29)}\\u00a0/s'`);
    await page.press('ArrowLeft');
    await page.until(`${readOut}.startsWith('28')`);
    assert.match(
      await page.evaluate(`document.querySelectorAll('.reader')[1].getAttribute('aria-valuetext')`),
      /^28.s: answered/,
    );
  });
});
