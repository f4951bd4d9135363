import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import { compileFraction, type Fraction } from '../../route/fraction.ts';

const DENOMINATORS: Readonly<Record<string, number>> = {
  HUNDRED: 100,
  TEN_THOUSAND: 10_000,
  MILLION: 1_000_000,
};

/** `envoy.type.v3.FractionalPercent`; nothing is 0 %. */
export function compilePercent(reader: MessageReader | undefined, runtimeKey: string): Fraction {
  return {
    numerator: reader?.number('numerator') ?? 0,
    denominator: DENOMINATORS[reader?.enumeration('denominator') ?? 'HUNDRED'] ?? 100,
    runtimeKey,
  };
}

/** A `RuntimeFractionalPercent` field; `otherwise` is the percentage of one that is left out. */
export function compileRuntimePercent(
  reader: MessageReader,
  field: string,
  otherwise: number,
  ctx: CompileContext,
): Fraction {
  const message = reader.message(field);
  return message === undefined
    ? { numerator: otherwise, denominator: 100, runtimeKey: '' }
    : compileFraction(message, ctx);
}

/** `50 %`, `1 of 1000000`. */
export function fractionText(fraction: Fraction): string {
  return fraction.denominator === 100
    ? `${fraction.numerator} %`
    : `${fraction.numerator} of ${fraction.denominator}`;
}
