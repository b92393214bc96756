/**
 * Plants faults in the server, one at a time, each in a private copy of the tree, and asks who catches it: the nearest tests,
 * the simulator, `holdfast prove`. See README.md.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT, readFaults } from './lib/faults.mjs';
import { judgesOf } from './lib/judges.mjs';
import { PrivateCopy } from './lib/private-copy.mjs';
import { setting, summary, survivors, table } from './lib/table.mjs';

const USAGE = `usage: npm run mutants -- [--only PART]... [--judges tests,simulator,prove] [--until-caught] [--jobs N=1]
       [--seeds N=600] [--seconds N=20] [--json] [--publish]

--only           faults whose name contains that: an area, or one fault
--judges         who is asked, in this order
--until-caught   those behind the first who catches it are not asked
--publish        adds to docs/results/mutants.json, and writes docs/results/mutants.md of all that is there
Exit 99: a fault was caught by nobody.
`;
const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    judges: { type: 'string', default: 'tests,simulator,prove' },
    'until-caught': { type: 'boolean', default: false },
    jobs: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '600' },
    seconds: { type: 'string', default: '20' },
    json: { type: 'boolean', default: false },
    publish: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (flags.help) {
  process.stdout.write(USAGE);
  process.exit(0);
}
const names = flags.judges.split(',');
const judges = judgesOf(names, { seeds: Number(flags.seeds), seconds: Number(flags.seconds) });
const faults = readFaults().filter(
  ({ id }) => flags.only.length === 0 || flags.only.some((part) => id.includes(part)),
);
const results = await judgeAll();
report();

async function judgeAll() {
  const copies = Array.from({ length: Math.max(1, Number(flags.jobs)) }, () => new PrivateCopy());
  try {
    for (const judge of judges) {
      await judge.learn(copies[0].folder, faults);
      for (const what of judge.unsound)
        note(`${judge.name}: ${what} is so without a fault, and counts for nothing`);
    }
    const waiting = [...faults];
    const found = new Map();
    await Promise.all(
      copies.map(async (copy) => {
        for (let fault = waiting.shift(); fault !== undefined; fault = waiting.shift())
          await judgeOne(copy, fault).then((result) => {
            found.set(fault.id, result);
            // As it goes: what there is of a run that is broken off counts.
            if (flags.publish) publish({ ...setting(ROOT), results: [result] });
          });
      }),
    );
    return faults.map(({ id }) => found.get(id));
  } finally {
    for (const copy of copies) copy.remove();
  }
}

async function judgeOne(copy, fault) {
  copy.take(fault);
  const verdicts = {};
  for (const judge of judges) {
    if (flags['until-caught'] && Object.values(verdicts).some(({ isCaught }) => isCaught)) break;
    verdicts[judge.name] = await judge.judge(copy.folder, fault);
  }
  copy.take(undefined);
  const said = Object.entries(verdicts).map(
    ([name, { isCaught, by }]) => `${name}: ${isCaught ? by : 'nothing'}`,
  );
  note(`${fault.id}  ${said.join('; ')}`);
  const { id, area, sentence, file } = fault;
  return { id, area, sentence, file, verdicts };
}

function report() {
  const result = { ...setting(ROOT), results };
  process.stdout.write(
    flags.json
      ? `${JSON.stringify(result, null, 2)}\n`
      : `${table(results, names)}\n\n${summary(results, names)}\n`,
  );
  process.exitCode = survivors(results).length > 0 ? 99 : 0;
}

/** What was known of others, or by other judges, stays: a whole run takes hours. */
function publish({ commit, node, machine, results: fresh }) {
  const folder = path.join(ROOT, 'docs/results');
  const file = path.join(folder, 'mutants.json');
  mkdirSync(folder, { recursive: true });
  const byId = new Map(readKnown(file).map((each) => [each.id, each]));
  for (const each of fresh)
    byId.set(each.id, { ...each, verdicts: { ...byId.get(each.id)?.verdicts, ...each.verdicts } });
  const there = new Set(readFaults().map(({ id }) => id));
  const all = [...byId.values()].filter(({ id }) => there.has(id)).sort((a, b) => (a.id < b.id ? -1 : 1));
  writeFileSync(file, `${JSON.stringify({ commit, node, machine, results: all }, null, 2)}\n`);
  const every = ['tests', 'simulator', 'prove'];
  const left = survivors(all).map(({ id, sentence }) => `- \`${id}\`: ${sentence}`);
  writeFileSync(
    path.join(folder, 'mutants.md'),
    `# Planted faults, and who catches them

Made by \`npm run mutants -- --publish\` (\`bench/mutants/README.md\` in the source tells how); last at commit ${commit}, Node ${node}, ${machine}.
Times are until the catch, on a machine that did other things as well. An empty cell: not asked. \`-\`: did not notice.

${summary(all, every)}

${left.length === 0 ? 'Nobody missed one.' : `Caught by nobody who was asked:\n\n${left.join('\n')}`}

${table(all, every)}
`,
  );
}

function readKnown(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).results;
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}

function note(text) {
  process.stderr.write(`${text}\n`);
}
