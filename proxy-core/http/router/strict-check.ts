import { headerValue } from '../../base/headers.ts';
import type { RequestHead } from '../../base/stream-info.ts';
import { GRPC_RETRY_WORDS, HTTP_RETRY_WORDS } from '../../route/retry-policy.ts';

/** The first of the headers whose value the router cannot use, null when all are fine (Envoy: FilterUtility::StrictHeaderChecker). */
export function malformedHeader(
  names: readonly string[],
  head: RequestHead,
): { readonly name: string; readonly value: string } | null {
  for (const name of names) {
    const value = headerValue(head.headers, name);
    if (value !== undefined && !isValid(name, value)) return { name, value };
  }
  return null;
}

function isValid(name: string, value: string): boolean {
  switch (name) {
    case 'x-envoy-upstream-rq-timeout-ms':
    case 'x-envoy-upstream-rq-per-try-timeout-ms':
    case 'x-envoy-max-retries':
      return /^\d{1,19}$/.test(value);
    case 'x-envoy-retry-on':
      return allKnown(value, HTTP_RETRY_WORDS);
    case 'x-envoy-retry-grpc-on':
      return allKnown(value, GRPC_RETRY_WORDS);
    default:
      return true;
  }
}

function allKnown(list: string, words: ReadonlySet<string>): boolean {
  return list.split(',').every((word) => words.has(word.trim()));
}
