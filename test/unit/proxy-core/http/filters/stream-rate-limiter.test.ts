import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { VirtualClock } from '../../../../../proxy-core/base/virtual-clock.ts';
import {
  ByteBucket,
  bytesOfKbps,
  StreamRateLimiter,
} from '../../../../../proxy-core/http/filters/stream-rate-limiter.ts';

function rig(kbps: number, limit = 0) {
  const clock = new VirtualClock();
  const out: string[] = [];
  const events: string[] = [];
  const rate = bytesOfKbps(kbps);
  const limiter = new StreamRateLimiter(clock, new ByteBucket(clock, rate, rate / 20), 50, limit, {
    inject: (bytes, endStream) => {
      if (bytes.length > 0) out.push(Buffer.from(bytes).toString('latin1'));
      if (endStream) events.push('end');
    },
    injectTrailers: (trailers) => events.push(`trailers ${trailers.join('=')}`),
    pause: (on) => events.push(on ? 'pause' : 'resume'),
  });
  /** The bytes are gone after the call, as those of a socket are. */
  const write = (text: string, endStream: boolean): void => {
    const bytes = Buffer.from(`<<${text}>>`);
    limiter.write(bytes, 2, 2 + text.length, endStream);
    bytes.fill(0);
  };
  return { clock, out, events, limiter, write };
}

describe('a body at so many bytes per second', () => {
  test('an interval may go at once, then it takes its time', () => {
    const { clock, out, events, write } = rig(1);
    write('x'.repeat(1024), true);
    clock.advance(1);
    expect(out.join('').length).toBe(51);
    clock.advance(500);
    expect(out.join('').length).toBeGreaterThan(500);
    expect(out.join('').length).toBeLessThan(600);
    expect(events).toEqual([]);
    clock.advance(600);
    expect(out.join('')).toBe('x'.repeat(1024));
    expect(events).toEqual(['end']);
  });

  test('trailers follow the body', () => {
    const { clock, events, limiter, write } = rig(1);
    write('x'.repeat(200), false);
    expect(limiter.holdTrailers(['a', 'b'])).toBe(true);
    clock.advance(1000);
    expect(events).toEqual(['trailers a=b']);
    expect(limiter.holdTrailers(['c', 'd'])).toBe(false);
  });

  test('what waits is bounded: the sender stops, and goes on at half', () => {
    const { clock, events, write } = rig(1, 500);
    write('x'.repeat(600), false);
    expect(events).toEqual(['pause']);
    clock.advance(1000);
    expect(events).toEqual(['pause', 'resume']);
  });

  test('the bytes are those that were written, in their order', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z]{0,200}$/), { maxLength: 10 }), (texts) => {
        const { clock, out, events, write } = rig(2);
        texts.forEach((text, i) => {
          write(text, i === texts.length - 1);
          clock.advance(20);
        });
        clock.advance(5000);
        expect(out.join('')).toBe(texts.join(''));
        expect(events).toEqual(texts.length === 0 ? [] : ['end']);
      }),
    );
  });
});
