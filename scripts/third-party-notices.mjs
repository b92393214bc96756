/**
 * Writes THIRD-PARTY-NOTICES: the licences of the packages whose code the bundle contains, as they ask for.
 * Which packages those are, scripts/bundle.mjs has left in dist/bundled-packages.json.
 *
 *   node scripts/third-party-notices.mjs [--check]
 *
 * `--check` writes nothing and fails when the file is not what would be written.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FILE = `${ROOT}THIRD-PARTY-NOTICES`;
const RULE = '-'.repeat(80);

const names = JSON.parse(readFileSync(`${ROOT}dist/bundled-packages.json`, 'utf8'));
const text = noticesOf(names.map(readPackage));
if (!process.argv.includes('--check')) {
  writeFileSync(FILE, text);
} else if (readFileSync(FILE, 'utf8') !== text) {
  console.error('THIRD-PARTY-NOTICES is stale: node scripts/third-party-notices.mjs');
  process.exit(1);
}

function readPackage(name) {
  const folder = `${ROOT}node_modules/${name}`;
  const { version, license } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file));
  const texts = files.sort().map((file) => readFileSync(`${folder}/${file}`, 'utf8').trim());
  if (texts.length === 0) throw new Error(`${name} carries no text of its licence, ${license}`);
  return { name, version, license, text: texts.join('\n\n') };
}

/** Packages that share a text are named above it together: the Apache licence is long. */
function noticesOf(packages) {
  const sections = new Map();
  for (const each of packages) {
    const key = each.text.replace(/\s+/g, ' ');
    const section = sections.get(key) ?? { text: each.text, heads: [] };
    section.heads.push(`${each.name} ${each.version} (${each.license})`);
    sections.set(key, section);
  }
  const opening =
    'The tools of the `holdfast` command contain code of these packages, under the licences below.\n' +
    "Holdfast's own licence is in LICENSE. Written by scripts/third-party-notices.mjs.";
  return `${[opening, ...[...sections.values()].map(({ heads, text }) => `${RULE}\n\n${heads.join('\n')}\n\n${text}`)].join('\n\n')}\n`;
}
