/**
 * Content-Disposition of a file that is to be saved (RFC 6266): the name as ASCII for whoever reads no more, and by
 * RFC 8187 as it is.
 */
import type { RawPath } from './source.ts';

/** RFC 8187 §3.2.1: attr-char, which needs no percent sign. */
const PLAIN = /[A-Za-z0-9!#$&+.^_`|~-]/;

/** @param path of the file; its last part is the name */
export function attachmentOf(path: RawPath): string {
  const raw = path.slice(path.lastIndexOf('/') + 1);
  const bytes = Buffer.from(raw, 'latin1');
  const name = bytes.toString('utf8');
  let ascii = '';
  // Quotes and backslashes are read in different ways (RFC 6266 §4.3), and so is a percent sign (appendix D).
  for (const letter of name) ascii += /[ -~]/.test(letter) && !/["\\%]/.test(letter) ? letter : '_';
  // Bytes that are no UTF-8 have no name in text.
  const isText = Buffer.from(name, 'utf8').equals(bytes);
  if (!isText || ascii === name) return `attachment; filename="${ascii}"`;
  let extended = '';
  for (let i = 0; i < raw.length; i++)
    extended += PLAIN.test(raw[i]!)
      ? raw[i]
      : `%${raw.charCodeAt(i).toString(16).toUpperCase().padStart(2, '0')}`;
  return `attachment; filename="${ascii}"; filename*=UTF-8''${extended}`;
}
