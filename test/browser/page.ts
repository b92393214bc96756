/**
 * One page of a driven Chromium: opens an address, evaluates, pretends a screen, takes pictures; keeps what the
 * page complains about and what it asks the network for.
 */
import { writeFileSync } from 'node:fs';
import type { Chromium, Params } from './chromium.ts';

const WAIT_MS = 10_000;

export interface Screen {
  readonly width: number;
  /** @default 800 */
  readonly height?: number;
  /** Whether it prefers dark colours. @default false */
  readonly dark?: boolean;
  /** Whether it is paper. @default false */
  readonly paper?: boolean;
}

export class Page {
  /** Uncaught errors, messages of the console at level error, and what the browser's own log calls an error. */
  readonly errors: string[] = [];
  /** Addresses that were asked for, the page's own included. */
  readonly requests: string[] = [];
  readonly #browser: Chromium;
  readonly #targetId: string;
  readonly #sessionId: string;
  #onLoad: (() => void) | undefined;

  private constructor(browser: Chromium, targetId: string, sessionId: string) {
    this.#browser = browser;
    this.#targetId = targetId;
    this.#sessionId = sessionId;
  }

  static async attach(browser: Chromium, targetId: string, sessionId: string): Promise<Page> {
    const page = new Page(browser, targetId, sessionId);
    browser.listen(sessionId, (method, params) => page.#onEvent(method, params));
    for (const domain of ['Page', 'Runtime', 'Network', 'Log']) await page.#send(`${domain}.enable`);
    return page;
  }

  async open(url: string): Promise<void> {
    const loaded = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${url} did not load in ${WAIT_MS} ms`)), WAIT_MS);
      this.#onLoad = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    const [{ errorText }] = await Promise.all([this.#send('Page.navigate', { url }), loaded]);
    if (errorText !== undefined) throw new Error(`${url}: ${errorText}`);
  }

  async setScreen({ width, height = 800, dark = false, paper = false }: Screen): Promise<void> {
    await this.#send('Emulation.setDeviceMetricsOverride', {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: width < 600,
    });
    await this.#send('Emulation.setEmulatedMedia', {
      media: paper ? 'print' : '',
      features: [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }],
    });
  }

  /** Holds for what is opened afterwards. */
  async setScript(isOn: boolean): Promise<void> {
    await this.#send('Emulation.setScriptExecutionDisabled', { value: !isOn });
  }

  /** @param expression JavaScript; a promise is waited for; the value must be JSON */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = (await this.#send('Runtime.evaluate', {
      expression,
      returnByValue: true,
      awaitPromise: true,
      userGesture: true,
    })) as { result: { value: T }; exceptionDetails?: unknown };
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return result.value;
  }

  /** Evaluates until the value is true. */
  async until(expression: string): Promise<void> {
    const deadline = performance.now() + WAIT_MS;
    while (!(await this.evaluate<boolean>(expression))) {
      if (performance.now() > deadline) throw new Error(`did not become true: ${expression}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async press(key: string): Promise<void> {
    // Only with its character does Enter press what has the focus.
    const text = key === 'Enter' ? { text: '\r', windowsVirtualKeyCode: 13 } : {};
    await this.#send('Input.dispatchKeyEvent', { type: 'keyDown', key, code: key, ...text });
    await this.#send('Input.dispatchKeyEvent', { type: 'keyUp', key, code: key });
  }

  async movePointer(x: number, y: number): Promise<void> {
    await this.#send('Input.dispatchMouseEvent', { type: 'mouseMoved', x, y });
  }

  /** The whole page as PNG, however long it is. */
  async screenshot(file: string): Promise<void> {
    const { data } = await this.#send('Page.captureScreenshot', { captureBeyondViewport: true });
    writeFileSync(file, Buffer.from(String(data), 'base64'));
  }

  /** A4, with the page's own margins. */
  async pdf(): Promise<Buffer> {
    const { data } = await this.#send('Page.printToPDF', { preferCSSPageSize: true, printBackground: false });
    return Buffer.from(String(data), 'base64');
  }

  async close(): Promise<void> {
    await this.#browser.send('Target.closeTarget', { targetId: this.#targetId });
  }

  #send(method: string, params: Params = {}): Promise<Params> {
    return this.#browser.send(method, params, this.#sessionId);
  }

  #onEvent(method: string, params: Params): void {
    if (method === 'Page.loadEventFired') this.#onLoad?.();
    else if (method === 'Runtime.exceptionThrown')
      this.errors.push(JSON.stringify(params['exceptionDetails']));
    else if (method === 'Network.requestWillBeSent')
      this.requests.push((params['request'] as { url: string }).url);
    else if (method === 'Runtime.consoleAPICalled' && params['type'] === 'error')
      this.errors.push(JSON.stringify(params['args']));
    else if (method === 'Log.entryAdded') {
      const entry = params['entry'] as { level: string; text: string };
      if (entry.level === 'error') this.errors.push(entry.text);
    }
  }
}
