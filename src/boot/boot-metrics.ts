/** The numbers of a boot server in Prometheus' text format: which exist, and what each means. */
import { Exposition } from '../observe/exposition.ts';
import type { MachineRecords } from './machine-records.ts';
import type { Upstream } from './upstream.ts';

interface MetricSources {
  readonly records: MachineRecords;
  readonly upstream: Upstream | undefined;
  readonly webhook: { readonly sent: number; readonly dropped: number } | undefined;
}

export function bootMetrics({ records, webhook, upstream }: MetricSources): string {
  const out = new Exposition();
  const { scripts, outcomes, bytes, pauses, restartLoops } = records.counts();
  out.gauge('holdfast_boot_machines', 'Machines that are known.', records.machineCount);
  out.gauge('holdfast_boot_transfers', 'Transfers to machines under way.', records.runningCount);
  out.counter('holdfast_boot_scripts_total', 'Scripts that machines were given.', scripts);
  out.counters(
    'holdfast_boot_stand_ins_total',
    'Scripts of the server in the place of files that are not there.',
    'file',
    Object.fromEntries(records.standIns),
  );
  out.counters('holdfast_boot_transfers_total', 'Transfers that ended, by how.', 'outcome', outcomes);
  out.counter('holdfast_boot_transfer_bytes_total', 'Bytes handed over to machines.', bytes);
  out.counter('holdfast_boot_pauses_total', 'Times that a transfer stood still for 2 s or longer.', pauses);
  out.counter('holdfast_boot_restart_loops_total', 'Restart loops that began.', restartLoops);
  out.gauge(
    'holdfast_boot_restart_loops',
    'Machines and artifacts in a restart loop now.',
    records.loops().length,
  );
  if (upstream !== undefined) {
    const { outcomes: fetched, filling } = upstream.counts();
    out.counters(
      'holdfast_boot_upstream_files_total',
      'Files that were asked of the upstream, by what became of them.',
      'outcome',
      fetched,
    );
    out.gauge('holdfast_boot_upstream_fetching', 'Files on their way from the upstream.', filling);
  }
  if (webhook !== undefined)
    out.counters(
      'holdfast_boot_webhook_events_total',
      'Events for the webhook, by what became of them.',
      'outcome',
      {
        sent: webhook.sent,
        dropped: webhook.dropped,
      },
    );
  return out.toString();
}
