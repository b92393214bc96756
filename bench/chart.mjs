/** Draws the chart of results anew: `node bench/chart.mjs [RESULTS.json] [CHART.svg]`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { drawChart } from './lib/chart.mjs';
import { BENCH_DIR, ROOT_DIR } from './lib/paths.mjs';

const [from = `${BENCH_DIR}results/latest.json`, to = `${ROOT_DIR}docs/bench.svg`] = process.argv.slice(2);
writeFileSync(to, drawChart(JSON.parse(readFileSync(from, 'utf8'))));
