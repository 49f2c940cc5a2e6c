// The decision about one line of calls, in words, bars and the answer itself.

import { el, pretty } from './dom.js';

const WAITS = ['approval_required', 'approval_denied', 'pending', 'shadow', 'served'];
const GOOD = ['allowed', 'approved', 'used'];

/** The tone of an outcome, by which it is coloured. */
export const tone = (outcome) => (GOOD.includes(outcome) ? 'good' : WAITS.includes(outcome) ? 'wait' : 'bad');

const signs = { good: '✓', bad: '✕', wait: '◷' };

/** A line of calls in a few words: its outcomes one after the other. */
export function parts(row) {
  if (row.kind === 'fault') return [{ sign: '!', tone: 'bad', text: row.message }];
  if (row.kind !== 'call') return [];
  const many = row.rounds.length > 1 || row.rounds.some(({ times }) => times > 1);
  const said = row.rounds.map(({ times, outcome, facts }) => {
    const again = facts.find((fact) => fact.startsWith('again in '));
    const text = [many ? `${times} × ${outcome}` : outcome, again].filter(Boolean).join(', ');
    return { sign: signs[tone(outcome)], tone: tone(outcome), text };
  });
  if (row.met === null) return said;
  if (row.met) return [{ sign: '✓', tone: 'plain', text: 'as stated' }];
  return [{ sign: '≠', tone: 'bad', text: 'not as stated:' }, ...said];
}

/** The last of a line's outcomes. */
export const last = (row) => row.rounds[row.rounds.length - 1];

function fact(name, value) {
  return value ? [el('dt', {}, name), el('dd', {}, value)] : [];
}

const number = (value) => (typeof value === 'number' ? value : Number(value ?? 0));

function duration(seconds) {
  if (seconds < 60) return `${seconds} s`;
  const [minutes, hours, days] = [Math.round(seconds / 60), Math.round(seconds / 3600), Math.round(seconds / 86400)];
  if (minutes < 60) return `${minutes} min`;
  return hours < 48 ? `${hours} h` : `${days} days`;
}

/** The window of a limit, in the word of the policy where there is one. */
function span(window) {
  const words = { 1: 'second', 60: 'minute', 3600: 'hour', 86400: 'day' };
  return words[window] ?? (typeof window === 'number' ? duration(window) : window);
}

function bar(limit) {
  const [max, before, after] = [number(limit.max), number(limit.before), number(limit.after)];
  const used = limit.full ? before : after;
  const share = (value) => `${max > 0 ? Math.min(100, (100 * value) / max) : 100}%`;
  const [now, past] = [el('i', { className: 'now' }), el('i')];
  now.style.width = share(used);
  past.style.width = share(Math.min(before, used));
  const label = `${used} of ${max} used`;
  return el('div', { className: limit.full ? 'bar full' : 'bar', role: 'img', 'aria-label': label }, now, past);
}

function limitRow(limit, go) {
  const rule = go(limit.rule, limit.rule, limit.place);
  if (limit.denied) return el('li', {}, rule, ' ', limit.denied.message ?? '');
  const used = limit.full ? limit.before : limit.after;
  const ends = limit.full && limit.retry_after ? `room again in ${duration(limit.retry_after)}`
    : limit.ends_in ? `begins anew in ${duration(limit.ends_in)}` : 'the window slides';
  const left = number(limit.max) - number(used);
  const of = `${used} of ${limit.max} per ${span(limit.window)}, ${Math.round(left * 1e6) / 1e6} left; ${ends}`;
  return el('li', {}, el('div', { className: 'row' }, rule, el('span', {}, of)), bar(limit));
}

/** Lines of the explanation, broken so that they stay under their beginning. */
function steps(lines) {
  const tones = { ok: 'good', DENY: 'bad', FULL: 'bad', '(deny)': 'plain', '(full)': 'plain', true: 'good', false: 'bad', '?': 'wait', '-': 'plain', not: 'plain' };
  return el('div', { className: 'steps' }, lines.filter(Boolean).map((line) => {
    const [, indent, word, gap] = line.match(/^( *)(\S*)(\s*)/);
    const hang = gap.length > 1 ? indent.length + word.length + gap.length : indent.length + (indent ? 0 : 2);
    const paragraph = el('p', {}, indent, tones[word] && (indent || gap.length > 1)
      ? el('b', { className: tones[word] }, word)
      : (!indent && gap.length > 1) || /^(?:asked|limits|in shadow|approval)/.test(line) ? el('b', {}, word) : word,
    line.slice(indent.length + word.length));
    paragraph.style.paddingInlineStart = `${hang}ch`;
    paragraph.style.textIndent = `-${hang}ch`;
    return paragraph;
  }));
}

function answer(told, agent) {
  if (!told.answer) {
    return [el('h3', {}, 'What the agent gets'), el('p', {}, 'The answer of the server: the call goes on to it, byte for byte.')];
  }
  const { status, headers, body } = told.answer;
  const lines = [`HTTP ${status}`, ...headers.map(([name, value]) => `${name}: ${value}`)];
  const text = /^\s*[{[]/.test(body) ? pretty(body) : body;
  const shown = text.length > 20_000 ? `${text.slice(0, 20_000)} …` : text;
  return [el('h3', {}, agent), el('pre', {}, `${lines.join('\n')}${shown ? `\n\n${shown}` : ''}`)];
}

/** The whole of it. `go` makes a button that leads to a rule, `again` repeats the line. */
export function panel(row, number, go, again) {
  if (!row || row.kind === 'nothing') return [el('p', { className: 'empty' }, 'Write a call, or choose an example.')];
  if (row.kind === 'fault') return [el('p', { className: 'bad' }, `Line ${number}, column ${row.at + 1}: ${row.message}`)];
  if (row.kind !== 'call') return [el('p', { className: 'empty' }, 'Counts and clock begin anew here.')];
  const { told } = row;
  const { outcome, message } = last(row);
  const [, word, reason, subject] = (told?.verdict ?? outcome).match(/^([^(:]*?)(?: \(([^)]*)\))?(?:: ?(.*))?$/s) ?? [null, outcome];
  const shown = word === word.toUpperCase() ? word[0] + word.slice(1).toLowerCase() : word;
  const nodes = [
    el('p', { className: `verdict ${tone(outcome)}` }, el('span', {}, shown), reason ? el('small', {}, reason) : null),
    subject ? el('p', { className: 'subject' }, subject) : null,
    el('dl', { className: 'facts' }, [
      ...fact('Message', (told?.message ?? message) && el('span', { className: 'message' }, told?.message ?? message)),
      ...fact('Rule', told?.rule && go(told.rule, told.rule, told.place)),
      ...fact('To change it', told?.remedy),
      ...fact('Stated', row.met === false && row.expected),
    ]),
    el('p', {}, el('button', { type: 'button', className: 'again', onclick: again }, 'Make this call again')),
  ];
  if (told?.limits?.length) {
    nodes.push(el('h3', {}, 'Limits'), el('ul', { className: 'limits' }, told.limits.map((limit) => limitRow(limit, go))));
  }
  if (told?.steps?.length) nodes.push(el('h3', {}, 'How it was decided'), steps(told.steps));
  if (told) nodes.push(...answer(told, told.verdict ? 'What the agent gets' : 'What the approver gets'));
  if (told?.records?.length) {
    nodes.push(el('details', {}, el('summary', {}, 'The record in the log'), told.records.map((line) => el('pre', {}, pretty(line)))));
  }
  return nodes.filter(Boolean);
}
