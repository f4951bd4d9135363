import { headerValue } from '../../base/headers.ts';
import type { ResponseHead } from '../../base/stream-info.ts';
import type { HealthMonitor } from '../../upstream/types.ts';

/** A host that says so in any answer is taken out, as if its health check had failed. */
export function noteImmediateFail(check: HealthMonitor, head: ResponseHead): void {
  if (headerValue(head.headers, 'x-envoy-immediate-health-check-fail') !== undefined) check.failPassively();
}
