/**
 * What signals mean to `holdfast serve`, from before its module is read to its last moment: SIGTERM and SIGINT end it,
 * a second SIGINT at once, SIGHUP reloads. They are listened to from the beginning, since a container's first process
 * is not ended by a signal that nobody listens to, and SIGHUP would end any other.
 */
import { isatty } from 'node:tty';
import type { HoldfastLogger } from '../observe/logger.ts';
import { SHUTDOWN_IDLE_GRACE_MS } from '../server/close-plan.ts';
import type { Server } from '../server/server.ts';
import { onShutdownSignals } from '../server/shutdown-signals.ts';
import { EXIT, oneLine } from './failure.ts';

export class ServeSignals {
  /** Resolves with the exit code: when a start is given up, or when the server has stopped, by a signal or by itself. */
  readonly exitCode: Promise<number>;
  readonly #logger: HoldfastLogger;
  readonly #delayMs: number;
  readonly #onStopping: () => void;
  readonly #startGivenUp = new AbortController();
  #resolve!: (code: number) => void;
  #server: Server | undefined;
  #reload: (() => void) | undefined;
  #isReloadWanted = false;
  #isEnding = false;
  #isForced = false;

  /**
   * @param delayMs how long the server goes on after the first signal, though not ready any more
   * @param onStopping called with that signal
   */
  constructor(logger: HoldfastLogger, delayMs: number | undefined, onStopping: () => void) {
    this.#logger = logger;
    this.#delayMs = delayMs ?? 0;
    this.#onStopping = onStopping;
    this.exitCode = new Promise((resolve) => (this.#resolve = resolve));
    onShutdownSignals({ begin: (signal) => this.#begin(signal), force: () => this.#force() });
    process.on('SIGHUP', () => this.#hangup());
  }

  /** Aborts when the server is not wanted any more before it stands. */
  get startGivenUp(): AbortSignal {
    return this.#startGivenUp.signal;
  }

  /** The server stands; signals are its from now on. @param reload loads its module anew */
  serve(server: Server, reload: () => void): void {
    this.#server = server;
    this.#reload = reload;
    server.finished.then(() => {
      if (!this.#isEnding) this.#resolve(EXIT.done);
    });
    if (this.#isReloadWanted) this.#hangup();
  }

  #begin(signal: NodeJS.Signals): void {
    this.#isEnding = true;
    this.#onStopping();
    // The terminal has just written ^C where the next line would begin.
    if (signal === 'SIGINT' && isatty(2)) process.stderr.write('\n');
    if (this.#server === undefined) {
      this.#startGivenUp.abort();
      this.#resolve(signal === 'SIGINT' ? EXIT.interrupted : EXIT.done);
      return;
    }
    this.#logger.info(`${signal}: finishing what is under way`);
    this.#server.close({ delay: this.#delayMs, idleGraceMs: SHUTDOWN_IDLE_GRACE_MS }).then(
      () => this.#resolve(this.#isForced ? EXIT.interrupted : EXIT.done),
      (error: unknown) => {
        this.#logger.error({ error }, oneLine(error));
        this.#resolve(EXIT.failed);
      },
    );
  }

  #force(): void {
    this.#isForced = true;
    // Its end is told by the close that is under way.
    void this.#server?.close(true);
  }

  #hangup(): void {
    if (this.#isEnding) return;
    if (this.#reload === undefined) {
      this.#isReloadWanted = true;
      return;
    }
    this.#logger.info('SIGHUP: reloading');
    this.#reload();
  }
}
