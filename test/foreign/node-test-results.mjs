/** A reporter of node:test (`--test-reporter`): a line of JSON for each test that is no suite, with its file, its names and how it ended. */
export default async function* results(events) {
  const names = [];
  for await (const { type, data } of events) {
    if (type === 'test:start') names[data.nesting] = data.name;
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const isSuite = data.details?.type === 'suite';
    const { failureType } = data.details?.error ?? {};
    // A suite fails with its tests; by itself only where a hook or its time does.
    if (isSuite && (type === 'test:pass' || failureType === 'subtestsFailed')) continue;
    const isSkipped = data.skip !== undefined || data.todo !== undefined;
    const path = [...names.slice(0, data.nesting), data.name];
    const error = data.details?.error?.cause ?? data.details?.error;
    const why = type === 'test:pass' ? '' : String(error?.message ?? error).split('\n')[0];
    yield `${JSON.stringify({ file: data.file, path, ok: type === 'test:pass', isSkipped, why })}\n`;
  }
}
