import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HEAD_COMPLETE, HEAD_REFUSED, RequestHeadParser } from '../../protocol/h1/request-head.ts';
import { DEFAULT_LIMITS } from '../../protocol/limits.ts';
import { h2cSettings, isNoHttp1 } from './other-protocols.ts';

const ascii = (text: string): Uint8Array => Buffer.from(text, 'latin1');

function settingsOf(fields: string, request = 'GET / HTTP/1.1'): string | undefined {
  const text = `${request}\r\nHost: a\r\n${fields}\r\n`;
  const parser = new RequestHeadParser(DEFAULT_LIMITS);
  assert.equal(parser.parse(ascii(text), 0, text.length), HEAD_COMPLETE, text);
  const settings = h2cSettings(parser, text);
  return settings === undefined ? undefined : Buffer.from(settings).toString('hex');
}

const UPGRADE = 'Upgrade: h2c\r\n';
const SETTINGS = 'HTTP2-Settings: AAMAAABk\r\n';
const CONNECTION = 'Connection: Upgrade, HTTP2-Settings\r\n';

test('settings are read of an upgrade to h2c that is asked for soundly', () => {
  assert.equal(settingsOf(CONNECTION + UPGRADE + SETTINGS), '000300000064');
  assert.equal(
    settingsOf('Connection: http2-settings , upgrade\r\nupgrade: H2C\r\nhttp2-settings: \r\n'),
    '',
  );
});

test('what asks for less, for more or for something else is HTTP/1.1', () => {
  for (const fields of [
    UPGRADE + SETTINGS,
    CONNECTION + SETTINGS,
    CONNECTION + UPGRADE,
    `Connection: Upgrade\r\n${UPGRADE}${SETTINGS}`,
    `${CONNECTION}Upgrade: websocket\r\n${SETTINGS}`,
    CONNECTION + UPGRADE + SETTINGS + SETTINGS,
    `${CONNECTION + UPGRADE}HTTP2-Settings: AAMA+ABk\r\n`,
    `${CONNECTION + UPGRADE + SETTINGS}Content-Length: 1\r\n`,
  ])
    assert.equal(settingsOf(fields), undefined, fields);
  assert.equal(settingsOf(CONNECTION + UPGRADE + SETTINGS, 'GET / HTTP/1.0'), undefined);
});

test('no method, no target and no version is no HTTP/1; anything nearer to it is told of its fault', () => {
  for (const [text, isNone] of [
    ['INVALID CONNECTION PREFACE\r\n\r\n', true],
    ['\r\nINVALID CONNECTION PREFACE\r\n\r\n', true],
    ['INVALID CONNECTION', false],
    ['GET CONNECTION PREFACE\r\n\r\n', false],
    ['FOO bar HTTP/1.1\r\n\r\n', false],
    ['\x16\x03\x01\x02\r\n', false],
  ] as const) {
    const parser = new RequestHeadParser(DEFAULT_LIMITS);
    const bytes = ascii(text);
    assert.equal(
      parser.parse(bytes, 0, bytes.length),
      text.endsWith('CONNECTION') ? (parser.fault === undefined ? 0 : HEAD_REFUSED) : HEAD_REFUSED,
      text,
    );
    assert.equal(isNoHttp1(parser, bytes, 0, bytes.length), isNone, text);
  }
});
