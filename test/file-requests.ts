/**
 * Requests for a file of 1,000 bytes with ranges and conditions, and where the answers of nginx and Apache differ from
 * ours, each with the reason. Data alone: `files-beside-others.test.ts` asks.
 *
 * In values, `{etag}` is the tag that the server itself gave, `{date}` its Last-Modified, `{before}` and `{after}` an hour from that.
 */

export interface FileRequest {
  readonly method?: string;
  readonly headers: Readonly<Record<string, string>>;
}

const range = (value: string, more: Record<string, string> = {}): FileRequest => ({
  headers: { range: value, ...more },
});
const given = (headers: Record<string, string>, method = 'GET'): FileRequest => ({ method, headers });

export const FILE_REQUESTS: readonly FileRequest[] = [
  given({}),
  given({}, 'HEAD'),
  range('bytes=0-0'),
  range('bytes=0-9'),
  range('bytes=0-999'),
  range('bytes=0-1000'),
  range('bytes=0-99999999'),
  range('bytes=0-'),
  range('bytes=500-'),
  range('bytes=999-'),
  range('bytes=999-999'),
  range('bytes=1000-'),
  range('bytes=1000-1001'),
  range('bytes=5000-6000'),
  range('bytes=-1'),
  range('bytes=-500'),
  range('bytes=-1000'),
  range('bytes=-1001'),
  range('bytes=-0'),
  range('bytes=10-5'),
  range('bytes=-'),
  range('bytes='),
  range('bytes=a-b'),
  range('bytes=0x1-2'),
  range('bytes=1-2x'),
  range('bytes=--5'),
  range('bytes = 0-9'),
  range('bytes= 0-9'),
  range('bytes=0 - 9'),
  range('Bytes=0-9'),
  range('lines=0-9'),
  range('0-9'),
  range('bytes=99999999999999999999-'),
  range('bytes=0-99999999999999999999'),
  range('bytes=-99999999999999999999'),
  range('bytes=0-9,500-509'),
  range('bytes=500-509,0-9'),
  range('bytes=0-9, 500-509, 990-'),
  range('bytes=0-0,-1'),
  range('bytes=0-9,,500-509'),
  range('bytes=0-9,'),
  range('bytes=0-9,2000-3000'),
  range('bytes=2000-3000,0-9'),
  range('bytes=2000-3000,4000-'),
  range('bytes=0-9,a'),
  range('bytes=0-9,9-5'),
  range('bytes=0-99,50-149'),
  range('bytes=0-9,10-19'),
  range('bytes=0-9,11-19'),
  range('bytes=0-499,500-999'),
  range('bytes=0-,0-,0-'),
  range(`bytes=${Array.from({ length: 10 }, (_, i) => `${i * 100}-${i * 100 + 4}`).join(',')}`),
  range(`bytes=${'0-0,'.repeat(300)}0-0`),
  given({ range: 'bytes=0-9' }, 'HEAD'),
  given({ range: 'bytes=5000-' }, 'HEAD'),
  range('bytes=0-9', { 'if-range': '{etag}' }),
  range('bytes=0-9', { 'if-range': '"other"' }),
  range('bytes=0-9', { 'if-range': 'W/{etag}' }),
  range('bytes=0-9', { 'if-range': '{date}' }),
  range('bytes=0-9', { 'if-range': '{before}' }),
  range('bytes=0-9', { 'if-range': '{after}' }),
  range('bytes=0-9', { 'if-range': 'nonsense' }),
  range('bytes=5000-', { 'if-range': '"other"' }),
  given({ 'if-none-match': '{etag}' }),
  given({ 'if-none-match': 'W/{etag}' }),
  given({ 'if-none-match': '"other"' }),
  given({ 'if-none-match': '"other", {etag}' }),
  given({ 'if-none-match': '*' }),
  given({ 'if-none-match': '{etag}' }, 'HEAD'),
  given({ 'if-none-match': '"other"', 'if-modified-since': '{date}' }),
  given({ 'if-none-match': '{etag}', 'if-modified-since': '{before}' }),
  given({ 'if-modified-since': '{date}' }),
  given({ 'if-modified-since': '{before}' }),
  given({ 'if-modified-since': '{after}' }),
  given({ 'if-modified-since': 'nonsense' }),
  given({ 'if-modified-since': '{date}' }, 'HEAD'),
  given({ 'if-match': '{etag}' }),
  given({ 'if-match': 'W/{etag}' }),
  given({ 'if-match': '"other"' }),
  given({ 'if-match': '"other", {etag}' }),
  given({ 'if-match': '*' }),
  given({ 'if-unmodified-since': '{date}' }),
  given({ 'if-unmodified-since': '{before}' }),
  given({ 'if-unmodified-since': '{after}' }),
  given({ 'if-unmodified-since': 'nonsense' }),
  given({ 'if-match': '"other"', 'if-unmodified-since': '{after}' }),
  given({ 'if-match': '{etag}', 'if-unmodified-since': '{before}' }),
  given({ 'if-match': '{etag}', 'if-none-match': '{etag}' }),
  given({ 'if-none-match': '{etag}', range: 'bytes=0-9' }),
  given({ 'if-match': '{etag}', range: 'bytes=0-9' }),
  given({ 'if-match': '"other"', range: 'bytes=0-9' }),
  given({ 'if-unmodified-since': '{before}', range: 'bytes=0-9' }),
  given({ 'if-modified-since': '{date}', range: 'bytes=5000-' }),
];

const MALFORMED = 'RFC 9110 §14.2: an invalid ranges-specifier makes the field ignored';
const LIST = 'RFC 9110 §5.6.1.2: empty elements of a list, and space around elements, are no error';
const DIGITS = 'RFC 9110 §14.1.2: a last position past the end means the end, however many digits it has';
const NEAR = 'RFC 9110 §15.3.7.2: ranges that overlap, or lie closer than a part costs, may be sent as one';
const HEAD_RANGE = 'RFC 9110 §14.2: a range means nothing to any method but GET';
const NONE_MATCH_FIRST = 'RFC 9110 §13.1.3: If-Modified-Since is ignored beside If-None-Match';
const MATCH_FIRST = 'RFC 9110 §13.1.4: If-Unmodified-Since is ignored beside If-Match';
const NOT_SINCE = 'RFC 9110 §13.1.3: what was last modified before that date has not been modified since';
const NO_CONTENT_RANGE = 'RFC 9110 §15.5.17: a 416 to a byte range should say how long the file is';

/** By server, then by request as `nameOf` has it: why it is not answered as we do. */
export const REASONS: Readonly<Record<'nginx' | 'Apache', Readonly<Record<string, string>>>> = {
  nginx: {
    'range: bytes=10-5': MALFORMED,
    'range: bytes=-': MALFORMED,
    'range: bytes=a-b': MALFORMED,
    'range: bytes=0x1-2': MALFORMED,
    'range: bytes=1-2x': MALFORMED,
    'range: bytes=--5': MALFORMED,
    'range: bytes=0 - 9': MALFORMED,
    'range: bytes=0-9,a': MALFORMED,
    'range: bytes=0-9,9-5': MALFORMED,
    'range: bytes=0-9,,500-509': LIST,
    'range: bytes=0-9,': LIST,
    'range: bytes=0-99999999999999999999': DIGITS,
    'range: bytes=-99999999999999999999': DIGITS,
    'range: bytes=0-99,50-149': NEAR,
    'range: bytes=0-9,10-19': NEAR,
    'range: bytes=0-9,11-19': NEAR,
    'range: bytes=0-499,500-999': NEAR,
    'range: bytes=0-,0-,0-': NEAR,
    'range: bytes=0-0,0-0,0-0,0-... (1209)': 'RFC 9110 §17.15: so many ranges are ignored',
    'HEAD range: bytes=0-9': HEAD_RANGE,
    'HEAD range: bytes=5000-': HEAD_RANGE,
    'if-none-match: {etag}; if-modified-since: {before}': NONE_MATCH_FIRST,
    'if-modified-since: {after}': NOT_SINCE,
    'if-unmodified-since: nonsense': 'RFC 9110 §13.1.4: what is no date is ignored',
    'if-match: {etag}; if-unmodified-since: {before}': MATCH_FIRST,
  },
  Apache: {
    'range: bytes=1000-': NO_CONTENT_RANGE,
    'range: bytes=1000-1001': NO_CONTENT_RANGE,
    'range: bytes=5000-6000': NO_CONTENT_RANGE,
    'range: bytes=2000-3000,4000-': NO_CONTENT_RANGE,
    'range: bytes=-0': 'RFC 9110 §14.1.2: a suffix of no bytes cannot be satisfied',
    'range: bytes= 0-9': LIST,
    'range: bytes=0-9, 500-509, 990-': LIST,
    'range: bytes=99999999999999999999-': DIGITS,
    'range: bytes=0-99999999999999999999': DIGITS,
    'range: bytes=-99999999999999999999': DIGITS,
    'range: bytes=0-9,11-19': NEAR,
    'HEAD range: bytes=0-9': HEAD_RANGE,
    'HEAD range: bytes=5000-': HEAD_RANGE,
    'range: bytes=0-9; if-range: {date}':
      'RFC 9110 §8.8.2.2: a date is strong once no second version can have it; Apache waits for a minute',
    'if-none-match: {etag}; if-modified-since: {before}': NONE_MATCH_FIRST,
    'if-modified-since: {after}': NOT_SINCE,
    'if-match: {etag}; if-unmodified-since: {before}': MATCH_FIRST,
    'if-unmodified-since: {before}; range: bytes=0-9':
      'RFC 9110 §13.2.2: preconditions come first, whatever else is asked for',
    'if-modified-since: {date}; range: bytes=5000-':
      'RFC 9110 §13.2.2: preconditions come first, whatever else is asked for',
  },
};

export function nameOf({ method = 'GET', headers }: FileRequest): string {
  const fields = Object.entries(headers).map(([name, value]) =>
    value.length > 100 ? `${name}: ${value.slice(0, 20)}... (${value.length})` : `${name}: ${value}`,
  );
  return `${method === 'GET' ? '' : `${method} `}${fields.join('; ')}`;
}
