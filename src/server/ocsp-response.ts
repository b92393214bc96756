/** Reads of an OCSP response (RFC 6960 §4.2.1) what tells whether it is worth being stapled. */

/** SEQUENCE with its length, then ENUMERATED successful(0), in hexadecimal. */
const SUCCESSFUL = /^30(?:[0-7].|81..|82....|83......)0a0100/;
/** nextUpdate [0] EXPLICIT GeneralizedTime, of 15 characters: YYYYMMDDHHMMSSZ in DER (RFC 5280 §4.1.2.5.2). */
const NEXT_UPDATE = Buffer.of(0xa0, 0x11, 0x18, 0x0f);
const TIME = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;
const TIME_BYTES = 15;

/** @returns until when it is good, Infinity where it does not say; undefined for what is no answer */
export function stapledUntil(der: Uint8Array): number | undefined {
  const bytes = Buffer.from(der);
  if (!SUCCESSFUL.test(bytes.toString('hex', 0, 8))) return undefined;
  const at = bytes.indexOf(NEXT_UPDATE);
  if (at === -1) return Number.POSITIVE_INFINITY;
  const from = at + NEXT_UPDATE.length;
  const match = TIME.exec(bytes.toString('latin1', from, from + TIME_BYTES));
  if (match === null) return Number.POSITIVE_INFINITY;
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number);
  return Date.UTC(year!, month! - 1, day!, hour!, minute!, second!);
}
