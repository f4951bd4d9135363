/** Draws a whole number below `n`. */
export type Draw = (n: number) => number;

/** What broken and unusual YAML is made of. */
export const PIECES: readonly string[] = [
  ...[
    ': ',
    ':',
    '- ',
    '-',
    '\n',
    '\n\n',
    ' ',
    '  ',
    '{',
    '}',
    '[',
    ']',
    ',',
    ', ',
    '"',
    "'",
    '#',
    ' # c\n',
    '\t',
  ],
  ...[
    '|\n',
    '|-\n',
    '>\n',
    '? ',
    '&a ',
    '*a',
    '!!str ',
    '---\n',
    '...\n',
    '%',
    '<<: ',
    '\r\n',
    '\\',
    '\\u00e9',
  ],
  ...[
    'name',
    'x',
    '1',
    '-1',
    '.5',
    '~',
    'null',
    'yes',
    'é',
    '\u00a0',
    '@',
    '`',
    '0x1F',
    'a: b',
    '"q"',
    "''",
    '\\x41',
  ],
];

const WORDS: readonly string[] = [
  ...[
    'a',
    'name',
    'type_url',
    'x-y',
    '127.0.0.1',
    '10',
    '-3',
    '0.25s',
    'true',
    'no',
    '~',
    '/p/*.x',
    'a b c',
    '.5',
  ],
  ...[
    'http://h:80/p?q=1',
    'a#b',
    'é',
    '%X%',
    '$v',
    '(x)',
    '+1',
    '0x10',
    '1e3',
    'a:b',
    'x=y',
    '^a$',
    'a]b',
    'a{b}',
  ],
];
const QUOTED: readonly string[] = [
  ...[
    '""',
    "''",
    '"a: b"',
    '"# no"',
    "'it''s'",
    '"\\n\\t\\"\\\\\\/"',
    '"\\u00e9"',
    '"tab\there"',
    '"{[,]}"',
    '"-"',
  ],
];

/**
 * YAML as people write it, and nearly so: nested block and flow maps and lists, literal blocks, quotes, comments, empty
 * lines, lists beside their key, line breaks in brackets, `---`, CRLF. Most of it is right, not all.
 */
export function yamlText(draw: Draw): string {
  const one = (list: readonly string[]): string => list[draw(list.length)] as string;
  let keys = 0;
  const key = (): string => {
    const word = draw(12) === 0 ? one(WORDS) : `k${draw(25) === 0 ? 0 : keys++}`;
    return draw(6) === 0 ? `"${word}"` : draw(12) === 0 ? `'${word}'` : word;
  };
  const lineEnd = (): string => {
    const comment =
      draw(7) === 0 ? `${' '.repeat(1 + draw(2))}# it's: {a} "comment"` : draw(15) === 0 ? '  ' : '';
    const empty = draw(10) === 0 ? '\n' : draw(14) === 0 ? `\n${' '.repeat(draw(6))}# of its own` : '';
    return `${comment}${empty}\n`;
  };
  const scalar = (): string => (draw(4) === 0 ? one(QUOTED) : one(WORDS));
  const space = (indent: number): string =>
    draw(8) === 0
      ? `\n${' '.repeat(indent + draw(4))}`
      : draw(20) === 0
        ? ` # c\n${' '.repeat(indent + 1)}`
        : '';
  const flow = (indent: number, depth: number): string => {
    const value = (): string => (depth < 4 && draw(3) === 0 ? flow(indent, depth + 1) : scalar());
    const members: string[] = [];
    const isMap = draw(2) === 0;
    for (let n = draw(4); n > 0; n--) {
      const colon = draw(12) === 0 ? ':' : draw(20) === 0 ? ' : ' : ': ';
      members.push(isMap ? `${key()}${colon}${space(indent)}${value()}` : value());
    }
    const inner = members
      .map((member) => `${space(indent)}${member}${space(indent)}`)
      .join(draw(6) === 0 ? ',' : ', ');
    const trailing = members.length > 0 && draw(12) === 0 ? ',' : '';
    return isMap ? `{ ${inner}${trailing} }` : `[${inner}${trailing}${space(indent)}]`;
  };
  const literal = (indent: number): string => {
    const pad = ' '.repeat(indent);
    let lines = '';
    for (let n = 1 + draw(3); n > 0; n--) {
      lines += `${pad}${' '.repeat(lines === '' ? 0 : draw(3))}${one(['text', 'if: x # y', '- a', '"q', 'end  '])}\n`;
      if (draw(5) === 0) lines += `${' '.repeat(draw(indent + 1))}\n`;
    }
    return `${one(['|', '|-', '|', '|+', '>'])}\n${lines}`;
  };
  /** What stands behind a colon or dash, from the blank on. */
  const value = (indent: number, depth: number, inMap: boolean): string => {
    switch (depth > 5 ? draw(3) : draw(9)) {
      case 0:
      case 1:
        return ` ${' '.repeat(draw(5) === 0 ? 1 : 0)}${scalar()}${lineEnd()}`;
      case 2:
        return ` ${flow(indent + 1, 0)}${lineEnd()}`;
      case 3:
        return ` ${literal(indent + 1 + draw(3))}`;
      case 4:
        return draw(3) === 0
          ? lineEnd()
          : `${lineEnd()}${' '.repeat(indent + 2)}${draw(2) === 0 ? scalar() : flow(indent, 0)}\n`;
      case 5:
      case 6: {
        const deeper = inMap && draw(2) === 0 ? indent : indent + 1 + draw(3);
        return `${lineEnd()}${list(deeper, depth + 1)}`;
      }
      default:
        return `${lineEnd()}${map(indent + 1 + draw(3), depth + 1)}`;
    }
  };
  const map = (indent: number, depth: number): string => {
    let text = '';
    for (let n = 1 + draw(4); n > 0; n--)
      text += `${' '.repeat(indent)}${key()}:${value(indent, depth, true)}`;
    return text;
  };
  const list = (indent: number, depth: number): string => {
    let text = '';
    for (let n = 1 + draw(3); n > 0; n--) {
      const inline = draw(3);
      const wide = 1 + draw(2);
      const column = indent + 1 + wide;
      text += `${' '.repeat(indent)}-`;
      if (inline === 0) text += value(indent, depth, false);
      else
        text +=
          ' '.repeat(wide) + (inline === 1 ? map(column, depth + 1) : list(column, depth + 1)).trimStart();
      if (depth > 4) break;
    }
    return text;
  };
  const head =
    draw(10) === 0 ? '---\n' : draw(12) === 0 ? '# first\n\n---\n' : draw(10) === 0 ? '# only\n' : '';
  const root = draw(6);
  const text =
    head + (root === 0 ? list(0, 0) : root === 1 ? `${flow(0, 0)}\n` : map(draw(8) === 0 ? 2 : 0, 0));
  const ended = draw(10) === 0 ? text.trimEnd() : text;
  return draw(10) === 0 ? ended.replaceAll('\n', '\r\n') : ended;
}

/** Cuts, doubles and swaps some pieces of a text, and puts in what does not belong. */
export function mutated(text: string, draw: Draw): string {
  let result = text;
  for (let n = 1 + draw(3); n > 0; n--) {
    const from = draw(result.length + 1);
    const piece =
      draw(2) === 0 ? (PIECES[draw(PIECES.length)] as string) : text.substr(draw(text.length + 1), draw(20));
    result =
      result.slice(0, from) +
      (draw(3) === 0 ? '' : piece) +
      result.slice(from + (draw(2) === 0 ? 0 : draw(8)));
  }
  return result;
}
