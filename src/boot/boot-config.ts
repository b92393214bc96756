/**
 * `boot.toml` read into what the menus are made of. All that is wrong with a file is told at once, each with file, line,
 * key and what is allowed; nothing of a file that has a mistake is used.
 */
import { ConfigReader, type Table } from './config-reader.ts';
import { ARCHITECTURES, FACT_NAMES, type FactName, normalFact } from './machine-facts.ts';

/** What one architecture boots. */
export interface BootSource {
  /** Path in the folder, or a URL. */
  readonly kernel: string | undefined;
  readonly initrd: readonly string[];
  /** Words of the kernel's command line; may hold `{{names}}`. */
  readonly args: readonly string[];
  /** An EFI program or another script, in the kernel's place: path in the folder, or a URL. */
  readonly chain: string | undefined;
}

/** Documents with a machine's data: by endpoint, the template in the folder. */
export const DOCUMENT_NAMES = ['ignition', 'cloud', 'kickstart', 'preseed', 'generic'] as const;
export type DocumentName = (typeof DOCUMENT_NAMES)[number];

export type Variables = Readonly<Record<string, string>>;

export interface Profile {
  readonly name: string;
  readonly title: string;
  readonly base: BootSource;
  /** What differs, whole: by architecture. */
  readonly byArch: ReadonlyMap<string, BootSource>;
  readonly variables: Variables;
  readonly documents: Readonly<Partial<Record<DocumentName, string>>>;
}

export interface MachineRule {
  /** Place in the file, from 0. */
  readonly index: number;
  readonly line: number;
  /** All of these must hold; each by one of its values. */
  readonly match: Readonly<Partial<Record<FactName, readonly string[]>>>;
  /** A profile's name, or LOCAL or MENU. */
  readonly profile: string;
  readonly variables: Variables;
  /** What leaves in a second at most of what the machine fetches; Infinity for no limit of its own. */
  readonly paceBytesPerSecond: number;
}

export interface BootConfig {
  readonly title: string;
  /** What the menu takes, or what boots without a menu, when nobody chooses. */
  readonly default: string;
  /** How long the menu waits; Infinity waits for somebody. */
  readonly timeoutMs: number;
  /** Whether a machine that no rule names gets the menu; else it boots the default at once. */
  readonly menu: boolean;
  readonly profiles: ReadonlyMap<string, Profile>;
  readonly machines: readonly MachineRule[];
}

/** The next boot device: what a machine that is installed wants. */
export const LOCAL = 'local';
export const MENU = 'menu';

/** Long enough to read a menu, short enough for a machine without a person. */
const TIMEOUT_MS = 10_000;
const DEFAULT_TITLE = 'What to boot';

const TOP_KEYS = ['title', 'default', 'timeout', 'menu', 'profiles', 'machines'];
const SOURCE_KEYS = ['kernel', 'initrd', 'args', 'chain'];
const PROFILE_KEYS = ['title', ...SOURCE_KEYS, 'vars', ...DOCUMENT_NAMES, ...ARCHITECTURES];
const RULE_KEYS = ['match', 'profile', 'vars', 'pace'];
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/**
 * @param file its name, for errors
 * @param found profiles of what lies in the folder; the file's own come before those of the same name
 * @throws BootConfigError with all that is wrong
 */
export function parseBootConfig(text: string, file: string, found: ReadonlyMap<string, Profile>): BootConfig {
  const reader = new ConfigReader(text, file);
  const top = reader.top(TOP_KEYS);
  const profiles = new Map<string, Profile>();
  for (const [name, table] of top.tables('profiles')) {
    if (!NAME.test(name) || name === LOCAL || name === MENU)
      table.wrong(
        `a profile cannot be named ${JSON.stringify(name)}`,
        `letters, digits, '.', '_' and '-', and neither ${LOCAL} nor ${MENU}`,
      );
    else profiles.set(name, readProfile(name, table));
  }
  for (const each of unnamed(found, profiles)) profiles.set(each.name, each);
  const targets = [...profiles.keys(), LOCAL];
  const machines = top
    .list('machines')
    .map((table, index) => readRule(table, index, [...targets, MENU]))
    .sort((a, b) => a.index - b.index);
  refuseTwins(machines, top);
  const config: BootConfig = {
    title: top.text('title') ?? DEFAULT_TITLE,
    default: top.choice('default', targets) ?? LOCAL,
    timeoutMs: top.duration('timeout') ?? TIMEOUT_MS,
    menu: top.boolean('menu') ?? true,
    profiles,
    machines,
  };
  reader.finish();
  return config;
}

/** Kernels that lie there and that no profile boots by now. */
function unnamed(found: ReadonlyMap<string, Profile>, named: ReadonlyMap<string, Profile>): Profile[] {
  const kernels = new Set<string | undefined>();
  for (const { base, byArch } of named.values())
    for (const { kernel } of [base, ...byArch.values()]) kernels.add(kernel);
  return [...found.values()].filter(({ name, base }) => !named.has(name) && !kernels.has(base.kernel));
}

/** What a folder without `boot.toml` means: a menu of what lies there, which boots the one kernel if there is only one. */
export function configOfFound(found: ReadonlyMap<string, Profile>): BootConfig {
  const names = [...found.keys()];
  return {
    title: DEFAULT_TITLE,
    default: names.length === 1 ? names[0]! : LOCAL,
    timeoutMs: TIMEOUT_MS,
    menu: true,
    profiles: found,
    machines: [],
  };
}

function readProfile(name: string, table: Table): Profile {
  table.only(PROFILE_KEYS);
  const byArch = new Map<string, BootSource>();
  const base = readSource(table, undefined);
  for (const arch of ARCHITECTURES) {
    const part = table.table(arch);
    if (part === undefined) continue;
    part.only(SOURCE_KEYS);
    byArch.set(arch, readSource(part, base));
  }
  const boots = (source: BootSource) => source.kernel !== undefined || source.chain !== undefined;
  const saysWhat = table.has('kernel') || table.has('chain');
  if (!saysWhat && (byArch.size === 0 || ![...byArch.values()].every(boots)))
    table.wrong('boots nothing', 'a kernel, or chain, here or for each architecture');
  const documents: Partial<Record<DocumentName, string>> = {};
  for (const document of DOCUMENT_NAMES) {
    const path = table.path(document);
    if (path !== undefined) documents[document] = path;
  }
  return {
    name,
    title: table.text('title') ?? name,
    base,
    byArch,
    variables: table.variables('vars'),
    documents,
  };
}

function readSource(table: Table, base: BootSource | undefined): BootSource {
  const kernel = table.place('kernel');
  const chain = table.place('chain');
  if (kernel !== undefined && chain !== undefined)
    table.wrong('has kernel and chain', 'one of the two', 'chain');
  return {
    kernel: chain === undefined ? (kernel ?? base?.kernel) : undefined,
    initrd: table.places('initrd') ?? base?.initrd ?? [],
    args: table.words('args') ?? base?.args ?? [],
    chain: kernel === undefined ? (chain ?? base?.chain) : undefined,
  };
}

function readRule(table: Table, index: number, targets: readonly string[]): MachineRule {
  table.only(RULE_KEYS);
  const match: Partial<Record<FactName, readonly string[]>> = {};
  const facts = table.table('match');
  facts?.only(FACT_NAMES);
  if (facts !== undefined)
    for (const name of FACT_NAMES) {
      const values = facts.words(name);
      if (values === undefined) continue;
      const normal = values.map((value) => facts.checked(name, () => normalFact(name, value)));
      match[name] = normal.filter((value) => value !== undefined);
    }
  const profile = table.choice('profile', targets);
  if (profile === undefined && !table.has('profile'))
    table.wrong('names no profile', `profile = one of ${targets.join(', ')}`);
  return {
    index,
    line: table.line,
    match,
    profile: profile ?? LOCAL,
    variables: table.variables('vars'),
    paceBytesPerSecond: table.pace('pace') ?? Number.POSITIVE_INFINITY,
  };
}

/** Two rules for one hardware address are a slip of copying: the second would never win, and nobody would see why. */
function refuseTwins(rules: readonly MachineRule[], top: Table): void {
  const seen = new Map<string, MachineRule>();
  for (const rule of rules) {
    const key = JSON.stringify(FACT_NAMES.map((name) => rule.match[name]?.toSorted()));
    const first = seen.get(key);
    if (first !== undefined)
      top.wrongAt(
        ['machines', rule.index],
        `matches just what the rule on line ${first.line} matches`,
        'one rule for each set of facts',
      );
    else seen.set(key, rule);
  }
}
