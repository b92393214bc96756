/**
 * `holdfast doctor`: gathers what this host allows and what Holdfast would choose on it. It changes
 * nothing and leaves nothing behind; the judgement is `host-limits.ts`, the page `doctor-report.ts`.
 */
import { readFileSync } from 'node:fs';
import { selectEngine } from '../engine/select.ts';
import { usesColour } from '../observe/terminal.ts';
import { kernelRelease, readContainer, readHostCores, readHostSettings } from '../sys/host.ts';
import { probeEpollAio, probeFfi, probeIoUring } from '../sys/probe.ts';
import { describeFlags, type FlagTable, parseArguments } from './arguments.ts';
import { type Advice, type DoctorReport, type EngineFact, reportText } from './doctor-report.ts';
import { EXIT } from './failure.ts';
import { judgeLimits } from './host-limits.ts';
import { autoWorkerCount } from './worker-count.ts';

// biome-ignore format: one flag a line reads as the table that it is
const DOCTOR_FLAGS = {
  json: { kind: 'switch', group: 'Flags', help: 'the report as JSON, for programs' },
  help: { kind: 'switch', short: 'h', group: 'Flags', help: 'this page' },
} as const satisfies FlagTable;

const USAGE = `Usage: holdfast doctor [--json]

Says what this host allows (kernel, io_uring, limits, ports), which engine
Holdfast would take and why, and what to change. It changes nothing.
`;

export async function doctorCommand(argv: readonly string[]): Promise<number> {
  const { values } = parseArguments(DOCTOR_FLAGS, argv, process.env, 0);
  if (values.help === true) {
    process.stdout.write(`${USAGE}\n${describeFlags(DOCTOR_FLAGS)}\n`);
    return EXIT.done;
  }
  const report = await examineHost();
  process.stdout.write(
    values.json === true ? `${JSON.stringify(report, null, 2)}\n` : `${reportText(report, usesColour(1))}\n`,
  );
  return EXIT.done;
}

async function examineHost(): Promise<DoctorReport> {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const { cores, quotaCores } = readHostCores();
  const { limits, advice } = judgeLimits(readHostSettings());
  const ffi = probeFfi();
  const engines = examineEngines();
  const chosen = await selectEngine('auto');
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
    engines,
    chosen: { name: chosen.name, reason: chosen.reason },
    cpu: { cores, quotaCores: quotaCores ?? null, workers: autoWorkerCount() },
    limits,
    advice: [...engineAdvice(engines), ...advice],
  };
}

function examineEngines(): EngineFact[] {
  const ring = probeIoUring();
  const epoll = probeEpollAio();
  return [
    { name: 'iouring', available: ring.available, reason: ring.reason },
    { name: 'epoll', available: epoll.available, reason: epoll.reason },
    { name: 'node', available: true, reason: 'node:net works wherever Node.js does' },
  ];
}

/** Without io_uring Holdfast works, and is slower: worth a line when the host could have it. */
function engineAdvice(engines: readonly EngineFact[]): Advice[] {
  const ring = engines.find((engine) => engine.name === 'iouring');
  if (ring === undefined || ring.available || process.platform !== 'linux') return [];
  return [
    {
      problem: `The fastest engine is not to be had: ${ring.reason}.`,
      change: ring.reason.includes('io_uring_disabled')
        ? 'sysctl -w kernel.io_uring_disabled=0'
        : ring.reason.includes('seccomp')
          ? 'run the container with a seccomp profile that allows io_uring_setup, io_uring_enter and io_uring_register'
          : 'Linux 6.1 or later, and an installed koffi package (or Node 26.1 and later)',
    },
  ];
}
