/**
 * Where an application has what the walks of clients ask for: six operations, called so in its OpenAPI document. Without a
 * document they are where those of the reference applications are.
 */
import { objectOf, parseYaml } from '../yaml-text.ts';

export const OPERATIONS = ['login', 'logout', 'listNotes', 'readNote', 'writeNote', 'removeNote'] as const;
export type OperationName = (typeof OPERATIONS)[number];

interface Operation {
  readonly method: string;
  /** `{key}` stands where the note's key is put. */
  readonly path: string;
}

export type Operations = Readonly<Record<OperationName, Operation>>;

export const USUAL_OPERATIONS: Operations = {
  login: { method: 'POST', path: '/login' },
  logout: { method: 'POST', path: '/logout' },
  listNotes: { method: 'GET', path: '/notes' },
  readNote: { method: 'GET', path: '/notes/{key}' },
  writeNote: { method: 'PUT', path: '/notes/{key}' },
  removeNote: { method: 'DELETE', path: '/notes/{key}' },
};

const METHODS = ['get', 'put', 'post', 'delete', 'patch'];
const TAKES_KEY: readonly OperationName[] = ['readNote', 'writeNote', 'removeNote'];

/**
 * @param text an OpenAPI document in YAML or JSON
 * @throws Error saying what is missing or wrong
 */
export function readOperations(text: string): Operations {
  const document = parseYaml(text);
  const found: Partial<Record<OperationName, Operation>> = {};
  for (const [path, item] of Object.entries(objectOf(objectOf(document)['paths'])))
    for (const [method, operation] of Object.entries(objectOf(item))) {
      const name = OPERATIONS.find((each) => each === objectOf(operation)['operationId']);
      if (name === undefined || !METHODS.includes(method)) continue;
      if (found[name] !== undefined) throw new Error(`two operations are called ${name}`);
      found[name] = { method: method.toUpperCase(), path: checkedPath(name, path) };
    }
  const missing = OPERATIONS.filter((name) => found[name] === undefined);
  if (missing.length > 0) throw new Error(`no operationId is ${missing.join(', ')}`);
  return found as Operations;
}

function checkedPath(name: OperationName, path: string): string {
  const [parameter, ...more] = path.match(/\{[^}]*\}/g) ?? [];
  const isRight = (parameter !== undefined) === TAKES_KEY.includes(name) && more.length === 0;
  if (!isRight || !/^\/[!-~]*$/.test(path))
    throw new Error(
      `${name} is at ${JSON.stringify(path)}; its path has ${TAKES_KEY.includes(name) ? 'one parameter, the key' : 'no parameter'}`,
    );
  return parameter === undefined ? path : path.replace(parameter, '{key}');
}
