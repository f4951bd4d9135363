import type { HostState } from '../../../proxy-core/index.ts';
import { cx } from '../../components/cx.ts';
import styles from './clusters.module.css';

/** Envoy's words for the health of a host, and below them what they mean for this one. */
export function HealthCell({ host }: { readonly host: HostState }) {
  const plain = host.healthFlags === 'healthy';
  return (
    <span
      className={styles.health}
      title={plain ? healthyTitle(host) : `${host.healthFlags}: ${host.healthReason}`}
    >
      <span className={cx('mono trunc', healthTone(host))}>{host.healthFlags}</span>
      {!plain && <span className="xs sub trunc">{host.healthReason}</span>}
    </span>
  );
}

/** The class of the colour of a host's health. */
export function healthTone({ health, healthFlags }: HostState): string {
  switch (health) {
    case 'ejected':
      return 'c-eject';
    case 'unhealthy':
      return 'c-err';
    case 'degraded':
      return 'c-warn';
    case 'draining':
      return 'c-note';
    case 'healthy':
      return healthFlags === 'healthy' ? 'sub' : 'c-warn';
  }
}

function healthyTitle({ check }: HostState): string {
  return check === null ? 'healthy' : `healthy: the last health check said ${check.answer}`;
}
