// What a service in production carries: metrics (prom-client), traces (OpenTelemetry) and a log (pino) that share an id.
//   holdfast serve -w 1 examples/apps/observed.mjs
//   curl -H 'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' http://127.0.0.1:8080/steps/3
//   curl http://127.0.0.1:8080/metrics ; curl http://127.0.0.1:8080/spans
// Spans are kept in memory, the last thousand of them; a service would give them to an exporter.

import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { Hono } from 'hono';
import pino from 'pino';
import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client';

const SPANS_MAX = 1000;

const registry = new Registry();
collectDefaultMetrics({ register: registry });
const requests = new Counter({
  name: 'app_requests_total',
  help: 'Requests by route and status',
  labelNames: ['route', 'status'],
  registers: [registry],
});
const durations = new Histogram({
  name: 'app_request_duration_seconds',
  help: 'Time from the request to its answer',
  labelNames: ['route'],
  buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5],
  registers: [registry],
});

const spans = [];
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
const provider = new BasicTracerProvider({
  spanProcessors: [
    new SimpleSpanProcessor({
      export(ended, done) {
        for (const span of ended) spans.push(spanRow(span));
        spans.splice(0, spans.length - SPANS_MAX);
        done({ code: 0 });
      },
      shutdown: async () => {},
    }),
  ],
});
const tracer = provider.getTracer('app');
const log = pino({ level: process.env.LOG_LEVEL ?? 'info' }, pino.destination({ dest: 2, sync: false }));

const app = new Hono();

app.use(async (c, next) => {
  const startMs = performance.now();
  const parent = parentOf(c.req.header('traceparent'));
  await tracer.startActiveSpan(
    `${c.req.method} ${c.req.path}`,
    { kind: SpanKind.SERVER },
    parent,
    async (span) => {
      await next();
      const route = c.req.routePath ?? 'none';
      if (c.res.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
      span.setAttribute('http.response.status_code', c.res.status);
      span.end();
      requests.inc({ route, status: c.res.status });
      durations.observe({ route }, (performance.now() - startMs) / 1000);
      const { traceId } = span.spanContext();
      log.info({ traceId, method: c.req.method, path: c.req.path, status: c.res.status }, 'request');
      c.res.headers.set('x-trace-id', traceId);
    },
  );
});

app.get('/', (c) => c.text('observed\n'));
app.get('/steps/:steps', async (c) => {
  const steps = Math.min(Number(c.req.param('steps')) || 0, 100);
  for (let step = 0; step < steps; step++) {
    await tracer.startActiveSpan(`step ${step}`, async (span) => {
      await new Promise((resolve) => setImmediate(resolve));
      span.end();
    });
  }
  return c.json({ steps, traceId: trace.getActiveSpan()?.spanContext().traceId });
});
app.get('/metrics', async (c) =>
  c.text(await registry.metrics(), 200, { 'content-type': registry.contentType }),
);
app.get('/spans', (c) => c.json(spans));
app.get('/throws', () => {
  throw new Error('thrown on purpose');
});
app.onError((error, c) => {
  trace.getActiveSpan()?.recordException(error);
  log.error({ err: error }, 'failed');
  return c.text('500\n', 500);
});

export default app;

/** The context that a traceparent field names: W3C Trace Context, version 00. */
function parentOf(field) {
  const match = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(field ?? '');
  if (match === null) return context.active();
  const [, traceId, spanId, flags] = match;
  return trace.setSpanContext(context.active(), {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16),
    isRemote: true,
  });
}

function spanRow(span) {
  const { traceId, spanId } = span.spanContext();
  return {
    name: span.name,
    traceId,
    spanId,
    parentSpanId: span.parentSpanContext?.spanId,
    status: span.status.code,
  };
}
