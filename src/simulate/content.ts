/**
 * What bodies consist of: letters that follow from a number, so that every byte on its way can be told
 * right or wrong by whoever knows the number and the place, and a byte of another body is seen at once.
 */
import { SeededRandom } from '../base/random.ts';

/** Longest body that a run may plan. */
const CONTENT_BYTES_MAX = 1280 * 1024;
const STARTS = 4096;
const LETTERS = 64;
const FIRST_LETTER = 0x30; // '0' to 'o': ASCII, none of them CR, LF or a byte of framing's own

const letters = makeLetters();
const text = String.fromCharCode(...letters.subarray(0, 1024)) + rest();

/** The first `size` bytes of body `id`. Shared: not to be changed. */
export function contentBytes(id: number, size: number): Uint8Array {
  const start = startOf(id);
  return letters.subarray(start, start + size);
}

/** The same as text. */
export function contentText(id: number, size: number): string {
  const start = startOf(id);
  return text.slice(start, start + size);
}

/** Whether bytes[start..end) are what body `id` has from `at` on. */
export function isContent(id: number, at: number, bytes: Uint8Array, start: number, end: number): boolean {
  const from = startOf(id) + at;
  if (from + end - start > letters.length) return false;
  return Buffer.compare(bytes.subarray(start, end), letters.subarray(from, from + end - start)) === 0;
}

function startOf(id: number): number {
  return (id * 2654435) % STARTS;
}

function makeLetters(): Uint8Array {
  const random = new SeededRandom(7);
  const made = new Uint8Array(CONTENT_BYTES_MAX + STARTS);
  for (let i = 0; i < made.length; i++) made[i] = FIRST_LETTER + (random.nextU32() % LETTERS);
  return made;
}

function rest(): string {
  let made = '';
  for (let at = 1024; at < letters.length; at += 1024)
    made += String.fromCharCode(...letters.subarray(at, at + 1024));
  return made;
}
