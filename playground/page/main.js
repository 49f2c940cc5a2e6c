// The page: a state of two texts and a line, everything else follows from it.

import examples from 'made:examples';
import { check, compose, play, start, tools } from './core.js';
import { byId, el } from './dom.js';
import { callsEditor, lineOf, policyEditor, replace, reveal, showDecided, showFindings, showOutcomes } from './editors.js';
import { decode, encode } from './link.js';
import { last, panel, parts, tone } from './told.js';

/** The state that was shown last, so that nothing is decided twice. */
let shown = {};
/** The last policy without errors. */
let good = null;
let rows = [];
let picked = 0;
/** The fragment that the page wrote itself. */
let written = '';
let timer, saving;

const policy = policyEditor(byId('policy'), changed);
const calls = callsEditor(byId('calls'), changed, soon);
const policyText = () => policy.state.doc.toString();
const callLines = () => calls.state.doc.toString().split('\n');

function notice(text) {
  byId('notice').textContent = text;
  byId('notice').hidden = !text;
}

/** With a text goes what was drawn into it, so that the same text is decided again. */
function changed() {
  shown = {};
  soon();
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(update, 60);
}

/** The line with the cursor, or the last one before it that is a call. */
function pick(lines) {
  const says = (line) => /\S/.test(line) && !/^\s*#/.test(line) && !/^\s*(?:case|day) \S+$/.test(line);
  let at = lineOf(calls);
  while (at > 0 && !says(lines[at])) at -= 1;
  return says(lines[at] ?? '') ? at : Math.max(0, lines.findIndex(says));
}

function update() {
  clearTimeout(timer);
  const [text, lines] = [policyText(), callLines()];
  picked = pick(lines);
  const state = { text, lines: lines.join('\n'), picked };
  if (Object.keys(state).every((key) => state[key] === shown[key])) return;
  try {
    decideAll(text, lines, text !== shown.text);
    shown = state;
    save();
  } catch (error) {
    fail(error);
  }
}

function decideAll(text, lines, isNew) {
  if (isNew) {
    const findings = check(text);
    showFindings(policy, findings);
    listFindings(findings);
    const isGood = !findings.some(({ severity }) => severity === 'error');
    if (isGood) good = text;
    document.body.classList.toggle('stale', !isGood);
    if (isGood) byId('tools').replaceChildren(...tools(text).map((value) => el('option', { value })));
  }
  rows = good === null ? [] : play(good, lines, picked);
  showOutcomes(calls, rows.map(parts), picked);
  tell(text);
}

function tell(text) {
  const row = rows[picked];
  const place = row?.kind === 'call' && text === good ? row.told?.place : null;
  showDecided(policy, place, row?.kind === 'call' ? tone(last(row).outcome) : 'plain');
  const rest = good === null ? [el('p', { className: 'empty' }, 'The policy has errors, so nothing is decided.')]
    : panel(row, picked + 1, goTo, again);
  const late = 'The policy has errors. This is what the last one without errors decides.';
  byId('told').replaceChildren(...(good !== null && text !== good ? [el('p', { className: 'late' }, late)] : []), ...rest);
}

function listFindings(findings) {
  const count = (severity) => findings.filter((one) => one.severity === severity).length;
  const plural = (number, word) => `${number} ${word}${number === 1 ? '' : 's'}`;
  const [errors, warnings] = [count('error'), count('warning')];
  const all = [errors && plural(errors, 'error'), warnings && plural(warnings, 'warning')].filter(Boolean);
  byId('state').textContent = all.join(', ') || 'no errors';
  byId('state').className = errors ? 'bad' : warnings ? 'wait' : '';
  byId('findings').replaceChildren(...findings.map(({ from, to, line, severity, path, message }) =>
    el('li', {}, el('button', { type: 'button', onclick: () => reveal(policy, from, to) },
      el('span', { className: severity === 'error' ? 'bad' : 'wait' }, `line ${line}`),
      el('span', {}, path ? el('code', {}, `${path} `) : null, message)))));
}

/** A button that leads to a rule, where the policy has its place. */
function goTo(rule, name, place = null) {
  const found = place ?? (rule === rows[picked]?.told?.rule ? rows[picked].told.place : null);
  if (!found) return el('code', { title: rule }, name);
  return el('button', { type: 'button', className: 'place', title: rule, onclick: () => reveal(policy, found.from, found.to) }, name);
}

function insert(line, at) {
  const { doc } = calls.state;
  const end = doc.line(Math.min(at + 1, doc.lines)).to;
  const text = doc.length ? `\n${line}` : line;
  const anchor = end + text.length;
  calls.dispatch({ changes: { from: end, insert: text }, selection: { anchor }, scrollIntoView: true });
}

/** Makes the call of the line once more, at the same time. */
function again() {
  const line = callLines()[picked].trim().replace(/^\d\d:\d\d:\d\d\s+/, '').split(/ {2,}/)[0].replace(/, \d+ times$/, '');
  const isRaw = /^[{[]/.test(callLines()[picked].trim());
  const indent = callLines().some((one) => /^\d\d:/.test(one)) ? ' '.repeat(10) : '';
  insert(indent + (isRaw ? callLines()[picked].trim() : line), picked);
}

/** Writes the outcomes behind the calls, as the tests of a policy have them. */
function keep() {
  const lines = callLines();
  const kept = lines.map((line, at) => {
    const row = rows[at];
    if (row?.kind !== 'call' || row.rounds.length !== 1 || /^\s*[{[]/.test(line)) return [line];
    const [, start, rest] = line.match(/^(\s*(?:\d\d:\d\d:\d\d\s+)?)(.*)$/);
    const { outcome, facts } = row.rounds[0];
    const rule = facts.find((fact) => fact.startsWith('/') || fact.startsWith('('));
    return [start + rest.split(/ {2,}/)[0], outcome, rule && outcome !== 'allowed' ? rule : ''];
  });
  const width = (column) => Math.max(0, ...kept.filter((one) => one.length > 1).map((one) => one[column].length));
  const [first, second] = [width(0), width(1)];
  const text = kept.map(([call, outcome, rule]) => outcome === undefined ? call
    : `${call.padEnd(first)}  ${rule ? outcome.padEnd(second) : outcome}${rule ? `  ${rule}` : ''}`);
  const line = lineOf(calls);
  calls.dispatch({ changes: { from: 0, to: calls.state.doc.length, insert: text.join('\n') } });
  calls.dispatch({ selection: { anchor: calls.state.doc.line(line + 1).from } });
}

function add(event) {
  event.preventDefault();
  const form = byId('form');
  const fields = Object.fromEntries(new FormData(form));
  const made = good === null ? { field: 'tool', fault: 'the policy has errors' } : compose(good, fields);
  for (const { name } of form.elements) form.elements[name]?.removeAttribute?.('aria-invalid');
  byId('fault').textContent = made.fault ? `${made.field}: ${made.fault}` : '';
  if (made.fault) {
    form.elements[made.field].setAttribute('aria-invalid', 'true');
    form.elements[made.field].focus();
    return;
  }
  const indent = !fields.time.trim() && callLines().some((one) => /^\d\d:/.test(one)) ? ' '.repeat(10) : '';
  insert(indent + made.line, calls.state.doc.lines - 1);
}

/** The example that is shown unchanged, if one is. */
function example() {
  const [text, lines] = [policyText(), callLines().join('\n')];
  return examples.find((one) => one.policy === text && one.calls === lines);
}

async function fragment() {
  return example()?.id ?? encode({ policy: policyText(), calls: callLines().join('\n'), line: picked });
}

/** Keeps the state in the address, so that nothing is lost by a reload. */
function save() {
  byId('examples').value = example()?.id ?? '';
  clearTimeout(saving);
  saving = setTimeout(async () => {
    written = await fragment();
    history.replaceState(null, '', `#${written}`);
  }, 300);
}

async function share() {
  clearTimeout(saving);
  written = await fragment();
  history.replaceState(null, '', `#${written}`);
  try {
    await navigator.clipboard.writeText(location.href);
    byId('share').textContent = 'Copied';
  } catch {
    // Over plain HTTP no page may write to the clipboard.
    notice('Copy the link from the address bar: it has the policy and the calls.');
    byId('share').textContent = 'Link is in the address';
  }
  setTimeout(() => (byId('share').textContent = 'Copy link'), 2500);
}

function show({ policy: text, calls: lines, line = 0 }) {
  replace(policy, text);
  replace(calls, lines, line);
  update();
}

async function load() {
  const name = decodeURIComponentSafely(location.hash.slice(1));
  if (name && name === written) return;
  const named = examples.find(({ id }) => id === name);
  const state = named ?? (await decode(name));
  notice(name && !state ? 'This link cannot be read: it is cut off, or of another version. Here is the first example.' : '');
  show(state ?? examples[0]);
}

function decodeURIComponentSafely(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function fail(error) {
  notice(`The page has failed, and shows nothing that is right from here on. Reload it. (${error})`);
  document.body.classList.add('stale');
}

async function begin() {
  const options = examples.map(({ id, title }) => el('option', { value: id }, title));
  byId('examples').append(el('option', { value: '', disabled: true, hidden: true }, 'your own'), ...options);
  byId('examples').value = '';
  byId('examples').addEventListener('change', ({ target }) => {
    show(examples.find(({ id }) => id === target.value));
  });
  byId('share').addEventListener('click', share);
  byId('keep').addEventListener('click', keep);
  byId('form').addEventListener('submit', add);
  addEventListener('hashchange', load);
  await start();
  await load();
  document.body.dataset.ready = 'true';
}

begin().catch(fail);
