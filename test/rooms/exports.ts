/**
 * Which exports another file uses. Reads text, not a syntax tree: the code here exports by name, at the beginning of a
 * line, and imports by name, so that a name and a path say who uses what.
 */
import { posix } from 'node:path';

const DECLARED =
  /^export (?:declare )?(?:abstract )?(?:async )?(?:const|let|function\*?|class|interface|type|enum) ([\w$]+)/gm;
const LISTED = /^export (?:type )?\{([^}]*)\}(?!\s*from)/gm;
/** `import { a, type b as c } from './x.ts'` and the same with `export`, which passes on. */
const BY_NAME = /^(?:import|export) (?:type )?\{([^}]*)\} from '([^']+)'/gm;
const WHOLE = /^(?:import (?:type )?\* as ([\w$]+)|export \*(?: as [\w$]+)?) from '([^']+)'/gm;
/** `import('./x.ts')`, as a value or as a type. */
const WHEN_NEEDED = /\bimport\(\s*['"`]([^'"`]+)['"`]\s*\)/g;

/** `file#name` of every export. */
export function exportsOf(file: string, text: string): string[] {
  const names = [...text.matchAll(DECLARED)].map(([, name]) => name!);
  for (const [, list] of text.matchAll(LISTED)) names.push(...namesIn(list!, 'outside'));
  return names.map((name) => `${file}#${name}`);
}

/**
 * `file#name` of everything that a file takes from another; `file#*` where the text does not tell the names.
 * @param resolve makes a path of the project of what is imported; undefined for packages
 */
export function usesIn(
  file: string,
  text: string,
  resolve: (file: string, specifier: string) => string | undefined = relative,
): string[] {
  const uses: string[] = [];
  const use = (specifier: string, names: readonly string[]): void => {
    const target = resolve(file, specifier);
    if (target !== undefined && target !== file) uses.push(...names.map((name) => `${target}#${name}`));
  };
  for (const [, list, specifier] of text.matchAll(BY_NAME)) use(specifier!, namesIn(list!, 'inside'));
  for (const [, name, specifier] of text.matchAll(WHOLE))
    use(specifier!, name === undefined ? ['*'] : membersOf(name, text));
  for (const match of text.matchAll(WHEN_NEEDED)) use(match[1]!, namesAround(text, match));
  return uses;
}

/** Names of a list in braces: as the other file knows them (`inside`), or as they are called from without. */
function namesIn(list: string, side: 'inside' | 'outside'): string[] {
  return list
    .replace(/\/\/.*|\/\*[\s\S]*?\*\//g, '')
    .split(',')
    .map((each) => each.trim().replace(/^type /, ''))
    .filter((each) => each !== '')
    .map((each) =>
      each
        .split(/ as |:/)
        .at(side === 'inside' ? 0 : -1)!
        .trim(),
    );
}

/** What is taken of a module by `name.member`; all of it where the module is given away as a whole. */
function membersOf(name: string, text: string): string[] {
  const members = [...text.matchAll(new RegExp(`\\b${name}\\b(?:\\.([\\w$]+))?(?! from )`, 'g'))];
  return members.map(([, member]) => member ?? '*');
}

/** `(await import(x)).name`, `{ name } = await import(x)`, `import(x).name`; all names where it is none of these. */
function namesAround(text: string, { 0: whole, index }: RegExpExecArray): string[] {
  const behind = /^\)?\.([\w$]+)/.exec(text.slice(index + whole.length))?.[1];
  if (behind !== undefined && behind !== 'then') return [behind];
  const before = /\{([^{}]*)\} = await $/.exec(text.slice(0, index))?.[1];
  return before === undefined ? ['*'] : namesIn(before, 'inside');
}

function relative(file: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? posix.join(posix.dirname(file), specifier) : undefined;
}

/** Exports that no other file uses, in the order of files. */
export function unused(exported: readonly string[], used: ReadonlySet<string>): string[] {
  return exported.filter((each) => !used.has(each) && !used.has(`${each.slice(0, each.indexOf('#'))}#*`));
}
