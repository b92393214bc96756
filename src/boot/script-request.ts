/** What a script is made for: a machine that asks, what was selected for it, and by which address it reaches us. */
import type { BootConfig, BootSource, Profile } from './boot-config.ts';
import { FACT_NAMES, type MachineFacts } from './machine-facts.ts';
import type { Selection } from './selection.ts';
import { fill } from './template.ts';

export interface ScriptRequest {
  readonly config: BootConfig;
  readonly facts: MachineFacts;
  readonly selection: Selection;
  /** The authority that the machine asked, as `10.0.0.1:8080`. */
  readonly host: string;
  readonly scheme: string;
}

/** All names that templates may use: facts of the machine, those of its query, its variables and ours. */
export function templateValues(
  { facts, selection, host, scheme }: Omit<ScriptRequest, 'config'>,
  query?: URLSearchParams,
): Record<string, string> {
  const values: Record<string, string> = { base: `${scheme}://${host}`, host, profile: selection.target };
  for (const [name, value] of query ?? []) values[`request.query.${name}`] = value;
  for (const name of FACT_NAMES) if (facts[name] !== undefined) values[name] = facts[name];
  if (facts.mac !== undefined) values['machexhyp'] = facts.mac.replaceAll(':', '-');
  return { ...values, ...selection.variables };
}

/**
 * The source for a machine's architecture. iPXE for a PC BIOS calls itself i386 on every processor, and those of this
 * century run x86_64.
 */
export function sourceFor(profile: Profile, facts: MachineFacts): BootSource {
  const { byArch, base } = profile;
  const own = facts.arch === undefined ? undefined : byArch.get(facts.arch);
  if (own !== undefined) return own;
  if (base.kernel === undefined && base.chain === undefined)
    return byArch.get('x86_64') ?? [...byArch.values()][0] ?? base;
  return base;
}

export function filledArgs(profile: Profile, source: BootSource, values: Record<string, string>): string[] {
  return source.args.map((each) => fill(each, `args of profile ${profile.name}`, values));
}

/** A path in the folder as a path of a URL; a URL as it is. Variables of iPXE stay what they are. */
export function placeUrl(place: string): string {
  if (/^(?:[a-z]+:|\$\{)/.test(place)) return place;
  const encoded = place.split('/').map((segment) =>
    segment
      .split(/(\$\{[^}]*\})/)
      .map((part) => (part.startsWith('${') ? part : encodeURIComponent(part).replaceAll('%3A', ':')))
      .join(''),
  );
  return `/${encoded.join('/')}`;
}

/** Names of initial file systems within a boot, each its own: two folders may have files of one name. */
export function imageNames(places: readonly string[]): string[] {
  const names: string[] = [];
  for (const [index, place] of places.entries()) {
    const name =
      (place.split(/[?#]/)[0] ?? '')
        .split('/')
        .at(-1)!
        .replaceAll(/[^\w.-]/g, '_') || 'initrd';
    names.push(names.includes(name) ? `${index}-${name}` : name);
  }
  return names;
}
