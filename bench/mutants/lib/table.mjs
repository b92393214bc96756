/** What was found, as text: which judge caught which fault, and how soon. */
import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';

/** A result of another commit, or another kind of machine, is another result. */
export function setting(root) {
  const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
  return {
    commit: git('rev-parse', '--short=12', 'HEAD'),
    node: process.versions.node,
    machine: `${cpus().length} cores, ${cpus()[0]?.model.trim() ?? 'unknown'}, ${process.platform}`,
  };
}

const isCaught = ({ verdicts }) => Object.values(verdicts).some((verdict) => verdict.isCaught);

export function summary(results, judges) {
  const of = (count) =>
    `${count} of ${results.length} (${((100 * count) / Math.max(1, results.length)).toFixed(0)} %)`;
  const lines = judges.map((name) => {
    const asked = results.filter(({ verdicts }) => verdicts[name] !== undefined);
    const caught = asked.filter(({ verdicts }) => verdicts[name].isCaught).length;
    return `- ${name}: ${caught} of the ${asked.length} that it was asked about`;
  });
  return [`- caught by any: ${of(results.filter(isCaught).length)}`, ...lines].join('\n');
}

export function table(results, judges) {
  const cell = (verdict) => {
    if (verdict === undefined) return '';
    if (!verdict.isCaught) return '-';
    return `${verdict.by.replace(/^dist(?:-test)?\//, '').replace(/\.test\.js$/, '')}, ${(verdict.ms / 1000).toFixed(1)} s`;
  };
  const row = (cells) => `| ${cells.join(' | ')} |`;
  return [
    row(['fault', 'what it does', ...judges]),
    row(['---', '---', ...judges.map(() => '---')]),
    ...results.map(({ id, sentence, verdicts }) =>
      row([`\`${id}\``, sentence.replaceAll('|', '\\|'), ...judges.map((name) => cell(verdicts[name]))]),
    ),
  ].join('\n');
}

/** The faults that nobody has caught. */
export function survivors(results) {
  return results.filter((result) => !isCaught(result));
}
