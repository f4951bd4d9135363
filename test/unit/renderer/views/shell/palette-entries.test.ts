import { describe, expect, test } from 'vitest';
import {
  paletteEntries,
  searchPalette,
  trafficFilterFor,
} from '../../../../../renderer/views/shell/palette-entries.ts';
import { DEMO_ON, resync } from '../../gallery/story.ts';

const { state: core, config } = resync(1_700_000_000_000, 'shop');
const entries = paletteEntries({ core, config, demo: DEMO_ON, recording: true, mod: 'Ctrl' });

function found(text: string): string[] {
  return searchPalette(entries, text).map((entry) => `${entry.group}: ${entry.text}`);
}

describe('the palette', () => {
  test('without text: actions and screens', () => {
    const groups = new Set(searchPalette(entries, '').map((entry) => entry.group));
    expect([...groups].every((group) => group === 'Actions' || group === 'Go to')).toBe(true);
  });

  test('things come before actions', () => {
    const groups = searchPalette(entries, '7003').map((entry) => entry.group);
    expect(groups[0]).toBe('Hosts');
    expect(groups.at(-1)).toBe('Actions');
  });

  test('finds routes, clusters, hosts and lines', () => {
    expect(found('inventory')).toEqual(
      expect.arrayContaining([
        'Routes: inventory',
        'Clusters: inventory_service',
        'Hosts: 127.0.0.1:7003',
        'Config: inventory_service',
        'Requests: Requests with inventory in the path',
      ]),
    );
  });

  test('> asks for actions alone', () => {
    expect(found('>healthy')).toEqual(['Actions: Make 127.0.0.1:7003 healthy']);
  });

  test(': is a filter, # a request', () => {
    expect(searchPalette(entries, ':status:5xx')).toMatchObject([
      { detail: 'status:5xx', go: { href: '#/traffic?q=status%3A5xx' } },
    ]);
    expect(searchPalette(entries, '#40243').find((entry) => entry.group === 'Requests')).toMatchObject({
      go: { href: '#/traffic?sel=40243&tab=decision' },
    });
  });

  test('no group is longer than five', () => {
    const counts = new Map<string, number>();
    for (const { group } of searchPalette(entries, 'a')) counts.set(group, (counts.get(group) ?? 0) + 1);
    expect(Math.max(...counts.values())).toBeLessThanOrEqual(5);
  });

  test('before a configuration is open it offers to open one, and no screens', () => {
    const closed = resync(0, 'welcome');
    const offered = paletteEntries({
      core: closed.state,
      config: closed.config,
      demo: closed.demo,
      recording: true,
      mod: 'Ctrl',
    });
    expect(offered.some((entry) => entry.group === 'Go to')).toBe(false);
    expect(offered.map((entry) => entry.text)).toEqual(
      expect.arrayContaining(['Open a configuration…', 'Start the demo shop', 'gateway.yaml']),
    );
  });
});

test.each([
  ['inventory', 'path~"inventory"'],
  ['/a/b-c', 'path~"/a/b-c"'],
  ['two words', '"two words"'],
  [':flag:UT', 'flag:UT'],
])('%s filters by %s', (text, filter) => expect(trafficFilterFor(text)).toBe(filter));
