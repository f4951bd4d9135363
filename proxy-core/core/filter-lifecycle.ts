import { asyncClient } from '../http/async-client/client.ts';
import type { HttpFilterFactory } from '../http/filter.ts';
import type { DataPath } from '../http/runtime.ts';
import type { Snapshot } from './snapshot.ts';

/** Another configuration runs: what filters do between requests ends with the old one and begins with the new one. */
export function switchFilters(before: Snapshot | null, next: Snapshot | null, path: DataPath): void {
  if (before !== null) for (const factory of factoriesOf(before)) factory.stop?.();
  if (next === null) return;
  const client = asyncClient(path, next.runtime);
  for (const factory of factoriesOf(next)) factory.start?.(client);
}

function factoriesOf(snapshot: Snapshot): HttpFilterFactory[] {
  return snapshot.bootstrap.listeners.flatMap((listener) =>
    listener.filterChains.flatMap(({ http }) => http?.filters.map(({ factory }) => factory) ?? []),
  );
}
