import type { DemoHostMode, DemoState } from '../../electron/ipc/contract.ts';
import type { CoreEvent } from '../../proxy-core/index.ts';

const WORDS: Readonly<Record<DemoHostMode, string>> = {
  healthy: 'answers again as usual',
  '503': 'answers 503 from now on',
  slow: 'answers slowly from now on',
  reset: 'resets its connections from now on',
  down: 'is down from now on',
};

/**
 * What was switched at hosts of the demo shop, as events of this window: the core knows nothing of the shop. Their seqs
 * count down from `seq`, so that they never meet one of the core's.
 */
export function demoEvents(before: DemoState | null, after: DemoState, at: number, seq: number): CoreEvent[] {
  if (before === null || !before.running || !after.running) return [];
  const modes = new Map(
    before.services.flatMap(({ hosts }) => hosts.map((host) => [host.address, host.mode])),
  );
  const changed = after.services.flatMap(({ name, hosts }) =>
    hosts
      .filter(({ address, mode }) => (modes.get(address) ?? mode) !== mode)
      .map((host) => ({ name, ...host })),
  );
  return changed.map(({ name, address, mode }, index) => ({
    seq: seq - index,
    at,
    kind: 'demo',
    tone: mode === 'healthy' ? 'ok' : 'warn',
    text: `Demo: ${address} of ${name} ${WORDS[mode]}.`,
    cluster: name,
    host: address,
    version: 0,
    detector: '',
    reason: '',
    duration: 0,
    count: 0,
  }));
}
