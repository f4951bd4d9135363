import { type HeaderList, removeHeader } from '../../base/headers.ts';
import { retryWords } from '../../route/retry-policy.ts';

/** What the client asks of retries by `x-envoy-retry-…` headers. */
export interface RetryOverrides {
  on: Set<string>;
  retries: number | null;
  statusCodes: number[];
  headerNames: string[];
}

const PREFIX = 'x-envoy-';

/** Reads and takes off the headers that override a retry policy; null when there are none. */
export function takeRetryOverrides(headers: HeaderList): RetryOverrides | null {
  let overrides: RetryOverrides | null = null;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (!name.startsWith(PREFIX)) continue;
    const value = headers[i + 1] as string;
    switch (name) {
      case 'x-envoy-retry-on':
      case 'x-envoy-retry-grpc-on':
        overrides ??= { on: new Set(), retries: null, statusCodes: [], headerNames: [] };
        for (const word of retryWords(value)) overrides.on.add(word);
        break;
      case 'x-envoy-max-retries':
        overrides ??= { on: new Set(), retries: null, statusCodes: [], headerNames: [] };
        if (/^\d{1,9}$/.test(value)) overrides.retries = Number(value);
        break;
      case 'x-envoy-retriable-status-codes':
        overrides ??= { on: new Set(), retries: null, statusCodes: [], headerNames: [] };
        for (const code of value.split(',')) {
          if (/^\s*\d{3}\s*$/.test(code)) overrides.statusCodes.push(Number(code));
        }
        break;
      case 'x-envoy-retriable-header-names':
        overrides ??= { on: new Set(), retries: null, statusCodes: [], headerNames: [] };
        overrides.headerNames.push(...value.split(',').map((each) => each.trim().toLowerCase()));
        break;
      default:
        break;
    }
  }
  if (overrides !== null) {
    removeHeader(headers, 'x-envoy-retry-on');
    removeHeader(headers, 'x-envoy-retry-grpc-on');
    removeHeader(headers, 'x-envoy-max-retries');
    removeHeader(headers, 'x-envoy-retriable-status-codes');
    removeHeader(headers, 'x-envoy-retriable-header-names');
  }
  return overrides;
}
