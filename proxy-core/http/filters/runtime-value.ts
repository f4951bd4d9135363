import type { MessageReader } from '../../config/reader.ts';

/** A number that a runtime key may override: `RuntimeDouble`, `RuntimeUInt32` or `RuntimePercent`, compiled. */
export interface RuntimeNumber {
  readonly otherwise: number;
  /** Empty: `otherwise` holds. */
  readonly key: string;
}

export function compileRuntimeNumber(reader: MessageReader | undefined, absent: number): RuntimeNumber {
  return {
    otherwise: reader === undefined ? absent : (reader.number('default_value') ?? 0),
    key: reader?.string('runtime_key') ?? '',
  };
}

/** A percentage, 0 to 100. */
export function compileRuntimePercentage(reader: MessageReader | undefined, absent: number): RuntimeNumber {
  return {
    otherwise: reader === undefined ? absent : (reader.message('default_value')?.number('value') ?? 0),
    key: reader?.string('runtime_key') ?? '',
  };
}

export function runtimeNumber(value: RuntimeNumber, runtime: ReadonlyMap<string, unknown>): number {
  const found = value.key === '' ? undefined : runtime.get(value.key);
  return typeof found === 'number' ? found : value.otherwise;
}
