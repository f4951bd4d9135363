import type { Attempt } from '../../base/stream-info.ts';
import { canonicalJson } from '../../base/subset-criteria.ts';
import type { HostPredicate } from '../../route/retry-policy.ts';
import type { Host } from '../../upstream/types.ts';

/** The namespace of metadata that speaks of load balancing. */
const NAMESPACE = 'envoy.lb';

/** True when one of the predicates does not want the host for a retry (`retry_policy.retry_host_predicate`). */
export function refusesHost(
  predicates: readonly HostPredicate[],
  host: Host,
  attempts: readonly Attempt[],
): boolean {
  for (const predicate of predicates) {
    switch (predicate.kind) {
      case 'previous-hosts':
        if (wasTried(host.address, attempts)) return true;
        break;
      case 'omit-canary-hosts':
        if (lbMetadata(host)?.canary === true) return true;
        break;
      case 'omit-host-metadata':
        if (hasAll(lbMetadata(host), predicate.criteria)) return true;
        break;
    }
  }
  return false;
}

function wasTried(address: string, attempts: readonly Attempt[]): boolean {
  for (let i = 0; i < attempts.length; i++) if (attempts[i]?.hostAddress === address) return true;
  return false;
}

function lbMetadata(host: Host): Readonly<Record<string, unknown>> | null {
  const found = host.metadata?.get(NAMESPACE);
  return typeof found === 'object' && found !== null ? (found as Record<string, unknown>) : null;
}

/** Nothing asked for is found nowhere (Envoy: OmitHostsRetryPredicate). */
function hasAll(
  metadata: Readonly<Record<string, unknown>> | null,
  criteria: readonly { readonly key: string; readonly value: string }[],
): boolean {
  if (criteria.length === 0 || metadata === null) return false;
  return criteria.every(({ key, value }) => {
    const found = metadata[key];
    // A list is taken as any of its items.
    if (Array.isArray(found)) return found.some((item) => canonicalJson(item) === value);
    return key in metadata && canonicalJson(found) === value;
  });
}
