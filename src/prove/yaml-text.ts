/** Documents that people write: YAML, of which JSON is a part (YAML 1.2 §1.3), with mistakes told by line and column. */
import { parse, YAMLParseError } from 'yaml';

/** @throws Error in one line */
export function parseYaml(text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    const [line] = (error as Error).message.split('\n');
    throw new Error(
      error instanceof YAMLParseError ? `it is no YAML (${line!.replace(/:$/, '')})` : String(line),
    );
  }
}

export function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
