import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Decision } from '../../../../proxy-core/index.ts';
import { answer, applied, bootstrap, boundPort, get } from '../../../integration/support.ts';
import { CoreRig } from './rig.ts';

let rig: CoreRig;
let port: number;
const addresses: string[] = [];

const VERSION = (value: string): string =>
  `metadata_match: { filter_metadata: { envoy.lb: { version: "${value}" } } }`;

beforeAll(async () => {
  rig = new CoreRig();
  for (const name of ['one', 'two', 'three']) addresses.push((await rig.origin(answer(200, name))).address);
  const hosts = addresses.map((address, i) => {
    const [ip, at] = address.split(':');
    const metadata = `metadata: { filter_metadata: { envoy.lb: { version: "${i === 2 ? 2 : 1}" } } }`;
    return `{ endpoint: { address: { socket_address: { address: ${ip}, port_value: ${at} } } }, load_balancing_weight: ${i === 0 ? 3 : 1}, ${metadata} }`;
  });
  await applied(
    rig.core,
    bootstrap({
      routes: `              - { match: { path: /1 }, route: { cluster: a, ${VERSION('1')} } }
              - { match: { path: /9 }, route: { cluster: a, ${VERSION('9')} } }
              - { match: { prefix: / }, redirect: { path_redirect: /1 } }`,
      clusters: `  - name: a
    connect_timeout: 1s
    lb_subset_config: { subset_selectors: [{ keys: [version] }] }
    load_assignment: { cluster_name: a, endpoints: [{ lb_endpoints: [${hosts.join(', ')}] }] }
`,
    }),
  );
  port = boundPort(rig.core);
});

afterAll(() => rig.close());

function explain(path: string, draws?: number): Decision {
  const url = `http://127.0.0.1:${port}${path}`;
  return rig.core.explain({ method: 'GET', url, headers: [], ...(draws === undefined ? {} : { draws }) });
}

describe('many draws', () => {
  test('go by weight, within the subset, and are told in a sentence', () => {
    const decision = explain('/1', 400);
    expect(decision.distribution).toEqual([
      { host: addresses[0], picks: 300 },
      { host: addresses[1], picks: 100 },
    ]);
    const notes =
      decision.steps.find((each) => each.kind === 'load-balancing')?.notes.map((note) => note.text) ?? [];
    expect(notes).toContain(`Of 400 draws: ${addresses[0]} 75.0 % (300), ${addresses[1]} 25.0 % (100).`);
  });

  test('no host, no cluster, not asked', () => {
    expect(explain('/9', 10).distribution).toEqual([{ host: null, picks: 10 }]);
    expect(explain('/else', 10).distribution).toBeUndefined();
    expect(explain('/1').distribution).toBeUndefined();
  });

  test('move nothing that runs: the next pick is the one that was told', () => {
    const before = explain('/1').outcome.host;
    explain('/1', 1001);
    expect(explain('/1').outcome.host).toBe(before);
  });
});

test('a request that was sent is told with its subset', async () => {
  for (let i = 0; i < 5; i++) await get(port, '/1');
  for (let seq = rig.core.recorderState().lastSeq - 4; seq <= rig.core.recorderState().lastSeq; seq++) {
    const decision = rig.core.explainRecord(seq);
    const pick = decision?.steps.find((each) => each.kind === 'load-balancing');
    expect(pick?.candidates.find(({ result }) => result === 'won')?.name).toBe(decision?.outcome.host);
    expect(pick?.notes[0]?.text).toBe('Subset version "1": 2 of 3 hosts.');
  }
});
