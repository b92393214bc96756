/** Scripts for GRUB 2 (its manual, "Writing your own configuration file"): one entry, or a menu of all. Pure. */
import { LOCAL, MENU, type Profile } from './boot-config.ts';
import { filledArgs, placeUrl, type ScriptRequest, sourceFor, templateValues } from './script-request.ts';
import { TemplateError } from './template.ts';

/** GRUB fills in its own MAC address; `grub_cpu` is the architecture it was built for. */
export function grubChainScript(host: string): string {
  return `configfile "(http,${host})/grub?mac=\${net_default_mac}&arch=\${grub_cpu}&platform=\${grub_platform}"\n`;
}

export function grubScript(request: ScriptRequest): string {
  const { selection, config } = request;
  if (selection.target !== MENU) {
    const { profile } = selection;
    if (profile === undefined) return 'exit\n';
    return `# ${selection.why.replaceAll(/[^\x20-\x7e]/g, '?')}\nset default=0\nset timeout=1\n${entry(request, profile)}`;
  }
  const timeout = Number.isFinite(config.timeoutMs) ? Math.ceil(config.timeoutMs / 1000) : -1;
  const parts = [`set default=${quoted(config.default)}\nset timeout=${timeout}\n`];
  for (const profile of config.profiles.values()) {
    try {
      parts.push(entry(request, profile));
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      parts.push(`# ${error.message.replaceAll(/[^\x20-\x7e]/g, '?')}\n`);
    }
  }
  parts.push(`menuentry 'The next boot device' --id ${LOCAL} {\n  exit\n}\n`);
  return parts.join('');
}

function entry(request: ScriptRequest, profile: Profile): string {
  const source = sourceFor(profile, request.facts);
  const url = (place: string): string => grubPlace(request.host, place);
  const lines = [`menuentry ${quoted(profile.title)} --id ${profile.name} {`];
  if (source.chain !== undefined) {
    const place = url(source.chain);
    // A program of EFI is told which device it comes from, and that is `root`, wherever it really comes from: "not a valid root device".
    lines.push(`  set root='${place.slice(1, place.indexOf(')'))}'`, `  chainloader ${place}`);
  } else {
    const args = filledArgs(profile, source, templateValues(request)).map(word);
    lines.push(`  linux ${[url(source.kernel!), ...args].join(' ')}`);
    if (source.initrd.length > 0) lines.push(`  initrd ${source.initrd.map(url).join(' ')}`);
  }
  return `${lines.join('\n')}\n}\n`;
}

/** GRUB names a server in parentheses: `(http,10.0.0.1:8080)/vmlinuz`. */
function grubPlace(host: string, place: string): string {
  const own = /^http:\/\/([^/]+)(\/.*)$/.exec(place);
  return own === null ? `(http,${host})${placeUrl(place)}` : `(http,${own[1]})${own[2]}`;
}

/** Plain words stay as they are, and so do those with variables of GRUB's, which quotes would hide. */
function word(text: string): string {
  return text
    .split(' ')
    .map((part) => (/^[\w./:=,+@%$-]*$/.test(part) ? part : quoted(part)))
    .join(' ');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
