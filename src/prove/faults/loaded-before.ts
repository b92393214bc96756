/** Code of ours that a server of ours loads into each of its threads before anything else, by Node's `--import`. */

/** @returns the environment that makes it so, with `more` in it */
export function loadedBefore(module: string, more: Readonly<Record<string, string>>): Record<string, string> {
  const given = process.env['NODE_OPTIONS'] ?? '';
  const url = `data:text/javascript,${encodeURIComponent(module)}`;
  return { ...more, NODE_OPTIONS: `${given} --import=${url}`.trim() };
}
