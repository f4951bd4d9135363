import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../../../proxy-core/base/random.ts';
import type { StreamInfo } from '../../../../../proxy-core/base/stream-info.ts';
import { HostChoice } from '../../../../../proxy-core/http/router/host-choice.ts';
import type { RetryState } from '../../../../../proxy-core/http/router/retry-state.ts';
import type { Cluster, Host } from '../../../../../proxy-core/upstream/types.ts';

const hosts = [1, 2, 3].map((n) => ({ address: `127.0.0.1:${n}`, priority: n - 1 }) as unknown as Host);

/** Picks the hosts in their order, again and again. */
function cluster(): Cluster {
  let turn = 0;
  return { choose: () => hosts[turn++ % hosts.length] ?? null } as unknown as Cluster;
}

function choiceFor(info: Partial<StreamInfo>): HostChoice {
  return new HostChoice(
    { attempts: [], random: 1, ...info } as unknown as StreamInfo,
    null,
    null,
    null,
    new SeededRandom(1),
  );
}

const refusing = (...addresses: string[]): RetryState =>
  ({ hostSelections: 5, refuses: (host: Host) => addresses.includes(host.address) }) as unknown as RetryState;

describe('what a record keeps of a pick', () => {
  test('nothing, when it was free', () => {
    const choice = choiceFor({});
    expect(choice.pick(cluster(), null)?.address).toBe('127.0.0.1:1');
    expect(choice.circumstances).toBeNull();
  });

  test('the host that a filter wants, at the first try only', () => {
    const override = { address: '127.0.0.1:3', strict: true };
    const attempts: StreamInfo['attempts'] = [];
    const choice = choiceFor({ overrideHost: override, attempts });
    choice.pick(cluster(), null);
    expect(choice.circumstances).toEqual({ override, refused: [], priorities: [] });
    attempts.push({} as never);
    choice.pick(cluster(), null);
    expect(choice.circumstances).toBeNull();
  });

  test('the hosts that a retry passes over, in order', () => {
    const choice = choiceFor({ attempts: [{} as never] });
    expect(choice.pick(cluster(), refusing('127.0.0.1:1', '127.0.0.1:2'))?.address).toBe('127.0.0.1:3');
    expect(choice.circumstances?.refused).toEqual(['127.0.0.1:1', '127.0.0.1:2']);
  });

  test('the priorities that a retry left out when it picked, not those after it', () => {
    const attempts: StreamInfo['attempts'] = [];
    const choice = choiceFor({ attempts });
    choice.avoidPriorities({ updateFrequency: 1 } as never);
    const picked = cluster();
    const seen: (readonly number[])[] = [];
    for (let i = 0; i < 3; i++) {
      choice.pick(picked, null);
      seen.push(choice.circumstances?.priorities ?? []);
      attempts.push({} as never);
    }
    expect(seen).toEqual([[], [0], [0, 1]]);
  });
});
