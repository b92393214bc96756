/** The engine's promises hold over TLS as they do in the clear, asked by clients of node:tls. */
import { connect as connectTcp } from 'node:net';
import { describe } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { probeEpollAio, probeIoUring } from '../../sys/probe.ts';
import { bytesContract } from '../contract/bytes.contract.ts';
import { deadlinesContract } from '../contract/deadlines.contract.ts';
import { endingsContract } from '../contract/endings.contract.ts';
import { filesContract } from '../contract/files.contract.ts';
import { Client, type Subject } from '../contract/harness.contract.ts';
import { readingContract } from '../contract/reading.contract.ts';
import { resetsContract } from '../contract/resets.contract.ts';
import { wakingContract } from '../contract/waking.contract.ts';
import { subject as epoll } from '../epoll/subject.contract.ts';
import { subject as iouring } from '../iouring/subject.contract.ts';
import { CERTIFICATE, KEY } from '../node/tls-keys.fixture.ts';
import { probeTls } from './probe-tls.ts';
import { createTlsEngine } from './tls-engine.ts';

const MATERIAL = {
  certificates: [{ cert: CERTIFICATE, key: KEY, keyType: 'ec', names: ['localhost'] }],
  alpn: [],
};

/** @param port 0 for a unix socket, whose path is `address` */
function connect(address: string, port: number): Promise<Client> {
  return new Promise((resolve, reject) => {
    const options = { allowHalfOpen: true, noDelay: true };
    const below =
      port === 0
        ? connectTcp({ ...options, path: address })
        : connectTcp({ ...options, host: address, port });
    const socket = connectTls({ socket: below, rejectUnauthorized: false });
    const client = new Client(socket, below);
    socket.once('secureConnect', () => resolve(client)).once('error', reject);
  });
}

const CONTRACTS: Readonly<Record<string, (subject: Subject) => void>> = {
  bytes: bytesContract,
  pausing: readingContract,
  files: filesContract,
  endings: endingsContract,
  resets: resetsContract,
  deadlines: deadlinesContract,
  waking: wakingContract,
};

for (const [name, below, probe] of [
  ['iouring', iouring, probeIoUring],
  ['epoll', epoll, probeEpollAio],
] as const) {
  if (!probeTls().available || !probe().available) continue;
  const subject: Subject = {
    create: (options) => createTlsEngine(options, MATERIAL, below.create),
    connect,
    capabilities: below.capabilities,
  };
  for (const [what, contract] of Object.entries(CONTRACTS))
    describe(`TLS over ${name}: ${what}`, () => contract(subject));
}
