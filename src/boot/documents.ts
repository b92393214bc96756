/** Documents with a machine's data that no template makes, and the media types of those that one makes. Pure. */
import type { DocumentName } from './boot-config.ts';
import { type MachineFacts, machineKey } from './machine-facts.ts';

const TYPES: Readonly<Record<DocumentName, string>> = {
  ignition: 'application/json',
  cloud: 'text/cloud-config; charset=utf-8',
  kickstart: 'text/plain; charset=utf-8',
  preseed: 'text/plain; charset=utf-8',
  generic: 'text/plain; charset=utf-8',
};

export function documentType(name: DocumentName): string {
  return TYPES[name];
}

/** A line `NAME=value` for each value, as matchbox writes them: shells and systemd's EnvironmentFile read it. */
export function metadataText(values: Readonly<Record<string, string>>): string {
  const lines = Object.entries(values).map(
    ([name, value]) =>
      `${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}=${value.replaceAll(/\p{Cc}/gu, ' ')}`,
  );
  return `${lines.sort().join('\n')}\n`;
}

/** cloud-init's NoCloud asks for it beside `user-data`; without an id it takes each boot for the first. */
export function cloudInstance(facts: MachineFacts, values: Readonly<Record<string, string>>): string {
  const id = machineKey(facts) ?? 'unknown';
  const hostname = values['hostname'];
  return `instance-id: ${JSON.stringify(id)}\n${hostname === undefined ? '' : `local-hostname: ${JSON.stringify(hostname)}\n`}`;
}
