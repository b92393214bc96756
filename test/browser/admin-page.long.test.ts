/** The page of the admin port in a real browser: on a phone and a desktop, in two lights, by keyboard, with a token, without its server. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Response, type ServeOptions, type Server, serve } from '#src/index.ts';
import { quiet } from '../quiet-logger.ts';
import { RawClient } from '../raw-client.ts';
import { CHROMIUM_IS_MISSING, Chromium } from './chromium.ts';
import { OVERFLOWING } from './overflow.ts';
import type { Page } from './page.ts';

const LONG_TARGET = `/search/${'%3Cscript%3E'.repeat(40)}`;
const TOKEN = 'sesame-sesame-sesame';

/** Where each part of the page begins, in px. */
const PLACES = `[...document.querySelectorAll('section, h2, h3')].map((node) => (node.id || node.getAttribute('aria-labelledby') || node.localName) + ' ' + Math.round(node.getBoundingClientRect().top + scrollY))`;
/** What a screen reader would have no name for. */
const NAMED = `[...document.querySelectorAll('button, a, input, [role=region], [role=group], table, section')].filter((node) => {
  const label = node.getAttribute('aria-label') ?? [node.getAttribute('aria-labelledby')].flatMap((id) => id === null ? [] : [document.getElementById(id)?.textContent ?? '']).join('');
  return (label + node.textContent + (node.labels?.[0]?.textContent ?? '')).trim() === '';
}).map((node) => node.outerHTML.slice(0, 80))`;

const start = (options: ServeOptions): Promise<Server> =>
  serve({
    port: 0,
    admin: 0,
    logger: quiet,
    fetch: (request) =>
      request.url.endsWith('/hello') ? new Response('hello') : new Promise<Response>(() => {}),
    ...options,
  });

describe('the admin page in Chromium', { skip: CHROMIUM_IS_MISSING }, () => {
  let browser: Chromium;
  let page: Page;
  let server: Server;
  let url: string;
  const clients: RawClient[] = [];

  before(async () => {
    server = await start({});
    url = `${server.admin!.url}/`;
    for (const head of [`GET ${LONG_TARGET}`, 'GET /hello', 'GET /<b>bold</b>', '']) {
      const client = await RawClient.open(server.port);
      if (head !== '') client.write(`${head} HTTP/1.1\r\nHost: a\r\n\r\n`);
      clients.push(client);
    }
    browser = await Chromium.launch();
    page = await browser.newPage();
  });
  after(async () => {
    for (const client of clients) client.socket.destroy();
    await browser?.close();
    await server?.close(true);
  });

  const pill = (text: string) => page.until(`document.getElementById('ready').textContent === '${text}'`);
  const hasNews = (count = 2) =>
    page.evaluate(`new Promise((resolve) => {
      let left = ${count};
      new MutationObserver(() => { if (--left === 0) resolve(true); })
        .observe(document.getElementById('uptime'), { childList: true, characterData: true, subtree: true });
    })`);

  for (const width of [360, 390, 820, 1280])
    for (const dark of width === 390 || width === 1280 ? [false, true] : [false])
      it(`fits a screen of ${width} px and complains of nothing${dark ? ', in the dark' : ''}`, async () => {
        await page.setScreen({ width, dark });
        page.errors.length = 0;
        page.requests.length = 0;
        await page.open(url);
        await pill('ready');
        await page.until(`document.querySelectorAll('#transfers-table tbody tr').length === 2`);
        assert.deepEqual(await page.evaluate(OVERFLOWING), []);
        assert.deepEqual(page.errors, []);
        assert.ok(page.requests.some((each) => each.endsWith('/events')));
        for (const each of page.requests)
          assert.ok(each === 'data:,' || each.startsWith(server.admin!.url), `it asks for ${each}`);
      });

  it('shows what clients sent as text', async () => {
    await page.setScreen({ width: 1280 });
    await page.open(url);
    const table = `document.getElementById('transfers-table')`;
    await page.until(`${table}.textContent.includes('/search/%3Cscript%3E')`);
    await page.until(`${table}.textContent.includes('/<b>bold</b>')`);
    assert.equal(await page.evaluate(`${table}.querySelectorAll('b, script').length`), 0);
  });

  it('keeps everything where it is from one second to the next, and the rows that it has', async () => {
    await page.setScreen({ width: 1280 });
    await page.open(url);
    await page.until(`document.querySelectorAll('#transfers-table tbody tr').length === 2`);
    await page.evaluate(`document.querySelector('#transfers-table tbody tr').dataset.kept = 'yes'`);
    const before = await page.evaluate(PLACES);
    await hasNews();
    assert.deepEqual(await page.evaluate(PLACES), before);
    assert.equal(await page.evaluate(`document.querySelector('[data-kept]')?.isConnected`), true);
  });

  it('names all that can be reached, and speaks of few things by itself', async () => {
    await page.open(url);
    await pill('ready');
    assert.deepEqual(await page.evaluate(NAMED), []);
    const count = (selector: string) =>
      page.evaluate<number>(`document.querySelectorAll('${selector}').length`);
    for (const landmark of ['main', 'header', 'footer', 'nav[aria-label]', 'h1'])
      assert.equal(await count(landmark), 1);
    assert.equal(await count('thead th:not([scope=col])'), 0);
    assert.equal(await count('[aria-live=assertive]'), 0);
    // What changes each second is in none of them.
    const spoken = `[...document.querySelectorAll('[role=status]')].map((node) => node.textContent).join()`;
    const before = await page.evaluate(spoken);
    await hasNews();
    assert.equal(await page.evaluate(spoken), before);
  });

  it('is worked by the keyboard: skips, pauses, goes on, and reads single seconds of a chart', async () => {
    await page.open(url);
    await pill('ready');
    await hasNews();
    const focused = () =>
      page.evaluate<string>(`document.activeElement.id || document.activeElement.textContent`);
    await page.press('Tab');
    assert.equal(await focused(), 'Skip to the numbers');
    await page.press('Tab');
    assert.equal(await focused(), 'pause');
    await page.press('Enter');
    await pill('paused');
    assert.equal(
      await page.evaluate(`document.getElementById('pause').getAttribute('aria-pressed')`),
      'true',
    );
    const shown = await page.evaluate(`document.getElementById('uptime').textContent`);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    assert.equal(await page.evaluate(`document.getElementById('uptime').textContent`), shown);
    await page.press('Enter');
    await pill('ready');
    for (const name of ['metrics', 'connections', 'status']) {
      await page.press('Tab');
      assert.equal(await focused(), name);
    }
    await page.press('Tab');
    const chart = `document.activeElement`;
    assert.match(
      await page.evaluate(`${chart}.getAttribute('aria-label')`),
      /^The last minutes\. requests\/s: now /,
    );
    await page.press('ArrowLeft');
    assert.match(
      await page.evaluate(`${chart}.parentElement.querySelector('.spoken').textContent`),
      /^\d\d:\d\d:\d\d: requests\/s [\d.,–]+, 5xx\/s [\d.,–]+$/,
    );
    assert.match(
      await page.evaluate(`document.getElementById('requests-time').textContent`),
      /^\d\d:\d\d:\d\d$/,
    );
    await page.press('Escape');
    assert.equal(await page.evaluate(`document.getElementById('requests-time').textContent`), 'now');
  });

  it('asks for the token, says when it is wrong, and takes it out of the address', async (t) => {
    const guarded = await start({ admin: { port: 0, token: TOKEN } });
    t.after(() => guarded.close(true));
    await page.setScreen({ width: 390 });
    await page.open(`${guarded.admin!.url}/`);
    await page.until(`!document.getElementById('sign-in').hidden`);
    assert.equal(await page.evaluate(`document.getElementById('content').hidden`), true);
    assert.deepEqual(await page.evaluate(OVERFLOWING), []);
    const type = (text: string) =>
      page.evaluate(
        `(document.getElementById('token').value = '${text}', document.querySelector('#sign-in button').click())`,
      );
    await type('sesame-sesame-wrong');
    await page.until(`document.getElementById('sign-in-error').textContent === 'That is not the token.'`);
    assert.equal(await page.evaluate(`document.activeElement.id`), 'token');
    await type(TOKEN);
    await pill('ready');
    assert.equal(await page.evaluate(`document.getElementById('sign-in').hidden`), true);
    assert.equal(await page.evaluate(`document.cookie`), '');
    await page.evaluate(`sessionStorage.clear()`);
    // An address that differs in its fragment alone is not loaded anew.
    await page.open('about:blank');
    await page.open(`${guarded.admin!.url}/#token=${TOKEN}`);
    await pill('ready');
    assert.equal(await page.evaluate(`location.hash`), '');
  });

  it('says when its server is away, keeps what it showed, and goes on by itself when there is one again', async () => {
    const first = await start({});
    const { port } = first.admin!;
    await page.setScreen({ width: 1280 });
    await page.open(`${first.admin!.url}/`);
    await pill('ready');
    await hasNews();
    await first.close(true);
    await pill('away');
    assert.equal(await page.evaluate(`document.getElementById('away').hidden`), false);
    assert.match(
      await page.evaluate(`document.getElementById('away-text').textContent`),
      /^No word from the server since \d\d:\d\d:\d\d; what you see is as it was then/,
    );
    const shown = await page.evaluate(`document.getElementById('open-figure').textContent`);
    assert.match(String(shown), /^\d+$/);
    const second = await start({ admin: port });
    try {
      await pill('ready');
      assert.equal(await page.evaluate(`document.getElementById('away').hidden`), true);
    } finally {
      await second.close(true);
    }
  });

  it('says of each part that there is nothing yet, where there is nothing yet', async (t) => {
    const idle = await start({});
    t.after(() => idle.close(true));
    await page.open(`${idle.admin!.url}/`);
    await pill('ready');
    for (const [id, text] of [
      ['transfers-none', 'No request is under way for longer than a second.'],
      ['offenders-none', 'Nobody has gone beyond a deadline or a bound in the last minute.'],
      ['histogram-none', 'No request was answered in the last minute.'],
      ['reasons-none', 'No connection has ended yet.'],
    ] as const) {
      assert.equal(await page.evaluate(`document.getElementById('${id}').textContent`), text);
      assert.equal(await page.evaluate(`document.getElementById('${id}').hidden`), false);
    }
  });
});
