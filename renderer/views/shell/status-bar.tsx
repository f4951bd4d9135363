import { cx } from '../../components/cx.ts';
import { Dot, HostGlyph, StatusGlyph } from '../../components/glyphs.tsx';
import { Icon } from '../../components/icon.tsx';
import { Meter } from '../../components/marks.tsx';
import { openLayer } from '../../state/actions.ts';
import {
  formatCount,
  formatDuration,
  formatMegabytes,
  formatRateValue,
  formatShare,
  formatTime,
  NARROW_SPACE,
  plural,
  wholeMegabytes,
} from '../../state/format.ts';
import { clusterHref, screenHref, trafficHref } from '../../state/router.ts';
import { errorShare, rate, typical } from '../../state/series.ts';
import { useApp, useConfig, useCore, useMetrics, useRows } from '../../state/stores.ts';
import styles from './shell.module.css';

export function StatusBar() {
  const config = useConfig((s) => s.config);
  const open = config !== null && config.status !== 'none';
  return (
    <footer className={styles.status}>
      {open ? (
        <>
          <Listeners />
          <Rule />
          <TrafficFigures />
          <Ejections />
          <span className="grow" />
          <Recorded />
          <Rule />
          <a
            className={styles.item}
            href={screenHref('config')}
            title={`${config.file}, running since the last apply`}
          >
            Config <b>{config.runningVersion > 0 ? `v${config.runningVersion}` : '–'}</b>
          </a>
          <Rule />
          <CoreProcess />
        </>
      ) : (
        <>
          <span className={styles.item}>No configuration is open</span>
          <span className="grow" />
          <CoreProcess />
          <Rule />
          <Version />
        </>
      )}
    </footer>
  );
}

function Rule() {
  return <span className={styles.rule} />;
}

function Listeners() {
  const listeners = useCore((s) => s.core?.listeners);
  const starting = useConfig((s) => s.config?.status === 'starting');
  if (listeners === undefined || starting) return <span className={styles.item}>Starting</span>;
  const up = listeners.filter((listener) => listener.status === 'listening').length;
  const down = listeners.some((listener) => listener.status === 'failed');
  return (
    <a
      className={cx(styles.item, down && styles.bad)}
      href={screenHref('overview')}
      title={listeners
        .map((l) => `${l.name} ${l.address}: ${l.error === '' ? l.status : l.error}`)
        .join('\n')}
    >
      {down ? <Icon name="error" size={12} /> : <Dot />}
      <b>
        {up}/{listeners.length}
      </b>{' '}
      {listeners.length === 1 ? 'listener' : 'listeners'}
    </a>
  );
}

function TrafficFigures() {
  const ticks = useMetrics((s) => s.ticks);
  const share = errorShare(ticks);
  return (
    <>
      <span className={styles.item} title="Mean of the last 10 s">
        <b>{formatRateValue(rate(ticks, (tick) => tick.requests))}</b> req/s
      </span>
      <Rule />
      <span className={cx(styles.item, 'wide')} title="Typical second of the last 10 s">
        p50 <b>{formatDuration(typical(ticks, (tick) => tick.p50))}</b>
      </span>
      <span className={styles.item} title="Typical second of the last 10 s">
        p99 <b>{formatDuration(typical(ticks, (tick) => tick.p99))}</b>
      </span>
      <Rule />
      <a className={styles.item} href={trafficHref('status:5xx')} title="Share of 5xx over the last minute">
        <StatusGlyph status={500} size={9} />
        <b>{formatShare(share)}</b> 5xx
      </a>
    </>
  );
}

function Ejections() {
  const clusters = useCore((s) => s.core?.clusters) ?? [];
  const affected = clusters.filter((cluster) => cluster.hosts.some((host) => host.health === 'ejected'));
  const first = affected[0];
  if (first === undefined) return null;
  const count = affected.reduce(
    (sum, cluster) => sum + cluster.hosts.filter((host) => host.health === 'ejected').length,
    0,
  );
  return (
    <>
      <Rule />
      <a className={cx(styles.item, styles.eject)} href={clusterHref(first.name)}>
        <HostGlyph health="ejected" size={10} />
        {plural(count, 'host')} ejected
      </a>
    </>
  );
}

function Recorded() {
  const recorder = useRows((s) => s.recorder);
  if (recorder === null) return null;
  const full = recorder.records >= recorder.maxRecords || recorder.bytes >= recorder.maxBytes * 0.98;
  return (
    <>
      <button
        type="button"
        className={cx(styles.item, full && styles.hot)}
        title={`Recorded requests, the oldest go first. ${formatCount(recorder.total)} since the start. Click to clear.`}
        onClick={() => openLayer('clear-records')}
      >
        Recorded <b>{formatCount(recorder.records)}</b> / {formatCount(recorder.maxRecords)}
        <Meter value={recorder.records} limit={recorder.maxRecords} label="Recorded requests" />
      </button>
      <button
        type="button"
        className={cx(styles.item, 'wide', full && styles.hot)}
        title="Memory of recorded heads and bodies. Click to clear."
        onClick={() => openLayer('clear-records')}
      >
        {wholeMegabytes(recorder.bytes)} / {wholeMegabytes(recorder.maxBytes)}
        {NARROW_SPACE}MB
        <Meter value={recorder.bytes} limit={recorder.maxBytes} label="Recorded bytes" />
      </button>
    </>
  );
}

function CoreProcess() {
  const process = useApp((s) => s.process);
  const info = useApp((s) => s.info);
  const appliedAt = useCore((s) => s.core?.appliedAt ?? 0);
  if (process === null) return null;
  return (
    <span
      className={styles.item}
      title={`Process ${info?.pid ?? ''}${appliedAt > 0 ? `, configuration applied ${formatTime(appliedAt)}` : ''}`}
    >
      Core <b>{formatMegabytes(process.rssBytes)}</b>
      <span className="wide">
        ·{' '}
        <b>
          {Math.round(process.cpuPercent)}
          {NARROW_SPACE}%
        </b>{' '}
        CPU
      </span>
    </span>
  );
}

function Version() {
  const info = useApp((s) => s.info);
  return <span className={styles.item}>Attaché {info?.version ?? ''}</span>;
}
