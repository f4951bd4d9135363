import type { CoreState } from '../../proxy-core/index.ts';

/** One line per listener and one for the admin interface, as they were bound. */
export function listenerLines(state: CoreState): string {
  const lines = state.listeners.map((listener) =>
    listener.status === 'failed'
      ? `${listener.name} is down: ${listener.error}`
      : `${listener.name} listening on ${listener.address}`,
  );
  if (state.admin !== null) lines.push(`admin listening on ${state.admin.address}:${state.admin.port}`);
  return lines.map((line) => `${line}\n`).join('');
}
