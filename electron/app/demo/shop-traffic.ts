import { Agent, type ClientRequest, request } from 'node:http';

/** Requests per second to begin with, and at most. */
export const USUAL_RATE = 40;
export const MAX_RATE = 5_000;
const TICK = 25;
/** So many requests wait at most; a proxy that does not answer gets no more. */
const MAX_WAITING = 500;
const PATIENCE = 15_000;

interface Visit {
  readonly weight: number;
  /** Method, path and body of one request; `draw` is a whole number. */
  readonly make: (draw: number) => { method: string; path: string; body?: object };
}

const sku = (draw: number): string => `SKU-${1000 + (draw % 40)}`;

/** What the shop's customers do, by how often they do it. */
const visits: readonly Visit[] = [
  { weight: 30, make: (draw) => ({ method: 'GET', path: `/inventory/${sku(draw)}` }) },
  {
    weight: 8,
    make: (draw) => ({
      method: 'POST',
      path: `/inventory/${sku(draw)}/reserve`,
      body: { quantity: 1 + (draw % 3), cart: draw % 9_999 },
    }),
  },
  { weight: 14, make: (draw) => ({ method: 'GET', path: `/catalog/items?page=${1 + (draw % 6)}` }) },
  { weight: 14, make: (draw) => ({ method: 'GET', path: `/catalog/items/${sku(draw)}` }) },
  { weight: 10, make: (draw) => ({ method: 'GET', path: `/users/${1 + (draw % 900)}` }) },
  { weight: 6, make: (draw) => ({ method: 'GET', path: `/users/${1 + (draw % 900)}/cart` }) },
  {
    weight: 8,
    make: (draw) => ({
      method: 'POST',
      path: '/payment/charges',
      body: { cents: 490 + (draw % 9_000), currency: 'EUR' },
    }),
  },
  {
    weight: 4,
    make: (draw) => ({ method: 'GET', path: `/payment/charges/ch_${(draw % 99_999).toString(36)}` }),
  },
  { weight: 3, make: () => ({ method: 'GET', path: '/healthz' }) },
  { weight: 2, make: (draw) => ({ method: 'GET', path: `/v1/inventory/${sku(draw)}` }) },
  { weight: 1, make: () => ({ method: 'GET', path: '/favicon.ico' }) },
];

const totalWeight = visits.reduce((sum, visit) => sum + visit.weight, 0);

/** The visit for a draw in [0, 1). */
export function visitFor(random: number): Visit {
  let rest = random * totalWeight;
  for (const visit of visits) {
    rest -= visit.weight;
    if (rest < 0) return visit;
  }
  return visits[0] as Visit;
}

/** Customers of the shop: real requests over kept-alive connections, at a steady rate with small irregularities. */
export class ShopTraffic {
  /** `127.0.0.1:18080`, where the proxy listens; null stops the traffic until it is known. */
  target: string | null = null;
  #rate = 0;
  #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  #waiting = new Set<ClientRequest>();
  #timer: NodeJS.Timeout | null = null;
  #owed = 0;
  #lastTick = 0;

  get rate(): number {
    return this.#rate;
  }

  setRate(rate: number): void {
    this.#rate = Math.min(MAX_RATE, Math.max(0, rate));
    this.#owed = 0;
    if (this.#rate === 0) this.#halt();
    else if (this.#timer === null) {
      this.#lastTick = performance.now();
      this.#timer = setInterval(() => this.#tick(), TICK);
      this.#timer.unref();
    }
  }

  stop(): void {
    this.#rate = 0;
    this.#halt();
    for (const waiting of this.#waiting) waiting.destroy();
    this.#agent.destroy();
    this.#agent = new Agent({ keepAlive: true, maxSockets: 64 });
  }

  #halt(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #tick(): void {
    const now = performance.now();
    // After a pause (a laptop that slept) the customers do not all come at once.
    const passed = Math.min(250, now - this.#lastTick);
    this.#lastTick = now;
    this.#owed += (passed / 1000) * this.#rate * (0.5 + Math.random());
    while (this.#owed >= 1) {
      this.#owed -= 1;
      if (this.target !== null && this.#waiting.size < MAX_WAITING) this.#send(this.target);
    }
  }

  #send(target: string): void {
    const colon = target.lastIndexOf(':');
    const { method, path, body } = visitFor(Math.random()).make(Math.floor(Math.random() * 2 ** 30));
    const text = body === undefined ? null : JSON.stringify(body);
    const sent = request({
      agent: this.#agent,
      host: reachable(target.slice(0, colon)),
      port: Number(target.slice(colon + 1)),
      method,
      path,
      timeout: PATIENCE,
      headers: {
        host: 'shop.local',
        'user-agent': 'shop-customer',
        accept: 'application/json',
        ...(text === null
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
      },
    });
    this.#waiting.add(sent);
    sent.on('response', (response) => response.resume());
    sent.on('timeout', () => sent.destroy());
    sent.on('close', () => this.#waiting.delete(sent));
    // A proxy that is down or resets is what the user may be looking at.
    sent.on('error', () => {});
    sent.end(text ?? undefined);
  }
}

/** A listener on every address is reached over loopback. */
function reachable(host: string): string {
  const bare = host.replace(/^\[|\]$/g, '');
  if (bare === '0.0.0.0') return '127.0.0.1';
  return bare === '::' ? '::1' : bare;
}
