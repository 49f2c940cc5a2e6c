// Elements without markup in texts: every text on the page is a text.

/** An element with properties and children; `null` and `false` are left out. */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== false && child !== undefined));
  return element;
}

export const byId = (id) => document.getElementById(id);

/**
 * JSON over several lines. Only white space between its parts is changed, so that numbers
 * keep their spelling.
 */
export function pretty(json) {
  const parts = json.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/gs) ?? [];
  let [text, depth] = ['', 0];
  const line = () => '\n' + '  '.repeat(depth);
  parts.forEach((part, at) => {
    if (part === '{' || part === '[') {
      depth += 1;
      text += part + (/[}\]]/.test(parts[at + 1] ?? '') ? '' : line());
    } else if (part === '}' || part === ']') {
      depth = Math.max(0, depth - 1);
      text += (/[{[]/.test(parts[at - 1] ?? '') ? '' : line()) + part;
    } else if (part === ',') {
      text += part + line();
    } else {
      text += part === ':' ? ': ' : part;
    }
  });
  return text;
}
