/**
 * Clients that keep a server under load while it is replaced: some on connections that they keep, some on
 * a new one for each request. Counts what failed, by what a client that follows the standard cannot help.
 *
 * A kept connection may be closed just as the next request is sent; the server cannot have begun on it, and
 * every client sends it again on a new connection (RFC 9112 §9.3.1, RFC 9110 §9.2.2). That is counted
 * as `resent`. Failed is: a new connection that is refused or reset, an answer that is not whole or not 200,
 * or a request sent again that fails too.
 */
import { connect, type Socket } from 'node:net';
import { askOnce } from './ask-once.ts';
import { sleep } from './figures.ts';

/** Between an answer and the next request: new threads must find a core to start on. */
const THINK_MS = 5;

export interface LoadReport {
  answered: number;
  resent: number;
  readonly failures: string[];
}

export class ReloadClients {
  readonly #port: number;
  readonly #report: LoadReport = { answered: 0, resent: 0, failures: [] };
  readonly #lanes: Promise<void>[] = [];
  #isStopping = false;

  /** @param path answered with 200 and `expected` */
  constructor(port: number, keptCount: number, newCount: number, path: string, expected: string) {
    this.#port = port;
    for (let i = 0; i < keptCount; i++) this.#lanes.push(this.#keep(path, expected));
    for (let i = 0; i < newCount; i++) this.#lanes.push(this.#renew(path, expected, i % 2 === 0));
  }

  get answered(): number {
    return this.#report.answered;
  }

  async stop(): Promise<LoadReport> {
    this.#isStopping = true;
    await Promise.all(this.#lanes);
    return this.#report;
  }

  async #renew(path: string, expected: string, serverCloses: boolean): Promise<void> {
    while (!this.#isStopping) {
      const failure = await askOnce(this.#port, serverCloses, path, expected);
      if (failure === '') this.#report.answered++;
      else this.#report.failures.push(`on a new connection: ${failure}`);
      await sleep(THINK_MS);
    }
  }

  async #keep(path: string, expected: string): Promise<void> {
    let connection: Kept | undefined;
    while (!this.#isStopping) {
      const isFresh = connection === undefined || connection.isOver;
      if (isFresh) connection = new Kept(this.#port);
      const outcome = await connection!.ask(path, expected);
      if (outcome === 'answered') this.#report.answered++;
      else if (outcome === 'closed' && !isFresh) this.#report.resent++;
      else this.#report.failures.push(`on a ${isFresh ? 'new' : 'kept'} connection: ${outcome}`);
      await sleep(THINK_MS);
    }
    connection?.destroy();
  }
}

class Kept {
  isOver = false;
  readonly #socket: Socket;
  #text = '';
  #error = '';
  #changed: () => void = () => {};

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('data', (data: Buffer) => {
      this.#text += data.toString('latin1');
      this.#changed();
    });
    const over = (): void => {
      this.isOver = true;
      this.#changed();
    };
    this.#socket.on('end', over);
    this.#socket.on('close', over);
    this.#socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#error = error.code ?? error.message;
      over();
    });
  }

  /** @returns 'answered', 'closed' when the connection ended without a byte of an answer, or what went wrong */
  async ask(path: string, expected: string): Promise<string> {
    this.#text = '';
    this.#socket.write(`GET ${path} HTTP/1.1\r\nHost: kept\r\n\r\n`);
    const isWhole = (): boolean => this.#text.endsWith(expected);
    const late = setTimeout(() => this.#socket.destroy(new Error('no answer in 10 s')), 10_000);
    while (!isWhole() && !this.isOver) await new Promise<void>((resolve) => (this.#changed = resolve));
    clearTimeout(late);
    if (isWhole() && this.#text.startsWith('HTTP/1.1 200 ')) {
      if (/\r\nconnection: close\r\n/i.test(this.#text)) this.destroy();
      return 'answered';
    }
    return this.#text === ''
      ? this.#error === '' || this.#error === 'ECONNRESET' || this.#error === 'EPIPE'
        ? 'closed'
        : this.#error
      : `ended within ${JSON.stringify(this.#text.slice(0, 200))}`;
  }

  destroy(): void {
    this.isOver = true;
    this.#socket.destroy();
  }
}
