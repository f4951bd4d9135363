/** Why a pooled connection ended. */
export type ConnectionEnd =
  | 'closed-by-host'
  | 'reset-by-host'
  | 'not-reusable'
  | 'request-given-up'
  | 'idle-timeout'
  | 'max-duration'
  | 'max-requests'
  | 'go-away'
  | 'protocol-error'
  | 'keepalive-timeout'
  | 'drained'
  | 'connect-failed'
  | 'connect-timeout'
  | 'tls-failed'
  | 'shutdown';

const TEXTS: Readonly<Record<ConnectionEnd, string>> = {
  'closed-by-host': 'the host closed it',
  'reset-by-host': 'the host reset it',
  'not-reusable': 'the host said `connection: close`, or answered before it had the whole request',
  'request-given-up': 'its request was given up (timeout, or the client left)',
  'idle-timeout': '`idle_timeout`: no request in that time',
  'max-duration': '`max_connection_duration`: it was old enough',
  'max-requests': '`max_requests_per_connection`: it carried as many as it may',
  'go-away': 'the host sent GOAWAY',
  'protocol-error': 'what the host sent was no valid HTTP',
  'keepalive-timeout': 'a PING was not answered in time',
  drained: 'the host was ejected, failed a health check, or left; or hosts changed',
  'connect-failed': 'it could not be made',
  'connect-timeout': '`connect_timeout`: it was not made in time',
  'tls-failed': 'TLS with the host failed',
  shutdown: 'the proxy let it go',
};

export function connectionEndText(end: ConnectionEnd): string {
  return TEXTS[end];
}

/** How often connections of one host ended, by reason. */
export class ConnectionEnds {
  private readonly counts = new Map<ConnectionEnd, number>();

  count(end: ConnectionEnd): void {
    this.counts.set(end, (this.counts.get(end) ?? 0) + 1);
  }

  /** The most frequent first. */
  list(): { readonly end: ConnectionEnd; readonly count: number }[] {
    return [...this.counts].map(([end, count]) => ({ end, count })).sort((a, b) => b.count - a.count);
  }
}
