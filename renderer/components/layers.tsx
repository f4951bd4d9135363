/** Things that frame or interrupt: dialog, banner, empty state, toolbar. */
import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef } from 'react';
import { Button } from './button.tsx';
import { cx } from './cx.ts';
import { Icon, type IconName } from './icon.tsx';
import styles from './layers.module.css';

const FOCUSABLE = 'a[href], button:not([disabled]), input, select, textarea, [tabindex]:not([tabindex="-1"])';

/** Keeps Tab inside `container`, and gives the focus back to where it was when the layer goes. */
export function useFocusTrap() {
  const container = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    const element = container.current;
    if (element !== null && !element.contains(document.activeElement)) {
      const first =
        element.querySelector<HTMLElement>('[data-autofocus]') ??
        element.querySelector<HTMLElement>(FOCUSABLE);
      first?.focus();
    }
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Tab' || container.current === null) return;
    const all = [...container.current.querySelectorAll<HTMLElement>(FOCUSABLE)];
    const first = all[0];
    const last = all.at(-1);
    if (event.shiftKey && document.activeElement === first) {
      event.preventDefault();
      last?.focus();
    } else if (!event.shiftKey && document.activeElement === last) {
      event.preventDefault();
      first?.focus();
    }
  };
  return { container, onKeyDown };
}

export interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
  /** Buttons, right-aligned. The safe one carries `data-autofocus` or comes first. */
  readonly footer?: ReactNode;
  readonly width?: number;
}

/** Modal: focus stays inside, Esc and a click beside it close it. */
export function Dialog({ title, onClose, children, footer, width = 480 }: DialogProps) {
  const { container, onKeyDown } = useFocusTrap();
  const id = useId();
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: a click beside the dialog is a shortcut for Esc
    // biome-ignore lint/a11y/useKeyWithClickEvents: the key is Esc, on the dialog
    <div className={styles.scrim} onClick={(event) => event.target === event.currentTarget && onClose()}>
      <div
        ref={container}
        className={styles.dialog}
        role="dialog"
        aria-modal="true"
        aria-labelledby={id}
        style={{ width }}
        onKeyDown={(event) => {
          if (event.key === 'Escape') {
            event.stopPropagation();
            onClose();
          }
          onKeyDown(event);
        }}
      >
        <div className={styles.head}>
          <h2 id={id}>{title}</h2>
          <Button variant="ghost" small iconOnly label="Close" onClick={onClose}>
            <Icon name="close" />
          </Button>
        </div>
        <div className={styles.body}>{children}</div>
        {footer !== undefined && <div className={styles.foot}>{footer}</div>}
      </div>
    </div>
  );
}

const BANNER_ICONS = { err: 'error', warn: 'warn', note: 'info' } as const;
const BANNER_COLORS = { err: 'c-err', warn: 'c-warn', note: 'c-note' } as const;

/** Stays until solved or dismissed; pushes the content down and never covers it. */
export function Banner(props: {
  readonly tone: 'err' | 'warn' | 'note';
  readonly title: string;
  readonly children?: ReactNode;
  readonly actions?: ReactNode;
}) {
  const { tone, title, children, actions } = props;
  return (
    <div className={cx(styles.banner, styles[tone])} role={tone === 'err' ? 'alert' : 'status'}>
      <Icon name={BANNER_ICONS[tone]} className={BANNER_COLORS[tone]} />
      <div className="grow">
        <b className="strong">{title}</b> <span className="sub select">{children}</span>
      </div>
      {actions}
    </div>
  );
}

/** Why there is nothing here, and what to do. */
export function EmptyState(props: {
  readonly icon: IconName;
  readonly title: string;
  readonly children?: ReactNode;
  readonly actions?: ReactNode;
}) {
  return (
    <div className={styles.empty}>
      <Icon name={props.icon} size={22} />
      <h2>{props.title}</h2>
      {props.children !== undefined && <p>{props.children}</p>}
      {props.actions !== undefined && <div className="row">{props.actions}</div>}
    </div>
  );
}

/** One per screen: title, view switch, actions. */
export function Toolbar(props: { readonly title?: string; readonly children?: ReactNode }) {
  return (
    <div className={styles.toolbar}>
      {props.title !== undefined && <h1 className="trunc">{props.title}</h1>}
      {props.children}
    </div>
  );
}

export function Separator({ className }: { readonly className?: string }) {
  return <span className={cx(styles.separator, className)} />;
}

export function Heading(props: { readonly level?: 2 | 3; readonly children: ReactNode }) {
  return props.level === 2 ? (
    <h2 className={styles.heading}>{props.children}</h2>
  ) : (
    <h3 className={styles.heading}>{props.children}</h3>
  );
}
