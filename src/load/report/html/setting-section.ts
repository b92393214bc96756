/** Under which conditions the figures hold: what was asked for, the machines that sent, and the CPU that it took. */
import type { LoadResult, PlanSummary } from '../../measure/load-result.ts';
import { cpuMsAnAnswer } from './key-figures.ts';
import { html, type Markup, type Piece } from './markup.ts';
import {
  formatAskedRate,
  formatBytes,
  formatCount,
  formatDuration,
  formatMemory,
  formatMs,
  formatMsIn,
  formatNumberOf,
  formatRate,
  formatShare,
  msUnitOf,
  NO_FIGURE,
} from './numbers.ts';
import { drawFacts, drawTable } from './table.ts';

export function drawSetting(result: LoadResult): Markup {
  return html`<section class="pair split">
<div class="card"><h2>Plan</h2>${drawFacts(planFacts(result.plan))}</div>
<div class="card"><h2>Requests and traffic</h2>${drawFacts(requestFacts(result))}<h2 class="second">CPU</h2>${drawCpu(result)}</div>
</section>
<section class="card" aria-labelledby="machines"><h2 id="machines">${result.machines.length === 1 ? 'Client machine' : 'Client machines'}</h2>${drawMachines(result)}</section>`;
}

function planFacts(plan: PlanSummary): [string, Piece][] {
  const facts: [string, Piece][] = [
    [
      plan.urls.length === 1 ? 'URL' : 'URLs',
      plan.urls.map((url) => html`<span class="address">${url}</span>`),
    ],
    ['method', plan.method],
    ['connections', formatCount(plan.connections)],
    [
      'rate',
      plan.ratePerSecond === undefined
        ? 'as fast as answered'
        : `${formatAskedRate(plan.ratePerSecond)} req/s, constant`,
    ],
  ];
  if (plan.durationMs !== undefined) facts.push(['duration', formatDuration(plan.durationMs)]);
  if (plan.requestCount !== undefined) facts.push(['requests', formatCount(plan.requestCount)]);
  if (plan.warmupMs > 0) facts.push(['warm-up, not measured', formatDuration(plan.warmupMs)]);
  if (plan.rampMs > 0) facts.push(['connections opened over', formatDuration(plan.rampMs)]);
  if (plan.thinkMaxMs > 0)
    facts.push([
      'think time',
      `${plan.thinkMinMs > 0 ? formatDuration(plan.thinkMinMs) : '0'} to ${formatDuration(plan.thinkMaxMs)}`,
    ]);
  facts.push(['time limit', formatDuration(plan.timeoutMs)]);
  if (plan.newConnection) facts.push(['keep-alive', 'off: a new connection for each request']);
  if (plan.protocol === 'h2')
    facts.push(['protocol', `HTTP/2, ${formatNumberOf(plan.pipeline, 'stream')} on each connection`]);
  else if (plan.pipeline > 1) facts.push(['pipelining', `${formatCount(plan.pipeline)} requests`]);
  facts.push(['client', `${plan.engine} engine, ${formatNumberOf(plan.threads, 'thread')}`]);
  if (plan.addresses.length > 1) facts.push(['addresses, in turn', plan.addresses.join(', ')]);
  if (plan.sourceAddresses.length > 0) facts.push(['source addresses', plan.sourceAddresses.join(', ')]);
  if (plan.script !== undefined) facts.push(['script', html`<span class="address">${plan.script}</span>`]);
  return facts;
}

function requestFacts({ requests, bytesReceived, bytesSent, settledMs }: LoadResult): [string, Piece][] {
  const perSecond = (bytes: number) =>
    settledMs > 0
      ? `${formatBytes(bytes)}, ${formatBytes(bytes / (settledMs / 1000))}/s`
      : formatBytes(bytes);
  return [
    ['sent', formatCount(requests.sent)],
    ['answered', formatCount(requests.answered)],
    ['succeeded (status below 400, checks passed)', formatCount(requests.succeeded)],
    ['failed', formatCount(requests.failed)],
    ['under way when the run was broken off', formatCount(requests.unfinished)],
    ...(requests.notSent > 0
      ? [
          [
            'due and never sent, every connection being busy',
            html`<span class="bad">${formatCount(requests.notSent)}</span>`,
          ] as [string, Piece],
        ]
      : []),
    ...(requests.resent > 0
      ? [
          ['sent once more, the server having closed the connection', formatCount(requests.resent)] as [
            string,
            Piece,
          ],
        ]
      : []),
    ['bytes received', perSecond(bytesReceived)],
    ['bytes sent', perSecond(bytesSent)],
  ];
}

function drawCpu(result: LoadResult): Markup {
  const { cpu, durationMs } = result;
  const { clientUserMs, clientSystemMs, serverUserMs, serverSystemMs } = cpu;
  const inAll = msUnitOf([clientUserMs, clientSystemMs, serverUserMs, serverSystemMs]);
  const each = msUnitOf([
    cpuMsAnAnswer(result, clientUserMs, clientSystemMs),
    cpuMsAnAnswer(result, serverUserMs, serverSystemMs),
  ]);
  const row = (name: string, userMs: number | undefined, systemMs: number | undefined): Piece[] => [
    name,
    formatMsIn(inAll, userMs),
    formatMsIn(inAll, systemMs),
    userMs === undefined || systemMs === undefined || !(durationMs > 0)
      ? NO_FIGURE
      : formatRate((userMs + systemMs) / durationMs),
    formatMsIn(each, cpuMsAnAnswer(result, userMs, systemMs)),
  ];
  const waited = cpu.clientWaitedMs;
  return html`${drawTable({
    caption: 'CPU time of client and server',
    columns: ['', `user, ${inAll}`, `system, ${inAll}`, 'cores', `a request, ${each}`].map((head, index) => ({
      head,
      isNumber: index > 0,
    })),
    rows: [row('client', clientUserMs, clientSystemMs), row('server', serverUserMs, serverSystemMs)],
    folds: true,
  })}${cpu.serverUserMs === undefined && html`<p class="note">The server’s CPU is known only when it runs on this machine and may be looked at.</p>`}${
    waited !== undefined &&
    html`<p class="note">The client’s threads were ready to run and had no core for ${formatMs(waited)}${durationMs > 0 && ` (${formatShare(waited / durationMs)} of the run)`}.</p>`
  }`;
}

function drawMachines({ machines, requests }: LoadResult): Markup {
  return drawTable({
    caption: 'Machines that sent requests',
    columns: [
      { head: 'name' },
      { head: 'CPU' },
      { head: 'system' },
      { head: 'Node.js' },
      { head: 'cores', isNumber: true },
      { head: 'memory', isNumber: true },
      { head: 'answered', isNumber: true },
    ],
    rows: machines.map((machine) => [
      html`<span class="given">${machine.name}${machine.lost !== undefined && `, lost ${machine.lost}`}</span>`,
      html`<span class="given">${machine.cpu}</span>`,
      html`<span class="given">${machine.os}</span>`,
      html`<span class="given">${machine.node}</span>`,
      formatCount(machine.cores),
      formatMemory(machine.memoryBytes),
      html`${formatCount(machine.answered)}${machines.length > 1 && requests.answered > 0 && ` (${formatShare(machine.answered / requests.answered)})`}`,
    ]),
    folds: true,
  });
}
