/**
 * `holdfast doctor`: gathers what this host allows and what Holdfast would choose on it. It changes
 * nothing and leaves nothing behind; the judgement is `host-limits.ts`, the page `doctor-report.ts`.
 */
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { ENGINE_CANDIDATES } from '../engine/select.ts';
import { probeTls } from '../engine/tls/probe-tls.ts';
import { usesColour } from '../observe/terminal.ts';
import { compressorSource } from '../server/message-compressor.ts';
import { kernelRelease, readContainer, readHostCores, readHostSettings } from '../sys/host.ts';
import { probeFfi } from '../sys/probe.ts';
import { describeFlags, type FlagTable, parseArguments } from './arguments.ts';
import { type Advice, type DoctorReport, type EngineFact, reportText } from './doctor-report.ts';
import { EXIT, oneLine, UsageError } from './failure.ts';
import { judgeLimits, ringsAreCounted } from './host-limits.ts';
import { autoWorkerCount } from './worker-count.ts';

// biome-ignore format: one flag a line reads as the table that it is
const DOCTOR_FLAGS = {
  boot: { kind: 'switch', group: 'Flags', help: 'instead: what the DHCP server has to say so that machines boot from holdfast serve --boot' },
  url: { kind: 'text', metavar: 'URL', defaultText: "this host's address, port 8080", group: 'Flags', help: 'with --boot: where machines reach the server' },
  json: { kind: 'switch', group: 'Flags', help: 'the report as JSON, for programs' },
  help: { kind: 'switch', short: 'h', group: 'Flags', help: 'this page' },
} as const satisfies FlagTable;

const USAGE = `Usage: holdfast doctor [--json]
       holdfast doctor --boot [--url URL] [--json]

Says what this host allows (kernel, io_uring, limits, ports), which engine
Holdfast would take and why, and what to change. It changes nothing.
`;

export async function doctorCommand(argv: readonly string[]): Promise<number> {
  const { values } = parseArguments(DOCTOR_FLAGS, argv, process.env, 0);
  if (values.help === true) {
    process.stdout.write(`${USAGE}\n${describeFlags(DOCTOR_FLAGS)}\n`);
    return EXIT.done;
  }
  if (values.boot === true) {
    const { bootAdvice } = await import('./doctor-boot.ts');
    process.stdout.write(bootAdvice(values.url, values.json === true));
    return EXIT.done;
  }
  if (values.url !== undefined) throw new UsageError('--url goes with --boot alone');
  const report = await examineHost();
  process.stdout.write(
    values.json === true ? `${JSON.stringify(report, null, 2)}\n` : `${reportText(report, usesColour(1))}\n`,
  );
  return EXIT.done;
}

async function examineHost(): Promise<DoctorReport> {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const { cores, quotaCores } = readHostCores();
  const workers = autoWorkerCount();
  const countsRings = ringsAreCounted(kernelRelease());
  const { limits, advice } = judgeLimits({ ...readHostSettings(), countsRings, workers });
  const ffi = probeFfi();
  const engines = await examineEngines();
  return {
    holdfast: version,
    system: {
      node: process.versions.node,
      platform: process.platform,
      arch: process.arch,
      kernel: kernelRelease(),
      container: readContainer() ?? null,
    },
    ffi: { name: ffi.name ?? null, reason: ffi.reason },
    tls: examineTls(),
    compression: compressorSource(),
    engines,
    chosen: chosenOf(engines),
    cpu: { cores, quotaCores: quotaCores ?? null, workers },
    limits,
    advice: [...engineAdvice(engines), ...advice],
  };
}

/** Which OpenSSL it is, and whether it has the group that quantum computers are no danger to. */
function examineTls(): DoctorReport['tls'] {
  const { available, reason } = probeTls();
  let group = 'X25519MLKEM768 for the key exchange';
  try {
    createSecureContext({ ecdhCurve: 'X25519MLKEM768' });
  } catch {
    group = 'no X25519MLKEM768, for which it takes OpenSSL 3.5 (Node 24 and later)';
  }
  return { available, reason: `${reason}; ${group}` };
}

/** Every engine of the table is asked, also those after the first that can run. */
async function examineEngines(): Promise<EngineFact[]> {
  const facts: EngineFact[] = [];
  for (const candidate of ENGINE_CANDIDATES) {
    try {
      const { available, reason } = await candidate.probe();
      facts.push({ name: candidate.name, available, reason });
    } catch (error) {
      // Out of memory or descriptors at the moment: the doctor says so and goes on.
      facts.push({ name: candidate.name, available: false, reason: oneLine(error) });
    }
  }
  return facts;
}

/** What `auto` takes: the first that can run, as `selectEngine` has it. */
function chosenOf(engines: readonly EngineFact[]): { name: string; reason: string } {
  const chosen = engines.find((engine) => engine.available);
  if (chosen === undefined) return { name: 'none', reason: 'no engine can run here' };
  return {
    name: chosen.name,
    reason: chosen === engines[0] ? 'the fastest' : 'the fastest that this host allows',
  };
}

/** Without io_uring Holdfast works, and is slower: worth a line when the host could have it. */
function engineAdvice(engines: readonly EngineFact[]): Advice[] {
  const ring = engines.find((engine) => engine.name === 'iouring');
  if (ring === undefined || ring.available || process.platform !== 'linux') return [];
  const epoll = engines.find((engine) => engine.name === 'epoll');
  const aio: Advice[] =
    epoll?.reason.includes('fs.aio-max-nr') === true
      ? [{ problem: `Nor is the second: ${epoll.reason}.`, change: 'sysctl -w fs.aio-max-nr=1048576' }]
      : [];
  return [
    {
      problem: `The fastest engine is not to be had: ${ring.reason}.`,
      change: ring.reason.includes('io_uring_disabled')
        ? 'sysctl -w kernel.io_uring_disabled=0'
        : ring.reason.includes('seccomp')
          ? 'run the container with a seccomp profile that allows io_uring_setup, io_uring_enter and io_uring_register'
          : 'Linux 6.1 or later, and an installation with optional dependencies (or Node 26.1 and later)',
    },
    ...aio,
  ];
}
