/**
 * Decides who may ask the admin port: whoever names the machine as it is named, is no page of another site, and knows the
 * token, where there is one.
 *
 * A page of another site cannot read what comes back (the port allows no other origin), unless it has its own name point
 * here: DNS rebinding. Then the Host field gives it away. No cookie is ever set: it would be sent to every port of the
 * machine, that of the served program included.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { hostname as machineName } from 'node:os';

interface Refusal {
  readonly status: number;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** RFC 6750 §2.1; the scheme's name is read as RFC 9110 §11.1 has it, in any case. */
const BEARER = /^bearer +([\w.~+/-]+=*)$/i;
const CHALLENGE = 'Bearer realm="holdfast admin"';

export class AdminGuard {
  readonly #names: ReadonlySet<string>;
  readonly #digest: Buffer | undefined;

  /**
   * @param bound what the port was bound to, a name or an address
   * @param names under which operators may ask besides
   * @param token that they must know; undefined where they need none
   */
  constructor(bound: string, names: readonly string[], token: string | undefined) {
    this.#names = new Set(['localhost', bound, machineName(), ...names].map((name) => name.toLowerCase()));
    this.#digest = token === undefined ? undefined : digestOf(token);
  }

  /**
   * @param hostname of the request's URL
   * @returns why this is no request of an operator's browser or tool; undefined where it may be one
   */
  checkSource(hostname: string, headers: Headers): Refusal | undefined {
    if (!this.#isOwnName(hostname.toLowerCase()))
      return {
        status: 421,
        text:
          `${hostname} is not a name of this port; ask for one of ${[...this.#names].join(', ')} or an address, ` +
          'or name it in admin.names (--admin-names)\n',
      };
    const site = headers.get('sec-fetch-site');
    if ((site === 'cross-site' || site === 'same-site') && headers.get('sec-fetch-mode') !== 'navigate')
      return { status: 403, text: 'asked by a page of another site\n' };
    return undefined;
  }

  /** @returns why what was asked for is not told; undefined where it may be */
  checkToken(headers: Headers): Refusal | undefined {
    if (this.#digest === undefined) return undefined;
    const given = BEARER.exec(headers.get('authorization') ?? '')?.[1];
    // Digests are of one length, and tell nothing of how much of a token was right.
    if (given !== undefined && timingSafeEqual(digestOf(given), this.#digest)) return undefined;
    return given === undefined
      ? {
          status: 401,
          text: 'this port wants its token (admin.token, --admin-token): Authorization: Bearer TOKEN\n',
          headers: { 'www-authenticate': CHALLENGE },
        }
      : {
          status: 401,
          text: 'that is not the token of this port (admin.token, --admin-token)\n',
          headers: { 'www-authenticate': `${CHALLENGE}, error="invalid_token"` },
        };
  }

  /** An address was not looked up by anybody, so nobody can have pointed it here. */
  #isOwnName(hostname: string): boolean {
    const name = hostname.replace(/\.$/, '');
    return this.#names.has(name) || name.endsWith('.localhost') || isIP(name.replace(/^\[|\]$/g, '')) !== 0;
  }
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
