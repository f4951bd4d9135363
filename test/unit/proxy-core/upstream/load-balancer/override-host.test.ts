import { describe, expect, test } from 'vitest';
import { HealthFlag } from '../../../../../proxy-core/upstream/host.ts';
import { clusterYaml, context, Notes, run, world } from '../support.ts';

/** Port that ten picks with the wish reach, 0 = none. */
function reached(more: string, flags: number, address: string, strict: boolean): string {
  const cluster = run(world(), clusterYaml([1, 2, 3], more));
  const [, second] = cluster.hosts;
  if (second !== undefined) second.healthFlags = flags;
  const ports = Array.from(
    { length: 10 },
    () => cluster.choose(context({ overrideHost: { address, strict } }))?.port ?? 0,
  );
  return [...new Set(ports)].sort().join(' ');
}

describe('a host that a filter asks for', () => {
  const only = (statuses: string): string =>
    `common_lb_config: {override_host_status: {statuses: [${statuses}]}}`;
  test.each<[string, string, number, string, boolean, string]>([
    ['is picked', '', 0, '127.0.0.1:2', false, '2'],
    ['is picked when degraded', '', HealthFlag.degradedActiveCheck, '127.0.0.1:2', false, '2'],
    ['is not picked when ejected', '', HealthFlag.failedOutlierCheck, '127.0.0.1:2', false, '1 2 3'],
    ['is not picked when draining', '', HealthFlag.draining, '127.0.0.1:2', false, '1 2 3'],
    [
      'is picked when draining is allowed',
      only('HEALTHY, DRAINING'),
      HealthFlag.draining,
      '127.0.0.1:2',
      false,
      '2',
    ],
    ['is not picked when only unhealthy is allowed', only('UNHEALTHY'), 0, '127.0.0.1:2', false, '1 2 3'],
    ['that is not of the cluster', '', 0, '127.0.0.1:9', false, '1 2 3'],
    ['strictly, and not of the cluster', '', 0, '127.0.0.1:9', true, '0'],
    ['strictly, and ejected', '', HealthFlag.failedOutlierCheck, '127.0.0.1:2', true, '0'],
  ])('%s', (_name, more, flags, address, strict, ports) => {
    expect(reached(more, flags, address, strict)).toBe(ports);
  });

  test('is told', () => {
    const cluster = run(world(), clusterYaml([1, 2]));
    const notes = new Notes();
    const overrideHost = { address: '127.0.0.1:2', strict: false };
    expect(cluster.explainChoice(context({ overrideHost }), notes)?.port).toBe(2);
    expect(notes.notes[0]).toBe('A filter asks for 127.0.0.1:2: it is picked before any balancing.');
  });
});
