import { useEffect, useRef } from 'react';
import { Button, LinkButton } from '../../components/button.tsx';
import { cx } from '../../components/cx.ts';
import { HostGlyph } from '../../components/glyphs.tsx';
import { Icon } from '../../components/icon.tsx';
import { type Toast, useUi } from '../../state/stores.ts';
import { dismissOlder, dismissToast, SHOWN_TOASTS, TOAST_TIME } from '../../state/toasts.ts';
import styles from './shell.module.css';

const TONES = {
  note: undefined,
  ok: styles.okTone,
  warn: styles.warnTone,
  err: styles.errTone,
  eject: styles.ejectTone,
};
const ICONS = {
  note: <Icon name="info" className="c-note" />,
  ok: <Icon name="check" className="c-ok" />,
  warn: <Icon name="warn" className="c-warn" />,
  err: <Icon name="error" className="c-err" />,
  eject: <HostGlyph health="ejected" size={14} />,
};

export function Toasts() {
  const toasts = useUi((s) => s.toasts);
  const older = Math.max(0, toasts.length - SHOWN_TOASTS);
  return (
    <div className={styles.toasts} aria-live="polite">
      {older > 0 && (
        <div className={styles.older} role="status">
          <span className="grow sub sm">{older} more</span>
          <Button variant="ghost" small className={styles.toastLink} onClick={dismissOlder}>
            Dismiss these
          </Button>
          <Button
            variant="ghost"
            small
            className={styles.toastLink}
            onClick={() => useUi.setState({ toasts: [] })}
          >
            Dismiss all
          </Button>
        </div>
      )}
      {toasts.slice(-SHOWN_TOASTS).map((toast) => (
        <ToastCard key={toast.id} toast={toast} />
      ))}
    </div>
  );
}

function ToastCard({ toast }: { readonly toast: Toast }) {
  const hovered = useRef(false);
  useEffect(() => {
    if (toast.sticky) return;
    // While the pointer is on it the toast stays; it is looked at again after the same time.
    const timer = setInterval(() => {
      if (!hovered.current) dismissToast(toast.id);
    }, TOAST_TIME);
    return () => clearInterval(timer);
  }, [toast]);
  return (
    <div
      className={cx(styles.toast, TONES[toast.tone])}
      role={toast.tone === 'err' ? 'alert' : 'status'}
      onPointerEnter={() => {
        hovered.current = true;
      }}
      onPointerLeave={() => {
        hovered.current = false;
      }}
    >
      <span>{ICONS[toast.tone]}</span>
      <div>
        <div className="strong">{toast.title}</div>
        <div className="sub sm">{toast.text}</div>
      </div>
      <Button variant="ghost" small iconOnly label="Dismiss" onClick={() => dismissToast(toast.id)}>
        <Icon name="close" size={13} />
      </Button>
      {toast.actions.length > 0 && (
        <div className={styles.toastActions}>
          {toast.actions.map((action) =>
            'href' in action ? (
              <LinkButton
                key={action.label}
                variant="ghost"
                small
                href={action.href}
                className={styles.toastLink}
              >
                {action.label}
              </LinkButton>
            ) : (
              <Button
                key={action.label}
                variant="ghost"
                small
                className={styles.toastLink}
                onClick={() => {
                  dismissToast(toast.id);
                  action.run();
                }}
              >
                {action.label}
              </Button>
            ),
          )}
        </div>
      )}
    </div>
  );
}
