import { headerValue } from '../../base/headers.ts';
import type { RequestHead, ResponseHead } from '../../base/stream-info.ts';
import type { Narrator } from '../../facade/decision.ts';
import { effectiveFraction, fractionHits } from '../../route/fraction.ts';
import { matchesMetadata } from '../../route/metadata-matcher.ts';
import type { Cluster } from '../../upstream/types.ts';
import type { AsyncCall } from '../async-client/client.ts';
import type {
  BodyStatus,
  FilterAnswer,
  FilterCallbacks,
  FilterQuestion,
  HeadStatus,
  HttpFilter,
  TrailersStatus,
} from '../filter.ts';
import { askGrpc, grpcCheck } from './ext-authz-grpc.ts';
import { askHttp, type CheckedBody, httpCheck } from './ext-authz-http.ts';
import {
  changeRequest,
  changeResponse,
  changesRequest,
  hasInvalidHeader,
  within,
  withoutInvalidHeaders,
} from './ext-authz-mutation.ts';
import type { AuthzResult } from './ext-authz-result.ts';
import {
  type AuthzRouteSettings,
  type AuthzSettings,
  type BodySettings,
  compileAuthz,
  compileAuthzRoute,
} from './ext-authz-settings.ts';
import type { HttpFilterExtension } from './extension.ts';
import { fractionText } from './percent.ts';
import { noteService } from './service-watch.ts';

type State = 'idle' | 'buffering' | 'calling' | 'done';

/** Asks an authorization service about each request (Envoy: ExtAuthz::Filter). */
class ExtAuthzFilter implements HttpFilter {
  private state: State = 'idle';
  private starting = false;
  private head: RequestHead | null = null;
  private body: BodySettings | null = null;
  private call: AsyncCall | null = null;
  private response: AuthzResult['response'] | null = null;
  private startedAt = 0;
  /** Where the route led when the service was asked. */
  private cluster: Cluster | null = null;

  constructor(
    private readonly callbacks: FilterCallbacks,
    private readonly settings: AuthzSettings,
  ) {}

  decodeHead(head: RequestHead, endStream: boolean): HeadStatus {
    const { callbacks, settings } = this;
    if (callbacks.route === null) return 'continue';
    const ofRoute = callbacks.perRouteConfig() as AuthzRouteSettings | undefined;
    if (ofRoute?.disabled === true) return 'continue';
    const { enabledMetadata } = settings;
    const enabled =
      fractionHits(settings.enabled, callbacks.random(), callbacks.runtime) &&
      (enabledMetadata === null || matchesMetadata(enabledMetadata, callbacks.info.dynamicMetadata));
    if (!enabled) {
      settings.stats.disabled.inc();
      if (!deniesAtDisable(settings, callbacks.runtime)) return 'continue';
      callbacks.sendLocalReply(settings.statusOnError, '', 'UAEX', 'ext_authz_error');
      return 'stop-all';
    }
    this.head = head;
    const body = ofRoute?.body ?? settings.body;
    if (body !== null && ofRoute?.withoutBody !== true && !endStream && !isUpgrade(head)) {
      this.body = body;
      this.state = 'buffering';
      if (!body.allowPartial) callbacks.setRequestBufferLimit(body.maxBytes);
      return 'stop';
    }
    this.check(null);
    return this.state === 'calling' ? 'stop-all' : 'continue';
  }

  decodeBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): BodyStatus {
    if (this.state === 'calling') return 'watermark';
    const { body, callbacks } = this;
    if (this.state !== 'buffering' || body === null) return 'continue';
    const kept = callbacks.bufferedRequest();
    const size = kept.length + end - start;
    // Over the limit of what may be buffered, which was set for it: refused.
    if (!body.allowPartial && size > body.maxBytes) return 'buffer';
    const full = body.allowPartial && size >= body.maxBytes;
    if (!endStream && !full) return 'buffer';
    this.check(Buffer.concat([kept, bytes.subarray(start, end)]));
    return this.isCalling ? 'watermark' : 'continue';
  }

  decodeTrailers(): TrailersStatus {
    if (this.state === 'buffering') this.check(this.callbacks.bufferedRequest());
    return this.isCalling ? 'stop' : 'continue';
  }

  private get isCalling(): boolean {
    return this.state === 'calling';
  }

  private check(kept: Uint8Array | null): void {
    const { callbacks, settings } = this;
    const { client, info } = callbacks;
    const head = this.head as RequestHead;
    const body = kept === null ? null : checkedBody(kept, this.body);
    this.state = 'calling';
    this.cluster = callbacks.cluster;
    this.startedAt = callbacks.clock.now();
    this.starting = true;
    const done = (result: AuthzResult): void => this.onResult(result);
    const { service } = settings;
    if (service.kind === 'http') {
      const check = httpCheck(head, info, settings, service.http, body);
      this.call = askHttp(client, service.http, check, body?.bytes ?? null, done);
    } else {
      const contextExtensions = mergedExtensions(callbacks.routeConfigs());
      const routeMetadata = callbacks.route?.metadata ?? new Map();
      const check = grpcCheck(head, info, settings, { contextExtensions, body, routeMetadata });
      this.call = askGrpc(client, service.grpc, info, check, done);
    }
    this.starting = false;
  }

  private onResult(answer: AuthzResult): void {
    const { callbacks, settings } = this;
    const { info } = callbacks;
    const { path } = callbacks.client;
    const head = this.head as RequestHead;
    this.call = null;
    this.state = 'done';
    const elapsed = Math.round(callbacks.clock.now() - this.startedAt);
    noteService(
      info,
      `\`${settings.name}\` asked cluster ${settings.cluster}: ${told(answer)}, after ${elapsed} ms`,
    );
    if (answer.kind === 'error') {
      settings.watch.failed(path, answer.failure);
      this.onError(head);
      return;
    }
    settings.watch.answered(path);
    if (answer.metadata !== null && settings.ingestMetadata) this.keepMetadata(answer, elapsed);
    if (settings.validateMutations && hasInvalidHeader(answer)) {
      settings.stats.invalid.inc();
      this.countForCluster('invalid');
      callbacks.sendLocalReply(500, '', 'UAEX', 'ext_authz_invalid');
      return;
    }
    const result = within(settings.rules, withoutInvalidHeaders(answer));
    if (result === null) {
      settings.stats.invalid.inc();
      this.countForCluster('invalid');
      callbacks.sendLocalReply(500, '', 'UAEX', 'ext_authz_invalid');
      return;
    }
    if (result.kind === 'denied') {
      settings.stats.denied.inc();
      this.countForCluster('denied');
      if (settings.chargeCluster) this.cluster?.stats.chargeResponse(result.status, true);
      callbacks.sendLocalReply(result.status, result.body, 'UAEX', 'ext_authz_denied', result.set);
      return;
    }
    changeRequest(head, result);
    this.response = result.response;
    if (settings.clearRouteCache && changesRequest(result)) callbacks.clearRouteCache();
    settings.stats.ok.inc();
    this.countForCluster('ok');
    this.proceed();
  }

  private onError(head: RequestHead): void {
    const { callbacks, settings } = this;
    settings.stats.error.inc();
    this.countForCluster('error');
    if (!settings.failureModeAllow) {
      callbacks.sendLocalReply(settings.statusOnError, '', 'UAEX', 'ext_authz_error');
      return;
    }
    settings.stats.failureModeAllowed.inc();
    this.countForCluster('failure_mode_allowed');
    if (settings.failureModeAllowHeader) head.headers.push('x-envoy-auth-failure-mode-allowed', 'true');
    this.proceed();
  }

  private keepMetadata(answer: AuthzResult, elapsed: number): void {
    const { info } = this.callbacks;
    info.dynamicMetadata ??= new Map();
    const duration = answer.kind === 'ok' ? { ext_authz_duration: elapsed } : {};
    info.dynamicMetadata.set('envoy.filters.http.ext_authz', { ...answer.metadata, ...duration });
  }

  private countForCluster(stat: string): void {
    const { cluster, callbacks } = this;
    if (cluster === null) return;
    const name = `cluster.${cluster.config.statName}.${this.settings.clusterStatPrefix}${stat}`;
    callbacks.client.path.stats.counter(name).inc();
  }

  private proceed(): void {
    if (!this.starting) this.callbacks.continueDecoding();
  }

  encodeHead(head: ResponseHead): HeadStatus {
    if (this.response !== null) changeResponse(head, this.response);
    return 'continue';
  }

  onDestroy(): void {
    this.call?.cancel();
  }
}

function told(answer: AuthzResult): string {
  if (answer.kind === 'error') return `no answer (${answer.failure})`;
  return answer.kind === 'ok' ? 'allowed' : `denied with ${answer.status}`;
}

function deniesAtDisable(settings: AuthzSettings, runtime: ReadonlyMap<string, unknown>): boolean {
  const { value, runtimeKey } = settings.denyAtDisable;
  const set = runtimeKey === '' ? undefined : runtime.get(runtimeKey);
  return typeof set === 'boolean' ? set : value;
}

/** Tunnels have no body to look at. */
function isUpgrade(head: RequestHead): boolean {
  if (head.method === 'CONNECT' && head.protocol !== '') return true;
  return headerValue(head.headers, 'upgrade')?.toLowerCase() === 'websocket';
}

function checkedBody(kept: Uint8Array, settings: BodySettings | null): CheckedBody {
  const max = settings?.maxBytes ?? kept.length;
  return { bytes: kept.subarray(0, max), partial: kept.length > max };
}

/** `context_extensions` of all levels; the more specific level wins. */
function mergedExtensions(levels: readonly unknown[]): ReadonlyMap<string, string> {
  const merged = new Map<string, string>();
  for (const level of [...levels].reverse() as AuthzRouteSettings[]) {
    for (const [key, value] of level.contextExtensions) merged.set(key, value);
  }
  return merged;
}

function explain(settings: AuthzSettings, question: FilterQuestion, narrator: Narrator): FilterAnswer | null {
  const { name, source, service, cluster } = settings;
  const ofRoute = question.routeConfigs()[0] as AuthzRouteSettings | undefined;
  if (question.route === null || ofRoute?.disabled === true) {
    narrator.note('neutral', `\`${name}\` is switched off here: nobody is asked`, source);
    return null;
  }
  const share = effectiveFraction(settings.enabled, question.runtime);
  if (!fractionHits(settings.enabled, question.random, question.runtime)) {
    narrator.note('neutral', `\`${name}\` is enabled for ${fractionText(share)} only`, source);
    if (!deniesAtDisable(settings, question.runtime)) return null;
    return { status: settings.statusOnError, flags: 'UAEX', details: 'ext_authz_error' };
  }
  const what =
    service.kind === 'http'
      ? httpQuestion(question, settings)
      : 'with `envoy.service.auth.v3.Authorization/Check`';
  const timeout = service.kind === 'http' ? service.http.target.timeout : service.grpc.timeout;
  const otherwise = settings.failureModeAllow
    ? 'lets the request through'
    : `answers ${settings.statusOnError}`;
  narrator.note(
    'neutral',
    `\`${name}\` asks cluster ${cluster} ${what}; without an answer in ${timeout} ms it ${otherwise}`,
    source,
  );
  return null;
}

function httpQuestion(question: FilterQuestion, settings: AuthzSettings): string {
  if (settings.service.kind !== 'http') return '';
  const { http } = settings.service;
  const check = httpCheck(question.head, question.info, settings, http, null);
  const names = check.headers.filter((_text, i) => i % 2 === 0 && i > 0);
  const headers = names.length === 0 ? 'no request headers' : names.map((name) => `\`${name}\``).join(', ');
  return `with \`${check.method} ${check.path}\` and ${headers}`;
}

/** `envoy.filters.http.ext_authz`. */
export const EXT_AUTHZ: HttpFilterExtension = {
  type: 'envoy.extensions.filters.http.ext_authz.v3.ExtAuthz',
  routeTypes: ['envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute'],
  compileRoute: compileAuthzRoute,
  compile(name, config, ctx, environment) {
    const settings = compileAuthz(name, config, ctx, environment);
    return {
      name,
      source: config.range,
      create: (callbacks) => new ExtAuthzFilter(callbacks, settings),
      explain: (question, narrator) => explain(settings, question, narrator),
    };
  },
};
