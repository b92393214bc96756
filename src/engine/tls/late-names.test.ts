import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LateNames } from './late-names.ts';
import type { TlsCertificate } from './tls-options.ts';

const certificateOf = (name: string): TlsCertificate => ({ cert: name, key: '', keyType: 'ec', names: [] });

/** Knows every name that begins with a letter; contexts are the names. */
function stage(find?: (name: string) => Promise<TlsCertificate | undefined>) {
  const asked: string[] = [];
  const dropped: string[] = [];
  const errors: string[] = [];
  const clock = { nowMs: 1 };
  const names = new LateNames<string>({
    find:
      find ??
      (async (name) => {
        asked.push(name);
        if (name === 'broken') throw new Error('no luck');
        return /^[a-z]/.test(name) ? certificateOf(name) : undefined;
      }),
    make: ({ cert }) => cert,
    drop: (context) => void dropped.push(context),
    onError: (error) => void errors.push(error.message),
    nowMs: () => clock.nowMs,
  });
  return { names, asked, dropped, errors, clock };
}

test('what was found is known for minutes, what was not for seconds', async () => {
  const { names, asked, dropped, clock } = stage();
  assert.equal(names.known('a'), undefined);
  assert.deepEqual(await Promise.all([names.ask('a'), names.ask('a'), names.ask('1')]), [true, true, true]);
  assert.deepEqual(asked, ['a', '1']);
  clock.nowMs += 9_000;
  assert.deepEqual(
    [names.known('a')?.context, names.known('1')],
    ['a', { context: undefined, untilMs: 10_001 }],
  );
  clock.nowMs += 2_000;
  assert.equal(names.known('1'), undefined);
  assert.equal(names.known('a')?.context, 'a');
  clock.nowMs += 300_000;
  assert.equal(names.known('a'), undefined);
  await names.ask('a');
  assert.deepEqual(dropped, ['a']);
});

test('what is kept, and what is asked about at once, has a bound', async () => {
  const { names, dropped } = stage();
  for (let i = 0; i < 500; i++) await names.ask(`n${i}`);
  assert.equal(names.known('n0')?.context, 'n0');
  await names.ask('one-more');
  assert.deepEqual(dropped, ['n1']);
  const never = stage(() => new Promise(() => {}));
  for (let i = 0; i < 256; i++) void never.names.ask(`n${i}`);
  assert.equal(await never.names.ask('beyond'), false);
});

test('errors are told once a second, with their number, and are not kept', async () => {
  const { names, asked, errors, clock } = stage();
  for (let i = 0; i < 3; i++) assert.equal(await names.ask('broken'), false);
  clock.nowMs += 1000;
  await names.ask('broken');
  assert.deepEqual(errors, [
    'no certificate for broken: no luck',
    'no certificate for broken (and 2 others before): no luck',
  ]);
  assert.equal(asked.length, 4);
});

test('an answer from before a change is asked for again, and one from before the end is nothing', async () => {
  const answers: ((certificate: TlsCertificate) => void)[] = [];
  const { names, dropped } = stage(
    (name) => new Promise((resolve) => answers.push(() => resolve(certificateOf(name)))),
  );
  const asked = names.ask('a');
  names.clear();
  answers[0]!(certificateOf('a'));
  await new Promise(setImmediate);
  assert.equal(names.known('a'), undefined);
  answers[1]!(certificateOf('a'));
  assert.equal(await asked, true);
  const late = names.ask('b');
  names.close();
  answers[2]!(certificateOf('b'));
  assert.equal(await late, false);
  assert.equal(names.known('b'), undefined);
  assert.deepEqual(dropped, ['a']);
});
