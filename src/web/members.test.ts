import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fakeRequest } from './exchange.contract.ts';
import { Headers } from './headers.ts';
import { HoldfastRequest } from './request.ts';
import { Response } from './response.ts';

/** A slip of undici's, which neither the standard nor Node's documentation knows. */
const NOT_STANDARD = ['attribute'];

describe('what this release of Node gives its classes', () => {
  const classes = { Response, Headers, Request: HoldfastRequest };
  for (const [name, ours] of Object.entries(classes))
    it(`${name} has by itself: what it inherited would not find its state`, () => {
      const { prototype } = globalThis[name as keyof typeof classes];
      const missing = Object.getOwnPropertyNames(prototype)
        .filter((member) => !NOT_STANDARD.includes(member))
        .filter((member) => !Object.hasOwn(ours.prototype, member));
      assert.deepEqual(missing, []);
    });
});

describe('the form of an interface', () => {
  const classes = { Response, Headers, Request: HoldfastRequest };
  const made = { Response: new Response(), Headers: new Headers(), Request: fakeRequest() };
  for (const [name, ours] of Object.entries(classes)) {
    const platform = globalThis[name as keyof typeof classes];
    it(`${name}: what is enumerated, its class string, and how many arguments are needed`, () => {
      const enumerated = (target: object): string[] => {
        const members: string[] = [];
        for (const member in target) members.push(member);
        return members.filter((member) => !member.startsWith('_'));
      };
      const missing = enumerated(platform.prototype).filter(
        (member) => !enumerated(ours.prototype).includes(member),
      );
      assert.deepEqual(missing, []);
      assert.equal(`${made[name as keyof typeof made]}`, `[object ${name}]`);
      const lengths = (target: object): unknown[] =>
        Object.entries(Object.getOwnPropertyDescriptors(target))
          .filter(([member, { value }]) => typeof value === 'function' && member !== 'constructor')
          .map(([member, { value }]) => [member, value.length]);
      const ofOurs = new Map(lengths(ours.prototype) as [string, number][]);
      for (const [member, length] of lengths(platform.prototype) as [string, number][])
        assert.equal(ofOurs.get(member), length, member);
    });
  }

  it('statics of Response, and constructors', () => {
    assert.deepEqual(Object.keys(Response).sort(), ['error', 'json', 'redirect']);
    assert.deepEqual([Response.length, Headers.length, Response.json.length], [0, 0, 1]);
  });

  it('calls with too few arguments, and on what is no such object', async () => {
    const headers = new Headers();
    for (const operation of ['append', 'delete', 'get', 'has', 'set'] as const)
      assert.throws(() => Reflect.apply(headers[operation], headers, []), TypeError, operation);
    assert.throws(() => Reflect.apply(headers.set, headers, ['a']), TypeError);
    assert.equal(Reflect.apply(headers.get, headers, [undefined]), null);
    assert.throws(() => Reflect.apply(Response.redirect, Response, []), TypeError);
    for (const member of [
      'status',
      'ok',
      'statusText',
      'type',
      'url',
      'redirected',
      'headers',
      'body',
      'bodyUsed',
    ])
      assert.throws(() => Reflect.get(Response.prototype, member), TypeError, member);
    for (const member of ['blob', 'formData', 'text', 'json', 'bytes', 'arrayBuffer'] as const)
      await assert.rejects(
        Reflect.apply(Response.prototype[member], Response.prototype, []),
        TypeError,
        member,
      );
  });
});

describe('textStream', () => {
  const read = async (stream: ReadableStream<string>): Promise<string[]> => {
    const pieces: string[] = [];
    for await (const piece of stream) pieces.push(piece);
    return pieces;
  };
  const bytes = new TextEncoder().encode('grüße €');

  it('decodes characters that pieces have split', async () => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    const response = new Response(body);
    assert.equal((await read(response.textStream())).join(''), 'grüße €');
    assert.equal(response.bodyUsed, true);
  });

  it('takes a body that is in memory, and none', async () => {
    assert.deepEqual(await read(new Response('grüße').textStream()), ['grüße']);
    assert.deepEqual(await read(new Response(null).textStream()), []);
    assert.equal(new Response(null).bodyUsed, false);
  });

  it('is on requests too', async () => {
    const request = fakeRequest({ method: 'POST', body: 'grüße' });
    assert.deepEqual(await read(request.textStream()), ['grüße']);
  });

  it('refuses at once a body that has been read', async () => {
    const response = new Response('x');
    await response.text();
    assert.throws(() => response.textStream(), TypeError);
    const locked = new Response('x');
    locked.body?.getReader();
    assert.throws(() => locked.textStream(), TypeError);
  });
});
