/**
 * Texts with names in double braces, `{{hostname}}`, filled with a machine's data. Names may begin with a dot, as in
 * matchbox's templates. `{{name | json}}` writes it as a JSON text with its quotes, `{{name | default "x"}}` takes x where
 * there is none. A name that nobody knows is an error that says where it stands: half a kickstart file erases disks.
 */

/** A template asks for what is not there. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
  readonly code = 'HOLDFAST_BOOT_TEMPLATE';
}

const PLACE = /\{\{([^{}]*)\}\}/g;
const EXPRESSION = /^-?\s*\.?([A-Za-z_][\w.-]*)\s*(?:\|\s*(json)|\|\s*default\s+"([^"]*)")?\s*-?$/;

/**
 * @param name of the template, for errors
 * @throws TemplateError
 */
export function fill(template: string, name: string, values: Readonly<Record<string, string>>): string {
  return template.replace(PLACE, (whole, inner: string, at: number) => {
    const match = EXPRESSION.exec(inner.trim());
    const place = (): string => `${name}:${template.slice(0, at).split('\n').length}`;
    if (match === null)
      throw new TemplateError(
        `${place()}: ${whole} is not understood; allowed: {{name}}, {{name | json}}, {{name | default "text"}}`,
      );
    const [, key = '', isJson, fallback] = match;
    const value = Object.hasOwn(values, key) ? values[key]! : fallback;
    if (value === undefined)
      throw new TemplateError(
        `${place()}: nothing is known by the name ${key}; known: ${Object.keys(values).sort().join(', ')}`,
      );
    return isJson === undefined ? value : JSON.stringify(value);
  });
}
