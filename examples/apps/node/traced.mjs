// Express, traced by OpenTelemetry's instrumentation of node:http: `holdfast serve examples/apps/node/traced.mjs`, then GET /spans
import { trace } from '@opentelemetry/api';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';

const exporter = new InMemorySpanExporter();
new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();
registerInstrumentations({
  instrumentations: [new HttpInstrumentation({ ignoreIncomingRequestHook: ({ url }) => url === '/spans' })],
});
// It waits until node:http is asked for by `require`, and Express does that.
const { default: express } = await import('express');

const app = express();
app.get('/hello', async (_, res) => {
  await Promise.resolve();
  res.send(`trace ${trace.getActiveSpan()?.spanContext().traceId ?? 'none'}`);
});
app.get('/fails', (_, res) => res.status(503).send('no'));
app.get('/spans', (_, res) =>
  res.json(
    exporter.getFinishedSpans().map(({ name, kind, attributes, status, parentSpanContext }) => ({
      name,
      kind,
      attributes,
      status,
      parent: parentSpanContext?.spanId,
    })),
  ),
);

export default app;
