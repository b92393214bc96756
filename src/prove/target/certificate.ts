/**
 * A certificate for the servers that prove starts with TLS: signed by itself, for 127.0.0.1 and localhost, good for a month.
 * Attackers look at no certificate, so it holds what servers need to read it and no more (RFC 5280 §4.1).
 */
import { createPrivateKey, generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
  remove(): void;
}

const DAY_MS = 24 * 3600_000;
const DAYS = 30;
/** Tags of ASN.1 (X.690 §8). */
const TAG = {
  integer: 0x02,
  bits: 0x03,
  octets: 0x04,
  id: 0x06,
  text: 0x0c,
  time: 0x17,
  sequence: 0x30,
  set: 0x31,
} as const;
/** commonName, subjectAltName and ecdsa-with-SHA256 as they are encoded. */
const ID = { name: '550403', altName: '551d11', signature: '2a8648ce3d040302' } as const;

/** In a folder of its own, until `remove`. */
export async function writeCertificate(): Promise<CertificateFiles> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-prove-'));
  const { certificate, key } = makeCertificate(Date.now());
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  await writeFile(files.cert, certificate);
  await writeFile(files.key, key, { mode: 0o600 });
  return { ...files, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

export function makeCertificate(nowMs: number): { readonly certificate: string; readonly key: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const algorithm = sequence(id(ID.signature));
  const name = sequence(
    element(TAG.set, sequence(id(ID.name), element(TAG.text, bytesOf('holdfast prove')))),
  );
  const validity = sequence(time(nowMs - DAY_MS), time(nowMs + DAYS * DAY_MS));
  const names = sequence(element(0x82, bytesOf('localhost')), element(0x87, Buffer.from([127, 0, 0, 1])));
  const extensions = sequence(sequence(id(ID.altName), element(TAG.octets, names)));
  const version = element(0xa0, element(TAG.integer, Buffer.from([2])));
  // Its first bit is 0, or the number would be below zero.
  const serial = element(TAG.integer, Buffer.concat([Buffer.from([1]), randomBytes(8)]));
  const body = sequence(
    version,
    serial,
    algorithm,
    name,
    validity,
    name,
    publicKey,
    element(0xa3, extensions),
  );
  const signature = sign('sha256', body, createPrivateKey(privateKey));
  const whole = sequence(body, algorithm, element(TAG.bits, Buffer.concat([Buffer.from([0]), signature])));
  return { certificate: new X509Certificate(whole).toString(), key: privateKey };
}

function element(tag: number, content: Buffer): Buffer {
  const { length } = content;
  // In its long form the length says first how many octets it has.
  const octets = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...octets]), content]);
}

function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return element(TAG.sequence, Buffer.concat(parts));
}

function id(hex: string): Buffer {
  return element(TAG.id, Buffer.from(hex, 'hex'));
}

/** UTCTime: 261130120000Z. */
function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '');
  return element(TAG.time, Buffer.from(digits.slice(2)));
}
