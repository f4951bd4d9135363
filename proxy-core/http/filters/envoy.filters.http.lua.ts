import type { HeaderList } from '../../base/headers.ts';
import type { Counter } from '../../base/stats.ts';
import type { RequestHead, ResponseHead } from '../../base/stream-info.ts';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import { readDataSource } from '../../route/index.ts';
import type { BodyStatus, FilterCallbacks, HeadStatus, HttpFilter, TrailersStatus } from '../filter.ts';
import type { HttpFilterExtension } from './extension.ts';
import { requestHeaders, responseHeaders } from './lua/headers-object.ts';
import { type LuaScript, loadScript } from './lua/script.ts';
import { type Direction, StreamHandle } from './lua/stream-handle.ts';

interface LuaSettings {
  /** `default_source_code` or `inline_code`; null = only routes have scripts. */
  readonly script: LuaScript | null;
  /** `source_codes`, for routes to name. */
  readonly named: ReadonlyMap<string, LuaScript>;
  readonly errors: Counter;
}

type LuaRoute =
  | { readonly kind: 'off' }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'script'; readonly script: LuaScript | null };

class LuaFilter implements HttpFilter {
  private request: StreamHandle | null = null;
  private response: StreamHandle | null = null;
  private readonly script: LuaScript | null;

  constructor(
    private readonly callbacks: FilterCallbacks,
    private readonly name: string,
    private readonly settings: LuaSettings,
  ) {
    this.script = scriptOf(callbacks.perRouteConfig() as LuaRoute | undefined, settings);
  }

  decodeHead(head: RequestHead, endStream: boolean): HeadStatus {
    const { script } = this;
    if (script === null || script.onRequest === null) return 'continue';
    const { callbacks } = this;
    const headers = requestHeaders(head, () => this.request?.mayChangeHeaders ?? false);
    const direction: Direction = {
      isRequest: true,
      kept: () => callbacks.bufferedRequest(),
      replace: (bytes) => callbacks.replaceRequest(bytes),
      inject: (bytes, ends) => callbacks.injectRequest(bytes, ends),
      letGo: () => callbacks.continueDecoding(),
    };
    this.request = this.handle(script, script.onRequest, headers, endStream, direction);
    return this.request.start();
  }

  decodeBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): BodyStatus {
    return this.request?.onBody(bytes, start, end, endStream) ?? 'continue';
  }

  decodeTrailers(trailers: HeaderList): TrailersStatus {
    return this.request?.onTrailers(trailers) ?? 'continue';
  }

  encodeHead(head: ResponseHead, endStream: boolean): HeadStatus {
    const { script } = this;
    if (script === null || script.onResponse === null) return 'continue';
    const { callbacks } = this;
    const headers = responseHeaders(head, () => this.response?.mayChangeHeaders ?? false);
    const direction: Direction = {
      isRequest: false,
      kept: () => callbacks.bufferedResponse(),
      replace: (bytes) => callbacks.replaceResponse(bytes),
      inject: (bytes, ends) => callbacks.injectResponse(bytes, ends),
      letGo: () => callbacks.continueEncoding(),
    };
    this.response = this.handle(script, script.onResponse, headers, endStream, direction);
    return this.response.start();
  }

  encodeBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): BodyStatus {
    return this.response?.onBody(bytes, start, end, endStream) ?? 'continue';
  }

  encodeTrailers(trailers: HeaderList): TrailersStatus {
    return this.response?.onTrailers(trailers) ?? 'continue';
  }

  onDestroy(): void {
    this.request?.destroy();
    this.response?.destroy();
  }

  private handle(
    script: LuaScript,
    reference: number,
    headers: ReturnType<typeof requestHeaders>,
    endStream: boolean,
    direction: Direction,
  ): StreamHandle {
    return new StreamHandle(
      script,
      reference,
      headers,
      endStream,
      this.callbacks,
      direction,
      this.name,
      (message) => {
        this.settings.errors.inc();
        this.callbacks.client.path.services.log('error', 'lua', `script log: ${message}`);
      },
    );
  }
}

function scriptOf(route: LuaRoute | undefined, settings: LuaSettings): LuaScript | null {
  switch (route?.kind) {
    case undefined:
      return settings.script;
    case 'off':
      return null;
    case 'name':
      return settings.named.get(route.name) ?? null;
    case 'script':
      return route.script;
  }
}

function sourceScript(reader: MessageReader, ctx: CompileContext): LuaScript | null {
  const code = readDataSource(reader, ctx);
  return code === null || code === '' ? null : loadScript(code, reader, '', ctx);
}

/** `envoy.filters.http.lua`: scripts that look at requests and responses and change them. */
export const LUA: HttpFilterExtension = {
  type: 'envoy.extensions.filters.http.lua.v3.Lua',
  routeTypes: ['envoy.extensions.filters.http.lua.v3.LuaPerRoute'],
  compileRoute(config, ctx): LuaRoute {
    if (config.bool('disabled') === true) return { kind: 'off' };
    const source = config.message('source_code');
    if (source !== undefined) return { kind: 'script', script: sourceScript(source, ctx) };
    const name = config.string('name') ?? '';
    return name === '' ? { kind: 'script', script: null } : { kind: 'name', name };
  },
  compile(name, config, ctx, { stats, statPrefix }) {
    const inline = config.string('inline_code') ?? '';
    const source = config.message('default_source_code');
    const named = new Map<string, LuaScript>();
    for (const [key, reader] of config.messageMap('source_codes')) {
      const script = sourceScript(reader, ctx);
      if (script !== null) named.set(key, script);
    }
    if (inline !== '' && source !== undefined) {
      ctx.report(
        'error',
        'filter.lua-two-scripts',
        config,
        'inline_code',
        'Error: Only one of `inline_code` or `default_source_code` can be set for the Lua filter.',
      );
    }
    const own = config.string('stat_prefix') ?? '';
    const settings: LuaSettings = {
      script:
        inline !== ''
          ? loadScript(inline, config, 'inline_code', ctx)
          : source === undefined
            ? null
            : sourceScript(source, ctx),
      named,
      errors: stats.counter(`${statPrefix}lua.${own === '' ? '' : `${own}.`}errors`),
    };
    return {
      name,
      source: config.range,
      create: (callbacks) => new LuaFilter(callbacks, name, settings),
      explain(question, narrator) {
        const script = scriptOf(question.routeConfigs()[0] as LuaRoute | undefined, settings);
        const hooks = [
          script !== null && script.onRequest !== null ? 'envoy_on_request' : '',
          script !== null && script.onResponse !== null ? 'envoy_on_response' : '',
        ].filter((hook) => hook !== '');
        const text =
          hooks.length === 0
            ? 'Lua: no script runs here'
            : `Lua: ${hooks.join(' and ')} run with the real request; what they change is not foreseen`;
        narrator.note('neutral', text, config.range);
        return null;
      },
    };
  },
};
