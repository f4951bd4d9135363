import { headerValue } from '../../base/headers.ts';
import type { RequestHead } from '../../base/stream-info.ts';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import { type Fraction, fractionHits } from '../../route/fraction.ts';
import { compileStringMatcher, matchesString, type StringMatcher } from '../../route/string-matcher.ts';
import type { HttpFilterExtension } from './extension.ts';
import { compileRuntimePercent } from './percent.ts';

interface CsrfPolicy {
  readonly enabled: Fraction;
  readonly shadowEnabled: Fraction;
  readonly additionalOrigins: readonly StringMatcher[];
}

function compilePolicy(reader: MessageReader, ctx: CompileContext): CsrfPolicy {
  return {
    enabled: compileRuntimePercent(reader, 'filter_enabled', 100, ctx),
    shadowEnabled: compileRuntimePercent(reader, 'shadow_enabled', 0, ctx),
    additionalOrigins: reader.messages('additional_origins').map((each) => compileStringMatcher(each, ctx)),
  };
}

const CHANGING: ReadonlySet<string> = new Set(['POST', 'PUT', 'DELETE', 'PATCH']);

/** `host:port` of an absolute URL, else the text as it is (Envoy: CsrfFilter::hostAndPort). */
function hostAndPort(value: string | undefined): string {
  return /^[a-z][a-z0-9+.-]*:\/\/([^/?#]+)/i.exec(value ?? '')?.[1] ?? value ?? '';
}

interface CsrfVerdict {
  readonly origin: string;
  readonly valid: boolean;
}

function decideCsrf(policy: CsrfPolicy, head: RequestHead): CsrfVerdict {
  const origin =
    hostAndPort(headerValue(head.headers, 'origin')) || hostAndPort(headerValue(head.headers, 'referer'));
  const valid =
    origin !== '' &&
    (origin === hostAndPort(head.authority) ||
      policy.additionalOrigins.some((matcher) => matchesString(matcher, origin)));
  return { origin, valid };
}

const TYPE = 'envoy.extensions.filters.http.csrf.v3.CsrfPolicy';

/** `envoy.filters.http.csrf`: changing requests must come from the site itself. */
export const CSRF: HttpFilterExtension = {
  type: TYPE,
  routeTypes: [TYPE],
  compileRoute: compilePolicy,
  compile(name, config, ctx, { stats, statPrefix }) {
    const configured = compilePolicy(config, ctx);
    const missing = stats.counter(`${statPrefix}csrf.missing_source_origin`);
    const invalid = stats.counter(`${statPrefix}csrf.request_invalid`);
    const validCount = stats.counter(`${statPrefix}csrf.request_valid`);
    return {
      name,
      source: config.range,
      create: (callbacks) => ({
        decodeHead(head) {
          const policy = (callbacks.perRouteConfig() as CsrfPolicy | undefined) ?? configured;
          const enforced = fractionHits(policy.enabled, callbacks.random(), callbacks.runtime);
          if (!enforced && !fractionHits(policy.shadowEnabled, callbacks.random(), callbacks.runtime)) {
            return 'continue';
          }
          if (!CHANGING.has(head.method)) return 'continue';
          const { origin, valid } = decideCsrf(policy, head);
          (valid ? validCount : origin === '' ? missing : invalid).inc();
          if (valid || !enforced) return 'continue';
          callbacks.sendLocalReply(403, 'Invalid origin', null, 'csrf_origin_mismatch');
          return 'stop-all';
        },
      }),
      explain(question, narrator) {
        const policy = (question.routeConfigs()[0] as CsrfPolicy | undefined) ?? configured;
        if (!CHANGING.has(question.head.method)) return null;
        const { origin, valid } = decideCsrf(policy, question.head);
        const text = `origin \`${origin}\`, host \`${question.head.authority}\``;
        narrator.note(
          valid ? 'good' : 'bad',
          `CSRF: ${text}: ${valid ? 'the same' : 'refused'}`,
          config.range,
        );
        const refused = !valid && fractionHits(policy.enabled, question.random, question.runtime);
        return refused ? { status: 403, flags: '', details: 'csrf_origin_mismatch' } : null;
      },
    };
  },
};
