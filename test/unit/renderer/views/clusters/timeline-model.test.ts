import { expect, test } from 'vitest';
import type { CoreEvent } from '../../../../../proxy-core/index.ts';
import { MAX_REASONS, timelineOf } from '../../../../../renderer/views/clusters/timeline-model.ts';
import { coreState, events } from '../../gallery/story.ts';

const NOW = 1_700_000_000_000;
const CLUSTER = coreState(NOW).clusters[0];
if (CLUSTER === undefined) throw new Error('the story has clusters');
const EVENTS = events(NOW);
const RANGE = 600_000;

function ago(at: number): number {
  return (NOW - at) / 1000;
}

test('an ejection lasts until the host came back, the last one until now', () => {
  const { lanes } = timelineOf(CLUSTER, EVENTS, NOW, RANGE);
  const lane = lanes.find((l) => l.address === '127.0.0.1:7003');
  expect(lane?.spans.map((s) => [ago(s.from), ago(s.to), s.count])).toEqual([
    [340, 310, 1],
    [58, 20, 1],
    [19, 0, 2],
  ]);
  expect(lane?.left).toEqual({ from: NOW, to: NOW + 41_000 });
});

test('what was detected but not ejected is lettered in order of time', () => {
  const { lanes, reasons } = timelineOf(CLUSTER, EVENTS, NOW, RANGE);
  expect(lanes.flatMap((l) => l.detections.map((d) => [l.address, d.letter, ago(d.at)]))).toEqual([
    ['127.0.0.1:7002', 'c', 15],
    ['127.0.0.1:7003', 'a', 566],
    ['127.0.0.1:7003', 'b', 477],
  ]);
  expect(reasons.at(-1)).toMatchObject({ letter: 'c', kind: 'not-ejected', host: '127.0.0.1:7002' });
  expect(reasons.at(-1)?.text).toContain('max_ejection_percent 50 % would be exceeded');
});

test('a shorter window cuts the spans and forgets what is older', () => {
  const { lanes, reasons, from } = timelineOf(CLUSTER, EVENTS, NOW, 30_000);
  const lane = lanes.find((l) => l.address === '127.0.0.1:7003');
  expect(lane?.spans[0]?.from).toBe(from);
  expect(lane?.detections).toEqual([]);
  expect(reasons.map((r) => ago(r.at))).toEqual([19, 15]);
});

test('only the newest reasons are listed, the rest are counted', () => {
  const detection = EVENTS[0] as CoreEvent;
  const many = [...Array(10)].map((_, i) => ({ ...detection, seq: 100 + i, at: NOW - 100_000 + i * 1000 }));
  const { reasons, earlier, lanes } = timelineOf(CLUSTER, many, NOW, RANGE);
  expect(reasons).toHaveLength(MAX_REASONS);
  expect(earlier).toBe(10 - MAX_REASONS);
  const letters = lanes.flatMap((l) => l.detections.map((d) => d.letter));
  expect(letters).toEqual(['', '', '', '', 'a', 'b', 'c', 'd', 'e', 'f']);
});

test('with many hosts only the eventful ones have a lane', () => {
  const host = CLUSTER.hosts[0];
  if (host === undefined) throw new Error('the story has hosts');
  const hosts = [...Array(30)].map((_, i) => ({ ...host, address: `10.0.0.${i}:80` }));
  const hit = { ...(EVENTS[0] as CoreEvent), host: '10.0.0.7:80' };
  const { lanes, quiet } = timelineOf({ ...CLUSTER, hosts }, [hit], NOW, RANGE);
  expect(lanes.map((l) => l.address)).toEqual(['10.0.0.7:80']);
  expect(quiet).toBe(29);
});

test('events of other clusters stay out', () => {
  const other = { ...CLUSTER, name: 'other', hosts: CLUSTER.hosts };
  const { reasons, lanes } = timelineOf(other, EVENTS, NOW, RANGE);
  expect(reasons).toEqual([]);
  expect(lanes.flatMap((l) => l.detections)).toEqual([]);
});

const HEALTH: CoreEvent = {
  seq: 900,
  at: NOW - 100_000,
  kind: 'host-health',
  tone: 'err',
  text: '127.0.0.1:7002 is unhealthy.',
  cluster: CLUSTER.name,
  host: '127.0.0.1:7002',
  version: 1,
  detector: '',
  reason: '',
  duration: 0,
  count: 0,
};

test.each([
  ['still failing', ['err'], [[100, 0]]],
  ['back', ['err', 'ok'], [[100, 90]]],
  ['degraded in between is an end', ['err', 'warn', 'ok'], [[100, 90]]],
  ['two failures of one kind', ['err', 'err', 'ok'], [[100, 80]]],
  ['never failing', ['ok'], []],
] as const)('while its health check fails a host has a bar: %s', (_name, tones, expected) => {
  const events = tones.map((tone, i) => ({ ...HEALTH, seq: 900 + i, tone, at: HEALTH.at + i * 10_000 }));
  const { lanes } = timelineOf(CLUSTER, events, NOW, RANGE);
  const lane = lanes.find((l) => l.address === HEALTH.host);
  expect(lane?.unhealthy.map((s) => [ago(s.from), ago(s.to)])).toEqual(expected);
});

test('an ejection by hand is told as such and lasts until it is undone', () => {
  const manual: CoreEvent = { ...HEALTH, kind: 'host-ejected', tone: 'eject', detector: 'manual' };
  const cluster = {
    ...CLUSTER,
    hosts: CLUSTER.hosts.map((h) => (h.address === HEALTH.host ? { ...h, health: 'ejected' as const } : h)),
  };
  const { lanes, reasons } = timelineOf(cluster, [manual], NOW, RANGE);
  const lane = lanes.find((l) => l.address === HEALTH.host);
  expect(lane?.spans.map((s) => [ago(s.from), ago(s.to)])).toEqual([[100, 0]]);
  expect(lane?.left).toBeNull();
  expect(reasons.at(-1)?.text).toBe('ejected by hand, until it is taken back');
});
