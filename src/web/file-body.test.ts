/** A body that is a file, for whoever reads it: whole, closed once, and broken when the file is not what was promised. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileResponse } from './file-response.ts';
import type { OpenFilePart } from './open-file-part.ts';
import { responseParts } from './parts.ts';
import { Response } from './response.ts';

const CONTENT = Buffer.alloc(3 * 1024 * 1024 + 77);
for (let at = 0; at < CONTENT.length; at++) CONTENT[at] = (at * 31 + (at >> 8)) & 127;

function part(given: Partial<OpenFilePart> = {}) {
  const seen = { closes: 0, reads: 0, verifies: 0 };
  const file: OpenFilePart = {
    fd: 5,
    offset: 3,
    length: CONTENT.length - 3,
    verify: () => ++seen.verifies > 0,
    async read(into, offset) {
      seen.reads++;
      // What a short read of the system looks like.
      const piece = CONTENT.subarray(offset, offset + Math.min(into.length, 50_000));
      into.set(piece);
      return piece.length;
    },
    close: () => void seen.closes++,
    ...given,
  };
  return { file, seen };
}

test('it is read whole by text(), body and clone, and closed once', async () => {
  const expected = CONTENT.subarray(3).toString('latin1');
  const read: Record<string, (response: Response) => Promise<string>> = {
    text: (response) => response.text(),
    body: async (response) => {
      const pieces: Uint8Array[] = [];
      for await (const piece of response.body!) pieces.push(piece);
      return Buffer.concat(pieces).toString('latin1');
    },
    clone: async (response) => {
      const copy = response.clone();
      const [text, other] = await Promise.all([response.text(), copy.text()]);
      assert.ok(text === other);
      return text;
    },
  };
  for (const [how, text] of Object.entries(read)) {
    const { file, seen } = part();
    const response = fileResponse(file, { status: 206, headers: { etag: '"x"' } });
    assert.equal(response.status, 206);
    assert.ok((await text(response)) === expected, how);
    assert.equal(seen.closes, 1, how);
    assert.equal(seen.verifies, 3, 'once a MiB that has been read');
  }
});

test('whoever sends it takes the file, also when another Response was made of it', () => {
  for (const wrap of [(r: Response) => r, (r: Response) => new Response(r.body, r)]) {
    const { file, seen } = part();
    const { body } = responseParts(wrap(fileResponse(file)));
    assert.ok(body !== null && typeof body === 'object' && 'takeFile' in body);
    assert.equal(body.contentLength, file.length);
    assert.equal(body.takeFile!(), file);
    body.cancel();
    assert.equal(seen.closes, 0, 'it is closed by whoever took it');
  }
});

test('cancelling closes it, not under a read that is under way', async () => {
  const { file, seen } = part();
  await fileResponse(file).body!.cancel();
  assert.equal(seen.closes, 1);
  for (const ends of ['read', 'failed'] as const) {
    let end = { read: (_count: number): void => {}, failed: (_error: unknown): void => {} };
    const read = () => new Promise<number>((resolve, reject) => (end = { read: resolve, failed: reject }));
    const slow = part({ read });
    const reader = fileResponse(slow.file).body!.getReader();
    const reading = reader.read();
    await Promise.resolve();
    void reader.cancel();
    assert.equal(slow.seen.closes, 0);
    if (ends === 'read') end.read(1000);
    else end.failed(new Error('EIO'));
    assert.equal((await reading).done, true);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(slow.seen.closes, 1, `a read that has ${ends}`);
  }
});

test('a file that is short, has changed or cannot be read breaks the body and is closed', async () => {
  const broken: [Partial<OpenFilePart>, string][] = [
    [{ length: CONTENT.length }, 'HOLDFAST_FILE_SHRANK'],
    [{ verify: () => false }, 'HOLDFAST_FILE_CHANGED'],
    [
      {
        verify: () => {
          throw new Error('no');
        },
      },
      'HOLDFAST_FILE_CHANGED',
    ],
    [{ read: () => Promise.reject(Object.assign(new Error('disk'), { code: 'EIO' })) }, 'EIO'],
  ];
  for (const [given, code] of broken) {
    const { file, seen } = part(given);
    await assert.rejects(fileResponse(file).text(), { code });
    assert.equal(seen.closes, 1);
  }
});
