import { canonicalIp } from '../base/canonical-ip.ts';
import type { FilterStateObject, StreamInfo } from '../base/stream-info.ts';

/** What a factory makes of a text, before it is known whether it may be replaced. */
type Made = Omit<FilterStateObject, 'factory' | 'readOnly'>;

/** Makes an object of a text; null when the text is none of its kind: nothing is stored then. */
type ObjectFactory = (text: string) => Made | null;

const object = (text: string | null, more: Partial<Made> = {}): Made => ({
  text,
  typed: null,
  hashable: false,
  fields: null,
  ...more,
});

/** The object factories (`filter_state.object`) by name. */
const FACTORIES: ReadonlyMap<string, ObjectFactory> = new Map<string, ObjectFactory>([
  ['envoy.string', (text) => object(text, { typed: text })],
  ['envoy.hashable_string', (text) => object(text, { typed: text, hashable: true })],
  ['envoy.network.upstream_server_name', (text) => object(text)],
  ['envoy.tcp_proxy.cluster', (text) => object(text)],
  ['envoy.network.upstream_subject_alt_names', () => object(null)],
  ['envoy.network.application_protocols', () => object(null)],
  ['envoy.router.debug_config', () => object(null)],
  ['envoy.upstream.dynamic_host', (text) => object(text, { typed: text })],
  ['envoy.upstream.dynamic_port', unsigned32],
  ['envoy.ratelimit.hits_addend', unsigned32],
  ['envoy.tcp_proxy.per_connection_idle_timeout_ms', unsigned64],
  [
    'envoy.tcp_proxy.disable_tunneling',
    (text) => object(String(text === 'true'), { typed: text === 'true' }),
  ],
  ['envoy.network.transport_socket.original_dst_address', addressAndPort],
  ['envoy.filters.listener.original_dst.local_ip', addressAndPort],
  ['envoy.filters.listener.original_dst.remote_ip', addressAndPort],
  ['envoy.network.ip', addressAlone],
]);

export function hasObjectFactory(name: string): boolean {
  return FACTORIES.has(name);
}

/** The object that a factory makes of a text, or null. */
export function filterStateObject(
  factory: string,
  text: string,
  readOnly: boolean,
): FilterStateObject | null {
  const made = FACTORIES.get(factory)?.(text) ?? null;
  return made === null ? null : { factory, readOnly, ...made };
}

/** Stores an object; false: one that is there may not be replaced, which takes that neither is read-only. */
export function setFilterState(info: StreamInfo, key: string, value: FilterStateObject): boolean {
  info.filterState ??= new Map();
  const before = info.filterState.get(key);
  if (before !== undefined && (before.readOnly || value.readOnly)) return false;
  info.filterState.set(key, value);
  return true;
}

/** An object as a text; undefined when there is none or it has no text. */
export function filterStateText(info: StreamInfo, key: string): string | undefined {
  return info.filterState?.get(key)?.text ?? undefined;
}

const UNSIGNED = /^\s*\+?(\d+)\s*$/;

function unsigned(text: string, bits: number): bigint | null {
  const digits = UNSIGNED.exec(text)?.[1];
  if (digits === undefined || digits.length > 20) return null;
  const value = BigInt(digits);
  return BigInt.asUintN(bits, value) === value ? value : null;
}

function unsigned32(text: string): Made | null {
  const value = unsigned(text, 32);
  return value === null ? null : object(String(value), { typed: Number(value) });
}

/** JSON has 64 bits as a text. */
function unsigned64(text: string): Made | null {
  const value = unsigned(text, 64);
  return value === null ? null : object(String(value), { typed: String(value) });
}

const PORT_AT_END = /^(?:\[(.+)\]|([^:]+)):(\d{1,6})$/;

function addressAndPort(text: string): Made | null {
  const found = PORT_AT_END.exec(text);
  if (found === null) return null;
  const [, bracketed, bare = '', digits] = found;
  const address = canonicalIp(bracketed ?? bare);
  const port = Number(digits);
  if (address?.family !== (bracketed === undefined ? 4 : 6) || port > 65535) return null;
  const { ip } = address;
  const fields = new Map([
    ['ip', ip],
    ['port', String(port)],
  ]);
  return object(address.family === 6 ? `[${ip}]:${port}` : `${ip}:${port}`, { hashable: true, fields });
}

function addressAlone(text: string): Made | null {
  const address = canonicalIp(text);
  if (address === null) return null;
  return object(address.family === 6 ? `[${address.ip}]:0` : `${address.ip}:0`);
}
