/** The page that shows a folder, in a real browser: names of every kind, narrow and wide, light and dark, by keyboard. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { files, type Server, serve } from '#src/index.ts';
import { CHROMIUM_IS_MISSING, Chromium } from './chromium.ts';
import { OVERFLOWING } from './overflow.ts';
import type { Page } from './page.ts';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const FOLDER = 'photos & <films>';

describe('the page of a folder in Chromium', { skip: CHROMIUM_IS_MISSING }, () => {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-page-'));
  let browser: Chromium;
  let page: Page;
  let server: Server;
  let url = '';

  before(async () => {
    mkdirSync(join(root, FOLDER, '2026'), { recursive: true });
    const names = ['README.md', 'x'.repeat(200), 'javascript:alert(1)', '"><script>window.hit=1<&.txt', 'a name with spaces, as exports have it - final (2).pdf', 'äöü €.txt', '%2e%2e', 'what?.txt', '#1.txt']; // biome-ignore format: a list
    for (const [i, name] of names.entries()) {
      const file = join(root, FOLDER, name);
      writeFileSync(file, '');
      truncateSync(file, 10 ** (i + 1));
    }
    server = await serve({ port: 0, logger: quiet, fetch: files(root, { listing: true }) });
    url = `${server.url}/${encodeURIComponent(FOLDER)}/`;
    browser = await Chromium.launch();
    page = await browser.newPage();
  });
  after(async () => {
    await browser?.close();
    await server?.close(true);
    rmSync(root, { recursive: true });
  });

  for (const width of [360, 1280])
    for (const dark of [false, true])
      it(`fits a screen of ${width} px and asks for nothing else${dark ? ', in the dark' : ''}`, async () => {
        await page.setScreen({ width, dark });
        page.errors.length = 0;
        page.requests.length = 0;
        await page.open(url);
        assert.equal(await page.evaluate(`document.querySelectorAll('tbody tr').length`), 11);
        assert.deepEqual(await page.evaluate(OVERFLOWING), []);
        assert.deepEqual(page.errors, []);
        assert.deepEqual(
          page.requests.filter((each) => each !== url && !each.endsWith('/favicon.ico')),
          [],
        );
        const light = Number(
          await page.evaluate(`getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]`),
        );
        assert.equal(light > 128, !dark);
      });

  it('runs nothing that a name holds, and every link leads to what it names', async () => {
    await page.open(url);
    assert.equal(await page.evaluate('window.hit'), undefined);
    const links = (await page.evaluate(
      `[...document.querySelectorAll('td a')].map((link) => link.href)`,
    )) as string[];
    for (const link of links) {
      assert.ok(link.startsWith(server.url), link);
      assert.equal((await fetch(link, { method: 'HEAD' })).status, 200, link);
    }
  });

  it('is sorted by a click on the head of a column, and again the other way', async () => {
    await page.setScreen({ width: 1280 });
    await page.open(url);
    const names = () =>
      page.evaluate(`[...document.querySelectorAll('tbody tr')].at(-1).textContent.slice(0, 9)`);
    await page.evaluate(`document.querySelectorAll('th a')[1].click()`);
    await page.until(`document.querySelector('th[aria-sort=descending]')?.textContent === 'Size ↓'`);
    assert.equal(await names(), 'README.md');
    await page.evaluate(`document.querySelectorAll('th a')[1].click()`);
    await page.until(`document.querySelector('th[aria-sort=ascending]')?.textContent === 'Size ↑'`);
    assert.equal(await names(), '#1.txt1.0');
  });
});
