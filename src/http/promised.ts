/**
 * What a handler returned that is still to come. A promise is taken as it is; whatever else has a `then` may
 * throw when that is read or called, call back twice, at once or never, and give another of its kind: it
 * is handed to the language, which knows all of that (ECMA-262 §27.2.1.3.2).
 */

const { then } = Promise.prototype;

/**
 * @returns undefined for a value that is there already
 * @throws what reading `then` throws
 */
export function promised(value: unknown): Promise<unknown> | undefined {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined;
  const own = (value as { then?: unknown }).then;
  if (typeof own !== 'function') return undefined;
  if (own === then && value instanceof Promise) return value;
  return new Promise((resolve) => resolve(value));
}

/** `promise.then`, even where the promise has another of its own by now. @throws for what only looks like a promise */
export function whenSettled(
  promise: Promise<unknown>,
  onValue: (value: unknown) => void,
  onError: (error: unknown) => void,
): void {
  then.call(promise, onValue, onError);
}
