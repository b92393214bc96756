import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { LOAD_FLAGS } from '#src/cli/load-flags.ts';
import { SERVE_FLAGS } from '#src/cli/serve-flags.ts';
import { SIEGE_FLAGS } from '#src/cli/siege-flags.ts';
import { DEFAULT_H2_LIMITS } from '#src/protocol/h2/server/server-settings.ts';

const pages = ['.', 'docs']
  .flatMap((root) =>
    readdirSync(root, { recursive: root !== '.', encoding: 'utf8' }).map((file) => path.join(root, file)),
  )
  .filter((file) => file.endsWith('.md'))
  .map((file) => ({ file, text: readFileSync(file, 'utf8') }));

/** A heading's anchor as GitHub and most renderers make it. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');

test('every link between the pages leads somewhere', () => {
  const broken: string[] = [];
  for (const { file, text } of pages) {
    for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^(https?:|mailto:)/.test(target!)) continue;
      const [link, anchor] = target!.split('#');
      const to = link === '' ? file : path.join(path.dirname(file), link!);
      if (!existsSync(to)) broken.push(`${file}: ${target}`);
      else if (anchor !== undefined && to.endsWith('.md')) {
        const headings = [...readFileSync(to, 'utf8').matchAll(/^#+ (.+)$/gm)].map((match) =>
          anchorOf(match[1]!),
        );
        if (!headings.includes(anchor)) broken.push(`${file}: ${target}`);
      }
    }
  }
  assert.deepEqual(broken, []);
});

test('every npm command that the pages name exists', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
  for (const { file, text } of pages)
    for (const [, name] of text.matchAll(/\bnpm run ([a-z][a-z:-]*)/g))
      assert.ok(scripts[name!] !== undefined, `${file}: npm run ${name}`);
});

test('decisions are numbered without gaps and have the parts that a decision has', () => {
  const files = readdirSync('docs/decisions').sort();
  for (const [index, file] of files.entries()) {
    assert.match(file, new RegExp(`^${String(index + 1).padStart(4, '0')}-[a-z0-9-]+\\.md$`));
    const text = readFileSync(path.join('docs/decisions', file), 'utf8');
    for (const part of ['Context', 'Choice', 'Numbers', 'Rejected'])
      assert.ok(text.includes(`\n## ${part}\n`), `${file} lacks "${part}"`);
  }
});

test('the page on the command line names every flag of serve, and none that no command has', () => {
  const page = readFileSync('docs/command-line.md', 'utf8');
  const named = new Set([...page.matchAll(/`--([a-z0-9-]+)`/g)].map((match) => match[1]!));
  const exist = new Set<string>([...Object.keys(LOAD_FLAGS), ...Object.keys(SIEGE_FLAGS)]);
  for (const [name, flag] of Object.entries(SERVE_FLAGS)) {
    exist.add(name);
    if ('negatable' in flag && flag.negatable) exist.add(`no-${name}`);
    assert.ok(name === 'help' || named.has(name), `docs/command-line.md does not name --${name}`);
  }
  for (const name of named) assert.ok(exist.has(name), `docs/command-line.md names --${name}`);
});

test('the page on options names every option of serve()', () => {
  const page = readFileSync('docs/options.md', 'utf8');
  const source = ['options', 'http2-limits']
    .map((file) => readFileSync(`src/server/${file}.ts`, 'utf8'))
    .join('\n');
  const members = (name: string) => {
    const body = new RegExp(`export interface ${name}(?:<[^{]*>)? \\{\\n([\\s\\S]*?)\\n\\}`).exec(source);
    assert.ok(body !== null, `src/server has no interface ${name}`);
    return [...body[1]!.matchAll(/^ {2}(\w+)\??:/gm)].map((match) => match[1]!);
  };
  for (const name of ['ServeOptions', 'TimeoutOptions', 'LimitOptions', 'Http2LimitOptions'])
    for (const option of members(name).filter((each) => each !== 'timeouts' && each !== 'limits'))
      assert.match(
        page,
        new RegExp(`^\\| \`${option}\` +\\|`, 'm'),
        `docs/options.md has no row for ${option} of ${name}`,
      );
});

test('the page on options tells the defaults of the limits of HTTP/2 as they are', () => {
  const page = readFileSync('docs/options.md', 'utf8');
  const { streamCountMax, continuationCountMax, headsBytesMax, bounds } = DEFAULT_H2_LIMITS;
  const { tinyDataUnreadMax, stalledAnswersMax, settingsInFrameMax: _, ...allowances } = bounds;
  const texts: Record<string, string> = {
    concurrentStreams: `${streamCountMax}`,
    continuations: `${continuationCountMax}`,
    openHeaderBytes: `${headsBytesMax / 2 ** 20} MiB`,
    unreadTinyData: `${tinyDataUnreadMax}`,
    stalledAnswers: `${stalledAnswersMax}`,
  };
  for (const [name, { burst, perSecond }] of Object.entries(allowances))
    texts[name] = name === 'resets' ? `${burst} at once, ${perSecond} a second` : `${burst}, ${perSecond}`;
  for (const [name, text] of Object.entries(texts))
    assert.match(page, new RegExp(`^\\| \`${name}\` +\\| ${text} +\\|`, 'm'), `${name} is ${text}`);
});

test('the page on load names every flag of load, and none that no command has', () => {
  const text = ['docs/load.md', 'docs/load-agents.md'].map((file) => readFileSync(file, 'utf8')).join('\n');
  const help = new Set(['help', 'quiet', 'json', 'save']);
  for (const name of Object.keys(LOAD_FLAGS))
    assert.ok(
      help.has(name) || text.includes(`--${name}`) || isShortNamed(name, text),
      `docs/load.md: --${name}`,
    );
});

/** `-c 64` names `--connections`. */
function isShortNamed(name: string, text: string): boolean {
  const flag = LOAD_FLAGS[name as keyof typeof LOAD_FLAGS];
  return 'short' in flag && new RegExp(`(^|[\`\\s])-${flag.short}[ \`]`, 'm').test(text);
}
