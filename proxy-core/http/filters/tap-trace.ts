import type { HeaderList } from '../../base/headers.ts';
import type { RequestHead, ResponseHead, SocketAddress } from '../../base/stream-info.ts';

/** Bytes of a body, as many as a tap keeps. */
export class TappedBody {
  private readonly parts: Buffer[] = [];
  private length = 0;
  truncated = false;

  constructor(private readonly limit: number) {}

  get empty(): boolean {
    return this.length === 0;
  }

  add(bytes: Uint8Array, start: number, end: number): void {
    const room = this.limit - this.length;
    if (end - start > room) this.truncated = true;
    const kept = Buffer.from(bytes.subarray(start, Math.min(end, start + room)));
    if (kept.length === 0) return;
    this.parts.push(kept);
    this.length += kept.length;
  }

  /** `envoy.data.tap.v3.Body` in JSON. */
  json(asString: boolean): object {
    const bytes = Buffer.concat(this.parts);
    return asString
      ? { as_string: bytes.toString('utf8'), truncated: this.truncated }
      : { as_bytes: bytes.toString('base64'), truncated: this.truncated };
  }
}

function headerJson(key: string, value: string): object {
  // Bytes that are no UTF-8 become `!`.
  const text = Buffer.from(value, 'latin1').toString('utf8').replaceAll('\ufffd', '!');
  return { key, value: text, raw_value: '' };
}

export function headersJson(headers: HeaderList): object[] {
  const list: object[] = [];
  for (let i = 0; i < headers.length; i += 2) list.push(headerJson(headers[i] ?? '', headers[i + 1] ?? ''));
  return list;
}

export function requestHeadersJson(head: RequestHead): object[] {
  const pseudo = [
    headerJson(':authority', head.authority),
    headerJson(':path', head.path),
    headerJson(':method', head.method),
    headerJson(':scheme', head.scheme),
  ];
  return [...pseudo, ...headersJson(head.headers)];
}

export function responseHeadersJson(head: ResponseHead): object[] {
  return [headerJson(':status', String(head.status)), ...headersJson(head.headers)];
}

/** `envoy.config.core.v3.Address` in JSON. */
export function addressJson(address: SocketAddress): object {
  if (address.port < 0) return { pipe: { path: address.ip, mode: 0 } };
  return {
    socket_address: {
      protocol: 'TCP',
      address: address.ip,
      port_value: address.port,
      resolver_name: '',
      ipv4_compat: false,
    },
  };
}

/** One trace as Envoy writes it: indented by one blank. */
export function traceText(trace: object): string {
  return `${JSON.stringify(trace, null, 1)}\n`;
}
