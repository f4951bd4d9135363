import { type HeaderList, removeHeader, setHeader } from '../../base/headers.ts';
import type { RequestHead } from '../../base/stream-info.ts';
import type { Narrator } from '../../facade/decision.ts';
import { matchesHeader } from '../../route/header-matcher.ts';
import { queryParameter } from '../../route/query-matcher.ts';
import { pathView } from '../../route/route-match.ts';
import { matchesString } from '../../route/string-matcher.ts';
import type { AsyncCall, AsyncResponse } from '../async-client/client.ts';
import type { FilterAnswer, FilterCallbacks, FilterQuestion, HeadStatus, HttpFilter } from '../filter.ts';
import type { HttpFilterExtension } from './extension.ts';
import {
  deletedCookies,
  encodeState,
  newNonce,
  nonceCookie,
  parseTokens,
  sessionCookies,
  sessionOf,
  urlOfState,
} from './oauth2-session.ts';
import { compileOAuth2, type OAuth2Settings } from './oauth2-settings.ts';
import { withQuery } from './query-string.ts';
import { failureText, noteService } from './service-watch.ts';

/** What is done with a request, by its head alone. */
type Verdict =
  | { readonly kind: 'pass-through' | 'sign-out' | 'redirect' | 'deny' | 'callback' | 'back' }
  | { readonly kind: 'logged-in'; readonly access: string };

/** `now` in seconds since 1970. */
function judge(head: RequestHead, settings: OAuth2Settings, now: number): Verdict {
  if (settings.passThrough.some((matcher) => matchesHeader(matcher, head))) return { kind: 'pass-through' };
  const { path, query } = pathView(head.path, false);
  if (matchesString(settings.signoutPath, path)) return { kind: 'sign-out' };
  const callback = matchesString(settings.redirectPath, path);
  const { valid, access } = sessionOf(head, settings, now);
  if (valid) return callback ? { kind: 'back' } : { kind: 'logged-in', access };
  if (
    callback &&
    (queryParameter(query, 'code') !== undefined || queryParameter(query, 'error') !== undefined)
  ) {
    return { kind: 'callback' };
  }
  return {
    kind: settings.denyRedirect.some((matcher) => matchesHeader(matcher, head)) ? 'deny' : 'redirect',
  };
}

/** Sends clients to log in elsewhere and knows them by signed cookies afterwards (Envoy: OAuth2Filter). */
class OAuth2Filter implements HttpFilter {
  private call: AsyncCall | null = null;

  constructor(
    private readonly callbacks: FilterCallbacks,
    private readonly settings: OAuth2Settings,
  ) {}

  private get now(): number {
    return Math.floor(this.callbacks.clock.wall() / 1000);
  }

  decodeHead(head: RequestHead): HeadStatus {
    const { settings } = this;
    const verdict = judge(head, settings, this.now);
    switch (verdict.kind) {
      case 'pass-through':
        settings.stats.passthrough.inc();
        return 'continue';
      case 'logged-in':
        if (settings.forwardBearerToken) setHeader(head.headers, 'authorization', `Bearer ${verdict.access}`);
        else if (!settings.preserveAuthorization) removeHeader(head.headers, 'authorization');
        settings.stats.success.inc();
        return 'continue';
      case 'sign-out':
        this.redirect(`${head.scheme}://${head.authority}/`, deletedCookies(settings), 'oauth.sign_out');
        return 'stop-all';
      case 'back': {
        const url = urlOfState(parameter(head, 'state'), head, settings);
        const home = `${head.scheme}://${head.authority}/`;
        this.redirect(url ?? home, [], 'oauth.logged_in');
        return 'stop-all';
      }
      case 'deny':
        settings.stats.unauthorized.inc();
        this.refuse();
        return 'stop-all';
      case 'redirect':
        settings.stats.unauthorized.inc();
        this.sendToLogin(head);
        return 'stop-all';
      case 'callback':
        this.exchange(head);
        return 'stop-all';
    }
  }

  private sendToLogin(head: RequestHead): void {
    const { settings, callbacks } = this;
    const { hmacSecret } = settings;
    if (hmacSecret === null || settings.clientSecret === null) {
      this.refuse();
      return;
    }
    const nonce = newNonce(callbacks.client.path.uuid(), hmacSecret);
    const state = encodeState(`${head.scheme}://${head.authority}${head.path}`, nonce);
    const location = withQuery(
      settings.authorizationEndpoint,
      [
        ['client_id', encodeURIComponent(settings.clientId)],
        ['redirect_uri', encodeURIComponent(settings.redirectUri.format(callbacks.info))],
        ['response_type', 'code'],
        ['scope', encodeURIComponent(settings.scopes.join(' '))],
        ['state', state],
      ],
      [],
    );
    const resources = settings.resources
      .map((resource) => `&resource=${encodeURIComponent(resource)}`)
      .join('');
    const cookie = ['set-cookie', nonceCookie(nonce, settings)];
    this.redirect(location + resources, cookie, 'oauth.missing_credentials');
  }

  /** The client is back from its login: its code is worth tokens. */
  private exchange(head: RequestHead): void {
    const { settings, callbacks } = this;
    const url = urlOfState(parameter(head, 'state'), head, settings);
    const code = parameter(head, 'code');
    const secret = settings.clientSecret;
    if (url === null || code === '' || parameter(head, 'error') !== '' || secret === null) {
      settings.stats.failure.inc();
      this.refuse();
      return;
    }
    const form = new URLSearchParams({ grant_type: 'authorization_code', code });
    const headers: HeaderList = [
      'content-type',
      'application/x-www-form-urlencoded',
      'accept',
      'application/json',
    ];
    if (settings.basicAuth) {
      const pair = `${encodeURIComponent(settings.clientId)}:${encodeURIComponent(secret)}`;
      headers.push('authorization', `Basic ${Buffer.from(pair).toString('base64')}`);
    } else {
      form.set('client_id', settings.clientId);
      form.set('client_secret', secret);
    }
    form.set('redirect_uri', settings.redirectUri.format(callbacks.info));
    const body = Buffer.from(form.toString());
    const { authority, path, cluster, timeout, uri } = settings.tokenEndpoint;
    const scheme = uri.startsWith('https:') ? 'https' : 'http';
    headers.push('content-length', String(body.length));
    this.call = callbacks.client.request(
      cluster,
      { method: 'POST', authority, path, scheme, protocol: '', headers },
      body,
      { timeout, sendForwardedFor: true },
      (response) => this.onTokens(response, head, url),
    );
  }

  private onTokens(response: AsyncResponse, head: RequestHead, url: string): void {
    const { settings, callbacks } = this;
    const { path } = callbacks.client;
    const { cluster } = settings.tokenEndpoint;
    this.call = null;
    const tokens =
      response.failure === '' && response.status === 200
        ? parseTokens(response.body.toString('utf8'), settings.defaultExpiresIn)
        : null;
    if (tokens === null) {
      const reason =
        response.failure !== ''
          ? failureText(response.failure)
          : response.status === 200
            ? 'it sent no tokens'
            : `it answered ${response.status}`;
      settings.watch.failed(path, reason);
      noteService(callbacks.info, `\`${settings.name}\` asked cluster ${cluster} for tokens: ${reason}`);
      settings.stats.failure.inc();
      this.refuse();
      return;
    }
    settings.watch.answered(path);
    noteService(
      callbacks.info,
      `\`${settings.name}\` got tokens from cluster ${cluster}, good for ${tokens.expiresIn} s`,
    );
    settings.stats.success.inc();
    this.redirect(url, sessionCookies(tokens, head.authority, settings, this.now), 'oauth.logged_in');
  }

  private redirect(location: string, more: HeaderList, details: string): void {
    this.callbacks.sendLocalReply(302, '', null, details, [...more, 'location', location]);
  }

  private refuse(): void {
    this.callbacks.sendLocalReply(401, 'OAuth flow failed.', null, 'oauth.invalid_credentials');
  }

  onDestroy(): void {
    this.call?.cancel();
  }
}

function parameter(head: RequestHead, name: string): string {
  const value = queryParameter(pathView(head.path, false).query, name) ?? '';
  try {
    return decodeURIComponent(value.replaceAll('+', ' '));
  } catch {
    return '';
  }
}

function explain(
  settings: OAuth2Settings,
  question: FilterQuestion,
  narrator: Narrator,
): FilterAnswer | null {
  const { name, source } = settings;
  const verdict = judge(question.head, settings, Math.floor(question.info.startWall / 1000));
  const tell = (tone: 'neutral' | 'good' | 'bad', text: string): void =>
    narrator.note(tone, `\`${name}\`: ${text}`, source);
  switch (verdict.kind) {
    case 'pass-through':
      tell('neutral', '`pass_through_matcher` matches, nobody has to log in');
      return null;
    case 'logged-in':
      tell('good', 'the cookies are those of a session that is not over');
      return null;
    case 'sign-out':
      tell('neutral', 'the path signs out');
      return { status: 302, flags: '', details: 'oauth.sign_out' };
    case 'back':
      tell('neutral', 'a client that is logged in is sent back to where it wanted to go');
      return { status: 302, flags: '', details: 'oauth.logged_in' };
    case 'deny':
      tell('bad', 'not logged in, and `deny_redirect_matcher` matches');
      return { status: 401, flags: '', details: 'oauth.invalid_credentials' };
    case 'redirect':
      tell('neutral', `not logged in: sent to \`${settings.authorizationEndpoint}\``);
      return { status: 302, flags: '', details: 'oauth.missing_credentials' };
    case 'callback':
      tell(
        'neutral',
        `back from the login: its code goes to cluster ${settings.tokenEndpoint.cluster} for tokens`,
      );
      return null;
  }
}

/** `envoy.filters.http.oauth2`. */
export const OAUTH2: HttpFilterExtension = {
  type: 'envoy.extensions.filters.http.oauth2.v3.OAuth2',
  routeTypes: [],
  compile(name, config, ctx, environment) {
    const settings = compileOAuth2(name, config, ctx, environment);
    return {
      name,
      source: config.range,
      create: (callbacks) => new OAuth2Filter(callbacks, settings),
      explain: (question, narrator) => explain(settings, question, narrator),
    };
  },
};
