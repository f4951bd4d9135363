import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import type { Formatter } from '../route/formatter/index.ts';
import { compileFormat, HEADER_FORMAT } from '../route/formatter/index.ts';
import { compileHeaderAdds, type HeaderMutations } from '../route/header-mutation.ts';

/** `TcpProxy.TunnelingConfig`: the TCP bytes go out inside a request. */
export interface TunnelingConfig {
  /** The authority that is asked for. */
  readonly hostname: Formatter;
  /** The path of a POST; null: CONNECT. */
  readonly postPath: string | null;
  readonly headers: HeaderMutations;
}

export function compileTunneling(
  reader: MessageReader | undefined,
  ctx: CompileContext,
): TunnelingConfig | null {
  if (reader === undefined) return null;
  const path = reader.string('post_path') ?? '';
  return {
    hostname: compileFormat(reader.string('hostname') ?? '', HEADER_FORMAT, (message) =>
      ctx.report('error', 'tcp.bad-tunnel-host', reader, 'hostname', message),
    ),
    postPath: reader.bool('use_post') === true ? path || '/' : null,
    headers: [
      { level: 'tunnel', removes: [], adds: compileHeaderAdds(reader.messages('headers_to_add'), ctx) },
    ],
  };
}
