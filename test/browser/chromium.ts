/**
 * Drives an installed Chromium by the DevTools protocol over a pipe: descriptors 3 and 4, JSON messages that end
 * in NUL (`--remote-debugging-pipe`), so that no port is opened and no library is needed. Knows no page of ours.
 * Each command has a bound in time, and whatever is started here is gone after `close`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { Page } from './page.ts';

const COMMAND_TIMEOUT_MS = 30_000;
const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** The path of an installed Chromium: $CHROMIUM, or the first usual name on the path. */
export function findChromium(): string | undefined {
  const named = process.env['CHROMIUM'];
  if (named !== undefined && named !== '') return isProgram(named) ? named : undefined;
  const folders = (process.env['PATH'] ?? '').split(path.delimiter).filter((folder) => folder !== '');
  return NAMES.flatMap((name) => folders.map((folder) => path.join(folder, name))).find(isProgram);
}

/** For the `skip` option of a test. */
export const CHROMIUM_IS_MISSING =
  findChromium() === undefined ? 'no Chromium is installed here ($CHROMIUM names one)' : false;

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export type Params = Readonly<Record<string, unknown>>;
export type Listener = (method: string, params: Params) => void;

interface Waiting {
  readonly resolve: (result: Params) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

export class Chromium {
  /** Downloads land here; removed with all else of this browser. */
  readonly downloads: string;
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #toBrowser: Writable;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Map<string, Listener>();
  readonly #downloaded: string[] = [];
  /** Names of downloads, by the browser's own names for them. */
  readonly #names = new Map<string, string>();
  #lastId = 0;
  #unread = '';
  #stderr = '';

  private constructor(program: string) {
    this.#folder = mkdtempSync(path.join(tmpdir(), 'holdfast-chromium-'));
    this.downloads = path.join(this.#folder, 'downloads');
    this.#child = spawn(program, flags(path.join(this.#folder, 'profile')), {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
      // A process group of its own, so that its renderers can be ended with it.
      detached: true,
    });
    this.#toBrowser = this.#child.stdio[3] as Writable;
    this.#toBrowser.on('error', () => {}); // it has ended, and `exit` says so
    const fromBrowser = this.#child.stdio[4] as Readable;
    fromBrowser.setEncoding('utf8').on('data', (text: string) => this.#onText(text));
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    const onGone = () => {
      for (const { reject, timer } of this.#waiting.values()) {
        clearTimeout(timer);
        reject(new Error(`Chromium has ended\n${this.#stderr}`));
      }
      this.#waiting.clear();
    };
    this.#child.on('exit', onGone).on('error', onGone);
  }

  static async launch(): Promise<Chromium> {
    const program = findChromium();
    if (program === undefined) throw new Error('no Chromium is installed');
    const browser = new Chromium(program);
    browser.listen('', (method, params) => browser.#onDownload(method, params));
    await browser.send('Browser.setDownloadBehavior', {
      behavior: 'allow',
      downloadPath: browser.downloads,
      eventsEnabled: true,
    });
    return browser;
  }

  async newPage(): Promise<Page> {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    return Page.attach(this, String(targetId), String(sessionId));
  }

  /** @throws Error when the browser refuses the command, ends, or takes longer than the bound */
  send(method: string, params: Params = {}, sessionId?: string): Promise<Params> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null)
      return Promise.reject(new Error(`Chromium has ended\n${this.#stderr}`));
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new Error(`${method} took more than ${COMMAND_TIMEOUT_MS} ms\n${this.#stderr}`));
      }, COMMAND_TIMEOUT_MS);
      this.#waiting.set(id, { resolve, reject, timer });
      this.#toBrowser.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  /** Events of one session; of the browser itself when `sessionId` is `''`. */
  listen(sessionId: string, listener: Listener): void {
    this.#listeners.set(sessionId, listener);
  }

  /** Waits for the next download to be whole, or takes one that is, and returns its path. */
  async downloaded(): Promise<string> {
    const deadline = performance.now() + COMMAND_TIMEOUT_MS;
    for (;;) {
      const file = this.#downloaded.shift();
      if (file !== undefined) return file;
      if (performance.now() > deadline) throw new Error('no download came');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async close(): Promise<void> {
    const { pid } = this.#child;
    if (pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = once(this.#child, 'exit');
      try {
        process.kill(-pid, 'SIGKILL');
      } catch {
        this.#child.kill('SIGKILL');
      }
      await exited;
    }
    // Its processes may still write for a moment.
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }

  #onDownload(method: string, params: Params): void {
    if (method === 'Browser.downloadWillBegin')
      this.#names.set(String(params['guid']), String(params['suggestedFilename']));
    if (method !== 'Browser.downloadProgress' || params['state'] !== 'completed') return;
    this.#downloaded.push(path.join(this.downloads, this.#names.get(String(params['guid'])) ?? ''));
  }

  #onText(text: string): void {
    const messages = (this.#unread + text).split('\0');
    this.#unread = messages.pop()!;
    for (const message of messages) this.#onMessage(JSON.parse(message));
  }

  #onMessage(message: {
    readonly id?: number;
    readonly method?: string;
    readonly params?: Params;
    readonly sessionId?: string;
    readonly result?: Params;
    readonly error?: { readonly message: string };
  }): void {
    if (message.id === undefined) {
      this.#listeners.get(message.sessionId ?? '')?.(message.method!, message.params ?? {});
      return;
    }
    const waiting = this.#waiting.get(message.id);
    if (waiting === undefined) return;
    this.#waiting.delete(message.id);
    clearTimeout(waiting.timer);
    if (message.error === undefined) waiting.resolve(message.result ?? {});
    else waiting.reject(new Error(message.error.message));
  }
}

function flags(profile: string): string[] {
  return [
    '--headless',
    '--remote-debugging-pipe',
    `--user-data-dir=${profile}`,
    // Containers have no user namespaces for its sandbox, and /dev/shm of 64 MiB; the pages are our own.
    '--no-sandbox',
    '--disable-dev-shm-usage',
    '--disable-gpu',
    // It shall ask nobody for anything.
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-default-apps',
    '--disable-extensions',
    '--disable-sync',
    '--disable-breakpad',
    '--no-first-run',
    '--no-default-browser-check',
    '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    '--force-color-profile=srgb',
    '--hide-scrollbars',
  ];
}
