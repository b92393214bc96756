/**
 * The story that `holdfast load` was made for: one connection a request, again and again, until the source
 * ports are used up and a tool without eyes blames the server. Runs in a network namespace of its own,
 * which ends with the process that it was made for, with a narrow range of ports.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { PACKAGE } from './cli-run.ts';

const PORTS = 200;

function cannot(): string | false {
  if (process.platform !== 'linux') return 'network namespaces are Linux';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  try {
    execFileSync('unshare', ['-n', 'ip', 'link', 'set', 'lo', 'up'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'network namespaces cannot be made here (util-linux, iproute2, CAP_SYS_ADMIN)';
  }
}

const MAIN = fileURLToPath(new URL('dist/cli/main.js', PACKAGE));

/** A server that answers and keeps the connection, so that the client is the one who closes. */
const SERVER = `
  require('node:net').createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok'));
    socket.on('end', () => socket.end());
  }).listen(8080, '127.0.0.1', () => console.log('listening'));`;

/** Runs `siege` with `args` three times, one after the other, and gives back what each printed. */
function threeSieges(args: readonly string[]): Promise<string[]> {
  const script = `
    trap 'kill $server' EXIT
    ip link set lo up
    echo "32768 ${32768 + PORTS - 1}" > /proc/sys/net/ipv4/ip_local_port_range
    echo 0 > /proc/sys/net/ipv4/tcp_tw_reuse
    "$NODE" -e "$SERVER" > /dev/null & server=$!
    i=0; until "$NODE" "$MAIN" siege -q -b -c1 -r1 --keep-alive --timeout 1s http://127.0.0.1:8080/ > /dev/null 2>&1; do
      i=$((i+1)); [ $i -gt 50 ] && exit 1; sleep 0.1
    done
    for run in 1 2 3; do "$NODE" "$MAIN" siege -b -c10 -d10 -t2S ${args.join(' ')} http://127.0.0.1:8080/ 2>&1; echo ---; done
    kill $server`;
  return new Promise((resolve, reject) => {
    const child = spawn('unshare', ['-n', 'sh', '-c', script], {
      env: { ...process.env, NODE: process.execPath, MAIN, SERVER },
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 90_000,
      killSignal: 'SIGKILL',
    });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    child.on('error', reject);
    child.on('close', () => resolve(text.split('---\n').slice(0, 3)));
  });
}

const impossible = cannot();

test('ports that run out are named before and after, with their count and what helps', {
  skip: impossible,
}, async () => {
  const [first, second, third] = await threeSieges([]);
  assert.match(
    first!,
    /warning: 200 source ports to one destination, .*enough for 3 new connections a second/,
  );
  assert.match(first!, /Transactions:\t\t +[12]\d\d hits/);
  // Without reuse a port is held for a minute: the first run takes them, and the next ones find none.
  for (const text of [second!, third!])
    assert.match(text, /warning: .*source ports that are free, of 200 to one/);
  for (const text of [first!, second!, third!]) {
    assert.match(text, /limited by: ephemeral ports \(200 to one destination/);
    assert.match(text, /--source-addresses 127\.0\.0\.2-127\.0\.0\.9/);
    assert.match(text, /no source port free: in \d of 2 seconds/);
  }
});

test('with source addresses enough, all runs pass', { skip: impossible }, async () => {
  // A second test run within a minute, on a fast machine, could ask for so many.
  const texts = await threeSieges(['--source-addresses', '127.1.0.0-127.1.3.255']);
  for (const text of texts) {
    assert.match(text, /Availability:\t\t +100\.00 %/);
    assert.doesNotMatch(text, /ephemeral ports/);
  }
});
