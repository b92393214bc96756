/** SHA-256 sums as projects publish them: a file `x.sha256` beside `x`, or `SHA256SUMS` for a folder. */

/** Files that are about other files: nobody sums these. */
const ABOUT =
  /\.(?:sha256|sha512|sha1|md5|sig|asc|minisig)$|(?:^|\/)(?:SHA256SUMS|SHA512SUMS|MD5SUMS)(?:\.[a-z]+)?$/i;

/** Larger is no list of sums; Debian's longest is some 100 KiB. */
export const SUMS_BYTES_MAX = 4 * 1024 * 1024;

/** Where the sum of a file may stand, the more telling first. */
export function sumPlaces(path: string): string[] {
  if (ABOUT.test(path)) return [];
  const slash = path.lastIndexOf('/');
  return [`${path}.sha256`, `${path.slice(0, slash + 1)}SHA256SUMS`];
}

/**
 * The sum of a file in such a text: `HEX`, `HEX  name`, `HEX *name`, `SHA256 (name) = HEX`.
 * @param name without its folder
 * @returns undefined where the text has none for it
 */
export function sumOf(text: string, name: string): string | undefined {
  for (const line of text.split('\n')) {
    const plain = /^([0-9a-f]{64})(?:\s+\*?(.+?))?\s*$/i.exec(line);
    const tagged = plain === null ? /^SHA256 \((.+)\) = ([0-9a-f]{64})\s*$/i.exec(line) : null;
    const sum = plain?.[1] ?? tagged?.[2];
    const named = plain === null ? tagged?.[1] : plain[2];
    if (sum === undefined) continue;
    if (named === undefined || named.replace(/^\.\//, '') === name) return sum.toLowerCase();
  }
  return undefined;
}
