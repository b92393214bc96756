/** The totals of many runs as text: what was exercised, so that silence can be believed. */
import type { Totals } from './totals.ts';

export function report(totals: Totals, seconds: number): string {
  const hours = totals.virtualMs / 3_600_000;
  const lines = [
    `${totals.seeds} seeds in ${seconds.toFixed(1)} s (${Math.round(totals.seeds / seconds)} a second), ${hours.toFixed(0)} hours of virtual time`,
    `${totals.connections} connections, ${totals.requests} requests, ${totals.responses} responses, ${totals.deadlines} deadlines, ${totals.drains} drains`,
    `${totals.events} events, ${totals.turns} turns, ${mebibytes(totals.bytesToServer)} to the server, ${mebibytes(totals.bytesToClients)} to clients`,
    row('faults put in', totals.injected as unknown as Record<string, number>),
    row('connections that faults struck', totals.struck),
    row('clients', totals.clients),
    row('handlers', totals.handlers),
    row('statuses', totals.statuses),
    row('HTTP/2: frames by type', totals.h2Frames),
    row('HTTP/2: streams reset', totals.h2Resets),
    row('HTTP/2: GOAWAY', totals.h2GoAways),
    row('WebSocket', totals.websocket),
    row('ends by reason', totals.closes),
    row('ends by state', totals.endings),
  ];
  return `${lines.join('\n')}\n`;
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(0)} MiB`;
}

/** Commonest first, so that what is rare stands out at the end. */
function row(title: string, counts: Record<string, number>): string {
  const entries = Object.entries(counts).sort((a, b) => b[1] - a[1]);
  return `${title}: ${entries.map(([name, value]) => `${name} ${value}`).join(', ')}`;
}
