import { networkInterfaces } from 'node:os';
import { type HeaderList, joinedHeaderValue, setHeader } from '../../base/headers.ts';

let known: string | null = null;

/** The machine's first IPv4 address that is not loopback, else 127.0.0.1 (Envoy: Network::Utility::getLocalAddress). */
function localAddress(): string {
  known ??=
    Object.values(networkInterfaces())
      .flatMap((list) => list ?? [])
      .find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
  return known;
}

export function appendForwardedFor(headers: HeaderList): void {
  const before = joinedHeaderValue(headers, 'x-forwarded-for');
  setHeader(
    headers,
    'x-forwarded-for',
    before === undefined ? localAddress() : `${before},${localAddress()}`,
  );
}
