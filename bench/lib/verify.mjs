/**
 * One request to a server before it is measured: a wrong answer is often a fast one. Reads the answer from
 * the socket itself, as strictly as the load client does: 2xx, Content-Length, the right body.
 */
import { createConnection } from 'node:net';
import { requestBytes } from '../workloads.mjs';

const ANSWER_TIMEOUT_MS = 3000;

/** @returns `{ date }`: whether the answer carries Date. @throws naming what is wrong */
export async function verifyAnswer(workload, port) {
  const bytes = await exchange(port, requestBytes(workload, port));
  const answer = parseAnswer(bytes);
  if (answer.status !== 200) throw new Error(`answers ${answer.status}`);
  if (!workload.check(answer)) {
    throw new Error(`answers ${JSON.stringify(answer.body.slice(0, 60))} as ${answer.type || 'no type'}`);
  }
  return { date: answer.date };
}

/** `undefined` while the answer is not whole yet. */
export function parseAnswer(text) {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [statusLine, ...lines] = text.slice(0, end).split('\r\n');
  const headers = new Map();
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  if (!headers.has('content-length')) throw new Error('answers without Content-Length');
  const body = text.slice(end + 4);
  if (body.length < Number(headers.get('content-length'))) return undefined;
  return {
    status: Number(statusLine.split(' ')[1]),
    type: headers.get('content-type') ?? '',
    date: headers.has('date'),
    body,
  };
}

function exchange(port, request) {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = createConnection(port, '127.0.0.1', () => socket.write(request));
    const finish = (error) => {
      socket.destroy();
      if (error) reject(error);
      else resolve(text);
    };
    socket.setTimeout(ANSWER_TIMEOUT_MS, () =>
      finish(new Error(`no whole answer in ${ANSWER_TIMEOUT_MS} ms`)),
    );
    socket.setEncoding('latin1');
    socket.on('error', finish);
    socket.on('close', () => finish(new Error('closed before a whole answer')));
    socket.on('data', (chunk) => {
      text += chunk;
      try {
        if (parseAnswer(text) !== undefined) finish();
      } catch (error) {
        finish(error);
      }
    });
  });
}
