import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addressFromRight } from '../../../../proxy-core/http/forwarded-for.ts';
import { detectAddress, type IpDetection } from '../../../../proxy-core/http/ip-detection.ts';
import { head, recordingNarrator } from '../route/support.ts';

const xff: IpDetection = { kind: 'xff', trustedHops: 1 };
const own: IpDetection = { kind: 'custom-header', header: 'x-real-ip', trusted: true, rejectStatus: 0 };
const strict: IpDetection = { ...own, rejectStatus: 401 };

test.each<[string, IpDetection[], string[], { ip: string | null; trusted: boolean; status: number } | null]>([
  ['a header of its own', [own], ['x-real-ip', '8.8.4.4'], { ip: '8.8.4.4', trusted: true, status: 0 }],
  ['an IPv6 address', [own], ['x-real-ip', '::1'], { ip: '::1', trusted: true, status: 0 }],
  ['nothing usable', [own], ['x-real-ip', '8.8.4.4:80'], null],
  ['nothing usable is refused', [strict], ['x-real-ip', 'me'], { ip: null, trusted: false, status: 401 }],
  ['a missing header is refused', [strict], [], { ip: null, trusted: false, status: 401 }],
  [
    'the next extension',
    [own, xff],
    ['x-forwarded-for', '1.1.1.1, 2.2.2.2'],
    { ip: '1.1.1.1', trusted: false, status: 0 },
  ],
  ['too few hops', [xff], ['x-forwarded-for', '1.1.1.1'], null],
])('%s', (_name, extensions, headers, expected) => {
  const narrator = recordingNarrator();
  const found = detectAddress(extensions, head('/', headers), narrator);
  expect(
    found && { ip: found.address?.ip ?? null, trusted: found.trusted, status: found.rejectStatus },
  ).toEqual(expected);
  expect(narrator.notes).toHaveLength(expected === null ? 0 : 1);
});

test('any list gives an element of it or nothing', () => {
  const item = fc.oneof(fc.ipV4(), fc.ipV6(), fc.string());
  fc.assert(
    fc.property(fc.array(item), fc.nat(4), (items, index) => {
      const found = addressFromRight(items.join(', '), index);
      if (found !== null) expect(items.join(', ')).toContain(found.ip);
    }),
  );
});
