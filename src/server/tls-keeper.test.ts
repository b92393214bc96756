import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LATE, ONE, ROOT, WILD } from '../engine/tls/certificates.fixture.ts';
import { TlsKeeper } from './tls-keeper.ts';
import type { TlsMaterial } from './tls-material.ts';
import { readTlsOptions } from './tls-options.ts';

const namesOf = ({ certificates }: TlsMaterial) => certificates.map(({ names }) => names[0]);

function stage(t: TestContext, given: object, times: object = {}) {
  const lines: string[] = [];
  const note = (text: unknown): void => void lines.push(String(text));
  const logger = { debug: note, info: note, warn: note, error: note };
  const taken: TlsMaterial[] = [];
  const keys: (readonly Uint8Array[])[] = [];
  let refusal: Error | undefined;
  const keeper = new TlsKeeper(readTlsOptions(given), logger, times);
  let finish: () => void = () => {};
  keeper.serve({
    async takeTls(material) {
      taken.push(material);
      if (refusal !== undefined) throw refusal;
    },
    takeTicketKeys: (all) => void keys.push(all),
    finished: new Promise<void>((resolve) => (finish = resolve)),
  });
  t.after(() => finish());
  return { keeper, lines, taken, keys, refuse: (error: Error | undefined) => void (refusal = error) };
}

async function until(isSo: () => boolean): Promise<void> {
  for (let waitedMs = 0; !isSo(); waitedMs += 5) {
    assert.ok(waitedMs < 5000, 'it did not come about');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test('files that change are taken where they can be used, and told of where they cannot', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-keeper-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [cert, key] = [join(folder, 'cert'), join(folder, 'key')];
  const write = (pair: { cert: string; key: string }): void => {
    writeFileSync(cert, pair.cert);
    writeFileSync(key, pair.key);
  };
  write(ONE);
  const { keeper, taken, lines } = stage(t, { cert, key }, { lookMs: 10, settleMs: 10 });
  write(WILD);
  await until(() => taken.length === 1);
  assert.deepEqual(namesOf(taken[0]!), ['*.wild.example']);
  writeFileSync(key, ONE.key);
  await until(() => lines.some((line) => /serves on: tls\.key: .* does not belong/.test(line)));
  assert.deepEqual(namesOf(keeper.material), ['*.wild.example']);
  assert.equal(taken.length, 1);
  write(LATE);
  await until(() => taken.length === 2);
  assert.deepEqual(namesOf(keeper.material), ['late.example']);
});

test('what a thread refuses is taken back by all', async (t) => {
  const { keeper, taken, refuse } = stage(t, { ...ONE, requestCert: true, ca: ROOT });
  refuse(new Error('no'));
  await assert.rejects(keeper.set(WILD), /no/);
  refuse(undefined);
  assert.deepEqual(taken.map(namesOf), [['*.wild.example'], ['one.example']]);
  assert.deepEqual(namesOf(keeper.material), ['one.example']);
  await keeper.set(LATE);
  assert.equal(keeper.material.clients, 'require');
  await keeper.set({ ...LATE, requestCert: false });
  assert.equal(keeper.material.clients, undefined);
});

test('a new key comes before two older ones, each of which every thread has', async (t) => {
  const { keeper, keys } = stage(t, ONE, { rotationMs: 5 });
  const [first] = keeper.material.ticketKeys;
  await until(() => keys.length >= 4);
  assert.deepEqual(
    keys.slice(0, 4).map((all) => all.length),
    [2, 3, 3, 3],
  );
  assert.equal(keys[0]![1], first);
  assert.equal(keys[1]![2], first);
  assert.ok(!keys[2]!.includes(first!));
  for (let i = 1; i < 4; i++) assert.equal(keys[i]![1], keys[i - 1]![0]);
});
