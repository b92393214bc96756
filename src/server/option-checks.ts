/** Checks of what only a server is given: its logger, its signal, its address. Each names the option, the value and what is allowed. */

import { OptionError } from '../base/errors.ts';
import { parseTrustProxy, type TrustedProxies } from '../http/trusted-proxies.ts';

/** By shape: a polyfill's, or one of another realm, will do. */
export function checkSignal(option: string, value: unknown): void {
  if (value === undefined || value instanceof AbortSignal) return;
  const { aborted, addEventListener } = (value ?? {}) as Partial<AbortSignal>;
  if (typeof aborted !== 'boolean' || typeof addEventListener !== 'function')
    throw new OptionError(option, value, 'an AbortSignal');
}

/** `debug` is not needed: nothing that the server says is worth less than info. */
const LOGGER_METHODS = ['info', 'warn', 'error'] as const;

export function checkLogger(option: string, value: unknown): void {
  if (value === undefined) return;
  const missing = LOGGER_METHODS.filter(
    (method) => typeof (value as Record<string, unknown> | null)?.[method] !== 'function',
  );
  if (missing.length > 0)
    throw new OptionError(
      option,
      value,
      `an object with the methods debug, info, warn, error, such as console or pino; it has no ${missing.join(', ')}`,
    );
}

export function checkHostname(option: string, value: unknown): string {
  if (typeof value !== 'string' || value === '')
    throw new OptionError(option, value, 'a host name or an address');
  return value;
}

/** A path, or `@name` in the abstract namespace, which may be given with Node's leading NUL too. */
export function checkUnix(value: unknown): void {
  // sun_path holds 108 bytes with the final NUL of a path (unix(7)).
  if (typeof value !== 'string' || !/^.[^\0]*$/s.test(value) || Buffer.byteLength(value) > 107)
    throw new OptionError('unix', value, 'a path of 1 to 107 bytes');
  if (/^[@\0]/.test(value) && process.platform !== 'linux')
    throw new OptionError(
      'unix',
      value,
      'a path; abstract names are for Linux, and a file of that name is ./@name',
    );
}

/** @param orElse what else is allowed in its place, for the message */
export function portNumber(option: string, value: unknown, orElse = ''): number {
  const port = typeof value === 'string' && /^\d{1,5}$/.test(value) ? Number(value) : value;
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 0 || port > 65535)
    throw new OptionError(option, value, `a port is a whole number from 0 (any free one) to 65535${orElse}`);
  return port;
}

/** What `node` may be, and beside what. @throws OptionError */
export function checkNode(node: unknown, fetch: unknown, module: unknown): void {
  if (node === undefined) return;
  if (fetch !== undefined) throw new OptionError('node', node, 'not together with `fetch`');
  if (node === true) {
    if (module === undefined) throw new OptionError('node', node, 'true speaks of what a `module` exports');
    return;
  }
  if (module !== undefined)
    throw new OptionError('node', node, 'true, with `module`: the listener is its default export');
  if ((typeof node !== 'object' && typeof node !== 'function') || node === null)
    throw new OptionError('node', node, 'a listener (req, res) => void, or an app or server that has one');
}

/** What `trustProxy` takes, but a number: hops mean nothing here. @returns undefined for nobody */
export function checkProxyProtocol(value: unknown): TrustedProxies | undefined {
  if (typeof value === 'number')
    throw new OptionError('proxyProtocol', value, 'true, false, or addresses and CIDR ranges');
  return parseTrustProxy('proxyProtocol', value);
}
