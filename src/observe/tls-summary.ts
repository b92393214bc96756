/** What tables and logs tell of a connection's TLS. */

export interface TlsSummary {
  readonly version: string;
  readonly cipher: string;
  /** The name that the client asked for; null where it asked for none. */
  readonly serverName: string | null;
}

export function tlsSummary({
  version,
  cipher,
  serverName,
}: {
  readonly version: string;
  readonly cipher: string;
  readonly serverName: string | undefined;
}): TlsSummary {
  return { version, cipher, serverName: serverName ?? null };
}
