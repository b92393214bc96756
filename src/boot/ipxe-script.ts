/**
 * Scripts for iPXE (https://ipxe.org/scripting): the chain line that makes a machine say what it is, what it then
 * boots, the menu, and scripts that fall through to the next boot device. Pure.
 */
import { LOCAL, MENU, type Profile } from './boot-config.ts';
import { FACT_NAMES, type MachineFacts } from './machine-facts.ts';
import {
  filledArgs,
  imageNames,
  placeUrl,
  type ScriptRequest,
  sourceFor,
  templateValues,
} from './script-request.ts';

/**
 * The shape of matchbox's, so that who points there can point here; what rules may match besides is added behind it.
 * A file that is missing must not end the boot.
 */
export const CHAIN_SCRIPT = `#!ipxe
chain /ipxe?uuid=\${uuid}&mac=\${mac:hexhyp}&domain=\${domain}&hostname=\${hostname}&serial=\${serial}&arch=\${buildarch:uristring}&manufacturer=\${manufacturer:uristring}&product=\${product:uristring}&platform=\${platform} || exit 0
`;

/** How long somebody may read what went wrong. */
const FAILED_PAUSE_S = 10;

/** Goes on with the next boot device, or behind the line that asked for the script. */
export function fallThroughScript(why: string): string {
  return `#!ipxe\necho ${printable(why)}\nexit 0\n`;
}

export function ipxeScript(request: ScriptRequest): string {
  const { selection } = request;
  if (selection.target === MENU) return menuScript(request);
  if (selection.profile === undefined)
    return fallThroughScript('The next boot device is what this machine boots');
  return profileScript(request, selection.profile);
}

function profileScript(request: ScriptRequest, profile: Profile): string {
  const { selection, facts } = request;
  const source = sourceFor(profile, facts);
  const lines = ['#!ipxe', `# ${printable(selection.why)}`];
  if (source.chain !== undefined) {
    lines.push(`chain ${placeUrl(source.chain)} || goto failed`);
  } else {
    const names = imageNames(source.initrd);
    const words = [
      `kernel ${placeUrl(source.kernel!)}`,
      ...names.map((name) => `initrd=${name}`),
      ...filledArgs(profile, source, templateValues(request)),
    ];
    lines.push(`${words.join(' ')} || goto failed`);
    for (const [index, place] of source.initrd.entries())
      lines.push(`initrd --name ${names[index]} ${placeUrl(place)} || goto failed`);
    lines.push('boot || goto failed');
  }
  lines.push('exit 0', ':failed');
  lines.push(`echo Booting ${profile.name} failed. The next boot device follows in ${FAILED_PAUSE_S} s`);
  lines.push(`sleep ${FAILED_PAUSE_S}`, 'exit 1', '');
  return lines.join('\n');
}

/** What is chosen is asked for anew, so that a profile that has a mistake is no harm to the others. */
function menuScript({ config, facts }: ScriptRequest): string {
  const query = queryOf(facts);
  const items = [...config.profiles.values()];
  const lines = ['#!ipxe', ':menu', `menu ${printable(config.title)}`];
  for (const { name, title } of items) lines.push(`item ${name} ${printable(title)}`);
  lines.push(`item ${LOCAL} The next boot device`, 'item shell The shell of iPXE');
  const timeout = Number.isFinite(config.timeoutMs) ? ` --timeout ${config.timeoutMs}` : '';
  lines.push(`choose --default ${config.default}${timeout} target || goto ${LOCAL}`);
  for (const label of [LOCAL, 'shell']) lines.push(`iseq \${target} ${label} && goto ${label} ||`);
  lines.push(`chain --replace /ipxe?${query}profile=\${target} || goto menu`, 'exit 0');
  lines.push(`:${LOCAL}`, 'exit 0', ':shell', 'shell', 'goto menu', '');
  return lines.join('\n');
}

function queryOf(facts: MachineFacts): string {
  const parts: string[] = [];
  for (const name of FACT_NAMES) {
    const value = facts[name];
    if (value !== undefined) parts.push(`${name}=${encodeURIComponent(value)}&`);
  }
  return parts.join('');
}

/** One line, whatever somebody wrote, in which iPXE sees no variable and no operator. */
function printable(text: string): string {
  return text
    .replaceAll(/[^\x20-\x7e]/g, '?')
    .replaceAll('${', '$ {')
    .replaceAll(/\|\||&&/g, '-');
}
