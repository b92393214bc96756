/**
 * Where a URL leads: looks its name up, once, and where that gives several addresses takes all that can be
 * connected to: a load for one of many would measure one, and `localhost` is two addresses of which servers
 * often listen on one.
 */
import { lookup } from 'node:dns/promises';
import { connect, isIP } from 'node:net';
import { OptionError } from '../../base/errors.ts';
import type { ConnectTarget } from '../../engine/engine.ts';
import { unixAddressOf } from '../../engine/unix-path.ts';
import type { FieldPair } from '../client/h1-request-encoder.ts';
import type { PlannedTarget } from './load-plan.ts';

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };
/** An address that does not even refuse is passed over after this. */
const TRIAL_MS = 1000;

/** The name of the target does not lead anywhere. */
class TargetError extends Error {
  override readonly name = 'TargetError';
}

/** Errors are shown, and end up in the logs of CI. */
export function withoutPassword(text: string): string {
  return text.replace(/^((?:[a-z][a-z0-9+.-]*:)?(?:\/\/)?[^/?#@]*?:)[^/?#]*@/i, '$1***@');
}

/**
 * @param option what to blame in errors
 * @throws OptionError when it is no URL of http or https
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
  if (!Object.hasOwn(DEFAULT_PORTS, url.protocol))
    throw new OptionError(option, shown, 'a target is an http or https URL');
  return url;
}

/**
 * The name and password of `http://name:password@host`, as a field; the URL has none afterwards, so that no
 * output shows them. RFC 7617 §2
 */
export function takeCredentials(url: URL): FieldPair | undefined {
  if (url.username === '' && url.password === '') return undefined;
  const pair = `${decoded(url.username)}:${decoded(url.password)}`;
  url.username = '';
  url.password = '';
  return ['Authorization', `Basic ${Buffer.from(pair, 'utf8').toString('base64')}`];
}

/** A % that begins no code stands for itself, as in curl. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

interface ResolveOptions {
  readonly unixPath?: string | undefined;
  /** Where given, addresses of other families than theirs cannot be connected to. */
  readonly sourceAddresses?: readonly string[];
  /** Whom a certificate has to name. @default the URL's host */
  readonly serverName?: string | undefined;
}

/** @throws TargetError when the name is not known */
export async function resolveTarget(
  url: URL,
  { unixPath, sourceAddresses = [], serverName }: ResolveOptions = {},
  lookUp: LookUpAll = lookUpAll,
): Promise<PlannedTarget> {
  const authority = url.host;
  const origin = `${url.protocol}//${authority}`;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const secure = url.protocol === 'https:' ? { serverName: serverName ?? host } : {};
  if (unixPath !== undefined)
    return { origin, authority, connects: [{ unix: unixAddressOf(unixPath), ...secure }] };
  const port = url.port === '' ? DEFAULT_PORTS[url.protocol]! : Number(url.port);
  const families = new Set(sourceAddresses.map((address) => isIP(address)));
  const addresses = await addressesOf(host, lookUp);
  const usable = addresses.filter((address) => families.size === 0 || families.has(isIP(address)));
  const targets = (usable.length > 0 ? usable : addresses).map((address) => ({
    ...toTarget(address, port),
    ...secure,
  }));
  return { origin, authority, connects: targets.length > 1 ? await thoseThatAnswer(targets) : targets };
}

type IpTarget = Exclude<ConnectTarget, { readonly unix: string }>;
type LookUpAll = (name: string) => Promise<readonly string[]>;

async function lookUpAll(name: string): Promise<readonly string[]> {
  const found = await lookup(name, { all: true });
  return found.map(({ address }) => address);
}

async function addressesOf(host: string, lookUp: LookUpAll): Promise<string[]> {
  if (isIP(host) !== 0) return [host];
  try {
    // A name may stand twice in /etc/hosts with the same address.
    return [...new Set(await lookUp(host))];
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new TargetError(`${host}: the name cannot be looked up (${code})`);
  }
}

function toTarget(address: string, port: number): IpTarget {
  return { address, family: isIP(address) === 4 ? 'IPv4' : 'IPv6', port };
}

/** Where none answers, the first one shows in the run why. */
async function thoseThatAnswer(targets: readonly IpTarget[]): Promise<readonly IpTarget[]> {
  const answered = await Promise.all(targets.map(answers));
  const found = targets.filter((_, index) => answered[index]);
  return found.length > 0 ? found : targets.slice(0, 1);
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
