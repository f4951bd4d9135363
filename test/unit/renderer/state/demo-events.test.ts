import { describe, expect, test } from 'vitest';
import type { DemoHostMode, DemoState } from '../../../../electron/ipc/contract.ts';
import { demoEvents } from '../../../../renderer/state/demo-events.ts';

function shop(modes: readonly DemoHostMode[], running = true): DemoState {
  const hosts = modes.map((mode, index) => ({ address: `127.0.0.1:${index + 1}`, mode }));
  return { running, rate: 40, services: [{ name: 'inventory', hosts }], notice: '' };
}

describe('what was switched at the demo shop', () => {
  test.each([
    ['nothing', shop(['healthy', '503']), shop(['healthy', '503']), []],
    ['the first look', null, shop(['503']), []],
    ['a start', shop(['healthy'], false), shop(['503']), []],
    [
      'one host',
      shop(['healthy', 'healthy']),
      shop(['healthy', '503']),
      [[-5, 'warn', 'Demo: 127.0.0.1:2 of inventory answers 503 from now on.']],
    ],
    [
      'two hosts',
      shop(['down', 'healthy']),
      shop(['healthy', 'slow']),
      [
        [-5, 'ok', 'Demo: 127.0.0.1:1 of inventory answers again as usual.'],
        [-6, 'warn', 'Demo: 127.0.0.1:2 of inventory answers slowly from now on.'],
      ],
    ],
    ['a host that was not there before', shop(['healthy']), shop(['healthy', 'down']), []],
  ])('%s', (_name, before, after, expected) => {
    const events = demoEvents(before, after, 1000, -5);
    expect(events.map(({ seq, tone, text }) => [seq, tone, text])).toEqual(expected);
    for (const event of events) expect(event).toMatchObject({ at: 1000, kind: 'demo', cluster: 'inventory' });
  });
});
