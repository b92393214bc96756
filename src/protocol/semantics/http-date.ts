/**
 * HTTP dates, RFC 9110 §5.6.7: written as IMF-fixdate, read in all three forms. Time comes in as
 * milliseconds of the Unix epoch; this file asks no clock and uses no Date, whose parser accepts far
 * more than HTTP does.
 */

/** `Sun, 06 Nov 1994 08:49:37 GMT` */
export const HTTP_DATE_BYTES = 29;

const DAY_MS = 86_400_000;
const DAY_NAMES = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const LONG_DAY_NAMES = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTH_NAMES = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Last moment that four digits of year can name. */
const YEAR_9999_END_MS = 253_402_300_799_999;

/**
 * Days since 1970-01-01 of a date in the proleptic Gregorian calendar. Years are counted from March,
 * which puts the leap day last, and in eras of 400 years, which all have 146097 days.
 */
function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

interface CivilDate {
  readonly year: number;
  /** 1 to 12 */
  readonly month: number;
  readonly day: number;
}

function civilFromDays(days: number): CivilDate {
  const z = days + 719_468;
  const era = Math.floor(z / 146_097);
  const dayOfEra = z - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1,
  };
}

function twoDigits(value: number): string {
  return value < 10 ? `0${value}` : `${value}`;
}

/**
 * IMF-fixdate of a moment; fractions of a second are dropped. Moments outside of the years 0 to 9999
 * are clamped, since the form has four digits.
 */
export function formatHttpDate(epochMs: number): string {
  const ms = Math.min(Math.max(epochMs, -62_167_219_200_000), YEAR_9999_END_MS);
  const days = Math.floor(ms / DAY_MS);
  const seconds = Math.floor((ms - days * DAY_MS) / 1000);
  const { year, month, day } = civilFromDays(days);
  const dayName = DAY_NAMES[(((days + 4) % 7) + 7) % 7]!;
  const time = `${twoDigits(Math.floor(seconds / 3600))}:${twoDigits(Math.floor(seconds / 60) % 60)}:${twoDigits(seconds % 60)}`;
  return `${dayName}, ${twoDigits(day)} ${MONTH_NAMES[month - 1]} ${String(year).padStart(4, '0')} ${time} GMT`;
}

const IMF_FIXDATE =
  /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d\d) ([A-Z][a-z][a-z]) (\d{4}) (\d\d):(\d\d):(\d\d) GMT$/;
const RFC850_DATE = /^([A-Z][a-z]{5,8}), (\d\d)-([A-Z][a-z][a-z])-(\d\d) (\d\d):(\d\d):(\d\d) GMT$/;
const ASCTIME_DATE = /^([A-Z][a-z][a-z]) ([A-Z][a-z][a-z]) (\d\d| \d) (\d\d):(\d\d):(\d\d) (\d{4})$/;

/**
 * Reads a date in any of the three forms of RFC 9110 §5.6.7.
 * @param nowMs decides the century of a two-digit year: one that would lie more than 50 years ahead is past
 * @returns milliseconds of the epoch, or NaN when the text is no HTTP date; §13.1.3 wants such a field ignored
 */
export function parseHttpDate(text: string, nowMs: number): number {
  const fixdate = IMF_FIXDATE.exec(text);
  if (fixdate !== null) {
    return moment(Number(fixdate[4]), fixdate[3]!, Number(fixdate[2]), fixdate[5]!, fixdate[6]!, fixdate[7]!);
  }
  const rfc850 = RFC850_DATE.exec(text);
  if (rfc850 !== null) {
    if (!LONG_DAY_NAMES.includes(rfc850[1]!)) return Number.NaN;
    const nowYear = civilFromDays(Math.floor(nowMs / DAY_MS)).year;
    const century = Math.floor(nowYear / 100) * 100;
    let year = century + Number(rfc850[4]);
    // The century that puts the year nearest, at most 50 years ahead of now.
    if (year > nowYear + 50) year -= 100;
    else if (year <= nowYear - 50) year += 100;
    return moment(year, rfc850[3]!, Number(rfc850[2]), rfc850[5]!, rfc850[6]!, rfc850[7]!);
  }
  const asctime = ASCTIME_DATE.exec(text);
  if (asctime === null || !DAY_NAMES.includes(asctime[1]!)) return Number.NaN;
  return moment(Number(asctime[7]), asctime[2]!, Number(asctime[3]), asctime[4]!, asctime[5]!, asctime[6]!);
}

/** NaN unless every part is in range and the day exists. The day's name is not checked, as nobody does. */
function moment(
  year: number,
  monthName: string,
  day: number,
  hourText: string,
  minuteText: string,
  secondText: string,
): number {
  const month = MONTH_NAMES.indexOf(monthName) + 1;
  const hour = Number(hourText);
  const minute = Number(minuteText);
  const second = Number(secondText);
  // 60 is a leap second, which the grammar allows; it falls on the next second.
  if (month === 0 || day === 0 || hour > 23 || minute > 59 || second > 60) return Number.NaN;
  const days = daysFromCivil(year, month, day);
  if (civilFromDays(days).month !== month) return Number.NaN;
  return days * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000;
}
