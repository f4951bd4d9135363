import type { StreamInfo } from '../base/stream-info.ts';
import type { Decision } from '../facade/decision.ts';
import type { FilterChainConfig, ListenerConfig } from '../listener/index.ts';
import { tellFilterChain, tellRecordedListener } from './explain-listener.ts';
import { durationText, Narration, plural, step } from './narration.ts';
import { finish, type Telling } from './telling.ts';

/** The decision of a recorded connection that network filters handled: its filter chain, its cluster, its host. */
export function explainConnection(
  telling: Telling,
  listener: ListenerConfig,
  recorded: StreamInfo,
): Decision {
  const { connection, clusterName, attempts } = recorded;
  telling.outcome = { ...telling.outcome, listener: listener.name };
  tellRecordedListener(telling, listener, connection);
  const chain = tellFilterChain(telling, listener, recorded);
  if (chain === null) return finish(telling, 'The connection was closed: no filter chain takes it.', '');
  const terminal = chain.terminal?.name ?? 'none';
  if (clusterName === '') return finish(telling, headline(recorded), `It ended in the filter ${terminal}.`);
  const cluster = telling.snapshot.clusters.get(clusterName);
  telling.steps.push(
    step({
      kind: 'cluster',
      subject: clusterName,
      text: cluster === undefined ? 'is not defined' : `named by ${terminal}`,
      tone: cluster === undefined ? 'bad' : 'neutral',
      source: cluster?.config.source ?? chain.terminal?.source ?? null,
    }),
  );
  telling.outcome = { ...telling.outcome, cluster: clusterName };
  if (cluster === undefined) {
    return finish(telling, headline(recorded), `Cluster ${clusterName} is not defined.`);
  }
  for (const [index, attempt] of attempts.entries()) {
    const narration = new Narration();
    const { random, hostSetId, position } = attempt;
    cluster.explainChoice({ random, hash: null, attempt: index, position }, narration, hostSetId);
    if (attempt.transportFailureReason !== '') narration.note('bad', attempt.transportFailureReason, null);
    telling.steps.push(
      step(
        {
          kind: 'load-balancing',
          subject: attempt.hostAddress,
          text: `by ${cluster.config.lbPolicy}${attempts.length > 1 ? `, attempt ${index + 1}` : ''}`,
          tone: attempt.connected < 0 ? 'bad' : 'neutral',
          source: cluster.config.source,
        },
        narration,
      ),
    );
  }
  const host = recorded.upstreamHost === '' ? null : recorded.upstreamHost;
  telling.outcome = { ...telling.outcome, host };
  return finish(telling, headline(recorded), '');
}

/** What becomes of a request whose connection no HTTP connection manager takes. */
export function explainWithoutHttp(telling: Telling, chain: FilterChainConfig | null): Decision {
  if (chain === null) return finish(telling, 'The connection is closed: no filter chain takes it.', '');
  const { terminal, kind } = chain;
  if (terminal === null) {
    const why = kind === 'empty' ? 'has no filters' : 'ends in a filter that is not emulated';
    return finish(telling, 'The connection is closed.', `Its filter chain ${why}.`);
  }
  const { clusters } = terminal;
  if (clusters.length === 0) return finish(telling, `The filter ${terminal.name} takes the bytes.`, '');
  telling.steps.push(
    step({
      kind: 'cluster',
      subject: clusters.join(', '),
      text: clusters.length === 1 ? `named by ${terminal.name}` : `by the weights of ${terminal.name}`,
      source: terminal.source,
    }),
  );
  const [only] = clusters;
  if (clusters.length === 1 && only !== undefined) telling.outcome = { ...telling.outcome, cluster: only };
  return finish(
    telling,
    `The bytes go to ${clusters.join(' or ')} as they are: nothing here reads HTTP.`,
    '',
  );
}

function headline(recorded: StreamInfo): string {
  const flags = recorded.responseFlags.join(',');
  const lasted = durationText(Math.max(0, recorded.end - recorded.start));
  const bytes = `${plural(recorded.bytesReceived, 'byte')} in, ${plural(recorded.bytesSent, 'byte')} out`;
  return `A TCP connection of ${lasted}: ${bytes}${flags === '' ? '' : `, ${flags}`}.`;
}
