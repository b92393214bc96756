/** The overview of the admin port in a real browser, with clients of several kinds connected. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Response, type Server, serve } from '#src/index.ts';
import { quiet } from '../quiet-logger.ts';
import { RawClient } from '../raw-client.ts';
import { CHROMIUM_IS_MISSING, Chromium } from './chromium.ts';
import { OVERFLOWING } from './overflow.ts';
import type { Page } from './page.ts';

const LONG_TARGET = `/search/${'%3Cscript%3E'.repeat(40)}`;

describe('the overview page in Chromium', { skip: CHROMIUM_IS_MISSING }, () => {
  let browser: Chromium;
  let page: Page;
  let server: Server;
  const clients: RawClient[] = [];

  before(async () => {
    server = await serve({
      port: 0,
      admin: 0,
      logger: quiet,
      fetch: (request) =>
        request.url.endsWith('/hello') ? new Response('hello') : new Promise<Response>(() => {}),
    });
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

  for (const width of [360, 1280])
    for (const dark of [false, true])
      it(`fits a screen of ${width} px and complains of nothing${dark ? ', in the dark' : ''}`, async () => {
        await page.setScreen({ width, dark });
        page.errors.length = 0;
        page.requests.length = 0;
        await page.open(`${server.admin!.url}/`);
        await page.until(`document.querySelectorAll('#rows tr').length > 0`);
        assert.equal(await page.evaluate(`document.getElementById('ready').textContent`), 'ready');
        assert.deepEqual(await page.evaluate(OVERFLOWING), []);
        assert.deepEqual(page.errors, []);
        for (const url of page.requests)
          assert.ok(url === 'data:,' || url.startsWith(server.admin!.url), `it asks for ${url}`);
      });

  it('shows what clients sent as text', async () => {
    await page.setScreen({ width: 1280 });
    await page.open(`${server.admin!.url}/`);
    await page.until(`document.getElementById('rows').textContent.includes('/search/%3Cscript%3E')`);
    assert.equal(await page.evaluate(`document.querySelectorAll('#rows b, #rows script').length`), 0);
  });
});
