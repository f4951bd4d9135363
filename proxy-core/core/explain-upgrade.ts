import type { RequestHead } from '../base/stream-info.ts';
import type { Decision } from '../facade/decision.ts';
import type { HttpConnectionManagerConfig } from '../http/connection-manager-config.ts';
import { tunnelConfig } from '../http/router/tcp-upstream.ts';
import { asksForTunnel, upgradeAllowed, upgradeType } from '../http/router/upgrade.ts';
import type { Route } from '../route/types.ts';
import { step } from './narration.ts';
import { finish, type Telling } from './telling.ts';

/** Tells what becomes of an upgrade or a CONNECT; a decision when it is refused, null when the request goes on. */
export function tellUpgrade(
  telling: Telling,
  http: HttpConnectionManagerConfig,
  route: Route | null,
  received: RequestHead,
): Decision | null {
  if (!asksForTunnel(received)) return null;
  const type = upgradeType(received);
  const subject = type === 'connect' ? 'CONNECT' : `upgrade to ${type}`;
  const action = route?.action.kind === 'cluster' ? route.action : null;
  if (!upgradeAllowed(http, route, received)) {
    // The router answers that one: there is no route.
    if (route === null && received.method === 'CONNECT') return null;
    const where = action?.upgrades.has(type) === true ? 'the route switches it off' : 'it is not enabled';
    telling.steps.push(step({ kind: 'route', subject, text: `is refused: ${where}`, tone: 'bad' }));
    telling.outcome = {
      ...telling.outcome,
      localReply: { status: 403, flags: '', details: 'upgrade_failed' },
    };
    const how = 'Enable it with upgrade_configs, on the connection manager or on the route.';
    return finish(telling, '403 written by the proxy.', `The ${subject} is not allowed here. ${how}`);
  }
  const ends = action !== null && tunnelConfig(action, received) !== null;
  const by = action?.upgrades.has(type) === true ? 'the route' : 'the connection manager';
  const text = ends
    ? `is enabled by ${by} and ends here: its bytes go to the host as TCP`
    : `is enabled by ${by} and goes on to the host`;
  telling.steps.push(step({ kind: 'route', subject, text }));
  return null;
}
