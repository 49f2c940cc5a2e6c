// The two editors: a policy, with findings, completion and the rule that decided; and
// calls, each with its outcome behind it.

import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { json, jsonLanguage } from '@codemirror/lang-json';
import { bracketMatching, indentOnInput, StreamLanguage, syntaxHighlighting } from '@codemirror/language';
import { lintKeymap, setDiagnostics } from '@codemirror/lint';
import { Annotation, EditorState, StateEffect, StateField } from '@codemirror/state';
import { Decoration, drawSelection, EditorView, highlightSpecialChars, hoverTooltip, keymap, ViewPlugin, WidgetType } from '@codemirror/view';
import { classHighlighter, tags } from '@lezer/highlight';
import { el } from './dom.js';
import { complete, explain } from './schema.js';

const look = EditorView.theme({
  '&': { color: 'var(--ink)' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.6', overflow: 'auto' },
  '.cm-content': { padding: '0.6rem 0', caretColor: 'var(--ink)' },
  '.cm-line': { padding: '0 0.9rem' },
  '.cm-cursor': { borderLeftColor: 'var(--ink)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    background: 'var(--select)',
  },
  '.cm-matchingBracket, &.cm-focused .cm-matchingBracket': { background: 'var(--mark)', outline: '1px solid var(--line)' },
  '.cm-tooltip': {
    background: 'var(--sheet)',
    color: 'var(--ink)',
    border: '1px solid var(--line)',
    borderRadius: '6px',
    boxShadow: '0 4px 18px rgb(0 0 0 / 0.14)',
    maxWidth: 'min(34rem, 90vw)',
  },
  '.cm-tooltip .note, .cm-completionInfo': { padding: '0.55rem 0.8rem', font: '14px/1.45 var(--sans)' },
  '.cm-completionInfo .note': { padding: '0' },
  '.note p': { marginTop: '0.15rem' },
  '.note code': { font: '0.92em var(--mono)' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--mono)', maxHeight: '15rem' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '0.22rem 0.7rem' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': { background: 'var(--mark)', color: 'var(--ink)' },
  '.cm-completionMatchedText': { textDecoration: 'none', fontWeight: '700' },
  '.cm-diagnostic': { font: '14px/1.45 var(--sans)', padding: '0.4rem 0.8rem', borderLeftWidth: '3px' },
  '.cm-diagnostic-error': { borderLeftColor: 'var(--bad)' },
  '.cm-diagnostic-warning': { borderLeftColor: 'var(--wait)' },
  '.cm-panels': { background: 'var(--paper)', color: 'var(--ink)', borderColor: 'var(--line)' },
});

/** The deepest indent that the rest of a broken line keeps. */
const DEEPEST = 24;

/** Classes, since a security policy without inline styles lets no line have its own. */
const hanging = EditorView.theme(Object.fromEntries(Array.from({ length: DEEPEST + 1 }, (_, depth) => [
  `.cm-line.hang-${depth}`,
  { paddingInlineStart: `calc(0.9rem + ${depth + 2}ch)`, textIndent: `-${depth + 2}ch` },
])));

/** Breaks a long line so that its rest is further in than its beginning. */
const hang = ViewPlugin.fromClass(
  class {
    constructor(view) {
      this.decorations = this.lines(view);
    }

    update(update) {
      if (update.docChanged || update.viewportChanged) this.decorations = this.lines(update.view);
    }

    lines(view) {
      const set = [];
      for (const { from, to } of view.visibleRanges) {
        for (let at = from; at <= to; ) {
          const line = view.state.doc.lineAt(at);
          const depth = Math.min(DEEPEST, line.text.search(/\S|$/));
          set.push(Decoration.line({ class: `hang-${depth}` }).range(line.from));
          at = line.to + 1;
        }
      }
      return Decoration.set(set, true);
    }
  },
  { decorations: (plugin) => plugin.decorations },
);

const common = (label) => [
  // The nonce of the page's security policy, for the rules of the editor's look.
  EditorView.cspNonce.of('editor'),
  EditorView.contentAttributes.of({ 'aria-label': label, tabindex: '0', spellcheck: 'false', autocapitalize: 'off', autocorrect: 'off' }),
  EditorView.lineWrapping,
  EditorState.tabSize.of(2),
  highlightSpecialChars(),
  history(),
  drawSelection(),
  bracketMatching(),
  syntaxHighlighting(classHighlighter),
  look,
  hanging,
  hang,
];

/** A change that the page makes, and not a person. */
export const Made = Annotation.define();

/** Decorations that an effect replaces, and that move with the text. */
function marks(replace) {
  return StateField.define({
    create: () => Decoration.none,
    update(set, transaction) {
      for (const effect of transaction.effects) if (effect.is(replace)) return effect.value;
      return set.map(transaction.changes);
    },
    provide: (field) => EditorView.decorations.from(field),
  });
}

const decide = StateEffect.define();

/** The editor of a policy. */
export function policyEditor(parent, changed) {
  return new EditorView({
    parent,
    state: EditorState.create({
      extensions: [
        common('Policy'),
        json(),
        jsonLanguage.data.of({ autocomplete: complete }),
        autocompletion({ icons: false }),
        closeBrackets(),
        indentOnInput(),
        hoverTooltip(explain),
        marks(decide),
        keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...completionKeymap, ...lintKeymap]),
        EditorView.updateListener.of((update) => update.docChanged && changed()),
      ],
    }),
  });
}

const clamp = (place, length) => Math.min(Math.max(0, place), length);

/** Shows findings in the text. */
export function showFindings(view, findings) {
  const { length } = view.state.doc;
  const diagnostics = findings.map(({ from, to, severity, path, message }) => ({
    from: clamp(from, length),
    to: clamp(Math.max(from, to), length),
    severity,
    message: path ? `${path}: ${message}` : message,
  }));
  view.dispatch(setDiagnostics(view.state, diagnostics));
}

/** Marks the lines of the rule that decided. */
export function showDecided(view, place, tone) {
  const lines = [];
  const { doc } = view.state;
  if (place && place.to <= doc.length) {
    const [first, last] = [doc.lineAt(place.from).number, doc.lineAt(place.to).number];
    for (let number = first; number <= last; number += 1) {
      lines.push(Decoration.line({ class: `decided ${tone}` }).range(doc.line(number).from));
    }
  }
  view.dispatch({ effects: decide.of(Decoration.set(lines)) });
}

/** Goes to a place of the text. */
export function reveal(view, from, to = from) {
  const { length } = view.state.doc;
  const selection = { anchor: clamp(from, length), head: clamp(to, length) };
  view.dispatch({ selection, effects: EditorView.scrollIntoView(selection.anchor, { y: 'center' }) });
  view.focus();
}

/** The text of an editor is replaced, by the page. */
export function replace(view, text, line = 0) {
  view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text }, annotations: Made.of(true) });
  const { doc } = view.state;
  const anchor = doc.line(Math.min(Math.max(1, line + 1), doc.lines)).from;
  view.dispatch({ selection: { anchor }, annotations: Made.of(true) });
}

// Calls.

const callLanguage = StreamLanguage.define({
  startState: () => ({ isCall: true }),
  token(stream, state) {
    if (stream.sol()) state.isCall = true;
    if (stream.eatSpace()) return null;
    if (state.isCall && stream.match(/^#.*/)) return 'comment';
    if (stream.match(/^\d\d:\d\d:\d\d(?=\s|$)/)) return 'comment';
    if (state.isCall && stream.match(/^(?:case|day)(?= \S*$)/)) return 'comment';
    if (stream.match(/^"(?:[^"\\]|\\.)*"?(?=\s*:)/)) return 'propertyName';
    if (stream.match(/^"(?:[^"\\]|\\.)*"?/)) return 'string';
    if (!state.isCall && stream.match(/^-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/)) return 'number';
    if (stream.match(/^[{}[\](),;:=]/)) return 'punctuation';
    if (state.isCall) {
      state.isCall = false;
      if (stream.match(/^(?:approve it|deny it)/)) return 'variableName';
      stream.match(/^[^\s,]+/) || stream.next();
      return 'variableName';
    }
    if (stream.match(/^(?:claim|certificate|no Accept|ends|times)\b/)) return 'comment';
    stream.match(/^[\w./*-]+/) || stream.next();
    return null;
  },
  tokenTable: { propertyName: tags.propertyName, variableName: tags.variableName, punctuation: tags.punctuation },
});

const outcomes = StateEffect.define();

class Outcome extends WidgetType {
  constructor(parts) {
    super();
    this.parts = parts;
    this.key = JSON.stringify(parts);
  }

  eq(other) {
    return other.key === this.key;
  }

  // A click on it is one on its line.
  ignoreEvent() {
    return false;
  }

  toDOM() {
    // Texts of the style sheet: what Chromium keeps of a node that one types over would
    // become a part of the calls.
    return el('span', { className: 'outcome' }, this.parts.map(({ sign, tone, text }) =>
      el('span', { className: tone, 'data-sign': sign, 'data-text': text })));
  }
}

/** The editor of calls. */
export function callsEditor(parent, changed, moved) {
  return new EditorView({
    parent,
    state: EditorState.create({
      extensions: [
        common('Calls, one a line'),
        callLanguage,
        marks(outcomes),
        keymap.of([...defaultKeymap, ...historyKeymap, ...lintKeymap]),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) changed();
          else if (update.selectionSet) moved();
        }),
      ],
    }),
  });
}

/** The number of the line with the cursor, from 0. */
export const lineOf = (view) => view.state.doc.lineAt(view.state.selection.main.head).number - 1;

/** Shows the outcome of each line behind it, and which one is told below. */
export function showOutcomes(view, rows, picked) {
  const { doc } = view.state;
  const set = [];
  rows.forEach((parts, at) => {
    if (at >= doc.lines) return;
    const line = doc.line(at + 1);
    if (at === picked) set.push(Decoration.line({ class: 'picked' }).range(line.from));
    if (parts.length) set.push(Decoration.widget({ widget: new Outcome(parts), side: 1 }).range(line.to));
  });
  view.dispatch({ effects: outcomes.of(Decoration.set(set)) });
}
