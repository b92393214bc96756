/** One request on a connection of its own. */
import { connect } from 'node:net';

/**
 * @param serverCloses whether the end of the connection is asked for, or made by the client
 * @returns what went wrong, or the empty string
 */
export function askOnce(
  port: number,
  serverCloses: boolean,
  path = '/',
  expected = 'hello',
): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let text = '';
    const finish = (failure: string): void => {
      socket.destroy();
      resolve(failure);
    };
    const isWhole = (): boolean => text.startsWith('HTTP/1.1 200 ') && text.endsWith(expected);
    socket.setTimeout(10_000, () => finish('no answer in 10 s'));
    socket.on('data', (data: Buffer) => {
      text += data.toString('latin1');
      if (!serverCloses && isWhole()) finish('');
    });
    socket.on('end', () => finish(isWhole() ? '' : `ended after ${JSON.stringify(text)}`));
    socket.on('error', (error) => finish(error.message));
    socket.write(`GET ${path} HTTP/1.1\r\nHost: once\r\n${serverCloses ? 'Connection: close\r\n' : ''}\r\n`);
  });
}
