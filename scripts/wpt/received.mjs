/**
 * Puts requests that a handler has received over a real socket in the place of those that a test constructs.
 *
 * A Request is made synchronously and a socket cannot be waited for. So a test file runs twice, each time in a
 * process of its own: `recordRequests` writes down what it constructs; `receiveRequests` has all of that sent to
 * a server, and `replayRequests` hands out what arrived, one for one. What cannot be sent (a body that fails or
 * never ends, a URL that is not http) stays as it was constructed.
 */
import { connect } from 'node:net';
import { serve } from '../../dist/bundle/index.js';

const BODY_WAIT_MS = 1000;
/** What a request gains on its way; a test may make another of one that was received. */
const ON_THE_WAY = new Set(['host', 'content-length', 'x-call']);

/** Replaces the global Request by one that notes. @returns gives what has been noted */
export function recordRequests() {
  const calls = [];
  const Base = globalThis.Request;
  globalThis.Request = class Request extends Base {
    constructor(...given) {
      super(...given);
      const call = { url: this.url, method: this.method, headers: [...this.headers], body: null };
      calls.push(call);
      if (this.body === null || this.bodyUsed || this.body.locked) return;
      call.body = this.clone().arrayBuffer();
      call.body.catch(() => {});
    }
  };
  return async () => {
    const late = new Promise((resolve) => setTimeout(resolve, BODY_WAIT_MS));
    const settled = [];
    for (const { body, ...call } of calls) {
      const bytes = body === null ? null : await Promise.race([body, late]).catch(() => undefined);
      const isSendable = bytes !== undefined && call.url.startsWith('http:');
      settled.push({ ...call, isSendable, body: bytes ? Buffer.from(bytes).toString('base64') : null });
    }
    return settled;
  };
}

/** Has a server on `engine` receive the requests. @returns the handler's Request of each call, in order */
export async function receiveRequests(calls, engine) {
  const waiting = new Map();
  const quiet = { debug() {}, info() {}, warn() {}, error() {} };
  const server = await serve({
    port: 0,
    engine,
    logger: quiet,
    // Never answered: the exchange stays open, and its body can be read when the test gets to it.
    fetch: (request) => {
      waiting.get(request.headers.get('x-call'))(request);
      return new Promise(() => {});
    },
  });
  const received = [];
  for (const [index, call] of calls.entries()) {
    if (!call.isSendable) {
      received.push(undefined);
      continue;
    }
    const arrived = new Promise((resolve) => waiting.set(String(index), resolve));
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(bytesOf(call, index));
    const refused = new Promise((resolve) => socket.once('data', () => resolve(undefined)));
    received.push(await Promise.race([arrived, refused]));
  }
  return received;
}

function bytesOf({ url, method, headers, body }, index) {
  const { host, pathname, search } = new URL(url);
  const fields = headers.filter(([name]) => !ON_THE_WAY.has(name));
  const content = body === null ? undefined : Buffer.from(body, 'base64');
  if (content !== undefined) fields.push(['content-length', String(content.length)]);
  const lines = [['host', host], ['x-call', String(index)], ...fields].map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  const head = Buffer.from(`${method} ${pathname}${search} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1');
  return content === undefined ? head : Buffer.concat([head, content]);
}

/** Replaces the global Request by one that hands out what was received in place of what it constructs. */
export function replayRequests(calls, received) {
  const ready = new Map();
  for (const [index, call] of calls.entries()) {
    const key = keyOf(call);
    if (!ready.has(key)) ready.set(key, []);
    ready.get(key).push(received[index]);
  }
  const counts = { received: 0, constructed: 0 };
  const Base = globalThis.Request;
  globalThis.Request = class Request extends Base {
    constructor(...given) {
      super(...given);
      const request = ready.get(keyOf(this))?.shift();
      if (request === undefined) {
        counts.constructed++;
        return;
      }
      counts.received++;
      // biome-ignore lint/correctness/noConstructorReturn: standing in for what is constructed is the point
      return request;
    }

    static [Symbol.hasInstance](value) {
      return value instanceof Base;
    }
  };
  return counts;
}

function keyOf({ url, method, headers }) {
  return JSON.stringify([
    withoutFragment(url),
    method,
    [...headers].filter(([name]) => !ON_THE_WAY.has(name)),
  ]);
}

function withoutFragment(url) {
  return url.replace(/#.*/, '');
}
