import assert from 'node:assert/strict';
import { type AddressInfo, connect, createServer } from 'node:net';
import { test } from 'node:test';
import { countSocketsTo, listeningInodes, PROC_FILES, type ProcFiles } from './proc-files.ts';

const REST = '00000000:00000000 00:00000000 00000000     0        0';
const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A ${REST} 700 1 0 100 0 0 10 0
  11: 00000000:1F91 00000000:0000 0A ${REST} 701 1 0 100 0 0 10 0
 112: 0100007F:1F90 0100007F:8402 01 ${REST} 800 1 0
1113: 0100007F:8402 0100007F:1F90 01 ${REST} 801 1 0
1114: 0100007F:8404 0200007F:1F90 06 ${REST} 0 3 0
`;

test('sockets are counted by where they lead, and not by where they come from', () => {
  assert.equal(countSocketsTo(TABLE, '0100007F', 0x1f90), 1);
  assert.equal(countSocketsTo(TABLE, undefined, 0x1f90), 2);
  assert.equal(countSocketsTo(TABLE, undefined, 0x8402), 1);
  assert.equal(countSocketsTo(TABLE, undefined, 0x8404), 0);
});

test('listeners are found without a look at the connections behind them', () => {
  const files: ProcFiles = {
    ...PROC_FILES,
    text: (_path, isEnough) => {
      assert.equal(isEnough!(TABLE.split('\n').slice(0, 3).join('\n')), false);
      assert.equal(isEnough!(TABLE), true);
      return TABLE;
    },
  };
  assert.deepEqual(listeningInodes(files, '/proc/net/tcp', 0x1f90), ['700']);
  assert.deepEqual(listeningInodes(files, '/proc/net/tcp', 0x1f91), ['701']);
  assert.deepEqual(listeningInodes(files, '/proc/net/tcp', 0x8402), []);
});

test('the kernel writes its tables so', { skip: process.platform !== 'linux' }, async (t) => {
  const server = createServer((socket) => socket.resume());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const clients = [1, 2, 3].map(() => connect(port, '127.0.0.1'));
  t.after(() => clients.map((client) => client.destroy()));
  await Promise.all(clients.map((client) => new Promise<void>((resolve) => client.on('connect', resolve))));
  assert.equal(listeningInodes(PROC_FILES, '/proc/net/tcp', port).length, 1);
  assert.equal(listeningInodes(PROC_FILES, '/proc/net/tcp6', port).length, 0);
  assert.equal(countSocketsTo(PROC_FILES.text('/proc/net/tcp')!, '0100007F', port), 3);
  assert.equal(
    PROC_FILES.text('/proc/net/none', () => true),
    undefined,
  );
});
