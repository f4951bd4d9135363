import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Clock } from '../../base/clock.ts';
import { type HeaderList, headerValue, setHeader } from '../../base/headers.ts';
import type { RequestHead } from '../../base/stream-info.ts';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import type { FilterCallbacks, HeadStatus, HttpFilter } from '../filter.ts';
import { cookieValue } from './cookie.ts';
import type { HttpFilterExtension } from './extension.ts';

/** How a client keeps the address of its host. */
type SessionState =
  | { readonly kind: 'none' }
  | { readonly kind: 'header'; readonly name: string }
  | {
      readonly kind: 'cookie';
      readonly name: string;
      readonly path: string;
      /** Seconds; 0 = as long as the browser runs. */
      readonly ttl: number;
      readonly attributes: readonly string[];
    };

interface SessionSettings {
  readonly state: SessionState;
  readonly strict: boolean;
  readonly source: MessageReader['range'];
}

const STATES = 'envoy.extensions.http.stateful_session';
/** Envoy looks these up by name. */
const NAMES: readonly string[] = [
  'envoy.http.stateful_session.cookie',
  'envoy.http.stateful_session.header',
  'envoy.http.stateful_session.envelope',
];

function compileSettings(reader: MessageReader, ctx: CompileContext): SessionSettings {
  const extension = reader.message('session_state');
  return {
    state: extension === undefined ? { kind: 'none' } : compileState(extension, ctx),
    strict: reader.bool('strict') ?? false,
    source: reader.range,
  };
}

function compileState(extension: MessageReader, ctx: CompileContext): SessionState {
  const name = extension.string('name') ?? '';
  if (!NAMES.includes(name)) {
    const message = `Didn't find a registered implementation for name: '${name}'`;
    ctx.report('error', 'filter.stateful-session', extension, 'name', message);
  }
  const config = extension.message('typed_config');
  if (config?.type === `${STATES}.header.v3.HeaderBasedSessionState`) {
    return { kind: 'header', name: (config.string('name') ?? '').toLowerCase() };
  }
  if (config?.type !== `${STATES}.cookie.v3.CookieBasedSessionState`) return { kind: 'none' };
  const cookie = config.message('cookie');
  return {
    kind: 'cookie',
    name: cookie?.string('name') ?? '',
    path: cookie?.string('path') ?? '',
    ttl: Math.floor((cookie?.duration('ttl') ?? 0) / 1000),
    attributes: (cookie?.messages('attributes') ?? []).map((attribute) => {
      const value = attribute.string('value') ?? '';
      const key = attribute.string('name') ?? '';
      return value === '' ? key : `${key}=${value}`;
    }),
  };
}

/** Is a request under the path of the cookie? */
function isUnder(path: string, cookiePath: string): boolean {
  if (cookiePath === '' || cookiePath === '/') return true;
  if (!path.startsWith(cookiePath)) return false;
  const next = path[cookiePath.length];
  return cookiePath.endsWith('/') || next === undefined || next === '/' || next === '?' || next === '#';
}

/** The address that a request brings along, null when it brings none that holds. */
function sessionAddress(state: SessionState, head: RequestHead, seconds: number): string | null {
  switch (state.kind) {
    case 'none':
      return null;
    case 'header': {
      const value = headerValue(head.headers, state.name);
      return value === undefined ? null : decodeBase64(value)?.toString('latin1') || null;
    }
    default: {
      const value = cookieValue(head.headers, state.name);
      const bytes = value === undefined ? null : decodeBase64(value);
      return bytes === null ? null : cookieAddress(bytes, seconds);
    }
  }
}

function decodeBase64(text: string): Buffer | null {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? Buffer.from(text, 'base64') : null;
}

/** The payload is a message of address and expiry; what is none is an address as it is, the old form. */
function cookieAddress(bytes: Buffer, seconds: number): string | null {
  let address = '';
  let expires = 0;
  try {
    const reader = new BinaryReader(bytes);
    while (reader.pos < reader.len) {
      const [field, wireType] = reader.tag();
      if (field === 1 && wireType === WireType.LengthDelimited) address = reader.string();
      else if (field === 2 && wireType === WireType.Varint) expires = Number(reader.int64());
      else reader.skip(wireType, field);
    }
  } catch {
    return bytes.toString('latin1') || null;
  }
  if (address === '' || (expires !== 0 && seconds > expires)) return null;
  return address;
}

/** Tells the client which host to ask for next time. */
function writeAddress(state: SessionState, address: string, headers: HeaderList, seconds: number): void {
  if (state.kind === 'header') setHeader(headers, state.name, Buffer.from(address).toString('base64'));
  if (state.kind !== 'cookie') return;
  const writer = new BinaryWriter().tag(1, WireType.LengthDelimited).string(address);
  if (state.ttl > 0) writer.tag(2, WireType.Varint).int64(seconds + state.ttl);
  let text = `${state.name}="${Buffer.from(writer.finish()).toString('base64')}"`;
  if (state.ttl > 0) text += `; Max-Age=${state.ttl}`;
  if (state.path !== '') text += `; Path=${state.path}`;
  for (const attribute of state.attributes) text += `; ${attribute}`;
  headers.push('set-cookie', `${text}; HttpOnly`);
}

const secondsOf = (clock: Clock): number => Math.floor(clock.now() / 1000);

class SessionFilter implements HttpFilter {
  /** Null: this request has no session. */
  private settings: SessionSettings | null = null;
  private address: string | null = null;

  constructor(
    private readonly callbacks: FilterCallbacks,
    private readonly configured: SessionSettings,
  ) {}

  decodeHead(head: RequestHead): HeadStatus {
    const { callbacks } = this;
    const byRoute = callbacks.perRouteConfig() as SessionSettings | 'disabled' | undefined;
    if (byRoute === 'disabled') return 'continue';
    const settings = byRoute ?? this.configured;
    const { state } = settings;
    if (state.kind === 'none' || (state.kind === 'cookie' && !isUnder(head.path, state.path)))
      return 'continue';
    this.settings = settings;
    this.address = sessionAddress(state, head, secondsOf(callbacks.clock));
    if (this.address !== null) {
      callbacks.info.overrideHost = { address: this.address, strict: settings.strict };
    }
    return 'continue';
  }

  encodeHead(head: { headers: HeaderList }): HeadStatus {
    const { settings, callbacks } = this;
    const { upstreamHost } = callbacks.info;
    if (settings !== null && upstreamHost !== '' && upstreamHost !== this.address) {
      writeAddress(settings.state, upstreamHost, head.headers, secondsOf(callbacks.clock));
    }
    return 'continue';
  }
}

const PACKAGE = 'envoy.extensions.filters.http.stateful_session.v3';

/** `envoy.filters.http.stateful_session`: a client stays with its host, by a cookie or a header. */
export const STATEFUL_SESSION: HttpFilterExtension = {
  type: `${PACKAGE}.StatefulSession`,
  routeTypes: [`${PACKAGE}.StatefulSessionPerRoute`],
  compileRoute(config, ctx): SessionSettings | 'disabled' | undefined {
    if (config.bool('disabled') === true) return 'disabled';
    const own = config.message('stateful_session');
    return own === undefined ? undefined : compileSettings(own, ctx);
  },
  compile(name, config, ctx) {
    const settings = compileSettings(config, ctx);
    return {
      name,
      source: config.range,
      create: (callbacks) => new SessionFilter(callbacks, settings),
      explain(question, narrator) {
        const byRoute = question.routeConfigs()[0] as SessionSettings | 'disabled' | undefined;
        if (byRoute === 'disabled') {
          narrator.note('neutral', 'Stateful session: off for this route', config.range);
          return null;
        }
        const { state, strict, source } = byRoute ?? settings;
        if (state.kind === 'none') return null;
        // Whether a cookie is still good depends on the time; it is told as if it were.
        const address = sessionAddress(state, question.head, 0);
        const what = `${state.kind} \`${state.name}\``;
        const text =
          address === null
            ? `${what} names no host; the answer will set it`
            : `${what} asks for ${address}${strict ? ', no other will do' : ''}`;
        narrator.note('neutral', `Stateful session: ${text}`, source);
        if (address !== null) question.info.overrideHost = { address, strict };
        return null;
      },
    };
  },
};
