import { beforeEach, describe, expect, test } from 'vitest';
import { VirtualClock } from '../../../../../../proxy-core/base/virtual-clock.ts';
import type { Http2Keepalive } from '../../../../../../proxy-core/http/codec/http2/compile.ts';
import { PingSchedule } from '../../../../../../proxy-core/http/codec/http2/ping-schedule.ts';

let clock: VirtualClock;
let told: string[];

beforeEach(() => {
  clock = new VirtualClock();
  told = [];
});

function schedule(config: Partial<Http2Keepalive>, draw = 0): PingSchedule {
  return new PingSchedule(
    { interval: 1000, jitterPercent: 15, timeout: 300, idleInterval: 0, ...config },
    clock,
    { next: () => draw, uuid: () => '' },
    {
      sendPing: () => told.push(`ping ${clock.now()}`),
      onPingTimeout: () => told.push(`dead ${clock.now()}`),
    },
  );
}

describe('connection_keepalive', () => {
  test('a PING after each interval, counted from the answer to the one before', () => {
    const pings = schedule({});
    clock.advance(1200);
    pings.onAck();
    clock.advance(1000);
    expect(told).toEqual(['ping 1000', 'ping 2200']);
  });

  test('no answer within the timeout ends the connection', () => {
    schedule({});
    clock.advance(1300);
    expect(told).toEqual(['ping 1000', 'dead 1300']);
  });

  test.each([
    [15, 15, 'ping 1150'],
    [15, 16, 'ping 1000'],
    [0, 7, 'ping 1000'],
    [50, 20, 'ping 1200'],
  ])('jitter of %i %% with the draw %i', (jitterPercent, draw, expected) => {
    schedule({ jitterPercent }, draw);
    clock.advance(1299);
    expect(told).toEqual([expected]);
  });

  test('connection_idle_interval asks a silent connection before it gets a request', () => {
    const pings = schedule({ interval: 0, idleInterval: 500 });
    pings.beforeStream();
    clock.advance(500);
    pings.beforeStream();
    expect(told).toEqual([]);
    clock.advance(1);
    pings.beforeStream();
    expect(told).toEqual(['ping 501']);
    pings.onAck();
    pings.onBytes();
    clock.advance(500);
    pings.beforeStream();
    expect(told).toEqual(['ping 501']);
  });

  test('a connection that is gone is left alone', () => {
    schedule({}).stop();
    clock.advance(5000);
    expect(told).toEqual([]);
  });
});
