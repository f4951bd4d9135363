import { createServer } from 'node:net';
import { AttacheError } from '../../../proxy-core/index.ts';
import type { DemoHostMode, DemoState } from '../../ipc/contract.ts';
import {
  ADMIN_PORT,
  LISTENER_PORT,
  SHOP_SERVICES,
  type ShopServiceName,
  shopConfig,
  withPorts,
} from './shop-config.ts';
import { ShopHost } from './shop-host.ts';
import { ShopTraffic, USUAL_RATE } from './shop-traffic.ts';

/** The demo shop: its services on loopback, their customers, and the switches of each host. */
export class DemoShop {
  readonly #changed: () => void;
  readonly #traffic = new ShopTraffic();
  #services: { readonly name: ShopServiceName; readonly hosts: readonly ShopHost[] }[] = [];
  #notice = '';
  #starting: Promise<string> | null = null;

  constructor(options: { changed: () => void }) {
    this.#changed = options.changed;
  }

  /** Where the proxy listens. */
  set proxyAddress(address: string | null) {
    this.#traffic.target = address;
  }

  state(): DemoState {
    return {
      running: this.#services.length > 0,
      rate: this.#traffic.rate,
      services: this.#services.map(({ name, hosts }) => ({
        name,
        hosts: hosts.map(({ address, mode }) => ({ address, mode })),
      })),
      notice: this.#notice,
    };
  }

  /**
   * Starts services and traffic.
   * @returns the configuration to run: shop.yaml, with other ports where its own are taken
   */
  start(): Promise<string> {
    this.#starting ??= this.#start().finally(() => {
      this.#starting = null;
    });
    return this.#starting;
  }

  async stop(): Promise<void> {
    if (this.#services.length === 0) return;
    this.#traffic.stop();
    const services = this.#services;
    this.#services = [];
    this.#notice = '';
    await Promise.all(services.flatMap(({ hosts }) => hosts.map((host) => host.stop())));
    this.#changed();
  }

  /** The customers go home; the services still answer what is under way. */
  stopTraffic(): void {
    this.#traffic.stop();
  }

  /** @param rate requests per second, 0 = off */
  setRate(rate: number): void {
    if (this.#services.length === 0) throw notRunning();
    this.#traffic.setRate(rate);
    this.#changed();
  }

  async setMode(address: string, mode: DemoHostMode): Promise<void> {
    if (this.#services.length === 0) throw notRunning();
    const host = this.#services.flatMap(({ hosts }) => hosts).find((other) => other.address === address);
    if (host === undefined) {
      throw new AttacheError('demo.unknown-host', `The demo shop has no host at ${address}.`);
    }
    try {
      await host.setMode(mode);
    } finally {
      this.#changed();
    }
  }

  async #start(): Promise<string> {
    await this.stop();
    const moved = new Map<number, number>();
    const services = [];
    for (const { name, ports } of SHOP_SERVICES) {
      const hosts = [];
      for (const port of ports) {
        const host = new ShopHost(name);
        await host.start(port);
        if (host.port !== port) moved.set(port, host.port);
        hosts.push(host);
      }
      services.push({ name, hosts });
    }
    for (const port of [LISTENER_PORT, ADMIN_PORT]) {
      const free = await freePort(port);
      if (free !== port) moved.set(port, free);
    }
    this.#services = services;
    this.#notice = noticeOf(moved);
    this.#traffic.setRate(USUAL_RATE);
    this.#changed();
    return withPorts(shopConfig(), moved);
  }
}

function notRunning(): AttacheError {
  return new AttacheError('demo.not-running', 'The demo shop does not run. Start it first.');
}

function noticeOf(moved: ReadonlyMap<number, number>): string {
  if (moved.size === 0) return '';
  const list = [...moved].map(([port, other]) => `${port} is ${other} here`).join(', ');
  return `Some of the shop's ports are in use by other programs: ${list}.`;
}

/** The wanted port when it is free, or any other. */
function freePort(wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error) => {
      if (wanted === 0) reject(error);
      else freePort(0).then(resolve, reject);
    });
    probe.listen(wanted, '127.0.0.1', () => {
      const address = probe.address();
      const port = typeof address === 'object' && address !== null ? address.port : wanted;
      probe.close(() => resolve(port));
    });
  });
}
