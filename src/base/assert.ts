/**
 * Assertions are for our own bugs only. They stay on in production at the borders between rooms and
 * never run once per byte. A peer's fault is a value, the kernel's refusal is a SysError; neither
 * comes through here.
 */

/** Thrown when Holdfast contradicts itself: always a bug of ours, never of a peer or of the kernel. */
export class AssertionFailure extends Error {
  override readonly name = 'AssertionFailure';
  readonly code = 'HOLDFAST_ASSERTION';
}

/** @throws AssertionFailure when `condition` is false. */
export function assert(condition: boolean, what: string): asserts condition {
  if (!condition) throw new AssertionFailure(`holdfast bug: ${what}`);
}

/** For the `default` of a switch that covers every case. */
export function unreachable(value: never): never {
  throw new AssertionFailure(`holdfast bug: unexpected value ${String(value)}`);
}
