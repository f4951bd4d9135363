/** What a ClientHello says that a proxy decides by. */
export interface ClientHello {
  /** SNI in lower case, empty when there is none. */
  readonly serverName: string;
  /** ALPN in the client's order. */
  readonly protocols: readonly string[];
  /** `legacy_version`: 0x0303 for TLS 1.2 and 1.3. */
  readonly version: number;
  /** Everything below in the client's order, GREASE values (RFC 8701) included. */
  readonly cipherSuites: readonly number[];
  /** Types of the extensions. */
  readonly extensions: readonly number[];
  readonly groups: readonly number[];
  readonly pointFormats: readonly number[];
  readonly signatureAlgorithms: readonly number[];
  readonly supportedVersions: readonly number[];
  /** Groups that the client sent a key share for. */
  readonly keyShares: readonly number[];
}

export type ClientHelloResult = ClientHello | 'incomplete' | 'not-tls';

/** Longest ClientHello that is looked at (Envoy: TLS_MAX_CLIENT_HELLO). */
export const MAX_CLIENT_HELLO = 16 * 1024;

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;

/** A cursor that never reads beyond its end: past it everything is -1. */
class Cursor {
  constructor(
    private readonly bytes: Uint8Array,
    public at: number,
    readonly end: number,
  ) {}

  byte(): number {
    return this.at < this.end ? (this.bytes[this.at++] as number) : -1;
  }

  short(): number {
    const high = this.byte();
    const low = this.byte();
    return high < 0 || low < 0 ? -1 : high * 256 + low;
  }

  /** The next `length` bytes as a cursor of their own, null when they are not there. */
  part(length: number): Cursor | null {
    if (length < 0 || this.at + length > this.end) return null;
    const part = new Cursor(this.bytes, this.at, this.at + length);
    this.at += length;
    return part;
  }

  text(): string {
    let text = '';
    for (let i = this.at; i < this.end; i++) text += String.fromCharCode(this.bytes[i] as number);
    return text;
  }

  get left(): number {
    return this.end - this.at;
  }
}

/**
 * Reads the ClientHello at the start of a connection (RFC 8446, sections 4.1.2 and 5.1) without consuming it. Sans IO:
 * call it again with more bytes while it says `incomplete`. Never throws; `not-tls` also for what is broken.
 */
export function readClientHello(bytes: Uint8Array): ClientHelloResult {
  const message: number[] = [];
  let at = 0;
  let needed = -1;
  while (needed < 0 || message.length < needed) {
    if (at < bytes.length && bytes[at] !== HANDSHAKE) return 'not-tls';
    if (at + 1 < bytes.length && bytes[at + 1] !== 3) return 'not-tls';
    if (at + 5 > bytes.length) return tooLong(bytes);
    const length = ((bytes[at + 3] as number) << 8) | (bytes[at + 4] as number);
    if (length === 0 || length > 16384) return 'not-tls';
    const end = Math.min(at + 5 + length, bytes.length);
    for (let i = at + 5; i < end; i++) message.push(bytes[i] as number);
    if (message.length > 0 && message[0] !== CLIENT_HELLO) return 'not-tls';
    if (needed < 0 && message.length >= 4) {
      needed = 4 + (((message[1] as number) << 16) | ((message[2] as number) << 8) | (message[3] as number));
      if (needed > MAX_CLIENT_HELLO) return 'not-tls';
    }
    if (end < at + 5 + length && (needed < 0 || message.length < needed)) return tooLong(bytes);
    at = end;
  }
  return parse(Uint8Array.from(message.slice(4, needed)));
}

function tooLong(bytes: Uint8Array): 'incomplete' | 'not-tls' {
  return bytes.length > 2 * MAX_CLIENT_HELLO ? 'not-tls' : 'incomplete';
}

function parse(bytes: Uint8Array): ClientHelloResult {
  const hello = new Cursor(bytes, 0, bytes.length);
  const version = hello.short();
  // Random, session id, cipher suites, compression methods.
  const suites =
    hello.part(32) === null || hello.part(hello.byte()) === null ? null : hello.part(hello.short());
  if (suites === null || hello.part(hello.byte()) === null) return 'not-tls';
  const found = {
    serverName: '',
    protocols: [] as readonly string[],
    version,
    cipherSuites: shorts(suites),
    extensions: [] as number[],
    groups: [] as readonly number[],
    pointFormats: [] as readonly number[],
    signatureAlgorithms: [] as readonly number[],
    supportedVersions: [] as readonly number[],
    keyShares: [] as readonly number[],
  };
  const extensions = hello.left === 0 ? null : hello.part(hello.short());
  while (extensions !== null && extensions.left > 0) {
    const type = extensions.short();
    const body = extensions.part(extensions.short());
    if (body === null) return 'not-tls';
    found.extensions.push(type);
    switch (type) {
      case ExtensionType.ServerName:
        found.serverName = readServerName(body).toLowerCase();
        break;
      case ExtensionType.SupportedGroups:
        found.groups = shorts(body.part(body.short()));
        break;
      case ExtensionType.PointFormats:
        found.pointFormats = octets(body.part(body.byte()));
        break;
      case ExtensionType.SignatureAlgorithms:
        found.signatureAlgorithms = shorts(body.part(body.short()));
        break;
      case ExtensionType.Alpn:
        found.protocols = readProtocols(body);
        break;
      case ExtensionType.SupportedVersions:
        found.supportedVersions = shorts(body.part(body.byte()));
        break;
      case ExtensionType.KeyShare:
        found.keyShares = readKeyShares(body);
        break;
      default:
        break;
    }
  }
  return found;
}

/** Types of the extensions that are looked into. */
export const ExtensionType = {
  ServerName: 0,
  SupportedGroups: 10,
  PointFormats: 11,
  SignatureAlgorithms: 13,
  Alpn: 16,
  SupportedVersions: 43,
  KeyShare: 51,
} as const;

function shorts(part: Cursor | null): number[] {
  const values: number[] = [];
  while (part !== null && part.left >= 2) values.push(part.short());
  return values;
}

function octets(part: Cursor | null): number[] {
  const values: number[] = [];
  while (part !== null && part.left > 0) values.push(part.byte());
  return values;
}

/** RFC 8446, section 4.2.8. */
function readKeyShares(body: Cursor): number[] {
  const groups: number[] = [];
  const list = body.part(body.short());
  while (list !== null && list.left > 0) {
    const group = list.short();
    if (list.part(list.short()) === null) break;
    groups.push(group);
  }
  return groups;
}

/** RFC 6066, section 3. */
function readServerName(body: Cursor): string {
  const list = body.part(body.short());
  while (list !== null && list.left > 0) {
    const type = list.byte();
    const name = list.part(list.short());
    if (name === null) return '';
    if (type === 0) return name.text();
  }
  return '';
}

/** RFC 7301, section 3.1. */
function readProtocols(body: Cursor): string[] {
  const protocols: string[] = [];
  const list = body.part(body.short());
  while (list !== null && list.left > 0) {
    const name = list.part(list.byte());
    if (name === null) break;
    protocols.push(name.text());
  }
  return protocols;
}
