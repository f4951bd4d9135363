import type { HeaderList } from '../../base/headers.ts';

/** What an authorization service said. Header values are header text (latin1). */
export interface AuthzResult {
  readonly kind: 'ok' | 'denied' | 'error';
  /** Of a denial. */
  readonly status: number;
  /** Of a denial; latin1. */
  readonly body: string;
  /** Request headers to overwrite; of a denial: headers of the answer. */
  readonly set: HeaderList;
  /** Request headers to add, whatever is there. */
  readonly add: HeaderList;
  /** Request headers to append to, when they are there. */
  readonly append: HeaderList;
  readonly remove: readonly string[];
  readonly response: {
    readonly add: HeaderList;
    readonly set: HeaderList;
    readonly addIfAbsent: HeaderList;
    readonly overwriteIfExists: HeaderList;
  };
  readonly querySet: readonly (readonly [string, string])[];
  readonly queryRemove: readonly string[];
  readonly metadata: Readonly<Record<string, unknown>> | null;
  /** Why there is no answer. */
  readonly failure: string;
}

export const NOTHING: AuthzResult = {
  kind: 'ok',
  status: 403,
  body: '',
  set: [],
  add: [],
  append: [],
  remove: [],
  response: { add: [], set: [], addIfAbsent: [], overwriteIfExists: [] },
  querySet: [],
  queryRemove: [],
  metadata: null,
  failure: '',
};

export function failed(failure: string): AuthzResult {
  return { ...NOTHING, kind: 'error', failure };
}
