/**
 * The applications of a matrix, as somebody has listed them in a file: which module each is, where things are in it, and what it
 * needs beside it. Names and paths are checked before anything is started.
 */
import { resolve } from 'node:path';
import type { TargetPaths } from '../target/target.ts';
import { objectOf, parseYaml } from '../yaml-text.ts';

export interface App {
  readonly name: string;
  /** An absolute path. */
  readonly module: string;
  readonly paths: Omit<TargetPaths, 'operations'>;
  /** The file that says where its operations are; absolute. */
  readonly openapi: string | undefined;
  /** Environment variables that it needs, with URLs of services. */
  readonly upstreams: readonly string[];
  /** Another module that it asks, which is started before it; its URL is in this variable. */
  readonly behind: { readonly module: string; readonly variable: string } | undefined;
}

const PATHS = {
  path: 'small',
  'large-path': 'large',
  'upload-path': 'upload',
  'hung-path': 'hung',
  'websocket-path': 'websocket',
  'events-path': 'events',
} as const;
const KEYS = ['name', 'module', 'openapi', 'upstream', 'behind', ...Object.keys(PATHS)];
const VARIABLE = /^[A-Za-z_]\w*$/;

/**
 * @param text YAML with a list `apps`
 * @param folder relative paths begin there
 * @throws Error saying what is wrong, and in which application
 */
export function readAppList(text: string, folder: string): App[] {
  const { apps } = objectOf(parseYaml(text));
  if (!Array.isArray(apps) || apps.length === 0) throw new Error('it has no list "apps"');
  const all = apps.map((each, index) => readApp(objectOf(each), index, folder));
  const twice = all.find(({ name }, index) => all.findIndex((other) => other.name === name) !== index);
  if (twice !== undefined) throw new Error(`two applications are called ${twice.name}`);
  return all;
}

function readApp(entry: Readonly<Record<string, unknown>>, index: number, folder: string): App {
  const name = entry['name'];
  const where = typeof name === 'string' ? name : `application ${index + 1}`;
  const refuse = (what: string): never => {
    throw new Error(`${where}: ${what}`);
  };
  if (typeof name !== 'string' || !/^[\w.-]{1,40}$/.test(name))
    return refuse('name is missing, or has other than letters, digits, ".", "_" and "-"');
  const stray = Object.keys(entry).find((key) => !KEYS.includes(key));
  if (stray !== undefined) refuse(`${stray} is none of ${KEYS.join(', ')}`);
  const file = (key: string, value: unknown): string =>
    typeof value === 'string' && value !== ''
      ? resolve(folder, value)
      : refuse(`${key} is no path of a file`);
  const variable = (value: unknown): string =>
    typeof value === 'string' && VARIABLE.test(value)
      ? value
      : refuse(`${String(value)} is no name of an environment variable`);
  const paths: Record<string, string | undefined> = { small: '/' };
  for (const [key, as] of Object.entries(PATHS)) {
    const value = entry[key];
    if (value === undefined) paths[as] ??= undefined;
    else if (typeof value === 'string' && /^\/[!-~]*$/.test(value)) paths[as] = value;
    else refuse(`${key} is no path that begins with /`);
  }
  const { behind, upstream = [], openapi } = entry;
  return {
    name,
    module: file('module', entry['module']),
    paths: paths as unknown as App['paths'], // each of them has just been set
    openapi: openapi === undefined ? undefined : file('openapi', openapi),
    upstreams: [upstream].flat().map(variable),
    behind:
      behind === undefined
        ? undefined
        : {
            module: file('behind.module', objectOf(behind)['module']),
            variable: variable(objectOf(behind)['variable']),
          },
  };
}
