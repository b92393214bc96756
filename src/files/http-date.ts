/**
 * HTTP dates (RFC 9110 §5.6.7): written in one form, read in the three that exist, strictly. Platform
 * date parsing accepts far more than HTTP does, and a date read loosely is a validator read wrongly.
 */

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const IMF_FIXDATE =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT$/;
const RFC_850 =
  /^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (\d\d)-([A-Z][a-z]{2})-(\d\d) (\d\d):(\d\d):(\d\d) GMT$/;
const ASCTIME = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\d{4})$/;

/** IMF-fixdate, to the second below. */
export function formatHttpDate(epochMs: number): string {
  return new Date(Math.floor(epochMs / 1000) * 1000).toUTCString();
}

/**
 * @param nowMs decides the century of a two-digit year: never more than 50 years ahead
 * @returns milliseconds since 1970, or `undefined` when the text is no HTTP date
 */
export function parseHttpDate(text: string, nowMs: number): number | undefined {
  let match = IMF_FIXDATE.exec(text);
  if (match !== null) return epochOf(Number(match[3]), match[2]!, match[1]!, match[4]!, match[5]!, match[6]!);
  match = ASCTIME.exec(text);
  if (match !== null) return epochOf(Number(match[6]), match[1]!, match[2]!, match[3]!, match[4]!, match[5]!);
  match = RFC_850.exec(text);
  if (match === null) return undefined;
  const thisYear = new Date(nowMs).getUTCFullYear();
  let year = Math.floor(thisYear / 100) * 100 + Number(match[3]);
  if (year > thisYear + 50) year -= 100;
  return epochOf(year, match[2]!, match[1]!, match[4]!, match[5]!, match[6]!);
}

function epochOf(
  year: number,
  monthName: string,
  day: string,
  hour: string,
  minute: string,
  second: string,
): number | undefined {
  const month = MONTHS.indexOf(monthName);
  if (month === -1 || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined;
  const epochMs = Date.UTC(year, month, Number(day), Number(hour), Number(minute), Number(second));
  // Date.UTC carries a 31 February over into March; a date that does not exist is no date.
  return new Date(Date.UTC(year, month, Number(day))).getUTCDate() === Number(day) ? epochMs : undefined;
}
