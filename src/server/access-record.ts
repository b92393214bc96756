/** What the access log is told of an exchange that is over. */
import type { ExchangeRecord } from '../http/exchange-host.ts';
import type { AccessRecord } from '../observe/access-log.ts';
import { tlsSummary } from '../observe/tls-summary.ts';
import type { HoldfastRequest } from '../web/request.ts';

export function accessRecordOf(exchange: ExchangeRecord, status: number): AccessRecord {
  const { request, tls } = exchange;
  return {
    method: exchange.methodName,
    target: exchange.target,
    status,
    bytes: exchange.responseBytes,
    // The clock of the engines; not the moment of the turn, which is older than what a handler has done in it.
    durationMs: performance.now() - exchange.startedAtMs,
    ip: clientOf(exchange),
    userAgent: fieldOf(request, 'user-agent'),
    referer: fieldOf(request, 'referer'),
    tls: tls === undefined ? undefined : tlsSummary(tls),
  };
}

function clientOf(exchange: ExchangeRecord): string | undefined {
  try {
    return exchange.request.ip;
  } catch {
    // The handler has redefined it.
    return exchange.peerIp;
  }
}

function fieldOf(request: HoldfastRequest, name: string): string | null {
  try {
    return request.headers.get(name);
  } catch {
    // The handler has redefined it.
    return null;
  }
}
