import type { CoreEvent } from '../../proxy-core/index.ts';
import type { Mark } from '../components/time-axis.ts';

/** What happened, as marks of a time axis; null for events that are no mark. */
export function eventMark(event: CoreEvent): Mark | null {
  switch (event.kind) {
    case 'config-applied':
      return {
        at: event.at,
        kind: 'config',
        label: `v${event.version}`,
        text: `v${event.version}: ${event.text}`,
      };
    case 'host-ejected':
      return { at: event.at, kind: 'eject', label: 'ejection', text: event.text };
    case 'demo':
      return { at: event.at, kind: 'fault', label: 'demo', text: event.text };
    case 'host-returned':
    case 'host-not-ejected':
    case 'host-health':
    case 'config-rejected':
    case 'listener-failed':
    case 'listener-recovered':
    case 'cluster-resolved':
    case 'dns-failed':
    case 'endpoints-refused':
    case 'log-failed':
    case 'certificate-replaced':
    case 'certificate-rejected':
    case 'service-failed':
    case 'service-recovered':
      return null;
  }
}

/** Marks since `from`; with a cluster, only its own ejections (and what concerns all). */
export function eventMarks(events: readonly CoreEvent[], from: number, cluster?: string): Mark[] {
  const marks: Mark[] = [];
  for (const event of events) {
    if (event.at < from) continue;
    if (cluster !== undefined && event.cluster !== '' && event.cluster !== cluster) continue;
    const mark = eventMark(event);
    if (mark !== null) marks.push(mark);
  }
  return marks;
}
