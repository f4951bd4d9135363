import type { StreamInfo } from '../../base/stream-info.ts';
import { sortedStruct } from '../../base/struct.ts';

/** Sets fields of one namespace; others stay (Envoy: StreamInfo::setDynamicMetadata). */
export function setDynamicMetadata(
  info: StreamInfo,
  namespace: string,
  values: Readonly<Record<string, unknown>>,
): void {
  info.dynamicMetadata ??= new Map();
  info.dynamicMetadata.set(namespace, sortedStruct({ ...info.dynamicMetadata.get(namespace), ...values }));
}
