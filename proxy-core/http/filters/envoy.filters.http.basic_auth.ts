import { createHash, timingSafeEqual } from 'node:crypto';
import { headerValue, setHeader } from '../../base/headers.ts';
import type { RequestHead } from '../../base/stream-info.ts';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import { readDataSourceBytes } from '../../route/data-source.ts';
import type { HttpFilterExtension } from './extension.ts';

/** User name → SHA-1 of the password. */
type Users = ReadonlyMap<string, Buffer>;

/** Characters of a SHA-1 in base64. */
const HASH_LENGTH = 28;

/** Reads the htpasswd text of `users`; only the `{SHA}` format is taken, as in Envoy. */
function compileUsers(reader: MessageReader, ctx: CompileContext): Users {
  const users = new Map<string, Buffer>();
  const source = reader.message('users');
  const bytes = source === undefined ? null : readDataSourceBytes(source, ctx);
  if (bytes === null) return users;
  const refuse = (line: number, why: string): void => {
    ctx.report(
      'error',
      'filter.basic-auth',
      reader,
      'users',
      `basic auth: ${why} (line ${line} of the users)`,
    );
  };
  for (const [index, line] of Buffer.from(bytes).toString('latin1').split('\n').entries()) {
    if (line === '' || line.startsWith('#')) continue;
    const colon = line.indexOf(':');
    const name = line.slice(0, colon);
    const hash = line.slice(colon + 1);
    if (colon < 0) refuse(index + 1, 'invalid htpasswd format, username:password is expected');
    else if (name === '' || hash === '') refuse(index + 1, 'empty user name or password');
    else if (users.has(name)) refuse(index + 1, 'duplicate users');
    else if (!hash.startsWith('{SHA}')) refuse(index + 1, 'unsupported htpasswd format: please use {SHA}');
    else if (hash.length !== '{SHA}'.length + HASH_LENGTH)
      refuse(index + 1, 'invalid htpasswd format, invalid SHA hash length');
    else users.set(name, Buffer.from(hash.slice('{SHA}'.length), 'base64'));
  }
  return users;
}

interface Verdict {
  /** Null when there is no name to read. */
  readonly user: string | null;
  /** '' lets the request in; else what the answer says, and its response code details. */
  readonly refusal: string;
  readonly details: string;
}

const PREFIX = 'Basic ';
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** The scheme is compared with its case, as Envoy does. */
function decide(users: Users, head: RequestHead): Verdict {
  const refused = (what: string, details: string, user: string | null = null): Verdict => ({
    user,
    refusal: `User authentication failed. ${what}`,
    details: `${details}_for_basic_auth`,
  });
  const header = headerValue(head.headers, 'authorization');
  if (header === undefined) return refused('Missing username and password.', 'no_credential');
  if (!header.startsWith(PREFIX)) return refused("Expected 'Basic' authentication scheme.", 'invalid_scheme');
  const encoded = header.slice(PREFIX.length);
  const decoded = BASE64.test(encoded) ? Buffer.from(encoded, 'base64').toString('latin1') : '';
  const colon = decoded.indexOf(':');
  if (colon < 0) return refused('Invalid basic credential format.', 'invalid_format');
  const user = decoded.slice(0, colon);
  const wanted = users.get(user);
  const given = createHash('sha1')
    .update(decoded.slice(colon + 1), 'latin1')
    .digest();
  if (wanted === undefined || wanted.length !== given.length || !timingSafeEqual(wanted, given)) {
    return refused('Invalid username/password combination.', 'invalid_credential', user);
  }
  return { user, refusal: '', details: '' };
}

/** `envoy.filters.http.basic_auth`: names and passwords by RFC 7617. */
export const BASIC_AUTH: HttpFilterExtension = {
  type: 'envoy.extensions.filters.http.basic_auth.v3.BasicAuth',
  routeTypes: ['envoy.extensions.filters.http.basic_auth.v3.BasicAuthPerRoute'],
  compileRoute: compileUsers,
  compile(name, config, ctx, { stats, statPrefix }) {
    const configured = compileUsers(config, ctx);
    const forward = (config.string('forward_username_header') ?? '').toLowerCase();
    const allowed = stats.counter(`${statPrefix}basic_auth.allowed`);
    const denied = stats.counter(`${statPrefix}basic_auth.denied`);
    return {
      name,
      source: config.range,
      create: (callbacks) => ({
        decodeHead(head) {
          const users = (callbacks.perRouteConfig() as Users | undefined) ?? configured;
          const { user, refusal, details } = decide(users, head);
          if (refusal === '') {
            allowed.inc();
            if (forward !== '' && user !== null) setHeader(head.headers, forward, user);
            return 'continue';
          }
          denied.inc();
          const realm = `Basic realm="${head.scheme}://${head.authority}${head.path}"`;
          callbacks.sendLocalReply(401, refusal, null, details, ['www-authenticate', realm]);
          return 'stop-all';
        },
      }),
      explain(question, narrator) {
        const users = (question.routeConfigs()[0] as Users | undefined) ?? configured;
        const { user, refusal, details } = decide(users, question.head);
        if (refusal === '') {
          narrator.note('good', `basic auth: user \`${user ?? ''}\` gave the right password`, config.range);
          return null;
        }
        const who = user === null ? '' : ` User \`${user}\` is ${users.has(user) ? 'known' : 'not known'}.`;
        narrator.note('bad', `basic auth: ${refusal}${who}`, config.range);
        return { status: 401, flags: '', details };
      },
    };
  },
};
