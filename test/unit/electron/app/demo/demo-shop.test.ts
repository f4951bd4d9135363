import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { DemoShop } from '../../../../../electron/app/demo/demo-shop.ts';
import { SHOP_SERVICES, shopConfig, withPorts } from '../../../../../electron/app/demo/shop-config.ts';
import { visitFor } from '../../../../../electron/app/demo/shop-traffic.ts';

let shop: DemoShop | null = null;
let taken: Server | null = null;
afterEach(async () => {
  await shop?.stop();
  taken?.close();
  taken = null;
});

const started = async () => {
  shop = new DemoShop({ changed: () => {} });
  const config = await shop.start();
  return { shop, config };
};

const addressOf = (name: string, index = 0) =>
  shop?.state().services.find((service) => service.name === name)?.hosts[index]?.address ?? '';

/** Status, or the code of the error. */
function ask(address: string, path: string, method = 'GET', body = ''): Promise<number | string> {
  return new Promise((resolve) => {
    const sent = request(`http://${address}${path}`, { method, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sent.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
    sent.end(body);
  });
}

describe('DemoShop', () => {
  it('runs every host that its configuration names', async () => {
    const { config } = await started();
    const ports = new Set([...config.matchAll(/port_value: (\d+)/g)].map((match) => Number(match[1])));
    const hosts = shop?.state().services.flatMap((service) => service.hosts) ?? [];
    expect(hosts).toHaveLength(7);
    for (const { address } of hosts) expect(ports).toContain(Number(address.split(':')[1]));
    expect(shop?.state()).toMatchObject({ running: true, rate: 40 });
  });

  it.each([
    ['inventory_service', 'GET', '/inventory/SKU-1001', 200],
    ['inventory_service', 'POST', '/inventory/SKU-1001/reserve', 201],
    ['inventory_service', 'GET', '/inventory/lamp', 404],
    ['payment_service', 'POST', '/payment/charges', 201],
    ['payment_service', 'GET', '/payment/charges/ch_1', 200],
    ['catalog_service', 'GET', '/catalog/items', 200],
    ['catalog_service', 'GET', '/catalog/items/SKU-1', 200],
    ['user_service', 'GET', '/users/7', 200],
    ['user_service', 'GET', '/users/ada', 404],
  ])('%s answers %s %s with %i', async (service, method, path, status) => {
    await started();
    expect(await ask(addressOf(service), path, method, method === 'POST' ? '{"cents":500}' : '')).toBe(
      status,
    );
  });

  it('switches a host between its modes, each real on the wire', async () => {
    await started();
    const address = addressOf('inventory_service', 2);
    const answer = () => ask(address, '/inventory/SKU-1');
    await shop?.setMode(address, '503');
    expect(await answer()).toBe(503);
    expect(await ask(addressOf('inventory_service', 1), '/inventory/SKU-1')).toBe(200);
    await shop?.setMode(address, 'reset');
    expect(await answer()).toBe('ECONNRESET');
    await shop?.setMode(address, 'down');
    expect(await answer()).toBe('ECONNREFUSED');
    await shop?.setMode(address, 'slow');
    const began = performance.now();
    expect(await answer()).toBe(200);
    expect(performance.now() - began).toBeGreaterThan(600);
    await shop?.setMode(address, 'healthy');
    expect(await answer()).toBe(200);
  });

  it('moves to other ports where its own are taken, and says so', async () => {
    taken = createServer();
    // When something else has the port already, it is taken as well.
    await new Promise<void>((resolve) => {
      taken?.once('error', () => resolve()).listen(17001, '127.0.0.1', resolve);
    });
    const { config } = await started();
    const address = addressOf('inventory_service');
    expect(address).not.toBe('127.0.0.1:17001');
    expect(config).toContain(`port_value: ${address.split(':')[1]}`);
    expect(config).not.toContain('port_value: 17001');
    expect(shop?.state().notice).toContain('17001');
  });

  it('sends about as many requests as it is told to, and none when off', async () => {
    await started();
    const seen: string[] = [];
    const proxy = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (data) => {
        seen.push(String(data));
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
      });
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const { port } = proxy.address() as { port: number };
    if (shop !== null) shop.proxyAddress = `0.0.0.0:${port}`;
    shop?.setRate(200);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    shop?.setRate(0);
    const count = seen.length;
    expect(count).toBeGreaterThan(60);
    expect(count).toBeLessThan(320);
    expect(seen[0]).toMatch(/host: shop\.local/i);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(seen.length - count).toBeLessThan(20);
    expect(shop?.state().rate).toBe(0);
    proxy.close();
    await shop?.stop();
  });

  it('frees its ports when it stops, and can be told nothing then', async () => {
    await started();
    const address = addressOf('user_service');
    await shop?.stop();
    expect(await ask(address, '/users/1')).toBe('ECONNREFUSED');
    expect(shop?.state()).toMatchObject({ running: false, services: [], rate: 0 });
    expect(() => shop?.setRate(10)).toThrow(expect.objectContaining({ code: 'demo.not-running' }));
  });

  it('knows no other hosts', async () => {
    await started();
    await expect(shop?.setMode('127.0.0.1:1', 'down')).rejects.toMatchObject({ code: 'demo.unknown-host' });
  });
});

describe('the configuration', () => {
  it('is build/demo/shop.yaml and names the ports of the services', () => {
    const file = new URL('../../../../../build/demo/shop.yaml', import.meta.url);
    expect(shopConfig()).toBe(readFileSync(file, 'utf8'));
    for (const { name, ports } of SHOP_SERVICES) {
      expect(shopConfig()).toContain(`cluster_name: ${name}`);
      for (const port of ports) expect(shopConfig()).toContain(`port_value: ${port} `);
    }
  });

  it('moves whole ports only', () => {
    const text = 'port_value: 1700 }\nport_value: 17001 }\nnote: 17001';
    expect(withPorts(text, new Map([[17001, 5]]))).toBe('port_value: 1700 }\nport_value: 5 }\nnote: 17001');
  });
});

describe('the customers', () => {
  it('visit every part of the shop', () => {
    const paths = Array.from({ length: 100 }, (_, index) => visitFor(index / 100).make(index).path);
    for (const part of [
      '/inventory/',
      '/catalog/',
      '/users/',
      '/payment/',
      '/healthz',
      '/v1/',
      '/favicon.ico',
    ]) {
      expect(paths.some((path) => path.startsWith(part))).toBe(true);
    }
  });
});
