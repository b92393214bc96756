/** A boot server over a folder, put together: what `holdfast serve --boot` serves. */
import { files } from '../files/files.ts';
import type { FilesOptions } from '../files/options.ts';
import { ADMIN_SECTIONS } from '../observe/admin-section.ts';
import type { LoggerLike } from '../observe/logger-like.ts';
import type { FetchHandler } from '../web/context.ts';
import { BootFolder } from './boot-folder.ts';
import { bootMetrics } from './boot-metrics.ts';
import { type BootHandlerParts, createBootHandler } from './handler.ts';
import { KnownMachines } from './known-machines.ts';
import { machineKey } from './machine-facts.ts';
import { MachineRecords } from './machine-records.ts';
import { machineSection } from './machine-section.ts';
import { openMachineStore } from './machine-store.ts';
import { Upstream } from './upstream.ts';
import { Webhook } from './webhook.ts';

interface BootServerOptions {
  readonly logger: LoggerLike;
  readonly files?: FilesOptions;
  /** File that machine records are kept in; without one they last as long as the process. */
  readonly state?: string | undefined;
  /** Where events are posted. */
  readonly webhook?: string | undefined;
  /** A server that has, below this URL, what the folder does not. */
  readonly upstream?: URL | undefined;
  /** Paths that it may be asked for. */
  readonly upstreamAllow?: readonly string[] | undefined;
}

export interface BootServer {
  readonly fetch: FetchHandler;
  /** @throws BootConfigError; the last good configuration stays in force then */
  reload(): Promise<void>;
  /** Pages for the admin port. */
  readonly routes: Readonly<Record<string, (request: Request) => Response>>;
  /** In Prometheus' text format. */
  metrics(): string;
  /** Once nothing is served any more: records are stored. */
  close(): Promise<void>;
}

/** Rows of `/machines` when nobody says how many. */
const ROWS = 1000;

/** @throws BootConfigError for a `boot.toml` with mistakes; MachineStoreError for a file that cannot keep records */
export async function openBootServer(path: string, options: BootServerOptions): Promise<BootServer> {
  const { logger, state, webhook: webhookUrl } = options;
  const folder = await BootFolder.open(path);
  const webhook = webhookUrl === undefined ? undefined : new Webhook(webhookUrl, logger);
  const store = state === undefined ? undefined : openMachineStore(state);
  const records = new MachineRecords(store, logger, (event) => webhook?.tell(event));
  const upstream =
    options.upstream === undefined
      ? undefined
      : new Upstream({
          url: options.upstream,
          folder: path,
          logger,
          ...(options.upstreamAllow === undefined ? {} : { allow: options.upstreamAllow }),
        });
  await upstream?.open();
  const machines = new KnownMachines();
  for (const { facts, address } of records.rows(Number.POSITIVE_INFINITY).reverse())
    if (machineKey(facts) !== undefined) machines.seen(address, facts);
  // A kernel is no page: `/linux` is never `linux.html`.
  const answerFile = files(path, { listing: true, cleanUrls: false, ...options.files });
  const handler = createBootHandler({
    folder,
    files: answerFile as unknown as BootHandlerParts['files'],
    machines,
    upstream,
    records,
    logger,
  });
  return {
    fetch: Object.assign(handler as unknown as FetchHandler, { [ADMIN_SECTIONS]: [machineSection(records)] }),
    reload: () => folder.reload(),
    routes: { '/machines': (request) => machinesPage(records, new URL(request.url).searchParams) },
    metrics: () => bootMetrics({ records, webhook, upstream }),
    async close() {
      await upstream?.close();
      records.close();
      await webhook?.close();
    },
  };
}

function machinesPage(records: MachineRecords, query: URLSearchParams): Response {
  const limit = query.get('limit') ?? String(ROWS);
  const headers = { 'cache-control': 'no-store' };
  if (!/^\d{1,6}$/.test(limit))
    return new Response(`limit: ${JSON.stringify(limit)} is not allowed; a whole number from 0 to 999999\n`, {
      status: 400,
      headers,
    });
  const machines = records.rows(Number(limit));
  return Response.json({ known: records.machineCount, shown: machines.length, machines }, { headers });
}
