import { createSocket, type Socket } from 'node:dgram';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ServerDnsResolver } from '../../../../proxy-core/discovery/server-resolver.ts';
import { compiled } from '../upstream/support.ts';

/** A name server for one name: 127.0.0.5 and 127.0.0.6 with a TTL of 42 s; NXDOMAIN for all others. */
function reply(query: Buffer): Buffer {
  let end = 12;
  const labels: string[] = [];
  for (let length = query[end] ?? 0; length > 0; length = query[end] ?? 0) {
    labels.push(query.subarray(end + 1, end + 1 + length).toString());
    end += length + 1;
  }
  const type = query.readUInt16BE(end + 1);
  const question = query.subarray(12, end + 5);
  const known = labels.join('.').toLowerCase() === 'shop.service.consul';
  const hosts = known && type === 1 ? [5, 6] : [];
  const head = Buffer.alloc(12);
  query.copy(head, 0, 0, 2);
  head.writeUInt16BE(known ? 0x8580 : 0x8583, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(hosts.length, 6);
  const answers = hosts.map((host) =>
    Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 42, 0, 4, 127, 0, 0, host]),
  );
  return Buffer.concat([head, question, ...answers]);
}

let server: Socket;
let resolver: ServerDnsResolver;
let address = '';

beforeAll(async () => {
  server = createSocket('udp4');
  server.on('message', (query, from) => server.send(reply(query), from.port, from.address));
  await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve));
  address = `127.0.0.1:${server.address().port}`;
  resolver = new ServerDnsResolver({ addresses: [address], timeout: 2000, tries: 2 });
});

afterAll(() => server.close());

describe('a name server of the cluster', () => {
  test.each<[string, 4 | 6, string[]]>([
    ['shop.service.consul', 4, ['127.0.0.5', '127.0.0.6']],
    ['shop.service.consul', 6, []],
    ['other.service.consul', 4, []],
    ['10.0.0.1', 4, ['10.0.0.1']],
  ])('%s, IPv%d: %o', async (name, family, addresses) => {
    expect([...(await resolver.resolve(name, family))].sort()).toEqual(addresses);
  });

  test('says how long its answer holds', async () => {
    expect(await resolver.timeToLive('shop.service.consul', 4)).toBe(42);
    expect(await resolver.timeToLive('other.service.consul', 4)).toBeNull();
  });

  test('that does not answer is a failure, not an empty answer', async () => {
    const silent = createSocket('udp4');
    await new Promise<void>((resolve) => silent.bind(0, '127.0.0.1', resolve));
    const asked = new ServerDnsResolver({
      addresses: [`127.0.0.1:${silent.address().port}`],
      timeout: 50,
      tries: 1,
    }).resolve('shop.service.consul', 4);
    await expect(asked).rejects.toThrow();
    silent.close();
  });
});

describe('which servers', () => {
  const server = (ip: string): string => `{socket_address: {address: "${ip}", port_value: 8600}}`;
  const typed = `typed_dns_resolver_config: {name: x, typed_config: {"@type": type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig, resolvers: [${server('127.0.0.1')}, ${server('::1')}]}}`;
  test.each<[string, readonly string[] | undefined]>([
    ['', undefined],
    [typed, ['127.0.0.1:8600', '[::1]:8600']],
    [`dns_resolution_config: {resolvers: [${server('127.0.0.2')}]}`, ['127.0.0.2:8600']],
    [`dns_resolvers: [${server('127.0.0.3')}]`, ['127.0.0.3:8600']],
  ])('%j', (more, servers) => {
    expect(compiled(`name: c\ntype: STRICT_DNS\n${more}`).dns.servers?.addresses).toEqual(servers);
  });
});
