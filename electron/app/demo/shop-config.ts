import { readFileSync } from 'node:fs';

/** The shop's bootstrap as it is in build/demo/shop.yaml; the bundler puts the text in. */
export function shopConfig(): string {
  return (
    process.env['ATTACHE_DEMO_SHOP'] ??
    readFileSync(new URL('../../../build/demo/shop.yaml', import.meta.url), 'utf8')
  );
}

/** The ports that shop.yaml names for the proxy itself. */
export const LISTENER_PORT = 18080;
export const ADMIN_PORT = 9902;

export type ShopServiceName = 'inventory_service' | 'payment_service' | 'catalog_service' | 'user_service';

/** The services by cluster, with the ports that shop.yaml names for their hosts. */
export const SHOP_SERVICES: readonly { readonly name: ShopServiceName; readonly ports: readonly number[] }[] =
  [
    { name: 'inventory_service', ports: [17001, 17002, 17003] },
    { name: 'payment_service', ports: [17101, 17102] },
    { name: 'catalog_service', ports: [17201] },
    { name: 'user_service', ports: [17301] },
  ];

/** The text with other ports where the usual ones are taken. */
export function withPorts(text: string, ports: ReadonlyMap<number, number>): string {
  return text.replace(/\bport_value: (\d+)/g, (whole, port: string) => {
    const other = ports.get(Number(port));
    return other === undefined ? whole : `port_value: ${other}`;
  });
}
