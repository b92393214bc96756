/**
 * The grammar of field names, field values and reason phrases, as the Fetch standard checks them when
 * a program sets them. What a peer sent was checked by the protocol layer and does not come here.
 * Everything that is refused is a TypeError, as the platform throws.
 */
import { show } from '../base/errors.ts';
import { LOWER_NAMES } from './known-names.ts';

/** RFC 9110 §5.6.2: `token`. 0 is no token character, 1 is one, 2 is an upper-case letter. */
const TOKEN = new Uint8Array(128);
for (const character of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")
  TOKEN[character.charCodeAt(0)] = 1;
for (let code = 0x41; code <= 0x5a; code++) TOKEN[code] = 2;

/**
 * @returns the name in lower case
 * @throws TypeError when it is no token
 * @hot
 */
export function fieldName(given: unknown): string {
  const known = LOWER_NAMES.get(given as string); // what is no string is in no map of strings
  return known === undefined ? checkedName(given) : known;
}

function checkedName(given: unknown): string {
  const name = typeof given === 'string' ? given : `${given}`;
  const length = name.length;
  let cased = 1;
  for (let i = 0; i < length; i++) {
    const code = name.charCodeAt(i);
    const kind = code < 128 ? TOKEN[code]! : 0;
    if (kind === 0) throw new TypeError(`${show(name)} is an invalid header name`);
    cased |= kind;
  }
  if (length === 0) throw new TypeError('"" is an invalid header name');
  return cased === 1 ? name : name.toLowerCase();
}

/**
 * @returns the value without HTTP whitespace around it
 * @throws TypeError for NUL, CR, LF, and for characters that no byte can hold
 * @hot
 */
export function fieldValue(given: unknown): string {
  const value = typeof given === 'string' ? given : `${given}`;
  const length = value.length;
  let end = length;
  let start = 0;
  while (end > 0 && isHttpWhitespace(value.charCodeAt(end - 1))) end--;
  while (start < end && isHttpWhitespace(value.charCodeAt(start))) start++;
  for (let i = start; i < end; i++) {
    const code = value.charCodeAt(i);
    // 13 is the highest of the three: nearly every character is settled by the first comparison.
    if (code <= 13 && (code === 0 || code === 10 || code === 13)) {
      throw new TypeError(`${show(value)} is an invalid header value: NUL, CR and LF are not allowed`);
    }
    if (code > 255) throw notABytes(value, i);
  }
  return start === 0 && end === length ? value : value.slice(start, end);
}

/** WebIDL's `ByteString`: https://webidl.spec.whatwg.org/#es-ByteString. @throws TypeError for what no byte can hold */
export function byteString(given: unknown): string {
  const text = typeof given === 'string' ? given : `${given}`;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 255) throw notABytes(text, i);
  return text;
}

/** @throws TypeError when it is no RFC 9112 §4 `reason-phrase` */
export function reasonPhrase(given: unknown): string {
  const phrase = typeof given === 'string' ? given : `${given}`;
  for (let i = 0; i < phrase.length; i++) {
    const code = phrase.charCodeAt(i);
    if (code > 255) throw notABytes(phrase, i);
    if ((code < 0x20 && code !== 9) || code === 0x7f)
      throw new TypeError(`Invalid statusText ${show(phrase)}`);
  }
  return phrase;
}

function isHttpWhitespace(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d;
}

function notABytes(text: string, index: number): TypeError {
  return new TypeError(
    `Cannot convert ${show(text)} to a ByteString: the character at index ${index} has the value ` +
      `${text.charCodeAt(index)}, which is greater than 255`,
  );
}
