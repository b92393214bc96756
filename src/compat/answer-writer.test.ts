/** What a listener writes, over a sink that has room now and then. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AnswerPlan } from '../http/answer-plan.ts';
import type { AnswerSink } from '../http/answer-sink.ts';
import { PlannedWriter } from './answer-writer.ts';
import type { CoreResponse } from './core.ts';

/** Takes as much as there is room for, and keeps it. */
class NarrowSink {
  room = 0;
  takesBytes = true;
  ends = 0;
  readonly taken: Buffer[] = [];

  begin(): boolean {
    return false;
  }

  write(bytes: Uint8Array, start: number, end: number): number {
    const to = Math.min(end, start + this.room);
    this.taken.push(Buffer.from(bytes.subarray(start, to)));
    this.room -= to - start;
    return to;
  }

  end(): void {
    this.ends++;
  }
}

const RESPONSE = {
  _header: 'HTTP/1.1 200 OK\r\n\r\n',
  _hasBody: true,
  _contentLength: null,
  statusCode: 200,
} as unknown as CoreResponse;

function begun(): { sink: NarrowSink; writer: PlannedWriter } {
  const sink = new NarrowSink();
  const writer = new PlannedWriter(sink as unknown as AnswerSink, new AnswerPlan());
  writer.begin(RESPONSE);
  writer.write(RESPONSE._header!, 'latin1');
  return { sink, writer };
}

describe('PlannedWriter', () => {
  it('hands on in order what has to wait, and ends behind it', () => {
    const { sink, writer } = begun();
    sink.room = 3;
    const own = Buffer.from('first ');
    writer.write(own, null);
    own.fill('-'); // its writer may use it again
    writer.write('second ', null);
    assert.equal(writer.hasRoom, false);
    assert.equal(writer.end(RESPONSE), false);
    let isEnded = false;
    for (let i = 0; i < 20 && !isEnded; i++) {
      sink.room = 2;
      isEnded = writer.drained();
    }
    assert.equal(Buffer.concat(sink.taken).toString(), 'first second ');
    assert.equal(isEnded, true);
    assert.equal(sink.ends, 1);
  });

  it('forgets what waits for a sink that takes nothing any more', () => {
    const { sink, writer } = begun();
    writer.write('never sent', null);
    sink.takesBytes = false;
    assert.equal(writer.drained(), false);
    writer.write('nor this', null);
    assert.equal(writer.end(RESPONSE), true);
    assert.deepEqual(sink.taken, []);
  });

  it('takes time in the bytes that wait, however many pieces they are', () => {
    const { sink, writer } = begun();
    const count = 300_000;
    for (let i = 0; i < count; i++) writer.write('0123456789', null);
    const started = process.cpuUsage();
    let isEnded = writer.end(RESPONSE);
    for (let i = 0; i < count && !isEnded; i++) {
      sink.room = 16_384;
      isEnded = writer.drained();
    }
    const { user, system } = process.cpuUsage(started);
    assert.equal(Buffer.concat(sink.taken).length, count * 10);
    assert.ok(user + system < 3_000_000, `${Math.round((user + system) / 1000)} ms`);
  });
});
