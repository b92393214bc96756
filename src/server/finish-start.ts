/** The last steps of a start, for servers of every kind: the caller is told, its signals are heeded, slowness is explained. */
import { createLogger } from '../observe/logger.ts';
import { guardedLogger } from './guarded-logger.ts';
import type { ListenAddressInfo, ServeOptions } from './options.ts';
import type { Server } from './server.ts';
import { closeOnSignals } from './shutdown-signals.ts';

/** What throws here closes the server, for nobody else has a handle to close it by. */
export async function finishStart<S extends Server>(server: S, options: ServeOptions): Promise<S> {
  warnOfNode(server, options);
  const { signal } = options;
  try {
    await options.onListen?.(listenInfo(server));
    if (signal !== undefined) closeOnAbort(server, signal);
    closeOnSignals(server, options, guardedLogger(options.logger ?? createLogger()));
  } catch (error) {
    await server.close(true);
    throw error;
  }
  return server;
}

/** A signal may live as long as the process; it does not keep a server that has closed. */
function closeOnAbort(server: Server, signal: AbortSignal): void {
  const close = (): void => void server.close();
  if (signal.aborted) close();
  signal.addEventListener('abort', close, { once: true });
  void server.finished.then(() => signal.removeEventListener('abort', close));
}

/** Tells those who have not asked for the slower engine why it is that one: a bundle without koffi, a container, a limit. */
function warnOfNode({ engine }: Server, options: ServeOptions): void {
  const { engine: wanted = 'auto', tls, logger = createLogger() } = options;
  if (engine.name !== 'node' || wanted !== 'auto' || tls !== undefined || process.platform !== 'linux')
    return;
  logger.warn(
    `the engine is node, which is slower: it ${engine.reason} (engine: 'node' or --engine node says that this is meant)`,
  );
}

/** What `onListen` is told. */
function listenInfo({ url, port, hostname }: Pick<Server, 'url' | 'port' | 'hostname'>): ListenAddressInfo {
  const family = url.startsWith('unix:') ? 'unix' : hostname.includes(':') ? 'IPv6' : 'IPv4';
  return { url, port, hostname, address: hostname, family };
}
