import { CallbackTimer } from '../../base/clock.ts';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import type { AsyncClient, AsyncResponse } from '../async-client/client.ts';
import { type Jwks, parseJwks } from './jwks.ts';
import { compileHttpUri, type HttpTarget } from './service-target.ts';
import { failureText, ServiceWatch } from './service-watch.ts';

/** `envoy.extensions.filters.http.jwt_authn.v3.RemoteJwks`, compiled. Durations in milliseconds. */
export interface RemoteJwksSettings {
  readonly target: HttpTarget;
  readonly cacheDuration: number;
  /** Null: fetched when a request needs it. */
  readonly async: { readonly failedRefetch: number } | null;
  readonly retries: number;
  readonly backOff: { readonly base: number; readonly max: number };
}

export function compileRemoteJwks(reader: MessageReader, ctx: CompileContext): RemoteJwksSettings {
  const uri = reader.message('http_uri');
  const target =
    uri === undefined ? { uri: '', authority: '', path: '/', cluster: '', timeout: 0 } : compileHttpUri(uri);
  if (uri !== undefined && !ctx.clusterNames.has(target.cluster)) {
    ctx.report(
      'warning',
      'filter.unknown-cluster',
      uri,
      'cluster',
      `The cluster '${target.cluster}' is not defined: the keys cannot be fetched.`,
    );
  }
  const fetch = reader.message('async_fetch');
  // Listeners never wait for keys here.
  fetch?.acknowledge('fast_listener');
  const retry = reader.message('retry_policy');
  const backOff = retry?.message('retry_back_off');
  const base = backOff?.duration('base_interval') ?? 1000;
  return {
    target,
    cacheDuration: reader.duration('cache_duration') ?? 600_000,
    async: fetch === undefined ? null : { failedRefetch: fetch.duration('failed_refetch_duration') ?? 1000 },
    retries: retry === undefined ? 0 : (retry.number('num_retries') ?? 1),
    backOff: { base, max: backOff?.duration('max_interval') ?? base * 10 },
  };
}

/** What the fetcher tells about itself. */
export interface JwksObserver {
  onFetched(ok: boolean): void;
}

/** Refreshed so long before it expires (Envoy: RefetchBeforeExpiredSec), milliseconds. */
const EARLY_REFRESH = 5000;

/** The keys of one provider that live elsewhere: fetched when needed, or ahead of time with `async_fetch`. */
export class RemoteJwks {
  private keys: Jwks | null = null;
  private expiresAt = 0;
  private waiting: ((jwks: Jwks | null) => void)[] = [];
  private timer: CallbackTimer | null = null;
  private stopped = false;
  private readonly watch: ServiceWatch;
  observer: JwksObserver = { onFetched: () => {} };

  constructor(
    provider: string,
    readonly settings: RemoteJwksSettings,
  ) {
    this.watch = new ServiceWatch(
      `Provider ${provider}`,
      settings.target.cluster,
      'Its tokens are refused with 401.',
    );
  }

  /** The keys while they are fresh. */
  current(now: number): Jwks | null {
    return now < this.expiresAt ? this.keys : null;
  }

  /** Brings the keys, null when they cannot be had; requests that need them at the same time share one fetch. */
  fetch(client: AsyncClient, done: (jwks: Jwks | null) => void): void {
    this.waiting.push(done);
    if (this.waiting.length === 1) this.attempt(client, 0);
  }

  /** With `async_fetch`: fetches now and again before the keys expire, until `stop`. */
  start(client: AsyncClient): void {
    const { async, cacheDuration } = this.settings;
    if (async === null || this.stopped) return;
    this.fetch(client, (jwks) => {
      if (this.stopped) return;
      const early = Math.max(cacheDuration - EARLY_REFRESH, cacheDuration / 2);
      this.later(client, jwks === null ? async.failedRefetch : early, () => this.start(client));
    });
  }

  stop(): void {
    this.stopped = true;
    this.timer?.disarm();
  }

  private later(client: AsyncClient, delay: number, work: () => void): void {
    this.timer?.disarm();
    this.timer = new CallbackTimer(client.path.services.clock, work);
    this.timer.arm(delay);
  }

  private attempt(client: AsyncClient, tried: number): void {
    const { target, retries, backOff } = this.settings;
    const head = {
      method: 'GET',
      authority: target.authority,
      path: target.path,
      scheme: target.uri.startsWith('https:') ? 'https' : 'http',
      protocol: '',
      headers: ['user-agent', 'Go-browser'],
    };
    client.request(
      target.cluster,
      head,
      null,
      { timeout: target.timeout, sendForwardedFor: true },
      (response) => {
        const retriable = response.failure !== '' || response.status >= 500;
        if (!retriable || tried >= retries) {
          this.finish(client, response);
          return;
        }
        const span = Math.min(backOff.base * 2 ** tried, backOff.max);
        const pause = client.path.services.random.next() % Math.max(1, Math.floor(span));
        new CallbackTimer(client.path.services.clock, () => this.attempt(client, tried + 1)).arm(pause);
      },
    );
  }

  private finish(client: AsyncClient, response: AsyncResponse): void {
    const problem = problemOf(response);
    const jwks = problem === '' ? parseJwks(response.body.toString('utf8')) : null;
    const waiting = this.waiting;
    this.waiting = [];
    if (jwks === null || typeof jwks === 'string') {
      this.observer.onFetched(false);
      this.watch.failed(client.path, jwks === null ? problem : `what it sent: ${jwks}`);
      for (const done of waiting) done(null);
      return;
    }
    this.keys = jwks;
    this.expiresAt = client.path.services.clock.now() + this.settings.cacheDuration;
    this.observer.onFetched(true);
    this.watch.answered(client.path);
    for (const done of waiting) done(jwks);
  }
}

function problemOf({ failure, status, body }: AsyncResponse): string {
  if (failure !== '') return failureText(failure);
  if (status !== 200) return `it answered ${status}`;
  return body.length === 0 ? 'its answer was empty' : '';
}
