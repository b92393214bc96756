/**
 * A server under test as a process: started pinned to its CPU, awaited until it answers, frozen between
 * its windows, ended with its whole tree.
 *
 * Frozen means SIGSTOP: every server lives through the whole run with its code warm, and while another one
 * is measured its CPU time is zero by construction, whatever timers it keeps.
 */
import { spawn } from 'node:child_process';
import { createConnection } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { processTree } from './cpu.mjs';

const READY_TIMEOUT_MS = 15_000;
const END_TIMEOUT_MS = 3000;

export class ServerProcess {
  #child;
  #stderr = '';
  #ended;
  port;
  name;

  /** @param cpus a taskset list such as '0' or '0,1' */
  constructor(name, port, { command, args, env, cwd }, cpus) {
    this.name = name;
    this.port = port;
    this.#child = spawn('taskset', ['-c', cpus, command, ...args], {
      cwd,
      env: { ...process.env, NODE_ENV: 'production', ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
      // A group of its own, so that the whole tree can be ended even if its first process has died.
      detached: true,
    });
    this.#child.stderr.setEncoding('utf8');
    this.#child.stderr.on('data', (text) => {
      this.#stderr = (this.#stderr + text).slice(-2000);
    });
    this.#ended = new Promise((resolve) => {
      this.#child.on('exit', (code, signal) => resolve(`ended with ${signal ?? `code ${code}`}`));
      this.#child.on('error', (error) => resolve(error.message));
    });
  }

  get pid() {
    return this.#child.pid;
  }

  get isRunning() {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** taskset replaces itself by the command, so the child's pid is the server's. */
  pids() {
    return processTree(this.#child.pid);
  }

  /** Resolves when the port accepts connections. @throws with the tail of stderr when it does not */
  async ready() {
    const untilMs = performance.now() + READY_TIMEOUT_MS;
    while (performance.now() < untilMs) {
      if (!this.isRunning) throw new Error(await this.#epitaph());
      if (await accepts(this.port)) return;
      await sleep(10);
    }
    throw new Error(`did not listen within ${READY_TIMEOUT_MS} ms: ${lastLine(this.#stderr)}`);
  }

  freeze() {
    this.#signal('SIGSTOP');
  }

  thaw() {
    this.#signal('SIGCONT');
  }

  async end() {
    if (!this.isRunning) return;
    this.thaw();
    this.#signal('SIGTERM');
    const inTime = await Promise.race([
      this.#ended.then(() => true),
      sleep(END_TIMEOUT_MS, false, { ref: false }),
    ]);
    if (!inTime) this.#signal('SIGKILL');
    await this.#ended;
  }

  async #epitaph() {
    const how = await this.#ended;
    return `${how}${this.#stderr === '' ? '' : `: ${lastLine(this.#stderr)}`}`;
  }

  #signal(name) {
    try {
      process.kill(-this.#child.pid, name);
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
  }
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** The line of an error that names it, if there is one; the last line otherwise. */
function lastLine(text) {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return (lines.find((line) => /error/i.test(line) && !/^\s*at /.test(line)) ?? lines.at(-1) ?? '')
    .trim()
    .slice(0, 300);
}
