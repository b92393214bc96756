/**
 * Chooses the engine for this host and says why. Engines are rows of a table, best first; each is
 * asked whether it can run here, and its module is loaded only when it is chosen, for start-up time.
 *
 * What a host forbids or lacks (EPERM, ENOSYS, EINVAL, an old kernel, no FFI) leads to the next row, and
 * the reason is kept. What a host has run out of (ENOMEM, EMFILE, ENFILE) is thrown: a server that came
 * up slower because a limit was low that day would hide the limit.
 */
import { OptionError, SysError, UnavailableError } from '../base/errors.ts';
import type { Engine, EngineName, EngineOptions } from './engine.ts';
import type { NodeTlsOptions } from './node/tls.ts';

/** `tls` is for the node engine only. */
export type SelectedEngineOptions = EngineOptions & { readonly tls?: NodeTlsOptions };

export interface Availability {
  readonly available: boolean;
  /** For people, whether yes or no: a sentence without a full stop. */
  readonly reason: string;
}

/** One engine of the table. */
export interface EngineCandidate {
  readonly name: EngineName;
  readonly speaksTls: boolean;
  /** @throws SysError when the host has run out of something */
  probe(): Promise<Availability>;
  load(): Promise<(options: SelectedEngineOptions) => Engine | Promise<Engine>>;
}

export interface TriedEngine extends Availability {
  readonly name: EngineName;
}

export interface EngineSelection {
  readonly name: EngineName;
  readonly reason: string;
  /** Every engine that was asked, in order; the last one is the chosen. */
  readonly tried: readonly TriedEngine[];
  /** Loads and makes the engine. */
  create(options: SelectedEngineOptions): Promise<Engine>;
}

/** Errors that say "not now" where others say "not here". */
const EXHAUSTED = ['ENOMEM', 'EMFILE', 'ENFILE'];

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
    load: async () => (await import('./node/node-engine.ts')).createNodeEngine,
  },
];

/**
 * @param wanted an engine by name, or `auto` for the first of the table that can run here
 * @throws UnavailableError when the engine asked for by name cannot run here
 * @throws SysError when the host has run out of memory or descriptors
 */
export async function selectEngine(
  wanted: 'auto' | EngineName,
  candidates: readonly EngineCandidate[] = ENGINE_CANDIDATES,
): Promise<EngineSelection> {
  const asked = wanted === 'auto' ? candidates : candidates.filter(({ name }) => name === wanted);
  if (asked.length === 0) {
    const names = candidates.map(({ name }) => `'${name}'`).join(', ');
    throw new OptionError('engine', wanted, `it is 'auto', ${names}`);
  }
  const tried: TriedEngine[] = [];
  for (const candidate of asked) {
    const { available, reason } = await probe(candidate);
    tried.push({ name: candidate.name, available, reason });
    if (available) return selection(candidate, wanted, tried);
  }
  const reasons = tried.map(({ name, reason }) => `${name}: ${reason}`).join('; ');
  throw new UnavailableError(
    wanted === 'auto'
      ? `no engine can run here; ${reasons}`
      : `the engine '${wanted}' cannot run here: ${tried[0]?.reason}`,
  );
}

async function probe(candidate: EngineCandidate): Promise<Availability> {
  try {
    return await candidate.probe();
  } catch (error) {
    if (error instanceof SysError && !EXHAUSTED.includes(error.code)) {
      return { available: false, reason: error.message };
    }
    if (error instanceof UnavailableError) return { available: false, reason: error.message };
    throw error;
  }
}

function selection(
  candidate: EngineCandidate,
  wanted: 'auto' | EngineName,
  tried: readonly TriedEngine[],
): EngineSelection {
  const { name } = candidate;
  const chosen = tried[tried.length - 1]?.reason ?? '';
  const passedOver = tried.slice(0, -1).map((other) => `; ${other.name} cannot: ${other.reason}`);
  return {
    name,
    reason: wanted === 'auto' ? `${chosen}${passedOver.join('')}` : `asked for; ${chosen}`,
    tried,
    async create(options) {
      if (options.tls !== undefined && !candidate.speaksTls) {
        throw new UnavailableError(`the engine '${name}' speaks no TLS`);
      }
      const createEngine = await candidate.load();
      return createEngine(options);
    },
  };
}

async function probeIouringEngine(): Promise<Availability> {
  if (process.platform !== 'linux') {
    return { available: false, reason: `io_uring is of Linux, this is ${process.platform}` };
  }
  const { probeIoUring } = await import('../sys/probe.ts');
  const { available, reason, setupErrno } = probeIoUring();
  if (!available && setupErrno !== undefined && EXHAUSTED.includes(setupErrno)) {
    const { ERRNO, sysError } = await import('../sys/errno.ts');
    throw sysError('io_uring_setup', ERRNO[setupErrno as keyof typeof ERRNO]);
  }
  return { available, reason };
}

async function probeEpollEngine(): Promise<Availability> {
  if (process.platform !== 'linux') {
    return { available: false, reason: `epoll is of Linux, this is ${process.platform}` };
  }
  const { probeEpollAio } = await import('../sys/probe.ts');
  return probeEpollAio();
}
