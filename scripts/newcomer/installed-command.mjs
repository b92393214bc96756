/** The command as npx starts it, which goes on: its ready line, and an end by signal to the process that it names. */
import { spawn } from 'node:child_process';
import { cleanEnvironment } from './workspace.mjs';

const READY_TIMEOUT_MS = 20_000;

export class InstalledCommand {
  #child;
  #stdout = '';
  #stderr = '';
  #ended;
  #pid;

  constructor(cwd, args) {
    const { PORT: _port, HOST: _host, ...env } = cleanEnvironment();
    this.#child = spawn('npx', ['holdfast', ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stderr.setEncoding('utf8').on('data', (text) => (this.#stderr += text));
    this.#child.stdout.setEncoding('utf8').on('data', (text) => (this.#stdout += text));
    this.#ended = new Promise((resolve) =>
      this.#child.on('close', (code, signal) => resolve(code ?? signal)),
    );
  }

  /** @returns the URL that the ready line names */
  async ready() {
    const until = performance.now() + READY_TIMEOUT_MS;
    while (performance.now() < until && this.#child.exitCode === null) {
      const line = /^ready url=(\S+).* pid=(\d+)$/m.exec(this.#stdout);
      if (line !== null) {
        this.#pid = Number(line[2]);
        return line[1];
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`no ready line\n${this.#stdout}${this.#stderr}`);
  }

  /** @returns the exit code that npx hands on */
  stop(signal) {
    process.kill(this.#pid, signal);
    return this.#ended;
  }

  async kill() {
    for (const pid of [this.#pid, this.#child.pid]) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended, as it should.
      }
    }
    await this.#ended;
  }
}
