/**
 * What a machine says of itself when it asks what to boot: the query that its firmware or iPXE fills in, read and
 * brought into one form. It trusts nothing of it: a value is a short line of text, or the request is refused.
 */

/** Facts that rules may match, the most telling first. */
export const FACT_NAMES = [
  'mac',
  'uuid',
  'serial',
  'hostname',
  'product',
  'manufacturer',
  'domain',
  'platform',
  'arch',
] as const;

export type FactName = (typeof FACT_NAMES)[number];
export type MachineFacts = Readonly<Partial<Record<FactName, string>>>;

/** Longer than any name or serial number that firmware keeps (SMBIOS strings end at 64). */
const VALUE_CHARS_MAX = 256;

/** iPXE and others write these where a setting is not known, and SMBIOS has two UUIDs for none (DSP0134, System Information). */
const UNKNOWN = new Set([
  '',
  'null',
  'undefined',
  '00000000-0000-0000-0000-000000000000',
  'ffffffff-ffff-ffff-ffff-ffffffffffff',
]);

/** A query that is refused. */
export class MachineFactsError extends Error {
  override readonly name = 'MachineFactsError';
  readonly code = 'HOLDFAST_BOOT_QUERY';
}

/** @throws MachineFactsError naming the field, its value and what is allowed */
export function readFacts(query: URLSearchParams): MachineFacts {
  const facts: Partial<Record<FactName, string>> = {};
  for (const name of FACT_NAMES) {
    const given = query.get(name)?.trim();
    // `${mac}` as it stands: somebody other than iPXE followed the chain line.
    if (given === undefined || UNKNOWN.has(given.toLowerCase()) || given.startsWith('${')) continue;
    facts[name] = normalFact(name, given);
  }
  return facts;
}

/**
 * One fact as rules compare it: `52-54-00-AB-CD-EF` and `52:54:00:ab:cd:ef` are the same MAC.
 * @throws MachineFactsError
 */
export function normalFact(name: FactName, value: string): string {
  if (value.length > VALUE_CHARS_MAX || /\p{Cc}/u.test(value))
    throw new MachineFactsError(
      `${name}: ${JSON.stringify(value.slice(0, 80))} is not allowed; a line of at most ${VALUE_CHARS_MAX} characters`,
    );
  if (name === 'mac') return normalMac(value);
  if (name === 'uuid') return normalUuid(value);
  if (name === 'arch') return ARCH_NAMES[value.toLowerCase()] ?? value.toLowerCase();
  return name === 'hostname' || name === 'domain' || name === 'platform' ? value.toLowerCase() : value;
}

function normalMac(value: string): string {
  const digits = value.toLowerCase().replaceAll(/[:.-]/g, '');
  // InfiniBand's are 8 or 20 bytes long; Ethernet's are 6.
  if (!/^(?:[0-9a-f]{12}|[0-9a-f]{16}|[0-9a-f]{40})$/.test(digits))
    throw new MachineFactsError(
      `mac: ${JSON.stringify(value)} is not allowed; a hardware address such as 52:54:00:12:34:56`,
    );
  return digits.match(/../g)!.join(':');
}

function normalUuid(value: string): string {
  const text = value.toLowerCase();
  if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text))
    throw new MachineFactsError(
      `uuid: ${JSON.stringify(value)} is not allowed; a UUID such as 01234567-89ab-cdef-0123-456789abcdef`,
    );
  return text;
}

/** What iPXE (`buildarch`), GRUB (`grub_cpu`), kernels and distributions call the same processors. */
const ARCH_NAMES: Readonly<Record<string, string>> = {
  amd64: 'x86_64',
  'x86-64': 'x86_64',
  x64: 'x86_64',
  aarch64: 'arm64',
  x86: 'i386',
  i486: 'i386',
  i586: 'i386',
  i686: 'i386',
  arm: 'arm32',
};

export const ARCHITECTURES = ['x86_64', 'i386', 'arm64', 'arm32', 'riscv64', 'loong64'] as const;

/** How people tell it apart: by its hardware address, else by what else identifies it. */
export function machineKey(facts: MachineFacts): string | undefined {
  return facts.mac ?? facts.uuid ?? facts.serial;
}
