// Completion and explanations of keys, from the published schema of policies.

import { snippet } from '@codemirror/autocomplete';
import { syntaxTree } from '@codemirror/language';
import schema from 'made:schema';
import { el } from './dom.js';

/** The deepest reference that is followed. */
const DEEP = 12;

/** A schema and all that apply beside it, whichever of its conditions hold. */
function flat(node, deep = 0, found = []) {
  if (!node || typeof node !== 'object' || deep > DEEP || found.includes(node)) return found;
  found.push(node);
  if (node.$ref) flat(schema.$defs[node.$ref.replace('#/$defs/', '')], deep + 1, found);
  for (const word of ['allOf', 'anyOf', 'oneOf']) {
    for (const one of node[word] ?? []) flat(one, deep + 1, found);
  }
  for (const word of ['then', 'else']) flat(node[word], deep + 1, found);
  return found;
}

/** The schemas of what is at a key of an object, or in a list. */
function below(schemas, key) {
  const found = [];
  for (const one of schemas) {
    const next = key === null ? one.items : (one.properties?.[key] ?? one.additionalProperties);
    flat(next, 0, found);
  }
  return found;
}

const unquoted = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return text.replace(/^"|"$/g, '');
  }
};

/** The keys that lead to a node of the syntax tree; `null` for an element of a list. */
function path(state, node) {
  const keys = [];
  for (let at = node; at.parent; at = at.parent) {
    if (at.parent.name === 'Array') keys.unshift(null);
    if (at.name === 'Property') {
      const name = at.getChild('PropertyName');
      keys.unshift(name ? unquoted(state.sliceDoc(name.from, name.to)) : '');
    }
  }
  return keys;
}

const at = (keys) => keys.reduce(below, flat(schema));

const has = (schemas, word) => schemas.map((one) => one[word]).find((value) => value !== undefined);

/** The title and the description of a key. */
function about(schemas) {
  const [title, text] = [has(schemas, 'title'), has(schemas, 'description')];
  return text ? { title, text } : null;
}

function note({ title, text }) {
  const parts = text.split('`').map((part, index) => (index % 2 ? el('code', {}, part) : part));
  return el('div', { className: 'note' }, title ? el('strong', {}, title) : null, el('p', {}, parts));
}

/** A first value for a key, as a snippet. */
function stub(schemas) {
  const words = has(schemas, 'const') ?? has(schemas, 'enum')?.[0];
  if (words !== undefined) return JSON.stringify(words);
  switch (has(schemas, 'type')) {
    case 'object':
      return '{ ${} }';
    case 'array':
      return '[ ${} ]';
    case 'string':
      return '"${}"';
    default:
      return '${}';
  }
}

/** The values that a place may have, as JSON. */
function values(schemas) {
  const all = new Set();
  for (const one of schemas) {
    if (one.const !== undefined) all.add(JSON.stringify(one.const));
    for (const word of one.enum ?? []) all.add(JSON.stringify(word));
    if (one.type === 'boolean') ['true', 'false'].forEach((word) => all.add(word));
  }
  if (!all.size) {
    for (const one of schemas) {
      for (const example of one.examples ?? []) {
        const text = JSON.stringify(example);
        if (text.length <= 40) all.add(text);
      }
    }
  }
  return [...all];
}

function keys(state, object, node) {
  const given = new Set();
  for (const property of object.getChildren('Property')) {
    const name = property.getChild('PropertyName');
    if (name && (name.from !== node?.from)) given.add(unquoted(state.sliceDoc(name.from, name.to)));
  }
  const schemas = at(path(state, object));
  const names = new Map();
  for (const one of schemas) {
    for (const name of Object.keys(one.properties ?? {})) if (!given.has(name)) names.set(name, below(schemas, name));
  }
  return names;
}

/** Completion of keys and of values. */
export function complete({ state, pos, explicit }) {
  let node = syntaxTree(state).resolveInner(pos, -1);
  // Within an error, the place is that of what is around it.
  while (node.type.isError && node.parent) node = node.parent;
  const inText = node.name === 'PropertyName' || node.name === 'String';
  if (node.name === 'PropertyName' || node.name === 'Object' || isKeyInTheMaking(node)) {
    const object = node.name === 'Object' ? node : (node.parent.name === 'Object' ? node.parent : node.parent.parent);
    if (!inText && !explicit && !/[{,]\s*$/.test(state.sliceDoc(Math.max(0, pos - 40), pos))) return null;
    if (object?.name !== 'Object') return null;
    const [from, to] = inText ? [node.from, node.to] : [pos, pos];
    const isNamed = /^\s*:/.test(state.sliceDoc(to, to + 20));
    const options = [...keys(state, object, inText ? node : null)].map(([name, schemas]) => {
      const told = about(schemas);
      const text = `${JSON.stringify(name)}${isNamed ? '' : `: ${stub(schemas)}`}`;
      return { label: JSON.stringify(name), type: 'property', info: told ? () => note(told) : undefined, apply: snippet(text) };
    });
    return { from, to, options, validFor: /^"?[\w$]*"?$/ };
  }
  if (node.name === 'Property' || node.name === 'Array' || node.parent?.name === 'Property' || node.parent?.name === 'Array') {
    const isInner = node.name !== 'Property' && node.name !== 'Array';
    const place = isInner ? node : node.lastChild;
    const start = isInner ? node.from : pos;
    const route = node.name === 'Array' ? [...path(state, node), null] : path(state, isInner ? place : node);
    if (!explicit && !isInner && !/[:[,]\s*$/.test(state.sliceDoc(Math.max(0, pos - 40), pos))) return null;
    const options = values(at(route)).map((label) => ({ label, type: 'constant' }));
    if (!options.length || node.name === 'Object') return null;
    return { from: start, to: isInner ? node.to : pos, options, validFor: /^"?[^"\s]*"?$/ };
  }
  return null;
}

/** A text in the place of a key, behind which there is no colon yet. */
function isKeyInTheMaking(node) {
  return node.name === 'String' && node.parent?.name === 'Object';
}

/** The explanation of the key at a place of the text. */
export function explain(view, pos) {
  const node = syntaxTree(view.state).resolveInner(pos, 0);
  if (node.name !== 'PropertyName') return null;
  const told = about(at(path(view.state, node.parent)));
  return told && { pos: node.from, end: node.to, above: true, create: () => ({ dom: note(told) }) };
}
