import type { Socket } from 'node:net';

const V2_SIGNATURE = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];

/** The PROXY protocol header of a check: V1 with both addresses of the connection, V2 with the LOCAL command. */
export function proxyProtocolHeader(
  version: 'V1' | 'V2',
  socket: Pick<Socket, 'localAddress' | 'localPort' | 'remoteAddress' | 'remotePort'>,
): Uint8Array {
  if (version === 'V2') return new Uint8Array([...V2_SIGNATURE, 0x20, 0x00, 0x00, 0x00]);
  const { localAddress = '', localPort = 0, remoteAddress = '', remotePort = 0 } = socket;
  const family = remoteAddress.includes(':') ? 'TCP6' : 'TCP4';
  return Buffer.from(
    `PROXY ${family} ${localAddress} ${remoteAddress} ${localPort} ${remotePort}\r\n`,
    'latin1',
  );
}
