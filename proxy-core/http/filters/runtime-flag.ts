import type { MessageReader } from '../../config/reader.ts';

/** `envoy.config.core.v3.RuntimeFeatureFlag`, compiled. */
export interface RuntimeFlag {
  readonly otherwise: boolean;
  /** Empty: `otherwise` holds. */
  readonly key: string;
}

/** A flag that is left out is on. */
export function compileRuntimeFlag(reader: MessageReader | undefined): RuntimeFlag {
  return { otherwise: reader?.bool('default_value') ?? true, key: reader?.string('runtime_key') ?? '' };
}

export function flagEnabled(flag: RuntimeFlag, runtime: ReadonlyMap<string, unknown>): boolean {
  const value = flag.key === '' ? undefined : runtime.get(flag.key);
  return typeof value === 'boolean' ? value : flag.otherwise;
}
