import { constants, randomBytes } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import { sourceBytes, textSource } from './source.ts';

/** How sessions are taken up again by clients that come back. */
export interface Sessions {
  readonly options: Pick<SecureContextOptions, 'ticketKeys' | 'sessionTimeout' | 'secureOptions'>;
}

/** Name (16 bytes), HMAC key (32) and AES key (32), as Envoy takes them. */
const ENVOY_KEY = 80;

/**
 * Tickets are sealed with one key for the whole process, so that they outlive a configuration. Which of them a context
 * takes is decided by its session id context.
 */
const processKey = randomBytes(48);

export function compileSessions(reader: MessageReader, ctx: CompileContext): Sessions {
  // Node keeps no sessions on the server's side, so there is nothing that this could turn off.
  reader.acknowledge('disable_stateful_session_resumption');
  const timeout = reader.duration('session_timeout');
  const lifetime = timeout === undefined ? {} : { sessionTimeout: Math.max(1, Math.floor(timeout / 1000)) };
  if (reader.bool('disable_stateless_session_resumption') ?? false) {
    return { options: { ...lifetime, secureOptions: constants.SSL_OP_NO_TICKET } };
  }
  const given = reader.message('session_ticket_keys');
  const keys = given === undefined ? [] : ticketKeys(given, ctx);
  if (keys.length > 1) {
    ctx.report(
      'notice',
      'tls.further-ticket-keys',
      reader,
      'session_ticket_keys',
      'Only the first session ticket key is used: tickets that an older key sealed lead to full handshakes',
    );
  }
  return { options: { ...lifetime, ticketKeys: keys[0] ?? processKey } };
}

/** The keys in Node's form: name, 16 bytes for the HMAC, 16 for AES. The first seals; Node opens with no other. */
function ticketKeys(reader: MessageReader, ctx: CompileContext): Buffer[] {
  return reader.messages('keys').flatMap((item) => {
    const bytes = sourceBytes(textSource(item), (path) => ctx.files.read(path));
    if (bytes?.length !== ENVOY_KEY) {
      ctx.report(
        'error',
        'tls.bad-ticket-key',
        item,
        '',
        `Incorrect TLS session ticket key length. Length ${bytes?.length ?? 0}, expected length ${ENVOY_KEY}.`,
      );
      return [];
    }
    const key = Buffer.from(bytes);
    return [Buffer.concat([key.subarray(0, 16), key.subarray(16, 32), key.subarray(48, 64)])];
  });
}
