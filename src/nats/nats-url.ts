/** The address of NATS servers, as users write it. */
import { OptionError } from '../base/errors.ts';

const DEFAULT_PORT = 4222;

export interface NatsAddress {
  /** `host:port` of each server of a cluster. */
  readonly servers: readonly string[];
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly token: string | undefined;
  readonly isTls: boolean;
  /** Without the credentials, for messages. */
  readonly shown: string;
}

/**
 * @param text `nats://[user:password@ or token@]host[:port]`, several with commas between for a cluster
 * @throws OptionError
 */
export function parseNatsUrl(option: string, text: string): NatsAddress {
  const urls = text.split(',').map((each) => parseOne(option, each.trim()));
  const [first] = urls;
  const { username, password } = first!; // split always gives one
  const [user, secret] = [decoded(option, username), decoded(option, password)];
  return {
    servers: urls.map(hostOf),
    user: secret === '' ? undefined : user,
    password: secret === '' ? undefined : secret,
    token: secret === '' && user !== '' ? user : undefined,
    isTls: first!.protocol === 'tls:',
    shown: urls.map((url) => `${url.protocol}//${hostOf(url)}`).join(','),
  };
}

function parseOne(option: string, text: string): URL {
  const allowed = 'a NATS server is a URL such as nats://127.0.0.1:4222 or nats://user:password@host';
  const spelled = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `nats://${text}`;
  let url: URL;
  try {
    url = new URL(spelled);
  } catch {
    throw new OptionError(option, withoutSecrets(text), allowed);
  }
  const isPlain = url.pathname === '' || url.pathname === '/';
  if ((url.protocol !== 'nats:' && url.protocol !== 'tls:') || url.hostname === '' || !isPlain || url.search)
    throw new OptionError(option, withoutSecrets(text), allowed);
  return url;
}

function withoutSecrets(text: string): string {
  return text.replace(/\/\/.*@/, '//');
}

function hostOf({ hostname, port }: URL): string {
  return `${hostname}:${port === '' ? DEFAULT_PORT : port}`;
}

function decoded(option: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new OptionError(option, 'credentials', 'a % in them is written as %25');
  }
}
