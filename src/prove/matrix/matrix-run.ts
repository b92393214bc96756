/**
 * The matrix: every application of a list on every engine in every protocol, one document with a cell each. It is handed over
 * after each application, so that a run that is broken off can be gone on with.
 */
import { readFile } from 'node:fs/promises';
import { machineText, prove, startedBy } from '../prove-run.ts';
import type { ProveResult, TimelineEntry } from '../results.ts';
import { readOperations } from '../sessions/operations.ts';
import type { Slice } from '../slices/slice.ts';
import { type CertificateFiles, writeCertificate } from '../target/certificate.ts';
import { type StartedServer, type StartOrder, startServer } from '../target/started-server.ts';
import type { Promises, Protocol } from '../target/target.ts';
import type { App } from './app-list.ts';
import { type Cell, cellOf, divergencesOf } from './cells.ts';

export interface MatrixDocument {
  readonly tool: 'holdfast matrix';
  readonly version: string;
  readonly tier: string;
  readonly seed: number;
  readonly startedAt: string;
  /** In whole milliseconds, of all its runs together. */
  readonly durationMs: number;
  readonly machine: string;
  /** Whatever whoever ran it wants to be known, as a commit. */
  readonly about: string;
  readonly leftOut: Readonly<Record<string, string>>;
  readonly cells: readonly Cell[];
  readonly divergences: ReturnType<typeof divergencesOf>;
}

interface MatrixOrder {
  readonly apps: readonly App[];
  /** The file of the `holdfast` command. */
  readonly command: string;
  readonly engines: readonly string[];
  readonly protocols: readonly Protocol[];
  readonly slices: readonly Slice[];
  readonly promises: Promises;
  readonly concurrency: number;
  /** For all applications together. */
  readonly durationMs: number;
  readonly signal: AbortSignal;
  readonly commandLine: string;
  /** What an earlier run has left; nothing of it is done again. */
  readonly begun: MatrixDocument;
  onApp(app: string, what: string): void;
  onProgress(target: string, entry: TimelineEntry): void;
  /** After each application. */
  onDocument(document: MatrixDocument): Promise<void>;
  onResult(app: string, result: ProveResult): Promise<void>;
}

const BEHIND_IDLE_MS = 6000;

export function newDocument(
  begun: Pick<MatrixDocument, 'version' | 'tier' | 'seed' | 'about'>,
): MatrixDocument {
  return {
    ...{ tool: 'holdfast matrix', ...begun, startedAt: new Date().toISOString(), durationMs: 0 },
    ...{ machine: machineText(), leftOut: {}, cells: [], divergences: [] },
  };
}

export async function runMatrix(order: MatrixOrder): Promise<MatrixDocument> {
  const certificate = order.protocols.some((each) => each.endsWith('-tls'))
    ? await writeCertificate()
    : undefined;
  let document = order.begun;
  try {
    for (const app of order.apps) {
      if (order.signal.aborted) break;
      if (document.cells.some((cell) => cell.app === app.name)) {
        order.onApp(app.name, 'is in the document already');
        continue;
      }
      const fromMs = performance.now();
      order.onApp(app.name, 'is attacked');
      const { cells = [], why } = await runApp(order, app, certificate).catch((error: Error) => ({
        ...{ cells: undefined, why: `failed: ${error.message}` },
      }));
      // What was broken off in its middle is begun anew by whoever goes on.
      if (order.signal.aborted) break;
      const { [app.name]: _, ...others } = document.leftOut;
      const all = [...document.cells, ...cells];
      document = {
        ...{ ...document, cells: all, divergences: divergencesOf(all) },
        leftOut: why === undefined ? others : { ...others, [app.name]: why },
        durationMs: Math.round(document.durationMs + performance.now() - fromMs),
      };
      order.onApp(
        app.name,
        why ?? cells.map(({ engine, protocol, verdict }) => `${engine} ${protocol}: ${verdict}`).join(', '),
      );
      await order.onDocument(document);
    }
  } finally {
    certificate?.remove();
  }
  return document;
}

async function runApp(
  order: MatrixOrder,
  app: App,
  certificate: CertificateFiles | undefined,
): Promise<{ cells?: readonly Cell[]; why?: string }> {
  const { engines, protocols, command, promises, slices, concurrency, signal } = order;
  const missing = app.upstreams.find((name) => process.env[name] === undefined);
  if (missing !== undefined) return { why: `${missing} is not set` };
  const operations =
    app.openapi === undefined ? undefined : readOperations(await readFile(app.openapi, 'utf8'));
  const paths = { ...app.paths, operations };
  const behind = await startBehind(order, app);
  try {
    const env = behind === undefined ? {} : { [behind.variable]: behind.server.target.url };
    const upstreams = [...app.upstreams, ...Object.keys(env)];
    const start = { ...{ command, target: app.module, promises, paths, upstreams, env }, certificate };
    const orders = engines.flatMap((engine) =>
      protocols.map((protocol): StartOrder => ({ ...start, engine, protocol })),
    );
    const result = await prove({
      ...{ subjects: orders.map(startedBy), against: [], promises, paths, slices, concurrency, signal },
      ...{ seed: order.begun.seed, version: order.begun.version, command: order.commandLine },
      durationMs: order.durationMs / order.apps.length,
      onProgress: (target, entry) => order.onProgress(`${app.name} ${target}`, entry),
    });
    await order.onResult(app.name, result);
    return { cells: result.targets.map((target, index) => cellOf(app.name, orders[index]!, target)) };
  } finally {
    await behind?.server.stop();
  }
}

async function startBehind(
  { command, engines, promises }: MatrixOrder,
  { behind }: App,
): Promise<{ readonly server: StartedServer; readonly variable: string } | undefined> {
  if (behind === undefined) return undefined;
  const paths = {
    small: '/',
    large: undefined,
    upload: undefined,
    hung: undefined,
    websocket: undefined,
    events: undefined,
  };
  const order = { command, target: behind.module, engine: engines[0]!, paths, upstreams: [] };
  // Clients of Node let go of a connection after 4 s; who is asked for more must not let go first.
  const server = await startServer({ ...order, promises: { ...promises, idleMs: BEHIND_IDLE_MS } });
  return { server, variable: behind.variable };
}
