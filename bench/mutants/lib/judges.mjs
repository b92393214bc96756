/**
 * What may catch a fault is the tests that lie nearest to it, the simulator, and `holdfast prove`. Each is asked about the
 * tree without a fault: what it says then is no catch later.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './faults.mjs';

/** A test that a fault makes hang must not hang the run. */
const TEST_MS = 180_000;
const SIMULATOR_MS = 180_000;
const PROVE_EXTRA_MS = 60_000;
const EXIT_FINDING = 99;

/** Tests without sockets. */
const PURE = /^dist\/(?:base|protocol|http|web)\//;

/** Beside the tests in the folder of the file, those that are about the area, the quickest first. */
const AREA_TESTS = {
  timers: ['dist/base/timing-wheel', 'dist/http/exchange', 'dist/server/connection', 'dist/engine/sim/sim-engine', 'dist-test/closing'],
  ends: ['dist/http/exchange', 'dist/server/connection', 'dist-test/closing', 'dist-test/last-requests', 'dist/engine/epoll/epoll-engine'],
  http1: ['dist/protocol/h1/request-head', 'dist/protocol/h1/chunked', 'dist/server/connection', 'dist/server/head-memory', 'dist-test/http11-probe', 'dist-test/request-bodies'],
  http2: ['dist/protocol/h2/server/server-core', 'dist/http/h2/stream', 'dist/server/http2-connection', 'dist-test/h2-core', 'dist-test/http2', 'dist-test/h2-attacks'],
  engines: ['dist/base/slab', 'dist/engine/epoll/epoll-engine', 'dist/engine/iouring/iouring-engine', 'dist/engine/node/node-engine'],
  answers: ['dist/http/answer-plan', 'dist/http/exchange', 'dist/http/h1/sink', 'dist/server/connection', 'dist-test/odd-handlers', 'dist-test/streamed-bodies', 'dist-test/async-context'],
  web: ['dist/web/headers', 'dist/http/request-body', 'dist-test/web-over-sockets', 'dist-test/request-bodies'],
  files: ['dist/files/path', 'dist/files/conditional', 'dist/files/answers', 'dist-test/file-answers', 'dist-test/outside-the-folder'],
  workers: ['dist/server/admission', 'dist-test/connection-limits', 'dist-test/workers', 'dist-test/closing'],
  tls: ['dist/engine/tls/tls-wire', 'dist/engine/tls/tls-client', 'dist/engine/tls/tls-engine', 'dist-test/bad-options'],
}; // biome-ignore format: an area a line

/** @typedef {{ isCaught: boolean, by: string, ms: number }} Verdict */

/** Runs `node ...args` in its own group of processes, which ends with it. */
function run(folder, args, timeoutMs) {
  const begunMs = performance.now();
  const child = spawn(process.execPath, args, {
    cwd: folder,
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    if (output.length < 4_000_000) output += text;
  });
  return new Promise((resolve) => {
    let isLate = false;
    const end = () => {
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended with all that it started.
      }
    };
    const timer = setTimeout(() => {
      isLate = true;
      end();
    }, timeoutMs);
    child.on('close', (code) => {
      clearTimeout(timer);
      end();
      resolve({ code, output, isLate, ms: performance.now() - begunMs });
    });
  });
}

class TestJudge {
  name = 'tests';
  /** What fails without a fault, too; looked at when it fails with one. */
  unsound = [];
  #sound = new Set();

  async learn() {}

  /** @returns {Promise<Verdict>} */
  async judge(folder, fault) {
    let ms = 0;
    for (const file of this.#filesFor(folder, fault)) {
      if (this.unsound.includes(file)) continue;
      const begunMs = performance.now();
      const failure = await this.#fails(folder, file);
      ms += performance.now() - begunMs;
      if (failure === undefined) continue;
      // On a busy machine tests of sockets fail now and then: what fails has to fail again, and to pass without the fault.
      if (!failure.isLate && !PURE.test(file) && (await this.#fails(folder, file)) === undefined) continue;
      if (await this.#isSound(file)) return { isCaught: true, by: file, ms: Math.round(ms) };
    }
    return { isCaught: false, by: '', ms: Math.round(ms) };
  }

  async #isSound(file) {
    // The moment may be a bad one for all: tests of sockets are asked again each time.
    if (PURE.test(file) && this.#sound.has(file)) return true;
    const isSound = (await this.#fails(ROOT, file)) === undefined;
    if (isSound) this.#sound.add(file);
    else if (!this.#sound.has(file)) this.unsound.push(file);
    return isSound;
  }

  async #fails(folder, file) {
    const result = await run(folder, ['--test', '--test-reporter=tap', file], TEST_MS);
    return result.code === 0 ? undefined : result;
  }

  /** Those of the same name, of the same folder, of the area. */
  #filesFor(folder, { file, area }) {
    const own = file.replace(/^src\//, 'dist/').replace(/\.ts$/, '');
    const beside = readdirSync(path.join(folder, path.dirname(own)))
      .filter((name) => name.endsWith('.test.js') && !/\.(?:long|alone)\.test\.js$/.test(name))
      .map((name) => path.join(path.dirname(own), name));
    const wanted = [`${own}.test.js`, ...beside, ...AREA_TESTS[area].map((name) => `${name}.test.js`)];
    return [...new Set(wanted)].filter((name) => existsSync(path.join(folder, name)));
  }
}

class SimulatorJudge {
  name = 'simulator';
  unsound = [];
  #seeds;

  constructor(seeds) {
    this.#seeds = seeds;
  }

  async learn(folder) {
    const { isCaught, by } = await this.judge(folder);
    if (isCaught) this.unsound.push(by);
  }

  async judge(folder) {
    const args = ['dist/simulate/main.js', '--seeds', String(this.#seeds), '--no-shrink'];
    const { code, output, isLate, ms } = await run(folder, args, SIMULATOR_MS);
    if (code === 0) return { isCaught: false, by: '', ms: Math.round(ms) };
    const by = isLate ? 'a world that does not end' : (/seed \d+/.exec(output)?.[0] ?? `exit code ${code}`);
    return { isCaught: true, by, ms: Math.round(ms) };
  }
}

class ProveJudge {
  name = 'prove';
  unsound = [];
  #seconds;

  constructor(seconds) {
    this.#seconds = seconds;
  }

  async learn(folder) {
    for (let times = 0; times < 2; times++)
      for (const id of (await this.#findings(folder)).ids)
        if (!this.unsound.includes(id)) this.unsound.push(id);
  }

  async judge(folder) {
    const { ids, ms } = await this.#findings(folder);
    const fresh = ids.filter((id) => !this.unsound.includes(id));
    return { isCaught: fresh.length > 0, by: fresh[0] ?? '', ms };
  }

  /** @returns the ids of findings that are high or medium */
  async #findings(folder) {
    const args = ['dist/cli/main.js', 'prove', 'examples/proved.mjs', '--engines', 'epoll', '--seed', '7'];
    const limits = ['--for', `${this.#seconds}s`, '--json', '--quiet', '--capsules', 'off'];
    const { code, output, ms } = await run(
      folder,
      [...args, ...limits],
      this.#seconds * 1000 + PROVE_EXTRA_MS,
    );
    if (code !== 0 && code !== EXIT_FINDING) return { ids: [`exit code ${code}`], ms };
    const { targets } = JSON.parse(output);
    const found = targets.flatMap(({ slices }) => slices.flatMap(({ findings }) => findings));
    return { ids: found.filter(({ severity }) => severity !== 'low').map(({ id }) => id), ms };
  }
}

/** @param names in the order in which they are asked */
export function judgesOf(names, { seeds, seconds }) {
  const known = { tests: TestJudge, simulator: SimulatorJudge, prove: ProveJudge };
  return names.map((name) => {
    if (!Object.hasOwn(known, name))
      throw new Error(`--judges ${name}: there are ${Object.keys(known).join(', ')}`);
    return new known[name](name === 'prove' ? seconds : seeds);
  });
}
