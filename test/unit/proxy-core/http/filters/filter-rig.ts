import { proxyYaml } from '../data-path-rig.ts';

const TYPE = 'type.googleapis.com/envoy.extensions.filters.http';

/** One item of `http_filters`. */
export function filter(name: string, message: string, fields = ''): string {
  const more = fields === '' ? '' : `, ${fields}`;
  return `- { name: envoy.filters.http.${name}, typed_config: { "@type": ${TYPE}.${name}.v3.${message}${more} } }`;
}

export interface FilterYaml {
  /** Items of `http_filters` before the router. */
  readonly filters: readonly string[];
  readonly ports: readonly number[];
  readonly routes?: string;
  /** Lines of the cluster `origin`. */
  readonly cluster?: string;
  readonly hcm?: string;
}

/** A whole configuration with these filters. */
export function filterYaml({ filters, ports, routes, cluster, hcm }: FilterYaml): string {
  const yaml = proxyYaml(
    {
      routes: routes ?? '- { match: { prefix: / }, route: { cluster: origin } }',
      ...(cluster === undefined ? {} : { cluster }),
      ...(hcm === undefined ? {} : { hcm }),
    },
    ports,
  );
  const lines = filters.map((each) => each.replace(/^/gm, '          ')).join('\n');
  return yaml.replace('http_filters:\n', `http_filters:\n${lines}\n`);
}

/** Head and body of an HTTP/1 answer in latin1; chunks joined. */
export function parted(answer: string): { head: string; body: Buffer; trailers: string } {
  const at = answer.indexOf('\r\n\r\n');
  const head = answer.slice(0, at);
  let rest = answer.slice(at + 4);
  if (!/transfer-encoding: chunked/i.test(head))
    return { head, body: Buffer.from(rest, 'latin1'), trailers: '' };
  let body = '';
  for (;;) {
    const line = rest.indexOf('\r\n');
    const size = Number.parseInt(rest.slice(0, line), 16);
    rest = rest.slice(line + 2);
    if (!(size > 0)) break;
    body += rest.slice(0, size);
    rest = rest.slice(size + 2);
  }
  return { head, body: Buffer.from(body, 'latin1'), trailers: rest };
}
