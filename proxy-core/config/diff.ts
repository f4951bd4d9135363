import type { ResourceChanges } from '../facade/core-api.ts';
import { fingerprint } from './fingerprint.ts';
import type { MessageNode } from './message.ts';
import { forEachMessage, listedMessages, messageAt, numberAt, textAt } from './walk.ts';

const ROUTE_CONFIGURATION = 'envoy.config.route.v3.RouteConfiguration';

export interface ConfigChanges {
  readonly listeners: ResourceChanges;
  readonly clusters: ResourceChanges;
  readonly routes: ResourceChanges;
}

/**
 * What changed between two bootstraps, by name. A listener counts as updated when anything but its inline route
 * configuration changed; that one is listed under routes. `before` is null for the first configuration.
 */
export function diffConfigs(before: MessageNode | null, after: MessageNode | null): ConfigChanges {
  return {
    listeners: diff(listeners(before), listeners(after)),
    clusters: diff(clusters(before), clusters(after)),
    routes: diff(routes(before), routes(after)),
  };
}

/** A listener's name; without one its address, under which Envoy's stats and we know it. */
export function listenerName(listener: MessageNode): string {
  const name = textAt(listener, 'name');
  if (name !== undefined && name !== '') return name;
  const socket = messageAt(listener, 'address', 'socket_address');
  if (socket !== undefined)
    return `${textAt(socket, 'address') ?? ''}:${numberAt(socket, 'port_value') ?? 0}`;
  return textAt(messageAt(listener, 'address', 'pipe'), 'path') ?? listener.path;
}

function listeners(root: MessageNode | null): Map<string, string> {
  return prints(listedMessages(messageAt(root, 'static_resources'), 'listeners'), listenerName, (listener) =>
    fingerprint(listener, ROUTE_CONFIGURATION),
  );
}

function clusters(root: MessageNode | null): Map<string, string> {
  return prints(
    listedMessages(messageAt(root, 'static_resources'), 'clusters'),
    (cluster) => textAt(cluster, 'name') ?? cluster.path,
    (cluster) => fingerprint(cluster),
  );
}

/** Inline route configurations of all listeners; one without a name goes by its listener's. */
function routes(root: MessageNode | null): Map<string, string> {
  const found = new Map<string, string>();
  for (const listener of listedMessages(messageAt(root, 'static_resources'), 'listeners')) {
    forEachMessage(listener, (message) => {
      if (message.type !== ROUTE_CONFIGURATION) return;
      const name = textAt(message, 'name') || listenerName(listener);
      found.set(name, `${found.get(name) ?? ''}${fingerprint(message)}`);
    });
  }
  return found;
}

/** Of two with one name the first one counts, as in Envoy. */
function prints(
  messages: readonly MessageNode[],
  nameOf: (message: MessageNode) => string,
  printOf: (message: MessageNode) => string,
): Map<string, string> {
  const result = new Map<string, string>();
  for (const message of messages) {
    const name = nameOf(message);
    if (!result.has(name)) result.set(name, printOf(message));
  }
  return result;
}

function diff(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): ResourceChanges {
  const added: string[] = [];
  const updated: string[] = [];
  const unchanged: string[] = [];
  for (const [name, print] of after) {
    const old = before.get(name);
    if (old === undefined) added.push(name);
    else if (old === print) unchanged.push(name);
    else updated.push(name);
  }
  return { added, updated, removed: [...before.keys()].filter((name) => !after.has(name)), unchanged };
}
