/**
 * What the HTTP/1 code costs, in nanoseconds a message, one thread, no sockets: many rounds of 2 ms after
 * a warm-up. On a shared machine the best round is the figure that repeats; the median shows how much
 * else was going on. Run after a build: `node bench/micro/h1.mjs [filter]`.
 */
import { chunkHeaderInto } from '../../dist/protocol/h1/chunk-encoder.js';
import { ChunkedDecoder } from '../../dist/protocol/h1/chunked.js';
import { findField, readFields } from '../../dist/protocol/h1/fields.js';
import { HEAD_COMPLETE, RequestHeadParser } from '../../dist/protocol/h1/request-head.js';
import {
  LENGTH_NONE,
  MODE_CLOSE,
  MODE_KEEP_ALIVE,
  ResponseHeadEncoder,
} from '../../dist/protocol/h1/response-head.js';
import { ResponseHeadParser } from '../../dist/protocol/h1/response-parser.js';
import { DEFAULT_LIMITS } from '../../dist/protocol/limits.js';

const ROUNDS = 151;
const ROUND_NS = 2e6;

const SMALL = 'GET / HTTP/1.1\r\nHost: localhost:80\r\n\r\n';
const BROWSER =
  'GET /assets/app.4f2a91c3.js?v=12 HTTP/1.1\r\nHost: www.example.com\r\nConnection: keep-alive\r\n' +
  'sec-ch-ua: "Chromium";v="130", "Not?A_Brand";v="99"\r\nsec-ch-ua-mobile: ?0\r\nsec-ch-ua-platform: "Linux"\r\n' +
  'Upgrade-Insecure-Requests: 1\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0.0.0\r\n' +
  'Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\nSec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\n' +
  'Sec-Fetch-User: ?1\r\nSec-Fetch-Dest: document\r\nAccept-Encoding: gzip, deflate, br\r\nAccept-Language: en-GB,en;q=0.9\r\n' +
  'Cookie: session=7f3a9b2c4d5e6f70; theme=dark\r\nCache-Control: max-age=0\r\nDNT: 1\r\nPriority: u=0, i\r\n' +
  'Referer: https://www.example.com/\r\nX-Request-Id: 41b2c9\r\n\r\n';

const cases = [];

/** Registers one operation; `run(count)` does it that many times. */
function measure(name, run) {
  cases.push({ name, run });
}

function headCase(name, text) {
  const bytes = Buffer.alloc(text.length + 64);
  bytes.write(text, 16, 'latin1');
  const parser = new RequestHeadParser(DEFAULT_LIMITS);
  const end = 16 + text.length;
  measure(`${name} (${text.length} bytes)`, (count) => {
    let complete = 0;
    for (let i = 0; i < count; i++) {
      parser.reset();
      if (parser.parse(bytes, 16, end) === HEAD_COMPLETE) complete++;
    }
    if (complete !== count) throw new Error(`${name}: ${parser.fault?.code}`);
  });
}

headCase('request head, small', SMALL);
headCase('request head, browser', BROWSER);

const resets = new RequestHeadParser(DEFAULT_LIMITS);
measure('request head, reset only', (count) => {
  for (let i = 0; i < count; i++) resets.reset();
});

const browserText = BROWSER;
const fieldsStart = BROWSER.indexOf('\r\n') + 2;
measure('findField, 9th of 20', (count) => {
  for (let i = 0; i < count; i++) {
    if (findField(browserText, fieldsStart, browserText.length, 'accept-encoding') === undefined)
      throw new Error('not found');
  }
});
measure('findField, absent', (count) => {
  for (let i = 0; i < count; i++) {
    if (findField(browserText, fieldsStart, browserText.length, 'if-none-match') !== undefined)
      throw new Error('found');
  }
});
measure('readFields, 20 of them', (count) => {
  for (let i = 0; i < count; i++) readFields(browserText, fieldsStart, browserText.length, [], []);
});

const encoder = new ResponseHeadEncoder({ keepAliveText: 'timeout=76' });
encoder.setDate(784_111_777_000);
const arena = Buffer.alloc(1 << 16);
measure('simple response head, text/plain, 13 bytes', (count) => {
  for (let i = 0; i < count; i++) encoder.encodeSimpleInto(arena, 64, 200, 'text/plain', 13, MODE_KEEP_ALIVE);
});
measure('simple response head, three shapes in turn', (count) => {
  for (let i = 0; i < count; i += 3) {
    encoder.encodeSimpleInto(arena, 64, 200, 'text/plain', 13, MODE_KEEP_ALIVE);
    encoder.encodeSimpleInto(arena, 64, 404, 'application/json', 12_345, MODE_KEEP_ALIVE);
    encoder.encodeSimpleInto(arena, 64, 304, undefined, LENGTH_NONE, MODE_CLOSE);
  }
});
measure('response head with five fields', (count) => {
  for (let i = 0; i < count; i++) {
    let p = encoder.beginInto(arena, 64, 200, MODE_KEEP_ALIVE);
    p = encoder.fieldInto(arena, p, 'content-type', 'text/html; charset=utf-8');
    p = encoder.fieldInto(arena, p, 'etag', '"5f3a9b2c4d5e6f70"');
    p = encoder.fieldInto(arena, p, 'cache-control', 'no-cache');
    p = encoder.fieldInto(arena, p, 'vary', 'accept-encoding');
    p = encoder.fieldInto(arena, p, 'x-request-id', '41b2c9d8e7f6');
    encoder.endInto(arena, p, 4096);
  }
});
measure('chunk header', (count) => {
  for (let i = 0; i < count; i++) chunkHeaderInto(arena, 64, 4096);
});

const decoder = new ChunkedDecoder({ ...DEFAULT_LIMITS, bodyBytesMax: Number.POSITIVE_INFINITY });
const chunk = Buffer.from(`400\r\n${'x'.repeat(1024)}\r\n`);
measure('one chunk of 1 KiB, decoded', (count) => {
  for (let i = 0; i < count; i++) {
    const p = decoder.decode(chunk, 0, chunk.length);
    decoder.decode(chunk, p, chunk.length);
  }
});

const response = new ResponseHeadParser();
const responseBytes = Buffer.from(
  'HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\n',
);
measure(`response head (${responseBytes.length} bytes)`, (count) => {
  for (let i = 0; i < count; i++) {
    response.reset(1);
    if (response.parse(responseBytes, 0, responseBytes.length) !== HEAD_COMPLETE)
      throw new Error(response.fault?.code);
  }
});

const filter = process.argv[2] ?? '';
for (const { name, run } of cases) {
  if (!name.includes(filter)) continue;
  run(50_000);
  let count = 1000;
  while (elapsedNs(run, count) < ROUND_NS) count *= 2;
  const samplesNs = [];
  for (let round = 0; round < ROUNDS; round++) samplesNs.push(elapsedNs(run, count) / count);
  samplesNs.sort((a, b) => a - b);
  const median = samplesNs[ROUNDS >> 1];
  console.log(
    `${name.padEnd(52)} ${samplesNs[0].toFixed(1).padStart(8)} ns best ${median.toFixed(1).padStart(9)} median`,
  );
}

function elapsedNs(run, count) {
  const startedNs = process.hrtime.bigint();
  run(count);
  return Number(process.hrtime.bigint() - startedNs);
}
