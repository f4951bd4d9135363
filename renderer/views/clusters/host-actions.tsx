import type { HostState } from '../../../proxy-core/index.ts';
import { Button } from '../../components/button.tsx';
import { HostGlyph } from '../../components/glyphs.tsx';
import { Icon } from '../../components/icon.tsx';
import { setHostEjected } from '../../state/actions.ts';
import { setQuery } from '../../state/router.ts';
import styles from './clusters.module.css';

/** Takes a host out by hand, or takes it back, whatever ejected it. One button: the focus stays where it is. */
export function EjectButton(props: {
  readonly cluster: string;
  readonly host: HostState;
  readonly named?: boolean;
}) {
  const { cluster, host, named = false } = props;
  const ejected = host.health === 'ejected';
  const title = ejected
    ? `Take ${host.address} back into rotation now`
    : `Take ${host.address} out of rotation until you take it back`;
  return (
    <Button
      small
      className={ejected ? undefined : styles.quiet}
      label={`${ejected ? 'Un-eject' : 'Eject'} ${host.address}`}
      title={title}
      onClick={() => void setHostEjected(cluster, host.address, !ejected)}
    >
      {!ejected && <HostGlyph health="ejected" size={10} />}
      {(ejected || named) && <span>{ejected ? 'Un-eject' : 'Eject'}</span>}
    </Button>
  );
}

/** Opens the host's history, or closes it when it is open. */
export function HistoryButton({ address, open }: { readonly address: string; readonly open: boolean }) {
  return (
    <Button
      small
      iconOnly
      variant="ghost"
      pressed={open}
      label={`History of ${address}`}
      onClick={() => setQuery({ host: open ? null : address })}
    >
      <Icon name="history" size={14} />
    </Button>
  );
}
