import type { ReactNode, Ref } from 'react';
import styles from './button.module.css';
import { cx } from './cx.ts';

interface Look {
  readonly variant?: 'normal' | 'primary' | 'danger' | 'ghost';
  readonly small?: boolean;
  /** Square, for an icon alone; needs a `label`. */
  readonly iconOnly?: boolean;
  readonly className?: string | undefined;
}

function classes(
  { variant = 'normal', small = false, iconOnly = false, className }: Look,
  on = false,
): string {
  return cx(
    styles.button,
    variant !== 'normal' && styles[variant],
    small && styles.small,
    iconOnly && styles.iconOnly,
    on && styles.on,
    className,
  );
}

export interface ButtonProps extends Look {
  readonly onClick: () => void;
  readonly children: ReactNode;
  /** Read out instead of the content, and shown as the tooltip. */
  readonly label?: string;
  readonly title?: string;
  readonly disabled?: boolean;
  /** For buttons that switch something: drawn and read out as pressed. */
  readonly pressed?: boolean;
  readonly ref?: Ref<HTMLButtonElement>;
}

export function Button(props: ButtonProps) {
  const { onClick, children, label, title, disabled = false, pressed, ref } = props;
  return (
    <button
      type="button"
      ref={ref}
      className={classes(props, pressed === true)}
      onClick={onClick}
      disabled={disabled}
      aria-label={label}
      aria-pressed={pressed}
      title={title ?? label}
    >
      {children}
    </button>
  );
}

export interface LinkButtonProps extends Look {
  readonly href: string;
  readonly children: ReactNode;
  readonly label?: string;
  readonly title?: string;
}

/** A link that looks like a button: for going somewhere. */
export function LinkButton(props: LinkButtonProps) {
  const { href, children, label, title } = props;
  return (
    <a className={classes(props)} href={href} aria-label={label} title={title ?? label}>
      {children}
    </a>
  );
}
