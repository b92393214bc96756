import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { engineContract } from '../engine.contract.ts';
import type { EngineConnection, EngineHandler } from '../engine.ts';
import { createIouringEngine } from './create.ts';
import { subject } from './subject.contract.ts';

engineContract('iouring', subject.create, subject.capabilities);

/** Answers each byte and closes after the first answer: every connection makes many completions. */
class EchoOnce implements EngineHandler {
  onAccept(): void {}
  onReceive(conn: EngineConnection, bytes: Uint8Array, start: number): void {
    const at = conn.reserve(1);
    conn.out[at] = bytes[start]!;
    conn.commit(1);
    conn.shutdownWrite();
  }
  onDrained(): void {}
  onPeerEnd(conn: EngineConnection): void {
    conn.close('done');
  }
  onDeadline(): void {}
  onClosed(): void {}
}

/** Holds the thread, so that completions pile up in the kernel. */
function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test('wakes for every completion, also when more are ready than one enter runs', async () => {
  const engine = createIouringEngine({ handler: new EchoOnce() });
  const { address } = await engine.listen({ port: 0, hostname: '127.0.0.1' });
  for (let round = 0; round < 20; round++) {
    const sockets: Socket[] = [];
    const answers: Promise<void>[] = [];
    for (let i = 0; i < 150; i++) {
      const socket = connect({ port: address.port, host: '127.0.0.1', allowHalfOpen: true });
      sockets.push(socket);
      socket.write('x');
      answers.push(
        new Promise((resolve, reject) => {
          let received = '';
          socket.on('data', (bytes: Buffer) => {
            received += bytes.toString('latin1');
          });
          socket.on('end', () => {
            socket.end();
            if (received === 'x') resolve();
            else reject(new Error(`round ${round}: FIN after ${JSON.stringify(received)}`));
          });
          socket.on('error', reject);
        }),
      );
    }
    block(5);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(resolve, 5000, 'late');
    });
    assert.notEqual(
      await Promise.race([Promise.all(answers), late]),
      'late',
      `round ${round}: answers are missing`,
    );
    clearTimeout(timer);
  }
  await engine.close();
});

test('what is done to a connection never reaches the next one with the same descriptor', async () => {
  const engine = createIouringEngine({ handler: new EchoOnce() });
  const { address } = await engine.listen({ port: 0, hostname: '127.0.0.1' });
  const oneAfterTheOther = async () => {
    for (let i = 0; i < 500; i++) {
      await new Promise<void>((resolve, reject) => {
        const socket = connect({ port: address.port, host: '127.0.0.1', allowHalfOpen: true });
        socket.write('x');
        // Gone as soon as it is answered, so that its descriptor is free again while the server ends it.
        socket.once('data', () => {
          socket.end();
          resolve();
        });
        socket.once('end', () => reject(new Error('FIN without an answer')));
        socket.once('error', reject);
      });
    }
  };
  await Promise.all(Array.from({ length: 4 }, oneAfterTheOther));
  await engine.close();
});
