/** protobuf's bounds: about 10,000 years. */
const MAX_SECONDS = 315_576_000_000;

export type DurationReading = { readonly ms: number } | { readonly problem: string };

/** `1s`, `0.25s`: digits, a fraction of at most nine, a final s. Answers milliseconds or what is wrong. */
export function readDuration(text: string): DurationReading {
  const match = /^(-?)(\d+)(?:\.(\d+))?s$/.exec(text);
  if (match === null) return { problem: 'is not a duration' };
  const fraction = match[3] ?? '';
  if (fraction.length > 9) return { problem: 'has more than nine decimals' };
  const seconds = Number(match[2]);
  if (seconds > MAX_SECONDS) return { problem: 'is longer than a duration can be' };
  const ms = seconds * 1000 + Number(fraction.padEnd(9, '0')) / 1e6;
  if (match[1] === '-' && ms > 0) return { problem: 'is negative' };
  return { ms };
}

/** What was probably meant: `500ms` → `0.5s`, `1m` → `60s`, `2` → `2s`, `.25s` → `0.25s`. */
export function suggestDuration(text: string): string | undefined {
  const match =
    /^(\d*\.?\d+)\s*(ns|us|µs|ms|s|sec|secs|seconds?|m|min|mins|minutes?|h|hours?|d|days?)?$/i.exec(
      text.trim(),
    );
  if (match === null) return undefined;
  const amount = Number(match[1]);
  const ms = amount * unitInMilliseconds((match[2] ?? 's').toLowerCase());
  const seconds = (ms / 1000).toFixed(9).replace(/\.?0+$/, '');
  return `${seconds}s`;
}

function unitInMilliseconds(unit: string): number {
  if (unit === 'ns') return 1e-6;
  if (unit === 'us' || unit === 'µs') return 1e-3;
  if (unit === 'ms') return 1;
  if (unit.startsWith('s')) return 1000;
  if (unit.startsWith('m')) return 60_000;
  if (unit.startsWith('h')) return 3_600_000;
  return 86_400_000;
}
