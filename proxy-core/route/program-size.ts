import type { RE2JS } from 're2js';

/**
 * The size of a pattern's program as C++ RE2 counts it (`RE2::ProgramSize`), which Envoy limits to 100. It differs
 * from the count of the engine used here: RE2 works on UTF-8 bytes, searches by an own prefix loop, strips anchors
 * and a literal prefix, and drops the branches of alternations. Measured on patterns of all these kinds; a deeply
 * nested one may be off by a few.
 */
export function re2ProgramSize(pattern: RE2JS, text: string): number {
  const program = (pattern as unknown as { re2Input: { prog: Program } }).re2Input.prog;
  let size = program.inst.length;
  let alternatives = 0;
  for (const instruction of program.inst) {
    if (instruction.op === OP_ALT) alternatives++;
    else if (instruction.op >= OP_RUNE) size += byteRanges(instruction) - 1;
  }
  const signs = countSigns(text);
  size -= signs.star;
  size -= Math.max(0, Math.min(signs.alternation, alternatives - signs.star - signs.plus - signs.optional));
  if (signs.endsWithDollar) size--;
  const first = program.inst[program.start];
  if (first === undefined || first.op !== OP_EMPTY_WIDTH || (first.arg & BEGIN_TEXT) === 0)
    return size + SEARCH_LOOP;
  const prefix = literalPrefix(program, first.out);
  return prefix === 0 ? size - 1 : size - 1 - prefix + SEARCH_LOOP;
}

interface Instruction {
  readonly op: number;
  readonly out: number;
  readonly arg: number;
  /** Pairs of first and last code point, or a single one. */
  readonly runes: ArrayLike<number>;
}

interface Program {
  readonly inst: readonly Instruction[];
  readonly start: number;
}

const OP_ALT = 1;
const OP_EMPTY_WIDTH = 4;
/** This and all above it match a character. */
const OP_RUNE = 8;
const OP_ANY = 10;
const BEGIN_TEXT = 4;
/** Instructions of the loop that tries each position. */
const SEARCH_LOOP = 2;
const MAX_RUNE = 0x10ffff;
/** What the range from U+0080 to the end takes in UTF-8. */
const ALL_MULTIBYTE = 6;

function byteRanges({ op, runes }: Instruction): number {
  if (op === OP_ANY) return 1 + ALL_MULTIBYTE;
  if (runes.length === 1) return utf8Length(runes[0] as number);
  const ascii = new Set<string>();
  let multibyte = 0;
  for (let i = 0; i + 1 < runes.length; i += 2) {
    const from = runes[i] as number;
    const to = runes[i + 1] as number;
    // Upper and lower case of the same letters are one instruction.
    if (from < 0x80) ascii.add(String.fromCharCode(from, Math.min(to, 0x7f)).toLowerCase());
    if (to < 0x80) continue;
    multibyte += to === MAX_RUNE && from <= 0x80 ? ALL_MULTIBYTE : utf8Length(to);
  }
  return Math.max(1, ascii.size + multibyte);
}

function utf8Length(rune: number): number {
  return rune < 0x80 ? 1 : rune < 0x800 ? 2 : rune < 0x10000 ? 3 : 4;
}

/** How many literal characters follow an anchor: RE2 compares them apart. */
function literalPrefix(program: Program, start: number): number {
  let length = 0;
  for (let at = start; ; length++) {
    const instruction = program.inst[at];
    if (instruction === undefined || instruction.op < OP_RUNE || instruction.op >= OP_ANY) return length;
    if (instruction.runes.length !== 1) return length;
    at = instruction.out;
  }
}

interface Signs {
  star: number;
  plus: number;
  optional: number;
  alternation: number;
  endsWithDollar: boolean;
}

/** Counts operators outside of classes and escapes. */
function countSigns(text: string): Signs {
  const signs: Signs = { star: 0, plus: 0, optional: 0, alternation: 0, endsWithDollar: false };
  let inClass = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === '\\') {
      i++;
    } else if (inClass) {
      if (char === ']') inClass = false;
    } else if (char === '[') {
      inClass = true;
      if (text[i + 1] === '^') i++;
      if (text[i + 1] === ']') i++;
    } else if (char === '*') signs.star++;
    else if (char === '+') signs.plus++;
    else if (char === '?' && text[i - 1] !== '(') signs.optional++;
    else if (char === '|') signs.alternation++;
    else if (char === '$' && i === text.length - 1) signs.endsWithDollar = true;
  }
  return signs;
}
