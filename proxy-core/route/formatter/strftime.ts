/**
 * Time formats of `%START_TIME(…)%`: strftime as Envoy's DateFormatter has it (source/common/common/utility.h),
 * with `%s`, `%f` and `%1f`…`%9f` beside absl's `%E3S`. An unknown specifier is printed as it stands.
 */
export type TimeFormat = (wall: number) => string;

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const;
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const;

let cachedSecond = -1;
let cachedPrefix = '';

/** `2026-11-22T15:27:03.322Z`; the part up to the second is kept from line to line. */
export function isoTime(wall: number): string {
  if (!isPrintable(wall)) return '-';
  const second = Math.floor(wall / 1000);
  if (second !== cachedSecond) {
    cachedSecond = second;
    cachedPrefix = new Date(second * 1000).toISOString().slice(0, 20);
  }
  const milliseconds = Math.floor(wall - second * 1000);
  return milliseconds < 10
    ? `${cachedPrefix}00${milliseconds}Z`
    : milliseconds < 100
      ? `${cachedPrefix}0${milliseconds}Z`
      : `${cachedPrefix}${milliseconds}Z`;
}

interface BrokenTime {
  readonly wall: number;
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly weekday: number;
  /** Minutes east of UTC. */
  readonly offset: number;
}

type Piece = string | ((time: BrokenTime) => string);

export function timeFormat(format: string, local: boolean): TimeFormat {
  const pieces = parse(format);
  return (wall) => {
    if (!isPrintable(wall)) return '-';
    const time = breakDown(wall, local);
    let text = '';
    for (const piece of pieces) text += typeof piece === 'string' ? piece : piece(time);
    return text;
  };
}

function isPrintable(wall: number): boolean {
  return wall >= 0 && wall <= 253_402_300_799_999;
}

function breakDown(wall: number, local: boolean): BrokenTime {
  const offset = local ? -new Date(wall).getTimezoneOffset() : 0;
  const date = new Date(wall + offset * 60_000);
  return {
    wall,
    year: date.getUTCFullYear(),
    month: date.getUTCMonth(),
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    weekday: date.getUTCDay(),
    offset,
  };
}

function parse(format: string): Piece[] {
  const pieces: Piece[] = [];
  const specifier = /%(?:E([0-9]|\*)S|([1-9])f|E?[Yz]|[A-Za-z%])/y;
  let literal = '';
  for (let at = 0; at < format.length; ) {
    specifier.lastIndex = at;
    const found = specifier.exec(format);
    const piece = found === null ? null : pieceOf(found[0], found[1], found[2]);
    if (found === null || piece === null) {
      literal += format[at];
      at++;
      continue;
    }
    if (literal !== '') pieces.push(literal);
    literal = '';
    pieces.push(piece);
    at += found[0].length;
  }
  if (literal !== '') pieces.push(literal);
  return pieces;
}

function pieceOf(text: string, secondDigits: string | undefined, digits: string | undefined): Piece | null {
  if (secondDigits !== undefined) {
    return (t) => {
      const fraction = fractionDigits(t.wall, secondDigits === '*' ? 9 : Number(secondDigits));
      const shown = secondDigits === '*' ? fraction.replace(/0+$/, '') : fraction;
      return shown === '' ? pad2(t.second) : `${pad2(t.second)}.${shown}`;
    };
  }
  if (digits !== undefined) return (t) => fractionDigits(t.wall, Number(digits));
  return SPECIFIERS[text.slice(1)] ?? null;
}

/** Digits after the second. Wall time here is in milliseconds; the rest are zeros. */
function fractionDigits(wall: number, digits: number): string {
  const nanoseconds = Math.floor((wall - Math.floor(wall / 1000) * 1000) * 1e6);
  return String(nanoseconds).padStart(9, '0').slice(0, digits);
}

function pad2(n: number): string {
  return n < 10 ? `0${n}` : String(n);
}

function zone(offset: number, separator: string): string {
  const absolute = Math.abs(offset);
  return `${offset < 0 ? '-' : '+'}${pad2(Math.floor(absolute / 60))}${separator}${pad2(absolute % 60)}`;
}

function dayOfYear(t: BrokenTime): number {
  return Math.floor((Date.UTC(t.year, t.month, t.day) - Date.UTC(t.year, 0, 1)) / 86_400_000) + 1;
}

function clock(t: BrokenTime): string {
  return `${pad2(t.hour)}:${pad2(t.minute)}:${pad2(t.second)}`;
}

/** ISO 8601 week: the week that holds the year's first Thursday is the first. */
function isoWeek(t: BrokenTime): { year: number; week: number } {
  const thursday = new Date(Date.UTC(t.year, t.month, t.day + 3 - ((t.weekday + 6) % 7)));
  const year = thursday.getUTCFullYear();
  const days = (thursday.getTime() - Date.UTC(year, 0, 1)) / 86_400_000;
  return { year, week: Math.floor(days / 7) + 1 };
}

function hour12(hour: number): number {
  return hour % 12 === 0 ? 12 : hour % 12;
}

const SPECIFIERS: Readonly<Record<string, Piece>> = {
  '%': '%',
  n: '\n',
  t: '\t',
  a: (t) => (DAYS[t.weekday] as string).slice(0, 3),
  A: (t) => DAYS[t.weekday] as string,
  b: (t) => (MONTHS[t.month] as string).slice(0, 3),
  h: (t) => (MONTHS[t.month] as string).slice(0, 3),
  B: (t) => MONTHS[t.month] as string,
  c: (t) =>
    `${(DAYS[t.weekday] as string).slice(0, 3)} ${(MONTHS[t.month] as string).slice(0, 3)} ${String(t.day).padStart(2)} ${clock(t)} ${t.year}`,
  C: (t) => pad2(Math.floor(t.year / 100)),
  d: (t) => pad2(t.day),
  D: (t) => `${pad2(t.month + 1)}/${pad2(t.day)}/${pad2(t.year % 100)}`,
  e: (t) => String(t.day).padStart(2),
  f: (t) => fractionDigits(t.wall, 9),
  F: (t) => `${t.year}-${pad2(t.month + 1)}-${pad2(t.day)}`,
  g: (t) => pad2(isoWeek(t).year % 100),
  G: (t) => String(isoWeek(t).year),
  H: (t) => pad2(t.hour),
  I: (t) => pad2(hour12(t.hour)),
  j: (t) => String(dayOfYear(t)).padStart(3, '0'),
  k: (t) => String(t.hour).padStart(2),
  l: (t) => String(hour12(t.hour)).padStart(2),
  m: (t) => pad2(t.month + 1),
  M: (t) => pad2(t.minute),
  p: (t) => (t.hour < 12 ? 'AM' : 'PM'),
  r: (t) => `${pad2(hour12(t.hour))}:${pad2(t.minute)}:${pad2(t.second)} ${t.hour < 12 ? 'AM' : 'PM'}`,
  R: (t) => `${pad2(t.hour)}:${pad2(t.minute)}`,
  s: (t) => String(Math.floor(t.wall / 1000)),
  S: (t) => pad2(t.second),
  T: clock,
  u: (t) => String(t.weekday === 0 ? 7 : t.weekday),
  U: (t) => pad2(Math.floor((dayOfYear(t) + 6 - t.weekday) / 7)),
  V: (t) => pad2(isoWeek(t).week),
  w: (t) => String(t.weekday),
  W: (t) => pad2(Math.floor((dayOfYear(t) + 6 - ((t.weekday + 6) % 7)) / 7)),
  x: (t) => `${pad2(t.month + 1)}/${pad2(t.day)}/${pad2(t.year % 100)}`,
  X: clock,
  y: (t) => pad2(t.year % 100),
  Y: (t) => String(t.year),
  z: (t) => zone(t.offset, ''),
  Ez: (t) => zone(t.offset, ':'),
  Z: (t) => (t.offset === 0 ? 'UTC' : zone(t.offset, '')),
};

/** `2026-11-22T15:27:03.322+0000`, in the machine's zone. */
export const localIsoTime: TimeFormat = timeFormat('%Y-%m-%dT%H:%M:%E3S%z', true);
