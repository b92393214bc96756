/**
 * Puts what the compiler built into few files, `dist/bundle/`: what the package ships and the command runs, and
 * the types of the package in one.
 * Loading one module costs Node about a millisecond, however small it is, and `holdfast serve` needs over a
 * hundred; in a few larger files it is ready 70 ms sooner (`npm run bench -- --workloads start`).
 *
 * All entries are bundled together, so that the command, its worker threads and whoever imports `holdfast`
 * share one copy of each class. All files lie side by side: code finds the files of threads by
 * `new URL('./name.js', import.meta.url)`, wherever it ends up.
 *
 * What the tools use of other packages goes along in files that only they load, so that nothing but koffi's
 * native module is installed with Holdfast. dist/bundled-packages.json names those packages, for their licences.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { rollUpTypes } from './roll-up-types.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const ENTRIES = {
  index: 'dist/index.js',
  node: 'dist/node.js',
  main: 'dist/cli/main.js',
  'folder-module': 'dist/cli/folder-module.js',
  worker: 'dist/server/worker.js',
  http2: 'dist/server/http2.js',
  websocket: 'dist/server/websocket.js',
  'load-thread-main': 'dist/load/run/load-thread-main.js',
  'good-client-main': 'dist/prove/beside/good-client-main.js',
  'link-down-main': 'dist/prove/faults/link-down-main.js',
};

/**
 * The admin page is one document, with its script and its style sheet in it. The script is bundled of src/page/ for
 * browsers, with the library that draws charts.
 */
const chartStyle = readFileSync(createRequire(import.meta.url).resolve('uplot/dist/uPlot.min.css'), 'utf8');
const { renderPage } = await import('../dist/page/frame.js');
const { PAGE_STYLE } = await import('../dist/page/style.js');
const pageBundle = await rolldown({ cwd: ROOT, input: 'dist/page/main.js', platform: 'browser' });
const page = await pageBundle.generate({ format: 'iife', minify: true, comments: false });
await pageBundle.close();
const pageHtml = renderPage(page.output[0].code, chartStyle + PAGE_STYLE);
// For the tests, which run what the compiler made.
writeFileSync(`${ROOT}dist/page/page.html`, pageHtml);

const pageInPlace = {
  name: 'admin page',
  load: {
    filter: { id: /dist[\\/]server[\\/]page-text\.js$/ },
    handler: () => `export function pageText() { return ${JSON.stringify(pageHtml)}; }`,
  },
};

/**
 * The histogram library looks for Node's zlib by `eval`, so that bundlers for browsers do not see it, and carries one
 * in JavaScript and a WebAssembly variant. Here it is Node's zlib and no WebAssembly: no eval is shipped, and a
 * third of the library.
 */
const histogramForNode = {
  name: 'histogram for Node',
  load: {
    filter: { id: /hdr-histogram-js[\\/]dist[\\/]wasm[\\/]index\.js$/ },
    handler: () => 'exports.webAssemblyAvailable = false; exports.WasmHistogram = class WasmHistogram {};',
  },
  transform: {
    filter: { id: /hdr-histogram-js[\\/]dist[\\/]JsHistogram\.encoding\.js$/ },
    handler(code) {
      const changed = code
        .replace('const pako = require("pako");', 'const pako = undefined;')
        .replace(/eval\('require\("zlib"\)\.(deflateSync|inflateSync)'\)/g, 'require("node:zlib").$1');
      if (/eval\(|require\("pako"\)/.test(changed))
        throw new Error('hdr-histogram-js reads otherwise than expected: see scripts/bundle.mjs');
      return changed;
    },
  },
};

/**
 * What every server loads is one file, and what `holdfast serve` needs beside it another: each file more costs a start
 * a millisecond. What is only imported when it is needed stays where it is.
 */
const FILES = {
  server: ['server/serve.js', 'engine/iouring/create.js', 'sys/probe.js', 'files/files.js'],
  serve: ['cli/serve.js'],
};
const fileOfModule = new Map();

/** Before the others comes what they build on. */
function groupOf(file, index, files) {
  const name = (id, context) => (fileOf(id, context) === file ? file : null);
  return { name, debugName: file, priority: files.length - index };
}

function fileOf(id, context) {
  if (fileOfModule.size === 0)
    for (const [file, roots] of Object.entries(FILES))
      for (const root of roots) reach(`${ROOT}dist/${root}`, file, context);
  return fileOfModule.get(id);
}

function reach(id, file, context) {
  const info = context.getModuleInfo(id);
  if (info === null || fileOfModule.has(id)) return;
  fileOfModule.set(id, file);
  for (const each of info.importedIds) reach(each, file, context);
}

/** A file that only passes on what another exports, by the same names. */
const PASSED_ON = /^export \{ [\w$, ]+ \} from "(\.\/[^"]+)";\s*$/;

/**
 * Where a module that is imported when needed lies in a file with others, the bundler makes a file that passes it on:
 * one more to load. What imports it is pointed at the file behind it, which has a few exports more.
 */
const withoutDetours = {
  name: 'without detours',
  generateBundle(_options, files) {
    const behind = new Map();
    for (const { type, isEntry, fileName, code } of Object.values(files)) {
      const target = type === 'chunk' && !isEntry ? PASSED_ON.exec(code)?.[1] : undefined;
      if (target !== undefined) behind.set(`./${fileName}`, target);
    }
    for (const file of Object.values(files))
      if (file.type === 'chunk')
        file.code = file.code.replace(/\bimport\("(\.\/[^"]+)"\)/g, (whole, name) =>
          behind.has(name) ? `import("${behind.get(name)}")` : whole,
        );
    for (const name of behind.keys()) delete files[name.slice(2)];
  },
};

const HELPER_IMPORT = /^import (?:\{ (__exportAll) \} from )?"\.\/(rolldown-runtime-[\w-]+\.js)";\n/m;

/** What needs the bundler's commonest helper, or none, has it in place of the import of them all: one file less at a start. */
const helperInPlace = {
  name: 'helper in place',
  generateBundle(_options, files) {
    for (const file of Object.values(files))
      if (file.type === 'chunk')
        file.code = file.code.replace(HELPER_IMPORT, (_whole, helper, runtime) => {
          if (helper === undefined) return '';
          const source = new RegExp(`^var ${helper} = [^]*?\\n};\\n`, 'm').exec(files[runtime].code)?.[0];
          if (source === undefined) throw new Error(`${runtime} has no ${helper}: see scripts/bundle.mjs`);
          return source.replaceAll('__defProp(', 'Object.defineProperty(');
        });
  },
};

/** What a file exports, as the bundler writes it: at its end, in one line. */
const EXPORTS = /^export \{ ([\w$, ]+) \};\s*$/m;

/**
 * A file that imports itself when needed, for what is one file here and several in the sources, has it already: asking
 * Node for it would take half a millisecond each.
 */
const withoutImportsOfItself = {
  name: 'without imports of itself',
  generateBundle(_options, files) {
    for (const file of Object.values(files)) {
      if (file.type !== 'chunk' || !file.code.includes(`import("./${file.fileName}")`)) continue;
      const own = `await import\\("\\./${file.fileName.replaceAll('.', '\\.')}"\\)`;
      const locals = new Map();
      for (const each of EXPORTS.exec(file.code)?.[1].split(', ') ?? []) {
        const [local, name = local] = each.split(' as ');
        locals.set(name, local);
      }
      file.code = file.code
        .replace(new RegExp(`\\(${own}\\)\\.(\\w+)`, 'g'), (_whole, name) => locals.get(name))
        .replace(new RegExp(`const \\{ (\\w+) \\} = ${own};`, 'g'), (whole, name) =>
          locals.get(name) === name ? '' : whole,
        );
      if (file.code.includes(`import("./${file.fileName}")`))
        throw new Error(`${file.fileName} imports itself otherwise than expected: see scripts/bundle.mjs`);
    }
  },
};

const BUILTIN_IMPORT = /^import \{ ([\w$, ]+) \} from "(node:[\w/]+)";$/gm;

/**
 * An import of a module of Node's own makes Node look at all that it exports, and with node:fs that loads streams, the
 * promised file system and more: 3 to 8 ms of each start. Asked for as an object it gives what is named alone.
 */
const builtinsAsObjects = {
  name: 'builtins as objects',
  generateBundle(_options, files) {
    for (const file of Object.values(files))
      if (file.type === 'chunk')
        file.code = file.code.replace(
          BUILTIN_IMPORT,
          (_whole, names, module) =>
            `const { ${names.replaceAll(' as ', ': ')} } = process.getBuiltinModule("${module}");`,
        );
  },
};

/**
 * Characters beyond ASCII, which are in strings and patterns only once comments are gone, as JavaScript's escapes: else
 * V8 keeps the whole of a file in two bytes a character, and Node takes a slower way to decode it.
 */
const asciiOnly = {
  name: 'ASCII only',
  generateBundle(_options, files) {
    for (const file of Object.values(files))
      if (file.type === 'chunk' && !file.code.includes('String.raw'))
        file.code = file.code.replace(
          /[\u0080-\uffff]/g,
          (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
        );
  },
};

const bundle = await rolldown({
  cwd: ROOT,
  input: ENTRIES,
  platform: 'node',
  external: [/^node:/, /^@koromix\/koffi-/],
  plugins: [
    pageInPlace,
    histogramForNode,
    helperInPlace,
    withoutDetours,
    withoutImportsOfItself,
    builtinsAsObjects,
    asciiOnly,
  ],
  // It would warn of what is one file here and several in the sources, such as the probes of the kernel.
  checks: { ineffectiveDynamicImport: false },
});
rmSync(`${ROOT}dist/bundle`, { recursive: true, force: true });
const { output } = await bundle.write({
  dir: `${ROOT}dist/bundle`,
  format: 'esm',
  // They are in the sources; here they are half of what is read at each start.
  comments: { legal: true, annotation: false, jsdoc: false },
  entryFileNames: '[name].js',
  chunkFileNames: '[name]-[hash].js',
  // Names stay as they are between files, so that any file can stand for one that passes it on.
  minifyInternalExports: false,
  codeSplitting: { groups: Object.keys(FILES).map(groupOf) },
});
await bundle.close();
writeFileSync(`${ROOT}dist/bundle/index.d.ts`, rollUpTypes(`${ROOT}dist/index.d.ts`));
writeFileSync(`${ROOT}dist/bundle/node.d.ts`, readFileSync(`${ROOT}scripts/node-door.d.ts`, 'utf8'));

const packages = new Set();
for (const { moduleIds = [] } of [...output, ...page.output])
  for (const id of moduleIds) {
    const match = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id.replaceAll('\\', '/'));
    if (match !== null) packages.add(match[1]);
  }
writeFileSync(`${ROOT}dist/bundled-packages.json`, `${JSON.stringify([...packages].sort(), null, 2)}\n`);
