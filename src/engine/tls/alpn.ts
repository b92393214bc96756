/** Which protocol is spoken, of those that the client offers: RFC 7301 §3.2. */

/**
 * @param offered by us, the better first
 * @param list as on the wire: names, each behind a byte with its length; OpenSSL has checked it
 * @returns where in `list` the name stands, behind its length; -1 where none is offered by both
 */
export function chooseProtocol(offered: readonly Buffer[], list: Buffer): number {
  for (const name of offered)
    for (let at = 0; at < list.length; at += 1 + list[at]!)
      if (list.subarray(at + 1, at + 1 + list[at]!).equals(name)) return at + 1;
  return -1;
}
