/**
 * The outward form that WebIDL gives an interface and JavaScript does not give a class: members are enumerated, objects
 * have a class string, and the constructor's `length` counts what must be given (https://webidl.spec.whatwg.org/#js-interfaces).
 */

interface Interface {
  readonly prototype: object;
}

/** Members that the platform's have too, though no standard names them. */
const HIDDEN = ['constructor', 'toJSON'];

/** @param requiredCount what its constructor has to be given */
export function asInterface(ours: Interface, name: string, requiredCount: number): void {
  const { prototype } = ours;
  enumerate(prototype);
  enumerate(ours, ['length', 'name', 'prototype']);
  Object.defineProperty(prototype, Symbol.toStringTag, { value: name, configurable: true });
  requiresOnly(ours, requiredCount);
}

/** All but what begins with `_`, which is ours alone. */
function enumerate(target: object, without: readonly string[] = HIDDEN): void {
  for (const key of Object.getOwnPropertyNames(target))
    if (!key.startsWith('_') && !without.includes(key))
      Object.defineProperty(target, key, { enumerable: true });
}

/** Sets the `length` of a function that takes more than it has to be given. */
export function requiresOnly(operation: object, requiredCount: number): void {
  Object.defineProperty(operation, 'length', { value: requiredCount, configurable: true });
}

/** @returns what WebIDL has thrown when an operation is called with too few arguments */
export function tooFewArguments(operation: string, needed: number, given: number): TypeError {
  return new TypeError(
    `${operation}: ${needed} argument${needed === 1 ? '' : 's'} required, but ${given} given`,
  );
}
