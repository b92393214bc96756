/**
 * How ours show themselves to `console.log`: as the platform's do, with what a person wants to know,
 * and without the fields that they are built of.
 */

/** Node's well-known symbol: https://nodejs.org/api/util.html#utilinspectcustom */
export const INSPECT = Symbol.for('nodejs.util.inspect.custom');

export type InspectOptions = { readonly depth?: number | null };
export type Inspect = (value: unknown, options?: InspectOptions) => string;

/** `Name { ...properties }`, each read from `value` now. */
export function inspectAs(
  name: string,
  value: object,
  properties: readonly string[],
  options: InspectOptions,
  inspect: Inspect,
): string {
  const plain: Record<string, unknown> = {};
  for (const property of properties) plain[property] = Reflect.get(value, property);
  return `${name} ${inspect(plain, options)}`;
}
