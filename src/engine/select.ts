/**
 * Chooses the engine for this host and says why. Engines are rows of a table, best first; each is
 * asked whether it can run here, and its module is loaded only when it is chosen, for start-up time.
 *
 * What a host forbids or lacks (EPERM, ENOSYS, EINVAL, an old kernel, no FFI) leads to the next row, and
 * the reason is kept. What a host has run out of (ENOMEM, EMFILE, ENFILE) is thrown: a server that came
 * up slower because a limit was low that day would hide the limit. Locked memory and AIO contexts are the exceptions, see
 * `isLockedMemory`: they lead to the next row with a warning, also when they run out only as the engine is made.
 */
import { assert } from '../base/assert.ts';
import { OptionError, SysError, UnavailableError } from '../base/errors.ts';
import type { Finding } from '../sys/probe.ts';
import type { Engine, EngineName, EngineOptions } from './engine.ts';
import type { EngineTlsClientOptions, EngineTlsOptions } from './tls/tls-options.ts';

/** `tls` for an engine that accepts with TLS, `tlsClient` for one that connects with it. */
type SelectedEngineOptions = EngineOptions & {
  readonly tls?: EngineTlsOptions;
  readonly tlsClient?: EngineTlsClientOptions;
};

interface Availability {
  readonly available: boolean;
  /** For people, whether yes or no: a sentence without a full stop. */
  readonly reason: string;
}

/** One engine of the table. */
export interface EngineCandidate {
  readonly name: EngineName;
  /** Whether it speaks TLS by itself; else it is spoken by a layer over it, where OpenSSL can be called. */
  readonly speaksTls: boolean;
  /** @throws SysError when the host has run out of something */
  probe(): Promise<Availability>;
  load(): Promise<(options: SelectedEngineOptions) => Engine | Promise<Engine>>;
}

interface TriedEngine extends Availability {
  readonly name: EngineName;
}

/** From the fastest to the one that runs everywhere. */
export const ENGINE_CANDIDATES: readonly EngineCandidate[] = [
  {
    name: 'iouring',
    speaksTls: false,
    probe: probeIouringEngine,
    load: async () => (await import('./iouring/create.ts')).createIouringEngine,
  },
  {
    name: 'epoll',
    speaksTls: false,
    probe: probeEpollEngine,
    load: async () => (await import('./epoll/create.ts')).createEpollEngine,
  },
  {
    name: 'node',
    speaksTls: true,
    probe: async () => ({ available: true, reason: 'runs wherever Node does' }),
    load: async () => {
      const { createNodeEngine } = await import('./node/node-engine.ts');
      return async ({ tlsClient, ...options }) => {
        if (tlsClient === undefined) return createNodeEngine(options);
        const { TlsConnector } = await import('./node/connect-tls.ts');
        return createNodeEngine({ ...options, connector: new TlsConnector(tlsClient) });
      };
    },
  },
];

interface Needs {
  /** TLS is to be spoken. @default false */
  readonly tls?: boolean;
  readonly candidates?: readonly EngineCandidate[];
}

/**
 * @param wanted an engine by name, or `auto` for the first of the table that can run here
 * @throws UnavailableError when the engine asked for by name cannot run here
 * @throws SysError when the host has run out of memory or descriptors
 */
export async function selectEngine(
  wanted: 'auto' | EngineName,
  { tls = false, candidates = ENGINE_CANDIDATES }: Needs = {},
): Promise<EngineSelection> {
  const asked = wanted === 'auto' ? candidates : candidates.filter(({ name }) => name === wanted);
  if (asked.length === 0) {
    const names = candidates.map(({ name }) => `'${name}'`).join(', ');
    throw new OptionError('engine', wanted, `it is 'auto', ${names}`);
  }
  const selection = new EngineSelection(wanted, asked, tls);
  await selection.choose();
  return selection;
}

/** The engine that was chosen. `name` and `reason` are final when it has been made. */
class EngineSelection {
  /** Every engine that was asked, in order; the last one is the chosen. */
  readonly tried: TriedEngine[] = [];
  /** What the host had too little of for a better engine: worth a warning. */
  shortage: string | undefined = undefined;
  readonly #wanted: 'auto' | EngineName;
  readonly #asked: readonly EngineCandidate[];
  readonly #tls: boolean;

  constructor(wanted: 'auto' | EngineName, asked: readonly EngineCandidate[], tls: boolean) {
    this.#wanted = wanted;
    this.#asked = asked;
    this.#tls = tls;
  }

  get name(): EngineName {
    return this.#chosen.name;
  }

  /** Why this one, and why none before it. */
  get reason(): string {
    const chosen = this.tried.at(-1)!.reason;
    if (this.#wanted !== 'auto') return `asked for; ${chosen}`;
    return (
      chosen +
      this.tried
        .slice(0, -1)
        .map(({ name, reason }) => `; ${name} cannot: ${reason}`)
        .join('')
    );
  }

  get #chosen(): EngineCandidate {
    return this.#asked[this.tried.length - 1]!;
  }

  /** Goes on to the next that can run here. @throws as `selectEngine` does */
  async choose(): Promise<void> {
    for (const candidate of this.#asked.slice(this.tried.length)) {
      let answer: Availability;
      try {
        answer = await candidate.probe();
        if (answer.available && this.#tls && !candidate.speaksTls) answer = await withTls(answer);
      } catch (error) {
        answer = { available: false, reason: this.#whyNot(error) };
      }
      this.tried.push({ name: candidate.name, ...answer });
      if (answer.available) return;
    }
    const reasons = this.tried.map(({ name, reason }) => `${name}: ${reason}`).join('; ');
    throw new UnavailableError(
      this.#wanted === 'auto'
        ? `no engine can run here; ${reasons}`
        : `the engine '${this.#wanted}' cannot run here: ${this.tried[0]?.reason}`,
    );
  }

  /** Loads and makes the engine. @throws UnavailableError where OpenSSL refuses what `tls` gives; as `selectEngine` does */
  async create(options: SelectedEngineOptions): Promise<Engine> {
    for (;;) {
      const { name, speaksTls, load } = this.#chosen;
      const { tls, tlsClient, below, ...plain } = options;
      if (below !== undefined && speaksTls && this.#tls)
        throw new UnavailableError(
          `proxyProtocol: the engine '${name}' cannot read a header before TLS; 'iouring' and 'epoll' can`,
        );
      assert(
        ((tls ?? tlsClient) !== undefined) === this.#tls,
        'an engine is chosen for what it will be asked for',
      );
      try {
        const createEngine = over(await load(), below);
        if (!this.#tls || speaksTls) return await createEngine(options);
        const { createTlsClientEngine, createTlsEngine } = await import('./tls/tls-engine.ts');
        if (tlsClient !== undefined) return await createTlsClientEngine(plain, tlsClient, createEngine);
        return await createTlsEngine(plain, tls!, createEngine);
      } catch (error) {
        if (!this.#mayPass(error)) throw error;
        this.tried[this.tried.length - 1] = { name, available: false, reason: this.#whyNot(error) };
        await this.choose();
      }
    }
  }

  /** @throws `error` when it says nothing about the host */
  #whyNot(error: unknown): string {
    if (this.#mayPass(error)) this.shortage = error.message;
    else if (!(error instanceof UnavailableError) && !isRefusal(error)) throw error;
    return error.message;
  }

  #mayPass(error: unknown): error is SysError {
    return this.#wanted === 'auto' && (isLockedMemory(error) || isAioContext(error));
  }
}

/** The engine itself, with `below` between it and whatever is its handler. */
function over<O extends EngineOptions>(
  create: (options: O) => Engine | Promise<Engine>,
  below: EngineOptions['below'],
): (options: O) => Engine | Promise<Engine> {
  if (below === undefined) return create;
  return (options) => create({ ...options, handler: below(options.handler) });
}

function isRefusal(error: unknown): error is SysError {
  return error instanceof SysError && !error.isExhaustion;
}

/**
 * RLIMIT_MEMLOCK, for each user, 8 MiB by default or less: without CAP_IPC_LOCK rings count against it before 5.12
 * and again from 6.14 on (liburing issue 1408), ours with 160 KiB a worker, and for a while after they were closed
 * (issue 157). A machine of many cores has too little for good, so `auto` must not end there.
 */
function isLockedMemory(error: unknown): error is SysError {
  return error instanceof SysError && error.code === 'ENOMEM' && error.syscall.startsWith('io_uring_');
}

/** fs.aio-max-nr, for all processes of the host: others may take the last between the probe and the making. */
function isAioContext(error: unknown): error is SysError {
  return error instanceof SysError && error.code === 'EAGAIN' && error.syscall === 'io_setup';
}

async function withTls({ reason }: Availability): Promise<Availability> {
  const { probeTls } = await import('./tls/probe-tls.ts');
  const tls = probeTls();
  return tls.available ? { available: true, reason: `${reason}; ${tls.reason}` } : tls;
}

async function probeIouringEngine(): Promise<Availability> {
  if (process.platform !== 'linux') {
    return { available: false, reason: `io_uring is of Linux, this is ${process.platform}` };
  }
  const { probeIoUring } = await import('../sys/probe.ts');
  return availabilityOf(probeIoUring());
}

async function probeEpollEngine(): Promise<Availability> {
  if (process.platform !== 'linux') {
    return { available: false, reason: `epoll is of Linux, this is ${process.platform}` };
  }
  const { probeEpollAio } = await import('../sys/probe.ts');
  return availabilityOf(probeEpollAio());
}

function availabilityOf({ available, reason, exhausted }: Finding): Availability {
  if (exhausted !== undefined) throw exhausted;
  return { available, reason };
}
