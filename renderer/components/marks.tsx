/** Small things that carry one fact: tag, badge, key cap, meter, skeleton, figure, legend, link to a line. */
import type { ReactNode } from 'react';
import type { SourceRange } from '../../proxy-core/index.ts';
import { configHref } from '../state/router.ts';
import { cx } from './cx.ts';
import { Icon } from './icon.tsx';
import styles from './marks.module.css';

export type MarkTone = 'ok' | 'warn' | 'err' | 'eject' | 'note' | 'accent';

export function Badge(props: {
  readonly tone?: MarkTone;
  readonly title: string;
  readonly children: ReactNode;
  readonly className?: string | undefined;
}) {
  const { tone, title, children, className } = props;
  return (
    <span
      className={cx(styles.badge, tone !== undefined && styles[tone], className)}
      title={title}
      role="img"
      aria-label={title}
    >
      {children}
    </span>
  );
}

export function Tag(props: {
  readonly tone?: MarkTone | 'line' | 'local';
  readonly title?: string;
  readonly children: ReactNode;
}) {
  const { tone, title, children } = props;
  return (
    <span className={cx(styles.tag, tone !== undefined && styles[tone])} title={title}>
      {children}
    </span>
  );
}

/** `Ctrl K` gives two caps. */
export function Kbd({ keys }: { readonly keys: string }) {
  return (
    <span className="nowrap">
      {keys.split(' ').map((key) => (
        <kbd key={key} className={styles.kbd}>
          {key}
        </kbd>
      ))}
    </span>
  );
}

/** Value against limit; amber from 95 % on. */
export function Meter(props: { readonly value: number; readonly limit: number; readonly label: string }) {
  const { value, limit, label } = props;
  const share = limit > 0 ? Math.min(1, value / limit) : 0;
  return (
    // biome-ignore lint/a11y/useSemanticElements: <meter> cannot be drawn in our colours in every engine
    <span
      className={cx(styles.meter, share >= 0.95 && styles.hot)}
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={limit}
      aria-valuenow={Math.min(value, limit)}
    >
      <i style={{ width: `${share * 100}%` }} />
    </span>
  );
}

export function Skeleton(props: {
  readonly width: number | string;
  readonly height?: number;
  readonly style?: React.CSSProperties;
}) {
  return (
    <i
      className={styles.skeleton}
      style={{ ...props.style, width: props.width, height: props.height ?? 10 }}
    />
  );
}

/** *line n*: opens the editor at that line. Nothing when the thing stands in no file. */
export function YamlLink(props: { readonly source: SourceRange; readonly short?: boolean }) {
  const { source, short = false } = props;
  if (source.file === '') return null;
  return (
    <a
      className={styles.yaml}
      href={configHref(source.line)}
      title={`Open line ${source.line} of ${source.file.replace(/^.*[\\/]/, '')}`}
    >
      <Icon name="file" size={12} />
      {short ? source.line : `line ${source.line}`}
    </a>
  );
}

export function Legend(props: { readonly children: ReactNode; readonly className?: string | undefined }) {
  return <div className={cx(styles.legend, props.className)}>{props.children}</div>;
}

export function LegendItem(props: {
  readonly color: string;
  readonly label: string;
  readonly value?: ReactNode;
  readonly line?: boolean;
}) {
  const { color, label, value, line = false } = props;
  return (
    <span className={styles.legendItem}>
      <i
        className={cx(styles.key, line && styles.keyLine)}
        style={line ? { borderColor: color } : { background: color }}
      />
      {label} {value !== undefined && <b>{value}</b>}
    </span>
  );
}

/** One number with its name under it. */
export function Figure(props: {
  readonly value: ReactNode;
  readonly label: string;
  readonly tone?: 'ok' | 'warn' | 'err' | 'eject' | undefined;
  readonly title?: string;
  readonly className?: string | undefined;
  readonly size?: number;
}) {
  const { value, label, tone, title, className, size } = props;
  const tones = {
    ok: styles.valueOk,
    warn: styles.valueWarn,
    err: styles.valueErr,
    eject: styles.valueEject,
  };
  return (
    <div className={cx(styles.figure, className)} title={title}>
      <div
        className={cx(styles.figureValue, tone !== undefined && tones[tone])}
        style={size === undefined ? undefined : { fontSize: size }}
      >
        {value}
      </div>
      <div className={styles.figureLabel}>{label}</div>
    </div>
  );
}
