/** `holdfast boot explain`: what a machine would boot from a folder, with every rule that was tried, and why one won. */
import { BootFolder } from '../boot/boot-folder.ts';
import { ipxeScript } from '../boot/ipxe-script.ts';
import { FACT_NAMES, type MachineFacts, MachineFactsError, readFacts } from '../boot/machine-facts.ts';
import { describeRule, type Selection, select } from '../boot/selection.ts';
import { TemplateError } from '../boot/template.ts';
import { describeFlags, type FlagTable, type FlagValues, parseArguments } from './arguments.ts';
import { bootFailure } from './boot-failure.ts';
import { CommandError, EXIT, UsageError } from './failure.ts';
import { resolveTarget } from './target.ts';

const WHO = 'The machine';
const FLAGS = 'Flags';

// biome-ignore format: one flag a line reads as the table that it is
const BOOT_FLAGS = {
  mac: { kind: 'text', metavar: 'MAC', group: WHO, help: 'its hardware address, as 52:54:00:12:34:56' },
  uuid: { kind: 'text', metavar: 'UUID', group: WHO, help: 'its UUID (SMBIOS)' },
  serial: { kind: 'text', metavar: 'TEXT', group: WHO, help: 'its serial number' },
  hostname: { kind: 'text', metavar: 'NAME', group: WHO, help: 'what DHCP calls it' },
  product: { kind: 'text', metavar: 'TEXT', group: WHO, help: 'its model' },
  manufacturer: { kind: 'text', metavar: 'TEXT', group: WHO, help: 'who made it' },
  domain: { kind: 'text', metavar: 'NAME', group: WHO, help: 'the domain that DHCP gives it' },
  platform: { kind: 'text', metavar: 'NAME', group: WHO, help: 'efi or pcbios' },
  arch: { kind: 'text', metavar: 'NAME', group: WHO, help: 'x86_64, i386, arm64, ...' },
  json: { kind: 'switch', group: FLAGS, help: 'the same as JSON, for programs' },
  help: { kind: 'switch', short: 'h', group: FLAGS, help: 'this page' },
} as const satisfies FlagTable;

const USAGE = `Usage: holdfast boot explain [DIR] --mac MAC [FLAGS]

Says what a machine would boot from DIR (by default the folder it is run in), as
holdfast serve --boot would answer it: every rule of boot.toml that was tried,
which one won and why, and the script that iPXE gets. It asks no server.
`;

export async function bootCommand(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArguments(BOOT_FLAGS, argv, process.env, 2);
  if (values.help === true) {
    process.stdout.write(`${USAGE}\n${describeFlags(BOOT_FLAGS)}\n`);
    return EXIT.done;
  }
  const [verb, given = '.'] = positionals;
  if (verb !== 'explain')
    throw new UsageError(
      `${verb === undefined ? 'boot needs a word' : `boot ${verb} is not known`}; there is: holdfast boot explain [DIR] --mac MAC`,
    );
  const target = resolveTarget(given);
  if (target.kind !== 'folder') throw new CommandError(`${given}: no folder`);
  const facts = factsOf(values);
  const folder = await BootFolder.open(target.path).catch((error: unknown) => {
    throw bootFailure(error);
  });
  const config = await folder.config();
  const selection = select(config, facts);
  const script = scriptOf(() => ipxeScript({ config, facts, selection, host: 'SERVER', scheme: 'http' }));
  process.stdout.write(
    values.json === true
      ? `${JSON.stringify(reportOf(facts, selection, script), null, 2)}\n`
      : reportText(facts, selection, script),
  );
  return EXIT.done;
}

function factsOf(values: FlagValues<typeof BOOT_FLAGS>): MachineFacts {
  const query = new URLSearchParams();
  for (const name of FACT_NAMES) if (values[name] !== undefined) query.set(name, values[name]);
  try {
    return readFacts(query);
  } catch (error) {
    if (error instanceof MachineFactsError) throw new UsageError(`--${error.message}`);
    throw error;
  }
}

interface Script {
  readonly text: string | null;
  readonly error: string | null;
}

function scriptOf(make: () => string): Script {
  try {
    return { text: make(), error: null };
  } catch (error) {
    if (error instanceof TemplateError) return { text: null, error: error.message };
    throw error;
  }
}

function reportOf(
  machine: MachineFacts,
  { target, why, tried, winner, variables }: Selection,
  script: Script,
) {
  return {
    machine,
    boots: target,
    why,
    rules: tried.map(({ rule, matches, fails }) => ({
      rule: rule.index,
      line: rule.line,
      match: rule.match,
      profile: rule.profile,
      matches,
      fails: fails ?? null,
      wins: rule === winner,
    })),
    variables,
    script: script.text,
    error: script.error,
  };
}

function reportText(facts: MachineFacts, selection: Selection, script: Script): string {
  const known = FACT_NAMES.filter((name) => facts[name] !== undefined);
  const who =
    known.length === 0 ? 'says nothing of itself' : known.map((name) => `${name} ${facts[name]}`).join(', ');
  const lines = [`machine: ${who}`, `boots:   ${selection.target}`, `why:     ${selection.why}`, ''];
  if (selection.tried.length > 0) lines.push('rules tried:');
  for (const { rule, matches, fails } of selection.tried) {
    const found = matches
      ? rule === selection.winner
        ? 'wins'
        : 'matches, and is less specific'
      : `does not match: ${fails} is ${facts[fails!] ?? 'not known'}, wanted ${rule.match[fails!]!.join(' or ')}`;
    lines.push(`  ${describeRule(rule)} -> ${rule.profile}: ${found}`);
  }
  if (selection.tried.length > 0) lines.push('');
  lines.push(script.text ?? `no script: ${script.error}`);
  return `${lines.join('\n').trimEnd()}\n`;
}
