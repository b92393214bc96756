/**
 * The same listener on node:http and on a server of ours, asked the same bytes over sockets: what both answer, without
 * what speaks of a moment or a connection (Date, Connection, Keep-Alive).
 */
import { once } from 'node:events';
import http, { type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type EngineName, type ServeOptions, type Server, serve } from '#src/index.ts';
import { quiet } from './quiet-logger.ts';
import { RawClient } from './raw-client.ts';

export interface Twins {
  readonly ours: Server;
  /** What each of the two answers to the requests, which close their connection. */
  ask(bytes: string): Promise<{ ours: string; theirs: string }>;
  close(): Promise<void>;
}

/**
 * @param node what our server is given
 * @param listener the same for node:http
 */
export async function openTwins(
  engine: EngineName,
  node: object,
  listener: RequestListener,
  options: ServeOptions = {},
): Promise<Twins> {
  const ours = await serve({ port: 0, engine, node, logger: quiet, ...options });
  const theirs = http.createServer(listener).listen(0, '127.0.0.1');
  await once(theirs, 'listening');
  const { port } = theirs.address() as AddressInfo;
  return {
    ours,
    async ask(bytes) {
      const [a, b] = await Promise.all([exchange(ours.port, bytes), exchange(port, bytes)]);
      return { ours: plain(a), theirs: plain(b) };
    },
    async close() {
      theirs.close();
      theirs.closeAllConnections();
      await ours.close(true);
    },
  };
}

async function exchange(port: number, bytes: string): Promise<string> {
  const client = await RawClient.open(port);
  client.write(bytes);
  // Some answers say that the connection is kept, whatever was asked for. Of several the first may end in the same way.
  const isOne = bytes.split(' HTTP/1.1\r\n').length === 2;
  const isOver = (c: RawClient): boolean =>
    c.ended || c.closed || (isOne && c.text.endsWith('\r\n0\r\n\r\n'));
  await client.until(isOver, `the end of ${bytes.slice(0, 60)}`);
  client.destroy();
  return client.text;
}

/** Times and identities that no two answers share. */
function plain(text: string): string {
  return text
    .replace(/^(?:Date|Connection|Keep-Alive): .*\r\n/gim, '')
    .replace(/(expires=)[^;\r]*/gi, '$1')
    .replace(/(connect\.sid=)[^;\r]*/g, '$1');
}

/** A request that closes its connection. */
export function request(line: string, fields: readonly string[] = [], body = ''): string {
  const length = body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
  return [
    `${line} HTTP/1.1`,
    'Host: twins.example',
    ...fields,
    ...length,
    'Connection: close',
    '',
    body,
  ].join('\r\n');
}
