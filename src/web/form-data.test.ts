import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../base/random.ts';
import { readPlainForm } from './form-data.ts';

const TYPE = 'multipart/form-data; boundary=xx';

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'));
}

async function entriesOf(form: FormData): Promise<unknown[]> {
  const entries: unknown[] = [];
  for (const [name, value] of form) {
    if (typeof value === 'string') entries.push([name, value]);
    else
      entries.push([name, value.name, value.type, Buffer.from(await value.arrayBuffer()).toString('latin1')]);
  }
  return entries;
}

/** What the platform makes of it, or undefined where it refuses. */
async function platformEntries(body: Uint8Array, type: string): Promise<unknown[] | undefined> {
  const response = new Response(body as Uint8Array<ArrayBuffer>, { headers: { 'content-type': type } });
  return response.formData().then(entriesOf, () => undefined);
}

const part = (parameters: string, more = '', content = 'hi') =>
  `--xx\r\nContent-Disposition: form-data; ${parameters}\r\n${more}\r\n${content}\r\n`;

test('fields and files of a plain form are read as the platform reads them', async () => {
  const forms = [
    `${part('name="a"')}--xx--\r\n`,
    `${part('name="a"')}--xx--`,
    `${part('name="a"')}${part('name="a"', '', '')}${part('name=""')}--xx--\r\n`,
    `${part('name="f"; filename="n.bin"', 'Content-Type: application/octet-stream\r\n', '\r\n--x\r\n\0\xff')}--xx--\r\n`,
    `${part('name="f"; filename=""')}--xx--\r\n`,
    `${part('name="f"; filename="n"', 'content-type: Text/HTML; Charset=X\r\n')}--xx--\r\n`,
    `${part('name="a%22b%0D%0A%0dc"; filename="%22"')}--xx--\r\n`,
    `${part('name="\xc3\xa9\xff"; filename="\xe2\x82\xac"', '', '\xc3\xa9\xff')}--xx--\r\n`,
    `--xx\r\ncontent-disposition:form-data; name="a"\r\n\r\nhi\r\n--xx--\r\n`,
  ];
  for (const text of forms) {
    const form = readPlainForm(bytesOf(text), TYPE);
    assert.ok(form !== undefined, text);
    assert.deepEqual(await entriesOf(form), await platformEntries(bytesOf(text), TYPE), text);
  }
});

test('a boundary may be quoted, and have blanks in quotes', () => {
  const body = part('name="a"').replaceAll('xx', 'x y').concat('--x y--\r\n');
  assert.equal(readPlainForm(bytesOf(body), 'Multipart/Form-Data;  boundary="x y" ')?.get('a'), 'hi');
  assert.equal(
    readPlainForm(bytesOf(`${part('name="a"')}--xx--`), 'multipart/form-data;boundary=xx')?.get('a'),
    'hi',
  );
});

test('a boundary in the middle of a line ends nothing', () => {
  const form = readPlainForm(bytesOf(`${part('name="a"', '', 'left--xx--\r\nright')}--xx--\r\n`), TYPE);
  assert.equal(form?.get('a'), 'left--xx--\r\nright');
});

test('what is not the plain form is left to the platform', () => {
  const plain = `${part('name="a"')}--xx--\r\n`;
  const others = [
    '',
    plain.slice(0, -6),
    `${plain}x`,
    ` ${plain}`,
    plain.replace('form-data', 'attachment'),
    plain.replace('\r\n\r\n', '\n\n'),
    `${part('name=a')}--xx--`,
    `${part('name="a\\"b"')}--xx--`,
    `${part('name="a"; filename*=UTF-8\'\'b')}--xx--`,
    `${part('name="a"', 'Content-Transfer-Encoding: base64\r\n', 'aGk=')}--xx--`,
    `${part('name="a"', 'Content-Type: a/b\r\nX: y\r\n')}--xx--`,
    `${part('name="a"', '', 'a\r\n--xxb')}--xx--`,
    `${part(`name="${'a'.repeat(5000)}"`)}--xx--`,
  ];
  for (const text of others) assert.equal(readPlainForm(bytesOf(text), TYPE), undefined, text);
  for (const type of [
    null,
    'text/plain',
    'multipart/form-data',
    'multipart/form-data; boundary=',
    `${TYPE}; charset=utf-8`,
  ])
    assert.equal(readPlainForm(bytesOf(plain), type), undefined, String(type));
});

test('forms cut, doubled and changed at random are read as the platform reads them, or left to it', async () => {
  const random = new SeededRandom(20_260_401);
  const plain =
    part('name="a"') +
    part('name="f"; filename="n"', 'Content-Type: text/plain\r\n', '\r\n--x\r') +
    '--xx--\r\n';
  const bits = [
    '\r\n',
    '--',
    '--xx',
    '"',
    '; ',
    'x',
    '\r',
    '\n',
    '\0',
    '%22',
    '\xff',
    '--xx--',
    '\r\n\r\n',
    'name="b"',
  ];
  let read = 0;
  for (let run = 0; run < 2000; run++) {
    let text = plain;
    for (let change = random.int(3); change >= 0; change--) {
      const at = random.int(text.length);
      const cut = random.int(2) * random.int(12);
      text = text.slice(0, at) + bits[random.int(bits.length)]! + text.slice(at + cut);
    }
    // The platform ends a part at the boundary's own characters, wherever they stand.
    if (`\r\n${text}`.replaceAll('\r\n--xx', '').includes('xx')) continue;
    const form = readPlainForm(bytesOf(text), TYPE);
    if (form === undefined) continue;
    read++;
    assert.deepEqual(await entriesOf(form), await platformEntries(bytesOf(text), TYPE), JSON.stringify(text));
  }
  assert.ok(read > 50, `${read} were read`);
});
