/**
 * The numbers of a server as Prometheus metrics: which exist, what each is called and what it means.
 * docs/timeouts.md and alerts rely on these names.
 */
import { DURATION_BOUNDS_SECONDS, type HistogramCounts } from './duration-histogram.ts';
import { Exposition } from './exposition.ts';
import type { ProcessNumbers } from './process-numbers.ts';

type Counts = Readonly<Record<string, number>>;

/** What is counted, summed over all threads. */
export interface ServerNumbers {
  readonly requests: number;
  readonly aborted: number;
  readonly statusClasses: Counts;
  readonly faults: Counts;
  readonly http2Limits: Counts;
  readonly tls: { readonly events: Counts; readonly errors: Counts };
  readonly closeReasons: Counts;
  readonly deadlines: Counts;
  readonly states: Counts;
  readonly websocket: Counts;
  readonly pubsubDropped: Counts;
  readonly unsentBytes: number;
  readonly engine: {
    readonly accepted: number;
    readonly bytesReceived: number;
    readonly bytesSent: number;
    readonly turns: number;
    readonly acceptPauses: number;
    readonly receiveBufferExhaustions: number;
    readonly submissionQueueFull: number;
    readonly completionQueueOverflows: number;
  };
  readonly workers: number;
  readonly durations: HistogramCounts;
  /** By the index of the worker; '0' without workers. */
  readonly byWorker: Readonly<
    Record<string, { readonly requests: number; readonly loopLag: HistogramCounts }>
  >;
}

interface ServerFacts {
  readonly version: string;
  readonly engine: string;
  readonly nodeVersion: string;
  readonly isReady: boolean;
}

export function serverMetrics(numbers: ServerNumbers, facts: ServerFacts, own: ProcessNumbers): string {
  const out = new Exposition();
  out.info('holdfast_build_info', 'Version, engine and runtime.', {
    version: facts.version,
    engine: facts.engine,
    node: facts.nodeVersion,
  });
  out.gauge('holdfast_ready', '1 while connections are accepted, 0 while draining.', facts.isReady ? 1 : 0);
  out.gauge('holdfast_workers', 'Worker threads; 0 when the main thread serves.', numbers.workers);
  writeRequests(out, numbers);
  writeDurations(out, numbers);
  writeConnections(out, numbers);
  writeWebSocket(out, numbers.websocket);
  out.counters(
    'holdfast_pubsub_dropped_total',
    'Published messages that missed a thread or the other machines, which did not take them.',
    'to',
    numbers.pubsubDropped,
  );
  writeEngine(out, numbers.engine);
  writeProcess(out, own);
  return out.toString();
}

function writeRequests(out: Exposition, numbers: ServerNumbers): void {
  out.counter('holdfast_requests_total', 'Requests whose head was whole.', numbers.requests);
  out.counters(
    'holdfast_responses_total',
    'Answers, by the class of their status.',
    'class',
    numbers.statusClasses,
  );
  out.counter(
    'holdfast_requests_aborted_total',
    'Requests whose connection ended before the last byte of the answer was handed over.',
    numbers.aborted,
  );
  out.counters(
    'holdfast_faults_total',
    'Requests refused for a rule, a limit or a deadline.',
    'fault',
    numbers.faults,
  );
  out.counters(
    'holdfast_http2_limits_total',
    'HTTP/2 connections and streams ended for what they cost, by the option that bounds it.',
    'limit',
    numbers.http2Limits,
  );
}

function writeDurations(out: Exposition, { durations, byWorker }: ServerNumbers): void {
  out.histogram(
    'holdfast_http_request_duration_seconds',
    'From the first byte of a request to the last byte of its answer, as handed to the kernel. Requests whose client went first are not in it.',
    DURATION_BOUNDS_SECONDS,
    [{ labels: {}, counts: durations.counts, sum: durations.sumSeconds }],
  );
  const workers = Object.entries(byWorker);
  out.counters(
    'holdfast_worker_requests_total',
    'Requests whose head was whole, by the worker that served them.',
    'worker',
    Object.fromEntries(workers.map(([worker, { requests }]) => [worker, requests])),
  );
  out.histogram(
    'holdfast_event_loop_lag_seconds',
    'How late a timer of the event loop was, looked at ten times a second.',
    DURATION_BOUNDS_SECONDS,
    workers.map(([worker, { loopLag }]) => ({
      labels: { worker },
      counts: loopLag.counts,
      sum: loopLag.sumSeconds,
    })),
  );
}

function writeConnections(out: Exposition, numbers: ServerNumbers): void {
  out.gauges('holdfast_connections', 'Open connections, by state.', 'state', numbers.states);
  out.counter('holdfast_connections_accepted_total', 'Connections accepted.', numbers.engine.accepted);
  out.counters(
    'holdfast_connections_closed_total',
    'Connections ended, by the reason.',
    'reason',
    numbers.closeReasons,
  );
  out.counters(
    'holdfast_deadlines_total',
    'Deadlines that fired, by the option that sets them.',
    'deadline',
    numbers.deadlines,
  );
  out.counters(
    'holdfast_tls_total',
    'TLS handshakes, by how they ended; and of connections that stood, those that broke and those cut off without close_notify.',
    'event',
    numbers.tls.events,
  );
  out.counters(
    'holdfast_tls_errors_total',
    "What broke handshakes and connections, by Node's name of OpenSSL's error.",
    'error',
    numbers.tls.errors,
  );
  out.counter('holdfast_received_bytes_total', 'Bytes from clients.', numbers.engine.bytesReceived);
  out.counter('holdfast_sent_bytes_total', 'Bytes that the kernel has taken.', numbers.engine.bytesSent);
  out.gauge(
    'holdfast_unsent_bytes',
    'Bytes of answers that wait for slow readers, in memory of the server.',
    numbers.unsentBytes,
  );
}

function writeWebSocket(out: Exposition, counts: Counts): void {
  out.counter('holdfast_websocket_opened_total', 'WebSockets opened.', counts['opened'] ?? 0);
  out.counters(
    'holdfast_websocket_messages_total',
    'Messages of WebSockets, by what became of them.',
    'kind',
    {
      received: counts['messagesReceived'] ?? 0,
      sent: counts['messagesSent'] ?? 0,
      dropped: counts['messagesDropped'] ?? 0,
    },
  );
  out.counter('holdfast_websocket_pings_total', 'Pings sent.', counts['pingsSent'] ?? 0);
}

function writeEngine(out: Exposition, engine: ServerNumbers['engine']): void {
  out.counter('holdfast_engine_turns_total', 'Turns of the event loop that had work.', engine.turns);
  out.counter(
    'holdfast_engine_accept_pauses_total',
    'Times accepting rested: out of descriptors, or another error.',
    engine.acceptPauses,
  );
  out.counter(
    'holdfast_engine_receive_buffer_exhaustions_total',
    'Times all receive buffers of a thread were in use.',
    engine.receiveBufferExhaustions,
  );
  out.counter(
    'holdfast_engine_submission_queue_full_total',
    'Times the submission queue of io_uring was flushed early.',
    engine.submissionQueueFull,
  );
  out.counter(
    'holdfast_engine_completion_queue_overflows_total',
    'Completions of io_uring that had to wait in the kernel.',
    engine.completionQueueOverflows,
  );
}

/** Named as every Prometheus client library names them. */
function writeProcess(out: Exposition, own: ProcessNumbers): void {
  out.counter('process_cpu_seconds_total', 'CPU time, user and system.', own.cpuSeconds);
  out.gauge('process_resident_memory_bytes', 'Resident memory.', own.residentBytes);
  out.gauge('process_start_time_seconds', 'Start, since the Unix epoch.', own.startedAtSeconds);
  if (own.openDescriptors !== undefined)
    out.gauge('process_open_fds', 'Open file descriptors.', own.openDescriptors);
}
