/**
 * A reporter for node:test: the test files that a test failed in, one a line, each once. A test that is
 * defined in another file, as those of a contract are, is told of by that file's name; it belongs to the
 * file that is running, which is the last one begun (files run one at a time).
 */
const TEST_FILE = /\.test\.m?js$/;

export default async function* failedFiles(events) {
  const seen = new Set();
  let running;
  for await (const { type, data } of events) {
    if (type === 'test:dequeue' && data.nesting === 0 && TEST_FILE.test(data.name)) running = data.name;
    if (type !== 'test:fail' || data.todo !== undefined) continue;
    // A file that ends in the middle, or is too slow, fails as a test by the name of its path.
    const place = data.file ?? data.name;
    const file = TEST_FILE.test(place) ? place : (running ?? place);
    if (seen.has(file)) continue;
    seen.add(file);
    yield `${file}\n`;
  }
}
