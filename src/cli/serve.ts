/**
 * `holdfast serve`: turns flags into options, starts the server, says so, and turns signals and file
 * changes into drains and reloads. It serves nothing itself.
 */
import { readFileSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { OptionError } from '../base/errors.ts';
import type { BootServer } from '../boot/boot-server.ts';
import { parseTrustProxy, type TrustProxy } from '../http/trusted-proxies.ts';
import { HoldfastLogger } from '../observe/logger.ts';
import { ServerClosedError } from '../server/errors.ts';
import { ListenError, listenMessage } from '../server/listen-error.ts';
import type { LoadedFile } from '../server/loaded-files.ts';
import { frameLines, type ModuleError } from '../server/module.ts';
import type { AdminOptions } from '../server/operator-options.ts';
import type { ServeOptions } from '../server/options.ts';
import { serve } from '../server/serve.ts';
import type { Server } from '../server/server.ts';
import { describeFlags, type FlagValues, type ParsedArguments, parseArguments } from './arguments.ts';
import { refuseBootFlags } from './boot-flags.ts';
import { CommandError, EXIT, oneLine, UsageError } from './failure.ts';
import { folderOptions } from './folder-options.ts';
import { adminAddress, type CliAddress, listenAddress } from './listen-address.ts';
import { inFlags } from './option-flags.ts';
import { FLAGS_OF_OPTIONS, SERVE_FLAGS, SERVE_USAGE } from './serve-flags.ts';
import { ServeSignals } from './serve-signals.ts';
import { inheritedSocket, ServiceNotifier } from './service-manager.ts';
import { folderOf, realPathOf, resolveTarget, type Target, withFolderOptions } from './target.ts';
import { tlsOptions } from './tls-flags.ts';
import type { Watch } from './watch.ts';
import { autoWorkerCount, canShareListeners } from './worker-count.ts';

type ServeFlags = FlagValues<typeof SERVE_FLAGS>;

/** What is still in the log's queue at the end may take this long to leave. */
const LOG_FLUSH_MS = 500;

export async function serveCommand(argv: readonly string[]): Promise<number> {
  const { values, positionals, given: names } = parseArguments(SERVE_FLAGS, argv, process.env, 1);
  if (values.help === true) {
    process.stdout.write(`${SERVE_USAGE}\n${describeFlags(SERVE_FLAGS)}\n`);
    return EXIT.done;
  }
  const address = listenAddress(values.listen, values.port, values.host, names, (name) =>
    inheritedSocket(process.env, process.pid, name),
  );
  const admin = adminOptions(values, names);
  const health =
    values.health === undefined
      ? undefined
      : adminAddress(values.health, '--health', 'hostname' in address ? address.hostname : undefined);
  const redirectHttp =
    values['redirect-http'] === undefined
      ? undefined
      : adminAddress(
          values['redirect-http'],
          '--redirect-http',
          'hostname' in address ? address.hostname : undefined,
        );
  const workerCount = values.boot === true ? 0 : workersOf(values);
  const found = resolveTarget(positionals[0] ?? '.');
  const ofFolder = folderOptions(values, names, found.kind === 'folder', workerCount);
  const target = withFolderOptions(found, ofFolder);
  const isTerminal = isatty(2);
  const log = values.log ?? (isTerminal ? 'pretty' : 'off');
  const logger = new HoldfastLogger({
    format: log === 'json' ? 'json' : 'pretty',
    // Whoever watches wants to be told of reloads, with or without a terminal.
    level: log === 'off' && values.watch !== true ? 'warn' : 'info',
  });
  const manager = new ServiceNotifier(process.env, process.pid, (text) => logger.warn(text));
  const signals = new ServeSignals(logger, values['drain-delay'], () => manager.stopping());
  const boot =
    values.boot === true
      ? await (await import('./serve-boot.ts')).openBoot(target, values, names, ofFolder, logger)
      : undefined;
  if (boot === undefined) refuseBootFlags(names);
  const options: ServeOptions = {
    ...serveOptions(values, target, address, workerCount, logger, log),
    ...(boot === undefined ? { module: target.module } : { fetch: boot.fetch }),
    ...(values.node === true ? { node: true as const } : {}),
    ...(admin === undefined ? {} : { admin: { ...admin, ...pagesOf(boot) } }),
    ...(health === undefined ? {} : { health }),
    ...(redirectHttp === undefined ? {} : { redirectHttp }),
    signal: signals.startGivenUp,
  };
  // Watching begins before the module is read, so that no change falls between the two.
  const changes =
    values.watch === true ? await watchChanges(target, logger, workerCount, boot !== undefined) : undefined;
  let server: Server | undefined;
  try {
    // The start of a module may wait for ever, and a signal ends it all the same.
    server = await Promise.race([serve(options), signals.exitCode.then(() => undefined)]);
  } catch (error) {
    changes?.close();
    throw await startFailure(error, target, names);
  }
  if (server === undefined) return signals.exitCode;
  // Whoever reads the ready line may signal and change files at once.
  const reloadNow = (): void => {
    manager.reloading();
    const secure = options.tls === undefined ? undefined : server;
    void reload(boot ?? server, secure, target, logger).finally(() => manager.ready());
  };
  signals.serve(server, reloadNow);
  announceReady(server, Math.max(1, workerCount));
  manager.ready();
  if (isTerminal && values.quiet !== true)
    await showBanner(server, target, positionals[0] ?? '.', address, workerCount);
  if (changes !== undefined) reloadOnChange(changes, server, reloadNow, logger);
  const code = await signals.exitCode;
  await boot?.close();
  await logger.flush(LOG_FLUSH_MS);
  return code;
}

/** What a boot server shows on the admin port. */
function pagesOf(boot: BootServer | undefined): Pick<AdminOptions, 'routes' | 'metrics'> {
  return boot === undefined ? {} : { routes: boot.routes, metrics: () => boot.metrics() };
}

/** @throws UsageError for what an admin port alone can use */
function adminOptions(
  values: ServeFlags,
  names: ParsedArguments<typeof SERVE_FLAGS>['given'],
): AdminOptions | undefined {
  const { admin, 'admin-token': token, 'admin-names': hosts } = values;
  if (admin === undefined) {
    // A token of the environment may be there for another server.
    for (const flag of ['admin-token', 'admin-names'] as const)
      if (names.has(flag)) throw new UsageError(`--${flag} is for the admin port: give --admin PORT too`);
    return undefined;
  }
  return {
    ...adminAddress(admin),
    ...(token === undefined ? {} : { token }),
    ...(hosts === undefined ? {} : { names: hosts.split(',').map((name) => name.trim()) }),
  };
}

/**
 * Threads. One worker is this thread itself, unless it must be able to load anew what its module imports, and the host
 * lets a new thread listen before the old one ends.
 */
function workersOf(values: ServeFlags): number {
  const wanted =
    values.workers === undefined || values.workers === 'auto' ? autoWorkerCount() : values.workers;
  return wanted === 1 && (values.watch !== true || !canShareListeners()) ? 0 : wanted;
}

function serveOptions(
  values: ServeFlags,
  target: Target,
  address: CliAddress,
  workers: number,
  logger: HoldfastLogger,
  accessLog: 'pretty' | 'json' | 'off',
): ServeOptions {
  return {
    ...address,
    workers,
    logger,
    accessLog,
    engine: values.engine ?? 'auto',
    balance: values.balance ?? 'kernel',
    // No code of anybody's sees the globals where a folder is served.
    globals: target.kind === 'module' && (values.globals ?? true),
    http2: values.http2 ?? true,
    pubsub: {
      ...(values.pubsub === undefined ? {} : { nats: values.pubsub }),
      ...(values['pubsub-replay'] === undefined ? {} : { replay: { count: values['pubsub-replay'] } }),
    },
    reusePort: values['reuse-port'] ?? false,
    trustProxy: trustProxyOf(values['trust-proxy']),
    proxyProtocol: values['proxy-protocol'] === '' || (values['proxy-protocol'] ?? false),
    timeouts: given({
      header: values['header-timeout'],
      idle: values['idle-timeout'],
      body: values['body-timeout'],
      handler: values['handler-timeout'],
      drain: values['drain-timeout'],
      deadPeer: values['dead-peer-timeout'],
    }),
    limits: {
      ...given({
        headerBytes: values['max-header-size'],
        bodyBytes: values['max-body-size'],
        connections: orOff(values['max-connections']),
        connectionsPerAddress: orOff(values['max-connections-per-address']),
      }),
      http2: given({ concurrentStreams: values['max-concurrent-streams'] }),
      ...(values['when-full'] === undefined ? {} : { whenFull: values['when-full'] }),
    },
    ...tlsOptions(values),
  };
}

const TRUST_WORDS: Readonly<Record<string, boolean>> = {
  all: true,
  true: true,
  nobody: false,
  false: false,
  off: false,
};

const TRUST_ALLOWED =
  "a number of hops from 0 to 255, or a list of addresses, CIDR ranges, 'loopback', 'linklocal' and 'uniquelocal'; 'all' or 'nobody'";

function trustProxyOf(text: string | undefined): TrustProxy {
  if (text === undefined) return false;
  const trust = TRUST_WORDS[text] ?? (/^\d+$/.test(text) ? Number(text) : text);
  try {
    parseTrustProxy('--trust-proxy', trust);
  } catch (error) {
    // The option's message names values that no command line has.
    if (error instanceof OptionError)
      throw new UsageError(`--trust-proxy: ${JSON.stringify(text)} is not allowed; ${TRUST_ALLOWED}`);
    throw error;
  }
  return trust;
}

function orOff(value: number | 'off' | undefined): number | undefined {
  return value === 'off' ? Number.POSITIVE_INFINITY : value;
}

/** Only what was given: the defaults are the server's. */
function given(values: Record<string, number | undefined>): Record<string, number> {
  const out: Record<string, number> = {};
  for (const [name, value] of Object.entries(values)) if (value !== undefined) out[name] = value;
  return out;
}

/** What went wrong at the start, in the words of the command line. */
async function startFailure(
  error: unknown,
  target: Target,
  given: ParsedArguments<typeof SERVE_FLAGS>['given'],
): Promise<unknown> {
  if (!(error instanceof ListenError))
    return explained(inFlags(error, FLAGS_OF_OPTIONS, withoutToken(given)), target);
  const { option, code, address = '', port } = error;
  if (port === undefined) return new CommandError(oneLine(error));
  const own = given.has('listen') ? '--listen' : undefined;
  const names =
    option === 'port'
      ? { port: own ?? '--port', hostname: own ?? '--host' }
      : { port: `--${option}`, hostname: `--${option}` };
  const place = { option: option as 'port' | 'admin' | 'health' | 'redirectHttp', hostname: address, port };
  return new CommandError(listenMessage(code, place, names));
}

/** What stands on the command line, less what no message shall show. */
function withoutToken(given: ParsedArguments<typeof SERVE_FLAGS>['given']): typeof given {
  const flag = given.get('admin-token');
  return flag === undefined ? given : new Map([...given, ['admin-token', { ...flag, text: '(not shown)' }]]);
}

/** Adds to an error in the user's module, or in a configuration, where it is, which its message alone does not say. */
async function explained(error: unknown, target: Target): Promise<unknown> {
  if ((error as { code?: unknown }).code === 'HOLDFAST_BOOT_CONFIG')
    return (await import('./boot-failure.ts')).bootFailure(error);
  if (!(error instanceof Error) || target.kind !== 'module') return error;
  if ((error as NodeJS.ErrnoException).code !== 'HOLDFAST_MODULE') return error;
  const stack = error.cause instanceof Error ? (error.cause.stack ?? '') : '';
  const place = placeIn(stack, target) ?? placeIn(await syntaxCheck(target), target);
  const text = `${oneLine(error)}${place === undefined ? '' : ` (${place})`}`;
  return new CommandError(text, frameLines(stack), (error as Partial<ModuleError>).exitCode);
}

/** The first `path:line` within the target's folder. */
function placeIn(text: string, target: Target): string | undefined {
  const at = text.indexOf(`${folderOf(target)}/`);
  return at === -1 ? undefined : /^[^\s()]+?:\d+/.exec(text.slice(at))?.[0];
}

/** Node tells where a syntax error is only when it dies of it: so another one is let do that. */
async function syntaxCheck(target: Target): Promise<string> {
  const { spawnSync } = await import('node:child_process');
  return (
    spawnSync(process.execPath, ['--check', realPathOf(target)], { encoding: 'utf8', timeout: 5000 })
      .stderr ?? ''
  );
}

/** The one line on standard output. Written at once, so that it is there before anything else happens. */
function announceReady(server: Server, workerCount: number): void {
  const { url, engine, admin, health, redirect } = server;
  const ports = Object.entries({ admin, health, redirect })
    .map(([name, port]) => (port === undefined ? '' : ` ${name}=${port.url}`))
    .join('');
  const line = `ready url=${url} engine=${engine.name} workers=${workerCount} pid=${process.pid}${ports}\n`;
  try {
    writeSync(1, line);
  } catch {
    // Nobody listens on standard output; whoever talks to the port can do without.
  }
}

async function showBanner(
  server: Server,
  target: Target,
  name: string,
  address: CliAddress,
  workers: number,
): Promise<void> {
  const startupMs = performance.now();
  const [{ bannerText }, { usesColour }] = await Promise.all([
    import('./banner.ts'),
    import('../observe/terminal.ts'),
  ]);
  const text = bannerText(
    {
      version: JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version,
      url: server.url,
      adminUrl: server.admin?.url,
      healthUrl: server.health?.url,
      hostname: 'hostname' in address ? address.hostname : '',
      target: `${name} (${target.kind})`,
      engineName: server.engine.name,
      engineReason: server.engine.reason,
      workerCount: Math.max(1, workers),
      startupMs,
    },
    usesColour(2),
  );
  process.stderr.write(text);
}

/** @returns undefined for a folder, of which nothing is kept that could be stale */
async function watchChanges(
  target: Target,
  logger: HoldfastLogger,
  workerCount: number,
  isBoot: boolean,
): Promise<Watch | undefined> {
  if (isBoot) return (await import('./serve-boot.ts')).watchConfig(target.path);
  if (target.kind === 'folder') {
    logger.warn(
      '--watch: the files of a folder are read afresh for each request; there is nothing to reload',
    );
    return undefined;
  }
  if (!canShareListeners())
    logger.warn('--watch: on this host a reload loads the module anew, and not what it imports');
  const { watchTarget } = await import('./target-watch.ts');
  const { loadedFiles, reportLoads } = await import('../server/loaded-files.ts');
  const changes = watchTarget(target);
  // Workers publish what they load; in this thread we see it ourselves.
  loadedFiles().subscribe((file) => changes.add(file as LoadedFile));
  if (workerCount > 0) return changes;
  const tellRest = reportLoads((file) => changes.add(file));
  return {
    ...changes,
    onChange(listener) {
      tellRest();
      changes.onChange(listener);
    },
  };
}

function reloadOnChange(changes: Watch, server: Server, reload: () => void, logger: HoldfastLogger): void {
  changes.onChange((changed) => {
    logger.info(
      `changed: ${changed.slice(0, 3).join(', ')}${changed.length > 3 ? ` and ${changed.length - 3} more` : ''}`,
    );
    reload();
  });
  server.finished.finally(() => changes.close()).catch(() => {});
}

/** What cannot be loaded leaves what serves in its place: a module, or the configuration of a boot server. */
async function reload(
  served: { reload(): Promise<void> },
  secure: Pick<Server, 'setTls'> | undefined,
  target: Target,
  logger: HoldfastLogger,
): Promise<void> {
  // The one does not wait for the other: a module that is broken keeps no certificate from being renewed.
  await secure?.setTls().catch((error) => {
    if (!(error instanceof ServerClosedError))
      logger.error(`the certificates of before serve on: ${oneLine(error)}`);
  });
  try {
    await served.reload();
    logger.info('reloaded');
  } catch (error) {
    // A change or a signal met the end of the server: there is nothing to load for.
    if (error instanceof ServerClosedError) return;
    const told = await explained(error, target);
    const frames = told instanceof CommandError && told.details !== '' ? `\n${told.details}` : '';
    logger.error(`reload failed, the old one goes on: ${oneLine(told)}${frames}`);
  }
}
