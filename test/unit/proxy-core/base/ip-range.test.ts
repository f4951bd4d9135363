import { BlockList, isIPv4 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ipRange } from '../../../../proxy-core/base/ip-range.ts';

describe('ipRange', () => {
  it.each([
    ['10.1.2.0', 24, '10.1.2.255', true],
    ['10.1.2.0', 24, '10.1.3.0', false],
    ['0.0.0.0', 0, '255.255.255.255', true],
    ['0.0.0.0', 0, '::1', false],
    ['10.0.0.1', 32, '10.0.0.1', true],
    ['::', 0, '2001:db8::1', true],
    ['2001:db8::', 32, '2001:db8:ffff::', true],
    ['2001:db8::', 32, '2001:db9::', false],
    ['::ffff:10.0.0.0', 104, '::ffff:10.1.2.3', true],
    ['not an address', 8, '10.0.0.1', false],
    ['10.0.0.0', 8, '10.0.0', false],
    ['10.0.0.0', 8, '', false],
  ])('%s/%d and %s: %s', (prefix, length, address, expected) => {
    expect(ipRange(prefix, length).holds(address)).toBe(expected);
  });

  it('agrees with the system on every address', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat(128), (a, b, n) => {
        const length = isIPv4(a) ? n % 33 : n;
        // The system takes an IPv4 address in IPv6 clothes for IPv4; Envoy does not.
        fc.pre(isIPv4(a) === isIPv4(b) && !/^::(ffff:)?\d/i.test(a) && !/^::(ffff:)?\d/i.test(b));
        const family = isIPv4(a) ? 'ipv4' : 'ipv6';
        const list = new BlockList();
        list.addSubnet(a, length, family);
        return ipRange(a, length).holds(b) === list.check(b, family) && ipRange(a, length).holds(a);
      }),
    );
  });
});
