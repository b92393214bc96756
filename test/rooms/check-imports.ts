/**
 * Judges the imports of one source file against the import table. Reads text, not a syntax tree: it
 * sees every `from '...'`, `import '...'`, `import('...')` and `require('...')`, also of types, since
 * an arrow between two files is one whether or not it is left at run time.
 */
import { posix } from 'node:path';
import { type Allowance, ROOMS, type Room, TEST_PACKAGES } from './import-table.ts';

/** Where a statement can stand: at the beginning of a line, not inside of a text or a comment. */
const STATIC = /^(?:import|export)\b[^'";]*?\bfrom\s*['"]([^'"]+)['"]|^import\s*['"]([^'"]+)['"]/gm;
const DYNAMIC = /\b(?:import|require|import\.meta\.resolve|getBuiltinModule)\s*\(\s*['"`]([^'"`]+)['"`]/g;

/** All that `text` imports, in the order static, dynamic. */
export function importsOf(text: string): string[] {
  const found: string[] = [];
  for (const match of text.matchAll(STATIC)) found.push((match[1] ?? match[2])!);
  for (const match of withoutComments(text).matchAll(DYNAMIC)) found.push(match[1]!);
  return found;
}

/**
 * @param file path under `src/`, as `engine/select.ts`
 * @returns one sentence for each import that the table does not allow
 */
export function forbiddenImports(file: string, text: string): string[] {
  const room = roomOf(file);
  if (room === undefined) return [`src/${file} is in a room that the import table does not know`];
  const inRoom = room.name === '' ? file : file.slice(room.name.length + 1);
  const allowances = (room.allowances ?? []).filter(({ paths }) =>
    paths.some((path) =>
      path.endsWith('/') ? inRoom.startsWith(path) : inRoom === path || testedBy(inRoom) === path,
    ),
  );
  const isTest = /\.(test|contract|fixture)\.ts$/.test(file);
  const complaints: string[] = [];
  for (const specifier of importsOf(text)) {
    if (specifier.startsWith('.')) {
      const target = posix.normalize(posix.join(posix.dirname(file), specifier));
      if (!target.endsWith('.ts')) complaints.push(`src/${file}: '${specifier}' does not end in .ts`);
      else if (target.startsWith('../')) complaints.push(`src/${file}: '${specifier}' leaves src/`);
      else if (!mayReach(room, allowances, file, target))
        complaints.push(`src/${file}: ${room.name || 'index'} may not import ${target}`);
    } else if (specifier.startsWith('node:')) {
      const allowed =
        room.node === 'any' || [room, ...allowances].some((each) => each.node?.includes(specifier));
      if (!allowed && !isTest)
        complaints.push(`src/${file}: ${room.name || 'index'} may not import ${specifier}`);
    } else {
      const name = packageOf(specifier);
      const allowed = [room, ...allowances].some((each) =>
        each.packages?.some((allowed) => stands(allowed, name)),
      );
      if (!allowed && !(isTest && TEST_PACKAGES.includes(name)))
        complaints.push(`src/${file}: ${room.name || 'index'} may not import the package ${name}`);
    }
  }
  return complaints;
}

function roomOf(file: string): Room | undefined {
  const name = file.includes('/') ? file.slice(0, file.indexOf('/')) : '';
  return ROOMS.find((room) => room.name === name);
}

function mayReach(room: Room, allowances: readonly Allowance[], file: string, target: string): boolean {
  if (roomOf(target) === room) return mayReachFolder(room, file, target);
  const allowed = [...room.mayImport, ...allowances.flatMap((each) => each.mayImport ?? [])];
  return allowed.some((each) => (each === '' ? !target.includes('/') : target.startsWith(`${each}/`)));
}

/** Between folders of one room, where it has rules for them: each file is then in one of them. */
function mayReachFolder({ folders }: Room, file: string, target: string): boolean {
  if (folders === undefined) return true;
  const [, from] = file.split('/');
  const [, to] = target.split('/');
  const allowed = folders[from!];
  return allowed !== undefined && (from === to || allowed.includes(to!));
}

/** `select.ts` for `select.test.ts`: a test may do what the file that it tests may. */
function testedBy(file: string): string {
  return file.replace(/(\.(long|alone))?\.test\.ts$/, '.ts');
}

/** Whether `allowed`, perhaps with a star at its end, stands for the package `name`. */
function stands(allowed: string, name: string): boolean {
  return allowed.endsWith('*') ? name.startsWith(allowed.slice(0, -1)) : name === allowed;
}

function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, '');
}

/**
 * Files that import each other in a circle, types included: an arrow both ways means that neither can be read, tested
 * or replaced without the other.
 * @param texts of the files, by path under `src/`
 * @returns each circle as the sorted paths of its files
 */
export function circles(texts: ReadonlyMap<string, string>): string[][] {
  const targets = new Map<string, string[]>();
  for (const [file, text] of texts)
    targets.set(
      file,
      importsOf(text)
        .filter((specifier) => specifier.startsWith('.'))
        .map((specifier) => posix.normalize(posix.join(posix.dirname(file), specifier)))
        .filter((target) => texts.has(target)),
    );
  // Tarjan's strongly connected components.
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  const visit = (file: string): void => {
    order.set(file, order.size);
    lowest.set(file, order.get(file)!);
    stack.push(file);
    for (const target of targets.get(file)!) {
      if (!order.has(target)) visit(target);
      if (stack.includes(target)) lowest.set(file, Math.min(lowest.get(file)!, lowest.get(target)!));
    }
    if (lowest.get(file) !== order.get(file)) return;
    const component = stack.splice(stack.indexOf(file));
    if (component.length > 1) found.push(component.sort());
  };
  for (const file of texts.keys()) if (!order.has(file)) visit(file);
  return found;
}
