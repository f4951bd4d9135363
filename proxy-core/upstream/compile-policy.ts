import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import type { LoadBalancingConfig, SlowStartConfig } from './cluster-config.ts';

const MAX_RING_SIZE = 8 * 1024 * 1024;

/** `slow_start_config` of round robin and least request. */
export function readSlowStart(reader: MessageReader | undefined): SlowStartConfig | null {
  const config = reader?.message('slow_start_config');
  const window = config?.duration('slow_start_window') ?? 0;
  if (config === undefined || window <= 0) return null;
  const aggression = config.message('aggression')?.number('default_value') ?? 1;
  return {
    window,
    aggression: aggression > 0 ? aggression : 1,
    minimumWeight: (config.message('min_weight_percent')?.number('value') ?? 10) / 100,
  };
}

export function readLeastRequest(reader: MessageReader | undefined): LoadBalancingConfig['leastRequest'] {
  return {
    choiceCount: reader?.number('choice_count') ?? 2,
    activeRequestBias: reader?.message('active_request_bias')?.number('default_value') ?? 1,
    fullScan:
      reader?.has('selection_method') === true && reader.enumeration('selection_method') === 'FULL_SCAN',
  };
}

export function readRingHash(
  reader: MessageReader | undefined,
  ctx: CompileContext,
): LoadBalancingConfig['ringHash'] {
  const minimumSize = reader?.number('minimum_ring_size') ?? 1024;
  const maximumSize = reader?.number('maximum_ring_size') ?? MAX_RING_SIZE;
  if (reader !== undefined && minimumSize > maximumSize) {
    ctx.report(
      'error',
      'cluster.ring-size',
      reader,
      'minimum_ring_size',
      `minimum_ring_size (${minimumSize}) is above maximum_ring_size (${maximumSize}).`,
    );
  }
  if (reader?.enumeration('hash_function') === 'MURMUR_HASH_2') {
    ctx.report(
      'notice',
      'cluster.hash-function-not-emulated',
      reader,
      'hash_function',
      'MURMUR_HASH_2 is not emulated: XX_HASH is used, so requests fall on other hosts.',
    );
  }
  return { minimumSize, maximumSize };
}

export function readMaglev(reader: MessageReader | undefined, ctx: CompileContext): number {
  const size = reader?.number('table_size') ?? 65537;
  if (reader !== undefined && !isPrime(size)) {
    ctx.report(
      'error',
      'cluster.maglev-table-size',
      reader,
      'table_size',
      `The size of a Maglev table must be a prime number; ${size} is not.`,
    );
    return 65537;
  }
  return size;
}

function isPrime(n: number): boolean {
  if (n < 2) return false;
  for (let i = 2; i * i <= n; i++) if (n % i === 0) return false;
  return true;
}
