import { subsetCriteria } from '../base/subset-criteria.ts';
import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import type { SubsetConfig, SubsetFallback, SubsetSelector } from './cluster-config.ts';

/** `lb_subset_config`, or the subset policy extension: their fields are the same. */
export function readSubset(reader: MessageReader | undefined, ctx: CompileContext): SubsetConfig | null {
  if (reader === undefined) return null;
  const selectors = reader.messages('subset_selectors').map((one) => readSelector(one, ctx));
  const defaultSubset = reader.json('default_subset') as Record<string, unknown> | undefined;
  const config: SubsetConfig = {
    fallback: (reader.enumeration('fallback_policy') ?? 'NO_FALLBACK') as SubsetFallback,
    defaultSubset: defaultSubset === undefined ? null : subsetCriteria(defaultSubset),
    selectors,
    localityWeightAware: reader.bool('locality_weight_aware') ?? false,
    scaleLocalityWeight: reader.bool('scale_locality_weight') ?? false,
    panicModeAny: reader.bool('panic_mode_any') ?? false,
    listAsAny: reader.bool('list_as_any') ?? false,
    fallbackList: reader.enumeration('metadata_fallback_policy') === 'FALLBACK_LIST',
  };
  // Without selectors there are no subsets (envoy LoadBalancerSubsetInfoImpl::isEnabled).
  return selectors.length === 0 ? null : config;
}

function readSelector(reader: MessageReader, ctx: CompileContext): SubsetSelector {
  const keys = [...new Set(reader.strings('keys'))].sort();
  const fallback = (reader.enumeration('fallback_policy') ?? 'NOT_DEFINED') as SubsetSelector['fallback'];
  const fallbackKeys = [...new Set(reader.strings('fallback_keys_subset'))].sort();
  if (fallback === 'KEYS_SUBSET') {
    const refuse = (message: string): void =>
      ctx.report('error', 'cluster.subset-fallback-keys', reader, 'fallback_keys_subset', message);
    if (fallbackKeys.length === 0) refuse('fallback_keys_subset cannot be empty');
    else if (fallbackKeys.some((key) => !keys.includes(key))) {
      refuse('fallback_keys_subset must be a subset of selector keys');
    } else if (fallbackKeys.length === keys.length) {
      refuse('fallback_keys_subset cannot be equal to keys');
    }
  }
  return { keys, singleHost: reader.bool('single_host_per_subset') ?? false, fallback, fallbackKeys };
}
