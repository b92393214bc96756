/** `holdfast serve` as the scenarios start it: the command line, with the smallest module unless another is named. */
import { existsSync } from 'node:fs';
import { BENCH_DIR, ROOT_DIR } from './paths.mjs';

export function holdfastCommand(
  port,
  { workers = 1, engine = 'iouring', balance = 'kernel', module = 'hello' } = {},
) {
  const main = `${ROOT_DIR}dist/bundle/main.js`;
  if (!existsSync(main)) throw new Error('dist/bundle/main.js is not built (npm run build)');
  return {
    command: process.execPath,
    args: [
      main,
      'serve',
      `${BENCH_DIR}scenarios/${module}.mjs`,
      ...['-p', String(port), '-w', String(workers), '--engine', engine, '--balance', balance],
    ],
  };
}
