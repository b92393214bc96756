/**
 * Where a URL leads: looks its name up, once, and where that gives several addresses takes the first one
 * that can be connected to, since `localhost` is two addresses and servers often listen on one.
 */
import { lookup } from 'node:dns/promises';
import { connect, isIP } from 'node:net';
import { OptionError } from '../base/errors.ts';
import type { ConnectTarget } from '../engine/engine.ts';
import type { PlannedTarget } from './plan.ts';
import type { FieldPair } from './request-encoder.ts';

const DEFAULT_PORT = 80;
/** An address that does not even refuse is passed over after this. */
const TRIAL_MS = 1000;

/** The name of the target does not lead anywhere. */
export class TargetError extends Error {
  override readonly name = 'TargetError';
}

/** Errors are shown, and end up in the logs of CI. */
function withoutPassword(text: string): string {
  return text.replace(/^((?:[a-z][a-z0-9+.-]*:)?(?:\/\/)?[^/?#@]*?:)[^/?#]*@/i, '$1***@');
}

/**
 * @param option what to blame in errors
 * @throws OptionError when it is no http URL
 */
export function parseTargetUrl(option: string, text: string): URL {
  // `localhost:8080/path` is what people type; the URL parser would take `localhost:` for a scheme.
  const spelled = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const shown = withoutPassword(text);
  let url: URL;
  try {
    url = new URL(spelled);
  } catch {
    throw new OptionError(option, shown, 'a target is a URL such as http://127.0.0.1:8080/path');
  }
  if (url.protocol === 'https:')
    throw new OptionError(
      option,
      shown,
      'https targets need TLS, which holdfast load does not speak yet; use http',
    );
  if (url.protocol !== 'http:') throw new OptionError(option, shown, 'a target is an http URL');
  return url;
}

/**
 * The name and password of `http://name:password@host`, as a field; the URL has none afterwards, so that no
 * output shows them. RFC 7617 §2
 */
export function takeCredentials(url: URL): FieldPair | undefined {
  if (url.username === '' && url.password === '') return undefined;
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  url.username = '';
  url.password = '';
  return ['Authorization', `Basic ${Buffer.from(pair, 'utf8').toString('base64')}`];
}

/** @throws TargetError when the name is not known */
export async function resolveTarget(url: URL, unixPath?: string): Promise<PlannedTarget> {
  const authority = url.host;
  const origin = `http://${authority}`;
  if (unixPath !== undefined) return { origin, authority, connect: { unix: unixPath } };
  const port = url.port === '' ? DEFAULT_PORT : Number(url.port);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const addresses = await addressesOf(host);
  const targets = addresses.map(({ address, family }) => ({ address, family, port }));
  const first = targets.length > 1 ? await firstThatAnswers(targets) : targets[0]!;
  return { origin, authority, connect: first };
}

type IpTarget = Exclude<ConnectTarget, { readonly unix: string }>;

async function addressesOf(host: string): Promise<{ address: string; family: 'IPv4' | 'IPv6' }[]> {
  const version = isIP(host);
  if (version !== 0) return [{ address: host, family: version === 4 ? 'IPv4' : 'IPv6' }];
  try {
    const found = await lookup(host, { all: true });
    return found.map(({ address, family }) => ({ address, family: family === 4 ? 'IPv4' : 'IPv6' }));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new TargetError(`${host}: the name cannot be looked up (${code})`);
  }
}

async function firstThatAnswers(targets: readonly IpTarget[]): Promise<IpTarget> {
  for (const target of targets) if (await answers(target)) return target;
  return targets[0]!;
}

function answers({ address, port }: IpTarget): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, timeout: TRIAL_MS });
    const end = (does: boolean) => {
      socket.destroy();
      resolve(does);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
  });
}
