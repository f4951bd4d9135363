import type { Narrator } from '../facade/decision.ts';
import { requestHeader } from './formatter/operators-headers.ts';
import type { ClusterChoice, Route, RouteInput, WeightedClusters, WeightedEntry } from './types.ts';

/** The cluster for a request; null = not found (`cluster_not_found_response_code`). */
export function selectCluster(
  route: Route,
  input: RouteInput,
  narrator: Narrator | null = null,
): ClusterChoice | null {
  if (route.action.kind !== 'cluster') return null;
  const specifier = route.action.clusterSpecifier;
  switch (specifier.kind) {
    case 'cluster':
      narrator?.note('neutral', `the route names \`${specifier.choice.cluster}\``, route.source);
      return specifier.choice;
    case 'header': {
      const name = requestHeader(input.head, specifier.header);
      narrator?.note(
        name === undefined ? 'bad' : 'neutral',
        name === undefined
          ? `header \`${specifier.header}\`, which names the cluster, is missing`
          : `header \`${specifier.header}\` names \`${name}\``,
        route.source,
      );
      return name === undefined || name === '' ? null : { cluster: name, weightedIndex: -1 };
    }
    case 'weighted':
      return pickWeighted(specifier, input, narrator);
    case 'none':
      narrator?.note('bad', 'its cluster specifier is not emulated', route.source);
      return null;
  }
}

function weightOf(weighted: WeightedClusters, entry: WeightedEntry, input: RouteInput): number {
  if (weighted.runtimeKeyPrefix === '') return entry.weight;
  const value = input.runtime.get(`${weighted.runtimeKeyPrefix}.${entry.name}`);
  return typeof value === 'number' ? value : entry.weight;
}

function drawOf(weighted: WeightedClusters, input: RouteInput): number {
  if (weighted.randomHeader === '') return input.random;
  const text = requestHeader(input.head, weighted.randomHeader);
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : input.random;
}

/** `random % total`, then the entry whose share holds it. */
function pickWeighted(
  weighted: WeightedClusters,
  input: RouteInput,
  narrator: Narrator | null,
): ClusterChoice | null {
  let total = weighted.totalWeight;
  if (weighted.runtimeKeyPrefix !== '') {
    total = 0;
    for (const entry of weighted.entries) total += weightOf(weighted, entry, input);
  }
  if (total === 0) return null;
  const draw = drawOf(weighted, input) % total;
  let picked = -1;
  let begin = 0;
  for (let i = 0; i < weighted.entries.length; i++) {
    const entry = weighted.entries[i] as WeightedEntry;
    const end = begin + weightOf(weighted, entry, input);
    const won = picked < 0 && draw < end;
    if (won) picked = i;
    if (narrator === null && won) break;
    narrator?.candidate({
      result: won ? 'won' : 'lost',
      index: i + 1,
      name: entry.name === '' ? `named by header ${entry.clusterHeader}` : entry.name,
      condition: `weight ${end - begin} of ${total}`,
      reason:
        end === begin ? 'weight 0 gets nothing' : `the draw was ${draw}, its share is ${begin} to ${end - 1}`,
      source: entry.source,
    });
    begin = end;
  }
  const entry = weighted.entries[picked];
  if (entry === undefined) return null;
  if (entry.clusterHeader === '') return entry.choice;
  const name = requestHeader(input.head, entry.clusterHeader);
  return name === undefined || name === '' ? null : { ...entry.choice, cluster: name };
}
