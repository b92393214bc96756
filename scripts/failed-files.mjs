/** A reporter for node:test: the files that a test failed in, one a line, each once. */
export default async function* failedFiles(events) {
  const seen = new Set();
  for await (const { type, data } of events) {
    if (type !== 'test:fail' || data.todo !== undefined) continue;
    // A file that ends in the middle, or is too slow, fails as a test by the name of its path.
    const file = data.file ?? data.name;
    if (seen.has(file)) continue;
    seen.add(file);
    yield `${file}\n`;
  }
}
