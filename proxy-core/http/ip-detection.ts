import { headerValue, joinedHeaderValue } from '../base/headers.ts';
import type { RequestHead, SocketAddress } from '../base/stream-info.ts';
import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import type { Narrator } from '../facade/decision.ts';
import { errorStatusCode } from './filters/status-codes.ts';
import { addressFromRight, plainAddress } from './forwarded-for.ts';

/** One of `original_ip_detection_extensions`. */
export type IpDetection =
  | { readonly kind: 'xff'; readonly trustedHops: number }
  | {
      readonly kind: 'custom-header';
      readonly header: string;
      /** The address may make the request internal. */
      readonly trusted: boolean;
      /** Status for requests without a usable address; 0 = the next extension is asked. */
      readonly rejectStatus: number;
    };

/** What was found: an address, nothing (null), or that the request is to be refused. */
export interface DetectedAddress {
  readonly address: SocketAddress | null;
  readonly trusted: boolean;
  /** 0: not refused. */
  readonly rejectStatus: number;
}

const PACKAGE = 'envoy.extensions.http.original_ip_detection.';

export function compileIpDetection(reader: MessageReader, ctx: CompileContext): readonly IpDetection[] {
  const found: IpDetection[] = [];
  const extensions = reader.messages('original_ip_detection_extensions');
  for (const extension of extensions) {
    const config = extension.message('typed_config');
    extension.acknowledge('name');
    switch (config?.type) {
      case `${PACKAGE}xff.v3.XffConfig`:
        found.push({ kind: 'xff', trustedHops: config.number('xff_num_trusted_hops') ?? 0 });
        break;
      case `${PACKAGE}custom_header.v3.CustomHeaderConfig`:
        found.push({
          kind: 'custom-header',
          header: (config.string('header_name') ?? '').toLowerCase(),
          trusted: config.bool('allow_extension_to_set_address_as_trusted') ?? false,
          rejectStatus: compileRejectStatus(config),
        });
        break;
      default:
        ctx.report(
          'error',
          'http.ip-detection',
          extension,
          'name',
          `Original IP detection extension not found: '${extension.string('name') ?? ''}'`,
        );
        break;
    }
  }
  if (extensions.length > 0) refuseMixing(reader, ctx);
  return found;
}

function refuseMixing(reader: MessageReader, ctx: CompileContext): void {
  const others: readonly (readonly [string, boolean])[] = [
    ['use_remote_address', reader.bool('use_remote_address') ?? false],
    ['xff_num_trusted_hops', (reader.number('xff_num_trusted_hops') ?? 0) > 0],
  ];
  for (const [field, set] of others) {
    if (!set) continue;
    const message = `Original IP detection extensions and ${field} may not be mixed`;
    ctx.report('error', 'http.ip-detection', reader, field, message);
  }
}

/** `reject_with_status`: a status that is no error is 403 (Envoy: CustomHeaderIPDetection). */
function compileRejectStatus(config: MessageReader): number {
  const status = config.message('reject_with_status');
  return status === undefined ? 0 : errorStatusCode(status, 403);
}

/** Asks one extension after the other; null when none found an address. */
export function detectAddress(
  extensions: readonly IpDetection[],
  head: RequestHead,
  narrator: Narrator | null = null,
): DetectedAddress | null {
  for (const extension of extensions) {
    const detected = detectWith(extension, head);
    if (detected === null) continue;
    narrator?.note(
      detected.rejectStatus > 0 ? 'bad' : 'neutral',
      detected.address === null
        ? `no client address in \`${headerOf(extension)}\`: refused with ${detected.rejectStatus}`
        : `\`${headerOf(extension)}\` tells the client address ${detected.address.ip}`,
      null,
    );
    return detected;
  }
  return null;
}

function headerOf(extension: IpDetection): string {
  return extension.kind === 'xff' ? 'x-forwarded-for' : extension.header;
}

function detectWith(extension: IpDetection, head: RequestHead): DetectedAddress | null {
  if (extension.kind === 'xff') {
    const list = joinedHeaderValue(head.headers, 'x-forwarded-for');
    if (list === undefined) return null;
    const address = addressFromRight(list, extension.trustedHops);
    return address === null ? null : { address, trusted: !list.includes(','), rejectStatus: 0 };
  }
  const value = headerValue(head.headers, extension.header);
  const address = value === undefined ? null : plainAddress(value);
  if (address !== null) return { address, trusted: extension.trusted, rejectStatus: 0 };
  return extension.rejectStatus === 0
    ? null
    : { address: null, trusted: false, rejectStatus: extension.rejectStatus };
}
