/**
 * Puts the declarations that users see into one file: what `dist/index.d.ts` exports and all that it refers
 * to, without the members that are marked `@internal`. So an editor offers nothing that is not meant to be
 * used, and a program compiles against it without `skipLibCheck` and without Node's own types.
 *
 * It knows what the compiler emits for this project, no more: named exports, relative imports, no `import()`
 * types. Anything else ends it with an error.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseAst } from 'rolldown/parseAst';

/** @returns the text of one declaration file that exports what the file at `entry` does */
export function rollUpTypes(entry) {
  const modules = new Map();
  const entryModule = readModule(entry, modules);
  const wanted = new Map();
  const exported = [...entryModule.exports.keys()].map((name) => {
    const declaration = find(entryModule, name, modules);
    gather(declaration, modules, wanted);
    return { name, declaration };
  });
  const names = nameAll(
    [...wanted.keys()],
    new Map(exported.map(({ name, declaration }) => [declaration, name])),
  );
  const taken = new Set(names.values());
  const parts = [...wanted].map(([declaration, references]) =>
    printed(declaration, references, names, taken),
  );
  const list = exported.map(({ name, declaration }) => {
    const local = names.get(declaration);
    const prefix = declaration.isType ? 'type ' : '';
    return local === name ? `${prefix}${name}` : `${prefix}${local} as ${name}`;
  });
  return `/// <reference lib="esnext.disposable" />\n${parts.join('\n')}\nexport { ${list.join(', ')} };\n`;
}

function readModule(file, modules) {
  const known = modules.get(file);
  if (known !== undefined) return known;
  const text = readFileSync(file, 'utf8');
  const module = { file, text, imports: new Map(), exports: new Map(), declarations: new Map() };
  modules.set(file, module);
  for (const node of parseAst(text, { lang: 'dts' }).body) readStatement(module, node);
  return module;
}

function readStatement(module, node) {
  if (node.type === 'ImportDeclaration') {
    for (const { type, local, imported } of node.specifiers) {
      if (type !== 'ImportSpecifier')
        throw new Error(`${module.file}: import of ${local.name} is not by name`);
      module.imports.set(local.name, { from: node.source.value, name: imported.name });
    }
  } else if (node.type === 'ExportNamedDeclaration' && node.declaration === null) {
    for (const { local, exported } of node.specifiers)
      module.exports.set(exported.name, { from: node.source?.value, name: local.name });
  } else {
    const isExported = node.type === 'ExportNamedDeclaration';
    const body = isExported ? node.declaration : node;
    const nodes = body.type === 'VariableDeclaration' ? body.declarations : [body];
    for (const { id } of nodes) {
      if (id?.type !== 'Identifier' || nodes.length !== 1)
        throw new Error(`${module.file}: cannot roll up ${body.type}`);
      const declaration = module.declarations.get(id.name) ?? {
        module,
        name: id.name,
        isType: true,
        pieces: [],
      };
      declaration.isType &&= /^TS(Interface|TypeAlias)/.test(body.type);
      declaration.pieces.push({ body, start: node.start });
      module.declarations.set(id.name, declaration);
      if (isExported) module.exports.set(id.name, { from: undefined, name: id.name });
    }
  }
}

/** The declaration that a name exported by a module stands for. */
function find(module, name, modules) {
  const { from, name: local } = module.exports.get(name) ?? {};
  if (local === undefined) throw new Error(`${module.file} does not export ${name}`);
  return from === undefined
    ? findLocal(module, local, modules)
    : find(follow(module, from, modules), local, modules);
}

/** @returns undefined for what is no name of the module, hence the platform's or a type parameter */
function findLocal(module, name, modules) {
  const imported = module.imports.get(name);
  if (imported === undefined) return module.declarations.get(name);
  return find(follow(module, imported.from, modules), imported.name, modules);
}

function follow(module, from, modules) {
  if (!from.startsWith('.')) throw new Error(`${module.file}: what is public refers to ${from}`);
  return readModule(path.join(path.dirname(module.file), from.replace(/\.ts$/, '.d.ts')), modules);
}

/** Adds a declaration and all that it refers to, each with its references in place. */
function gather(declaration, modules, wanted) {
  if (wanted.has(declaration)) return;
  const references = [];
  wanted.set(declaration, references);
  for (const { body } of declaration.pieces) walk(body, [], undefined, 'body');
  for (const reference of references) {
    reference.target = findLocal(declaration.module, reference.name, modules);
    if (reference.target !== undefined) gather(reference.target, modules, wanted);
  }

  /** @param parameters names of type parameters in force, which hide what the module calls so */
  function walk(node, parameters, parent, key) {
    if (node === null || typeof node !== 'object') return;
    if (Array.isArray(node)) {
      for (const each of node) walk(each, parameters, parent, key);
      return;
    }
    if (node.type === 'TSImportType')
      throw new Error(`${declaration.module.file}: import() in ${declaration.name}`);
    if (isInternal(node, declaration.module.text)) return;
    if (node.type === 'Identifier' && isReference(parent, key) && !parameters.includes(node.name))
      references.push({ start: node.start, end: node.end, name: node.name });
    const own = (node.typeParameters?.params ?? []).map((each) => each.name.name);
    const inner = own.length === 0 ? parameters : [...parameters, ...own];
    for (const [key, child] of Object.entries(node)) if (key !== 'implements') walk(child, inner, node, key);
  }
}

/** Whether an identifier at `key` of `parent` names something elsewhere, and not what `parent` declares or has. */
function isReference(parent, key) {
  if (key === 'key' || key === 'property') return parent.computed;
  if (key === 'right') return parent.type !== 'TSQualifiedName';
  if (key === 'name') return parent.type !== 'TSTypeParameter';
  return !['id', 'params', 'parameters', 'argument', 'label', 'parameterName'].includes(key);
}

/** A member of a class or an interface whose comment says `@internal`, or a private one. */
function isInternal(node, text) {
  if (
    !/^(PropertyDefinition|MethodDefinition|TS(Property|Method)Signature|AccessorProperty)$/.test(node.type)
  )
    return false;
  if (node.key.type === 'PrivateIdentifier') return false;
  return commentBefore(text, node.start)?.text.includes('@internal') ?? false;
}

/** The documentation that ends right before `start`; a file's own opening belongs to no declaration. */
function commentBefore(text, start) {
  const match = /\/\*\*(?:(?!\*\/)[\s\S])*\*\/\s*$/.exec(text.slice(0, start));
  return match === null || match.index === 0 ? undefined : { text: match[0], start: match.index };
}

/** What is exported keeps its name; two others of one name are told apart by a number. */
function nameAll(declarations, exportedAs) {
  const names = new Map();
  const taken = new Set(exportedAs.values());
  for (const declaration of declarations) {
    let name = exportedAs.get(declaration) ?? declaration.name;
    for (let i = 2; !exportedAs.has(declaration) && taken.has(name); i++) name = `${declaration.name}${i}`;
    taken.add(name);
    names.set(declaration, name);
  }
  return names;
}

function printed(declaration, references, names, taken) {
  const { text } = declaration.module;
  return declaration.pieces
    .map(({ body, start }) => {
      const changes = [];
      const at = body.id ?? body.declarations[0].id;
      changes.push({ start: at.start, end: at.start + declaration.name.length, by: names.get(declaration) });
      for (const { start, end, name, target } of references.filter((each) => isWithin(each, body))) {
        if (target !== undefined) changes.push({ start, end, by: names.get(target) });
        // The platform's, where the file has one of its own by that name.
        else if (taken.has(name)) changes.push({ start, end, by: `globalThis.${name}` });
      }
      for (const removed of removedFrom(body, text)) changes.push({ ...removed, by: '' });
      for (const optional of optionalTypes(body, text)) changes.push(...admitUndefined(optional));
      const comment = commentBefore(text, start)?.text ?? '';
      const code = changed(text, body.start, body.end, changes);
      return `${comment}${/^(declare|interface|type) /.test(code) ? '' : 'declare '}${code}`;
    })
    .join('\n');
}

/** The types of optional properties, however deep, that leave `undefined` out. */
function optionalTypes(node, text) {
  if (node === null || typeof node !== 'object' || isInternal(node, text)) return [];
  const type =
    node.type === 'TSPropertySignature' && node.optional ? node.typeAnnotation.typeAnnotation : undefined;
  const own = type === undefined || /\bundefined$/.test(text.slice(type.start, type.end)) ? [] : [type];
  return [...own, ...Object.values(node).flatMap((child) => optionalTypes(child, text))];
}

/**
 * Whoever compiles with exactOptionalPropertyTypes may give `undefined` only where the type says so, as in
 * `port: process.env.PORT`. An option that is undefined is one that is not given.
 */
function admitUndefined({ type, start, end }) {
  const [open, close] = /^TS(Function|Constructor|Conditional)Type$/.test(type) ? ['(', ')'] : ['', ''];
  return [
    { start, end: start, by: open },
    { start: end, end, by: `${close} | undefined` },
  ];
}

function isWithin(inner, outer) {
  return inner.start >= outer.start && inner.end <= outer.end;
}

/** Members that are internal, with their comments; and `implements`, which says nothing to whoever reads types. */
function removedFrom(body, text) {
  const removed = (body.body?.body ?? [])
    .filter((member) => isInternal(member, text))
    .map(({ start, end }) => {
      const from = commentBefore(text, start).start;
      return { start: text.lastIndexOf('\n', from), end };
    });
  if (body.implements?.length > 0)
    removed.push({
      start: text.lastIndexOf(' implements', body.implements[0].start),
      end: body.implements.at(-1).end,
    });
  return removed;
}

function changed(text, start, end, changes) {
  let out = '';
  let at = start;
  for (const change of changes.sort((a, b) => a.start - b.start || a.end - b.end)) {
    out += text.slice(at, change.start) + change.by;
    at = change.end;
  }
  return out + text.slice(at, end);
}
