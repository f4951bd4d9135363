import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';

/** `RuntimeFractionalPercent`, compiled. */
export interface Fraction {
  readonly numerator: number;
  readonly denominator: number;
  readonly runtimeKey: string;
}

const DENOMINATORS: Readonly<Record<string, number>> = {
  HUNDRED: 100,
  TEN_THOUSAND: 10_000,
  MILLION: 1_000_000,
};

export function compileFraction(reader: MessageReader, _ctx: CompileContext): Fraction {
  const value = reader.message('default_value');
  return {
    numerator: value?.number('numerator') ?? 0,
    denominator: DENOMINATORS[value?.enumeration('denominator') ?? 'HUNDRED'] ?? 100,
    runtimeKey: reader.string('runtime_key') ?? '',
  };
}

/** The share that is in force: a whole number in the runtime is a percentage, an object a fraction of its own. */
export function effectiveFraction(fraction: Fraction, runtime: ReadonlyMap<string, unknown>): Fraction {
  if (fraction.runtimeKey === '') return fraction;
  const value = runtime.get(fraction.runtimeKey);
  if (typeof value === 'number') return { ...fraction, numerator: value, denominator: 100 };
  if (typeof value === 'object' && value !== null) {
    const { numerator, denominator } = value as { numerator?: unknown; denominator?: unknown };
    if (typeof numerator === 'number') {
      return { ...fraction, numerator, denominator: DENOMINATORS[String(denominator)] ?? 100 };
    }
  }
  return fraction;
}

/** `random % denominator < numerator`. */
export function fractionHits(
  fraction: Fraction,
  random: number,
  runtime: ReadonlyMap<string, unknown>,
): boolean {
  const effective = effectiveFraction(fraction, runtime);
  return random % effective.denominator < effective.numerator;
}
