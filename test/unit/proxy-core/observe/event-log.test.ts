import { expect, test } from 'vitest';
import { EventLog } from '../../../../proxy-core/observe/event-log.ts';

test('events are numbered, filled in, told to listeners and bounded', () => {
  const log = new EventLog(() => 77, 4);
  const seen: number[] = [];
  const stop = log.on((event) => seen.push(event.seq));
  for (let i = 0; i < 10; i++) log.add({ kind: 'config-applied', tone: 'note', text: `v${i}`, version: i });
  stop();
  log.add({ kind: 'demo', tone: 'note', text: 'unheard' });
  expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(log.list().map((event) => event.seq)).toEqual([8, 9, 10, 11]);
  expect(log.list()[0]).toEqual({
    seq: 8,
    at: 77,
    kind: 'config-applied',
    tone: 'note',
    text: 'v7',
    cluster: '',
    host: '',
    version: 7,
    detector: '',
    reason: '',
    duration: 0,
    count: 0,
  });
});
