/**
 * Which certificate is for which name: pure. Names of clients are compared as RFC 6066 §3 and RFC 9525 §6.3 have it: small and
 * capital letters alike, and a wildcard stands for exactly one label, the leftmost.
 */
import type { TlsCertificate } from './tls-options.ts';

/** RFC 1035 §2.3.4: 255 bytes on the wire are 253 characters. */
const NAME_CHARACTERS_MAX = 253;
/** What host names are made of; an underscore is in some, against RFC 1123. No colon: addresses are no names (RFC 6066 §3). */
const NAME = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;

/** @returns a name as certificates are looked up by it; undefined for what is none */
export function serverNameOf(text: string): string | undefined {
  const name = (text.endsWith('.') ? text.slice(0, -1) : text).toLowerCase();
  return name.length <= NAME_CHARACTERS_MAX && NAME.test(name) ? name : undefined;
}

/** What serves the same names: certificates of different kinds of keys, of which each client takes one that it can check. */
export interface CertificateGroup {
  readonly names: readonly string[];
  readonly certificates: readonly TlsCertificate[];
}

/** The group of the first certificate comes first, which is the default. */
export function certificateGroups(certificates: readonly TlsCertificate[]): CertificateGroup[] {
  const groups = new Map<string, { names: readonly string[]; certificates: TlsCertificate[] }>();
  for (const certificate of certificates) {
    const id = [...certificate.names].sort().join(' ');
    const group = groups.get(id);
    if (group === undefined) groups.set(id, { names: certificate.names, certificates: [certificate] });
    else if (!group.certificates.some(({ keyType }) => keyType === certificate.keyType))
      group.certificates.push(certificate);
  }
  return [...groups.values()];
}

/** A table of names; where two have the same name, the first that was added is for it. */
export class ServerNames<T> {
  readonly #exact = new Map<string, T>();
  readonly #below = new Map<string, T>();

  add(names: readonly string[], value: T): void {
    for (const name of names) {
      const isWildcard = name.startsWith('*.');
      const table = isWildcard ? this.#below : this.#exact;
      const key = isWildcard ? name.slice(1) : name;
      if (!table.has(key)) table.set(key, value);
    }
  }

  has(name: string): boolean {
    return this.#exact.has(name) || this.#below.has(parentOf(name));
  }

  /** @param name as `serverNameOf` gives it */
  find(name: string): T | undefined {
    return this.#exact.has(name) ? this.#exact.get(name) : this.#below.get(parentOf(name));
  }
}

/** Behind the leftmost label, with its dot; empty where there is no other. */
function parentOf(name: string): string {
  const dot = name.indexOf('.');
  return dot === -1 ? '' : name.slice(dot);
}
