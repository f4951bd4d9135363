/** What the shop's services answer: small JSON documents that fit the path, the same for the same path. */
import type { ShopServiceName } from './shop-config.ts';

export interface ShopRequest {
  readonly method: string;
  /** Path without query. */
  readonly path: string;
  readonly body: string;
  /** `127.0.0.1:17001` */
  readonly host: string;
}

export interface ShopAnswer {
  readonly status: number;
  readonly body: unknown;
}

const products = ['lamp', 'kettle', 'chair', 'mug', 'blanket', 'clock', 'basket', 'mirror'] as const;
const warehouses = ['ams-1', 'ber-2', 'lyo-1'] as const;
const names = ['Ada', 'Ben', 'Chiara', 'Dmitri', 'Elif', 'Femi', 'Grace', 'Hugo'] as const;

const answers: Readonly<Record<ShopServiceName, (request: ShopRequest) => ShopAnswer>> = {
  inventory_service: inventory,
  payment_service: payment,
  catalog_service: catalog,
  user_service: user,
};

export function answerOf(service: ShopServiceName, request: ShopRequest): ShopAnswer {
  return answers[service](request);
}

function inventory({ method, path, body, host }: ShopRequest): ShopAnswer {
  const [, , sku = '', action = ''] = path.split('/');
  if (!/^SKU-\d+$/.test(sku)) return notFound(`There is no article ${sku}.`);
  if (method === 'POST' && action === 'reserve') {
    const quantity = numberIn(body, 'quantity');
    const reservation = `res_${hash(`${sku}${body}`).toString(36)}`;
    return {
      status: 201,
      body: { reservation, sku, quantity, warehouse: pick(warehouses, hash(sku)), by: host },
    };
  }
  const stock = hash(sku) % 240;
  return { status: 200, body: { sku, stock, warehouse: pick(warehouses, hash(sku)), by: host } };
}

function payment({ method, path, body, host }: ShopRequest): ShopAnswer {
  if (method === 'POST') {
    const cents = numberIn(body, 'cents');
    // One card in fifty is declined, as cards are.
    if (cents % 50 === 7) return { status: 402, body: { declined: 'insufficient_funds', cents, by: host } };
    return {
      status: 201,
      body: { charge: `ch_${hash(body).toString(36)}`, cents, captured: true, by: host },
    };
  }
  const charge = path.split('/').at(-1) ?? '';
  return { status: 200, body: { charge, cents: 100 + (hash(charge) % 20_000), captured: true, by: host } };
}

function catalog({ path, host }: ShopRequest): ShopAnswer {
  const sku = path.split('/')[3];
  if (sku === undefined || sku === '') {
    const items = Array.from({ length: 12 }, (_, index) => article(`SKU-${1000 + index}`));
    return { status: 200, body: { items, by: host } };
  }
  if (!/^SKU-\d+$/.test(sku)) return notFound(`There is no article ${sku}.`);
  return { status: 200, body: { ...article(sku), by: host } };
}

function user({ path, host }: ShopRequest): ShopAnswer {
  const [, , id = '', part = ''] = path.split('/');
  if (!/^\d+$/.test(id)) return notFound(`There is no user ${id}.`);
  if (part === 'cart') {
    const sku = `SKU-${1000 + (hash(id) % 40)}`;
    return {
      status: 200,
      body: { user: Number(id), lines: [{ sku, quantity: 1 + (hash(id) % 3) }], by: host },
    };
  }
  const name = pick(names, hash(id));
  return { status: 200, body: { user: Number(id), name, since: 2015 + (hash(id) % 10), by: host } };
}

function article(sku: string): { sku: string; name: string; cents: number } {
  return { sku, name: pick(products, hash(sku)), cents: 490 + (hash(sku) % 9_000) };
}

function notFound(message: string): ShopAnswer {
  return { status: 404, body: { message } };
}

function numberIn(body: string, field: string): number {
  try {
    const value = (JSON.parse(body) as Record<string, unknown>)[field];
    return typeof value === 'number' ? value : 0;
  } catch {
    return 0;
  }
}

function pick(list: readonly string[], index: number): string {
  return list[index % list.length] ?? '';
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193) >>> 0;
  }
  return value;
}
