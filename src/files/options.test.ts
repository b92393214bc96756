import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OptionError } from '../base/errors.ts';
import { type FilesOptions, readFilesOptions } from './options.ts';

const BAD: [object, string, RegExp][] = [
  [{ listings: true }, 'files.listings', /no such option; known are basePath, listing/],
  [{ listing: 'yes' }, 'files.listing', /"yes" is not allowed; true or false/],
  [{ basePath: 'static' }, 'files.basePath', /"static" is not allowed; the path of a URL, as '\/static'/],
  [{ basePath: '/a?b' }, 'files.basePath', /is not allowed/],
  [{ basePath: '/a//b' }, 'files.basePath', /is not allowed/],
  [{ index: 'a/b.html' }, 'files.index', /a name alone/],
  [{ index: '..' }, 'files.index', /without '\.\.'/],
  [{ notFound: '/404.html' }, 'files.notFound', /the name of a file/],
  [{ spa: '../x.html' }, 'files.spa', /the name of a file/],
  [{ spa: true, index: false }, 'files.spa', /the name of the page/],
  [{ symlinks: true }, 'files.symlinks', /one of 'inside', 'all', 'none'/],
  [{ cors: 'example.com' }, 'files.cors', /as 'https:\/\/example\.com'/],
  [{ cors: ['https://a.example', 'https://b.example/'] }, 'files.cors', /"https:\/\/b\.example\/"/],
  [{ cacheControl: 'a\r\nb' }, 'files.cacheControl', /Cache-Control/],
  [{ cacheControl: '' }, 'files.cacheControl', /Cache-Control/],
  [{ cacheControl: ['no-store'] }, 'files.cacheControl[0]', /an object with match, value/],
  [{ cacheControl: [{ match: '*', value: 'x' }, { match: 'a/b', value: 'x' }] }, 'files.cacheControl[1].match', /begins with one/],
  [{ cacheControl: [{ match: '*', value: 1 }] }, 'files.cacheControl[0].value', /1 is not allowed/],
  [{ cacheControl: [{ match: '*', value: 'x', for: 1 }] }, 'files.cacheControl[0].for', /no such option/],
  [{ download: 'a/b' }, 'files.download', /begins with one/],
  [{ pace: 10 }, 'files.pace', /10 is not allowed; 1k a second or more/],
  [{ pace: 'fast' }, 'files.pace', /a size is/],
  [{ memory: '-1' }, 'files.memory', /a size is/],
]; // biome-ignore format: a table

test('what is not allowed is refused by the name of the option, the value and what is allowed', () => {
  for (const [options, name, message] of BAD) {
    assert.throws(
      () => readFilesOptions(options as FilesOptions),
      (error) => error instanceof OptionError && error.option === name && message.test(error.message),
      JSON.stringify(options),
    );
  }
  assert.throws(() => readFilesOptions('x' as FilesOptions), /files: "x" is not allowed; an object with/);
});

test('what is allowed is read as it is meant', () => {
  const read = readFilesOptions({
    basePath: '/static/',
    spa: true,
    index: 'start.html',
    notFound: false,
    cors: ['https://a.example', 'null'],
    download: ['*.iso', '/media/*'],
    memory: 0,
  });
  assert.equal(read.basePath, '/static');
  assert.equal(read.spa, 'start.html');
  assert.equal(read.notFound, undefined);
  assert.deepEqual(read.corsOrigins, ['https://a.example', 'null']);
  assert.equal(read.downloads.length, 2);
  assert.equal(read.memoryBytesMax, 0);
  assert.deepEqual(readFilesOptions({ cors: true }).corsOrigins, ['*']);
  assert.equal(readFilesOptions({ basePath: '/' }).basePath, '');
  assert.equal(readFilesOptions({}).memoryBytesMax, 32 * 1024 * 1024);
});
