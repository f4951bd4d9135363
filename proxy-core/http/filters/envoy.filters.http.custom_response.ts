import { joinedHeaderValue } from '../../base/headers.ts';
import type { ResponseHead } from '../../base/stream-info.ts';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import { readDataSourceBytes } from '../../route/data-source.ts';
import { LOG_FORMAT } from '../../route/formatter/operator.ts';
import {
  compileSubstitutionFormat,
  type SubstitutionFormat,
} from '../../route/formatter/substitution-format.ts';
import { compileHeaderAdds, type HeaderMutations, mutateHeaders } from '../../route/header-mutation.ts';
import {
  compileMatchTree,
  type HttpFacts,
  httpInput,
  type MatchInput,
  type MatchTree,
  matchTree,
} from '../../route/matching/index.ts';
import type { FilterCallbacks, HeadStatus, HttpFilter } from '../filter.ts';
import type { HttpFilterExtension } from './extension.ts';

/** What a matcher may ask about: the answer, and the request that it is for. */
interface ResponseFacts extends HttpFacts {
  readonly response: ResponseHead;
}

/** `LocalResponsePolicy`, compiled. Null: a policy that is not emulated. */
interface LocalPolicy {
  /** 0: that of the answer. */
  readonly status: number;
  /** latin1; null: none. */
  readonly body: string | null;
  readonly format: SubstitutionFormat | null;
  readonly headers: HeaderMutations;
}

type Policies = MatchTree<ResponseFacts, LocalPolicy | 'pass'>;

const POLICIES = 'envoy.extensions.http.custom_response';
const INPUTS = 'envoy.type.matcher.v3.';

function responseInput(config: MessageReader): MatchInput<ResponseFacts> | null {
  switch (config.type) {
    case `${INPUTS}HttpResponseStatusCodeMatchInput`:
      return { text: 'the status', read: ({ response }) => String(response.status) };
    case `${INPUTS}HttpResponseStatusCodeClassMatchInput`:
      return {
        text: 'the class of the status',
        read: ({ response: { status } }) =>
          status >= 100 && status < 600 ? `${Math.floor(status / 100)}xx` : undefined,
      };
    case `${INPUTS}HttpResponseHeaderMatchInput`: {
      const name = (config.string('header_name') ?? '').toLowerCase();
      return {
        text: `header \`${name}\` of the answer`,
        read: ({ response }) => joinedHeaderValue(response.headers, name),
      };
    }
    case `${INPUTS}HttpRequestHeaderMatchInput`: {
      // The request is not shown to this matcher: such an input never has a value (Envoy: FilterConfig::getPolicy).
      const name = (config.string('header_name') ?? '').toLowerCase();
      return { text: `header \`${name}\` of the request, which is not known here`, read: () => undefined };
    }
    default:
      return httpInput(config);
  }
}

function compilePolicies(reader: MessageReader, ctx: CompileContext): Policies | null {
  const matcher = reader.message('custom_response_matcher');
  if (matcher === undefined) return null;
  return compileMatchTree<ResponseFacts, LocalPolicy | 'pass'>(
    matcher,
    {
      input: responseInput,
      inputRefusal: (type) => `An input of type ${type} cannot be used here.`,
      action: (config) => compilePolicy(config, ctx),
    },
    ctx,
  );
}

function compilePolicy(config: MessageReader, ctx: CompileContext): LocalPolicy | 'pass' | null {
  if (config.type === `${POLICIES}.redirect_policy.v3.RedirectPolicy`) {
    ctx.report(
      'warning',
      'filter.custom-response-redirect',
      config,
      '',
      'Answers fetched from another place are not emulated: the answer passes as it is.',
    );
    return 'pass';
  }
  if (config.type !== `${POLICIES}.local_response_policy.v3.LocalResponsePolicy`) return null;
  const body = config.message('body');
  const bytes = body === undefined ? null : readDataSourceBytes(body, ctx);
  const format = config.message('body_format');
  const adds = compileHeaderAdds(config.messages('response_headers_to_add'), ctx);
  return {
    status: config.number('status_code') ?? 0,
    body: bytes === null ? null : Buffer.from(bytes).toString('latin1'),
    format:
      format === undefined
        ? null
        : compileSubstitutionFormat(format, ctx, { ...LOG_FORMAT, localReply: true }),
    headers: [{ level: 'custom response', removes: [], adds }],
  };
}

class CustomResponseFilter implements HttpFilter {
  constructor(
    private readonly callbacks: FilterCallbacks,
    private readonly configured: Policies | null,
  ) {}

  encodeHead(response: ResponseHead): HeadStatus {
    const { callbacks } = this;
    const policy = this.policyFor(response);
    if (policy === null || policy === 'pass') return 'continue';
    const { info } = callbacks;
    const status = policy.status === 0 ? response.status : policy.status;
    let body = policy.body ?? '';
    if (policy.format !== null) {
      // The format may ask for the answer and for the body that it replaces.
      info.localReplyBody = body;
      info.responseHead = response;
      info.responseCode = response.status;
      body = policy.format.format(info);
    }
    const headers: string[] = [];
    mutateHeaders(policy.headers, headers, info);
    callbacks.sendLocalReply(status, body, null, '', headers);
    return 'stop';
  }

  /** The most specific level whose matcher finds something. */
  private policyFor(response: ResponseHead): LocalPolicy | 'pass' | null {
    const { callbacks } = this;
    const { info } = callbacks;
    const head = info.requestHead;
    if (head === null) return null;
    const peer = info.connection.tls?.peer ?? null;
    const { dynamicMetadata: metadata, filterState } = info;
    const facts: ResponseFacts = { head, connection: null, peer, metadata, filterState, response };
    for (const policies of callbacks.routeConfigs() as readonly Policies[]) {
      const found = matchTree(policies, facts);
      if (found !== null) return found;
    }
    return this.configured === null ? null : matchTree(this.configured, facts);
  }
}

const CONFIG = 'envoy.extensions.filters.http.custom_response.v3.CustomResponse';

/** `envoy.filters.http.custom_response`: other answers in place of those that a matcher finds. */
export const CUSTOM_RESPONSE: HttpFilterExtension = {
  type: CONFIG,
  routeTypes: [CONFIG],
  compileRoute: (config, ctx) => compilePolicies(config, ctx) ?? undefined,
  compile(name, config, ctx) {
    const policies = compilePolicies(config, ctx);
    return {
      name,
      source: config.range,
      create: (callbacks) => new CustomResponseFilter(callbacks, policies),
      explain(question, narrator) {
        if (policies === null && question.routeConfigs().length === 0) return null;
        narrator.note(
          'neutral',
          'Custom response: answers that its matcher finds are replaced',
          config.range,
        );
        return null;
      },
    };
  },
};
