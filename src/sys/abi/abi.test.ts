/**
 * Compares every table of this folder with the C headers of the machine: a C program that prints the
 * same sizes, offsets and constants is compiled and run. What the headers do not know yet is left out,
 * counted and named; without a compiler the tests are skipped.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ERRNO } from '../errno.ts';
import type { Struct } from '../layout.ts';
import * as aio from './aio.ts';
import * as epoll from './epoll.ts';
import * as file from './file.ts';
import * as filesystems from './filesystems.ts';
import * as inotify from './inotify.ts';
import * as ioUring from './io-uring.ts';
import * as operations from './io-uring-ops.ts';
import * as openat2 from './openat2.ts';
import * as openssl from './openssl.ts';
import * as socket from './socket.ts';
import { SYSCALLS } from './syscalls.ts';
import * as tcp from './tcp.ts';
import * as time from './time.ts';
import * as x509Errors from './x509-errors.ts';
import * as zlib from './zlib.ts';

const CC = process.env['CC'] ?? 'gcc';
const SKIP =
  process.platform !== 'linux'
    ? 'the kernel headers are on Linux only'
    : spawnSync(CC, ['--version']).status !== 0
      ? `no C compiler (${CC})`
      : false;

interface Question {
  /** What it is called in a failure. */
  readonly name: string;
  readonly expression: string;
  readonly ours: bigint;
}

/** Bit-fields have no offsetof; reserved fields are renamed and moved by the kernel as it uses them up. */
const NOT_IN_C = /^(wscale_bits|flag_bits|_*pad\d*|_*resv\d*|__data|__align)$/;
/** Grows with the header. */
const NOT_COMPARED = new Set(['IORING_OP_LAST']);
/** typedefs and names that differ between libc and kernel. */
const C_TYPE: Record<string, string> = {};

function questionsOf(...modules: object[]): Question[] {
  const questions: Question[] = [];
  for (const module of modules) {
    for (const [name, value] of Object.entries(module)) {
      if (NOT_COMPARED.has(name)) continue;
      if (typeof value === 'number' || typeof value === 'bigint') {
        questions.push({ name, expression: name, ours: BigInt.asUintN(64, BigInt(value)) });
      } else if (isStruct(value)) questions.push(...questionsOfStruct(value));
    }
  }
  return questions;
}

function isStruct(value: unknown): value is Struct<string> {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'struct';
}

function questionsOfStruct({ name, size, offset, width }: Struct<string>): Question[] {
  const type = C_TYPE[name] ?? `struct ${name}`;
  const questions: Question[] = [
    { name: `sizeof ${name}`, expression: `sizeof(${type})`, ours: BigInt(size) },
  ];
  for (const field of Object.keys(offset)) {
    if (NOT_IN_C.test(field)) continue;
    const at = `${name}.${field}`;
    questions.push(
      { name: `offsetof ${at}`, expression: `offsetof(${type}, ${field})`, ours: BigInt(offset[field]!) },
      { name: `width of ${at}`, expression: `sizeof(((${type} *)0)->${field})`, ours: BigInt(width[field]!) },
    );
  }
  return questions;
}

/** One question a line, so that the line of a compiler's error names the question that the header cannot answer. */
function sourceOf(headers: readonly string[], questions: readonly Question[]): string {
  return [
    '#define _GNU_SOURCE',
    '#include <stddef.h>',
    '#include <stdio.h>',
    ...headers.map((header) => `#include <${header}>`),
    'int main(void) {',
    '#line 1 "questions"',
    ...questions.map(
      ({ expression }) => `printf("%llu\\n", (unsigned long long)(long long)(${expression}));`,
    ),
    'return 0; }',
    '',
  ].join('\n');
}

function askC(
  headers: readonly string[],
  questions: readonly Question[],
): { known: Question[]; answers: bigint[] } {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-abi-'));
  try {
    let known = [...questions];
    // The first pass finds what the headers lack, the second compiles; a third allows for a compiler that stops early.
    for (let pass = 0; pass < 3; pass++) {
      const path = join(folder, 'questions.c');
      writeFileSync(path, sourceOf(headers, known));
      const compiled = spawnSync(
        CC,
        ['-w', '-fmax-errors=0', '-I', NODE_HEADERS, '-o', join(folder, 'questions'), path],
        {
          encoding: 'utf8',
        },
      );
      if (compiled.status === 0) {
        const run = spawnSync(join(folder, 'questions'), { encoding: 'utf8' });
        return { known, answers: run.stdout.trim().split('\n').map(BigInt) };
      }
      const unknown = new Set<number>();
      for (const match of compiled.stderr.matchAll(/^questions:(\d+):.*error/gm))
        unknown.add(Number(match[1]) - 1);
      assert.notEqual(unknown.size, 0, compiled.stderr);
      known = known.filter((_, index) => !unknown.has(index));
    }
    assert.fail('the C program does not compile');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** @param shareMax how much of the table the headers may be too old for */
function compare(
  t: { diagnostic(message: string): void },
  headers: readonly string[],
  questions: readonly Question[],
  shareMax: number,
): void {
  const { known, answers } = askC(headers, questions);
  assert.equal(answers.length, known.length);
  const wrong = known.flatMap(({ name, ours }, i) =>
    answers[i] === ours ? [] : [`${name}: C ${answers[i]}, ours ${ours}`],
  );
  assert.deepEqual(wrong, []);
  const missing = questions.filter((question) => !known.includes(question));
  t.diagnostic(
    `${known.length} compared; the headers lack ${missing.map(({ name }) => name).join(', ') || 'nothing'}`,
  );
  assert.ok(
    missing.length <= questions.length * shareMax,
    `${missing.length} of ${questions.length} are not in the headers`,
  );
}

test('io_uring, AIO, file system, TCP and time tables agree with the kernel headers', { skip: SKIP }, (t) => {
  const headers = [
    'linux/io_uring.h',
    'linux/aio_abi.h',
    'linux/magic.h',
    'linux/tcp.h',
    'linux/time_types.h',
  ];
  // TCP's states are in no kernel header for programs; the next test finds them in libc's.
  const options = Object.fromEntries(Object.entries(tcp).filter(([name]) => !TCP_STATE.test(name)));
  const { __kernel_timespec } = time;
  compare(
    t,
    headers,
    questionsOf(ioUring, operations, aio, filesystems, options, { __kernel_timespec }),
    0.25,
  );
});

const TCP_STATE =
  /^TCP_(ESTABLISHED|SYN_SENT|SYN_RECV|FIN_WAIT\d|TIME_WAIT|CLOSE|CLOSE_WAIT|LAST_ACK|LISTEN|CLOSING)$/;

test('socket, epoll, file and clock tables agree with the C library headers', { skip: SKIP }, (t) => {
  const headers = [
    'sys/socket.h',
    'sys/un.h',
    'sys/uio.h',
    'sys/vfs.h',
    'sys/epoll.h',
    'sys/eventfd.h',
    'sys/inotify.h',
    'sys/timerfd.h',
    'sys/mman.h',
    'sys/resource.h',
    'netinet/in.h',
    'netinet/tcp.h',
    'fcntl.h',
    'poll.h',
    'time.h',
  ];
  const states = Object.fromEntries(Object.entries(tcp).filter(([name]) => TCP_STATE.test(name)));
  const { __kernel_timespec: _, ...clocks } = time;
  compare(t, headers, questionsOf(socket, epoll, inotify, file, states, clocks), 0.05);
});

test('the tables of openat2 agree with the kernel headers', { skip: SKIP }, (t) => {
  compare(t, ['linux/openat2.h', 'linux/fcntl.h', 'sys/syscall.h'], questionsOf(openat2), 0.3);
});

/** Releases of Node bring the headers of what they have inside. */
const NODE_HEADERS = join(process.execPath, '../../include/node');
const SKIP_OPENSSL =
  SKIP || (existsSync(join(NODE_HEADERS, 'openssl/ssl.h')) ? false : `no OpenSSL headers in ${NODE_HEADERS}`);

test("OpenSSL's constants agree with the headers of this Node", { skip: SKIP_OPENSSL }, (t) => {
  const headers = [
    'openssl/ssl.h',
    'openssl/bio.h',
    'openssl/buffer.h',
    'openssl/core.h',
    'openssl/x509_vfy.h',
    'openssl/x509v3.h',
  ].map((file) => join(NODE_HEADERS, file));
  compare(t, headers, questionsOf(openssl, x509Errors), 0);
});

const SKIP_ZLIB = SKIP || (existsSync('/usr/include/zlib.h') ? false : 'no zlib.h');

test("zlib's structure and constants agree with its header", { skip: SKIP_ZLIB }, (t) => {
  compare(t, ['zlib.h'], questionsOf(zlib), 0);
});

test('error numbers agree with errno.h', { skip: SKIP }, (t) => {
  compare(t, ['errno.h'], questionsOf(ERRNO), 0);
});

test('system call numbers agree with unistd.h, for this machine and for arm64', { skip: SKIP }, (t) => {
  const ask = (numbers: object) =>
    Object.entries(numbers).map(([name, value]) => ({
      name,
      expression: `__NR_${name}`,
      ours: BigInt(value as number),
    }));
  compare(t, ['sys/syscall.h'], ask(process.arch === 'arm64' ? SYSCALLS.arm64 : SYSCALLS.x64), 0);
  compare(t, ['asm-generic/unistd.h'], ask(SYSCALLS.arm64), 0);
});

test('epoll_event is packed on x64 and aligned on arm64', () => {
  assert.deepEqual({ ...epoll.epollEventLayout('x64').offset }, { events: 0, data: 4 });
  assert.equal(epoll.epollEventLayout('x64').size, 12);
  assert.deepEqual({ ...epoll.epollEventLayout('arm64').offset }, { events: 0, data: 8 });
  assert.equal(epoll.epollEventLayout('arm64').size, 16);
});
