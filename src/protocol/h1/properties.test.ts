import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_LIMITS } from '../limits.ts';
import { chunkEndInto, chunkHeaderInto, lastChunkInto } from './chunk-encoder.ts';
import { CHUNKED_DATA, CHUNKED_END, ChunkedDecoder } from './chunked.ts';
import { runHead, textOf } from './drive.contract.ts';
import { HEAD_COMPLETE } from './field-section.ts';
import { readFields } from './fields.ts';
import { referenceHead } from './reference.contract.ts';
import { MODE_KEEP_ALIVE, ResponseHeadEncoder } from './response-head.ts';
import { BODY_LENGTH, ResponseHeadParser } from './response-parser.ts';

const TOKEN = fc.string({ unit: fc.constantFrom(..."!#$%&'*+-.^_`|~09azAZ"), minLength: 1, maxLength: 20 });
const PLAIN_NAME = TOKEN.map((name) => `x-${name}`);
const VALUE = fc
  .string({ unit: fc.constantFrom(...'\t !"#%,:;=@[]{}~azAZ09\x80\xff'), maxLength: 40 })
  .map((value) => value.replace(/^[ \t]+|[ \t]+$/g, ''));
const TARGET = fc
  .string({ unit: fc.constantFrom(...'!"$%&()*+,-./:;<=>?@[]^_`{|}~09azAZ'), maxLength: 60 })
  .map((rest) => `/${rest}`);
const PADDING = fc.constantFrom('', ' ', '\t', ' \t ');

test('a request that the grammar grows comes back as it went in', () => {
  const fields = fc.array(fc.tuple(PLAIN_NAME, PADDING, VALUE, PADDING), { maxLength: 12 });
  fc.assert(
    fc.property(TOKEN, TARGET, fields, fc.nat(), (method, target, lines, cut) => {
      fc.pre(method !== 'TRACE' && method !== 'CONNECT');
      let text = `${method} ${target} HTTP/1.1\r\nhost: h\r\n`;
      for (const [name, before, value, after] of lines) text += `${name}:${before}${value}${after}\r\n`;
      text += '\r\n';
      const { verdict } = runHead(text, DEFAULT_LIMITS, [cut % (text.length + 1)], 1);
      deepEqual(verdict, referenceHead(text, DEFAULT_LIMITS));
      if (verdict.verdict !== 'complete') throw new Error(JSON.stringify(verdict));
      equal(verdict.facts.method, method);
      equal(verdict.facts.target, target);
      equal(verdict.facts.headBytes, text.length);
      deepEqual(verdict.facts.fields, [
        ['host', 'h'],
        ...lines.map(([name, , value]) => [name.toLowerCase(), value]),
      ]);
    }),
  );
});

test('any bytes at all get a verdict, the same however they are split', () => {
  const text = fc.string({
    unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
    maxLength: 200,
  });
  fc.assert(
    fc.property(
      text,
      fc.constantFrom('', 'GET / HTTP/1.1\r\n', 'GET / HTTP/1.1\r\nHost: a\r\n'),
      fc.nat(),
      (bytes, before, cut) => {
        const input = before + bytes;
        deepEqual(
          runHead(input, DEFAULT_LIMITS, [cut % (input.length + 1)]).verdict,
          runHead(input, DEFAULT_LIMITS).verdict,
        );
      },
    ),
  );
});

test('what the chunk encoder writes the decoder reads', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ minLength: 1, maxLength: 40 })),
      fc.array(fc.tuple(PLAIN_NAME, VALUE), { maxLength: 4 }),
      (pieces, trailers) => {
        const out = new Uint8Array(8192);
        let p = 0;
        let sent = '';
        for (const piece of pieces) {
          const bytes = new TextEncoder().encode(piece);
          p = chunkHeaderInto(out, p, bytes.length);
          out.set(bytes, p);
          p = chunkEndInto(out, p + bytes.length);
          sent += textOf(bytes, 0, bytes.length);
        }
        p = lastChunkInto(
          out,
          p,
          trailers.map(([name]) => name),
          trailers.map(([, value]) => value),
        );
        const decoder = new ChunkedDecoder(DEFAULT_LIMITS);
        let received = '';
        let at = 0;
        do {
          at = decoder.decode(out, at, p);
          if (decoder.event === CHUNKED_DATA) received += textOf(out, decoder.dataStart, decoder.dataEnd);
        } while (decoder.event === CHUNKED_DATA);
        equal(decoder.event, CHUNKED_END);
        equal(at, p);
        equal(received, sent);
        const names: string[] = [];
        const values: string[] = [];
        const text = decoder.trailerText();
        readFields(text, 0, text.length, names, values, true);
        deepEqual(
          names.map((name, i) => [name, values[i]]),
          trailers,
        );
      },
    ),
  );
});

test('what the response encoder writes the response parser reads', () => {
  const encoder = new ResponseHeadEncoder({ keepAliveText: 'timeout=5' });
  fc.assert(
    fc.property(
      fc.integer({ min: 200, max: 599 }).filter((status) => status !== 204 && status !== 304),
      fc.array(fc.tuple(PLAIN_NAME, VALUE), { maxLength: 6 }),
      fc.maxSafeNat(),
      (status, fields, length) => {
        const out = new Uint8Array(4096);
        let p = encoder.beginInto(out, 9, status, MODE_KEEP_ALIVE);
        for (const [name, value] of fields) p = encoder.fieldInto(out, p, name, value);
        p = encoder.endInto(out, p, length);
        const parser = new ResponseHeadParser();
        parser.reset(1);
        equal(parser.parse(out, 9, p), HEAD_COMPLETE);
        equal(parser.status, status);
        equal(parser.bodyFraming, BODY_LENGTH);
        equal(parser.contentLength, length);
        equal(parser.headBytes, p - 9);
        equal(parser.fieldCount, fields.length + 4);
      },
    ),
  );
});
