/** Controls that choose: segmented, switch, tabs, chip; and the field with an icon. */
import { type KeyboardEvent, type ReactNode, type Ref, useRef } from 'react';
import styles from './controls.module.css';
import { cx } from './cx.ts';
import { Icon, type IconName } from './icon.tsx';

export interface Choice<T extends string> {
  readonly value: T;
  readonly label: ReactNode;
  readonly title?: string;
}

/** Arrow keys move and choose, as in any radio group or tab list. */
function useRovingKeys<T extends string>(
  choices: readonly Choice<T>[],
  value: T,
  onChange: (value: T) => void,
) {
  const container = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent) => {
    const index = choices.findIndex((choice) => choice.value === value);
    const last = choices.length - 1;
    const targets: Record<string, number> = {
      ArrowRight: index === last ? 0 : index + 1,
      ArrowDown: index === last ? 0 : index + 1,
      ArrowLeft: index <= 0 ? last : index - 1,
      ArrowUp: index <= 0 ? last : index - 1,
      Home: 0,
      End: last,
    };
    const next = targets[event.key];
    const choice = next === undefined ? undefined : choices[next];
    if (choice === undefined || next === undefined) return;
    event.preventDefault();
    onChange(choice.value);
    const button = container.current?.children[next];
    if (button instanceof HTMLElement) button.focus();
  };
  return { container, onKeyDown };
}

export interface SegmentedProps<T extends string> {
  readonly label: string;
  readonly choices: readonly Choice<T>[];
  readonly value: T;
  readonly onChange: (value: T) => void;
  readonly small?: boolean;
}

export function Segmented<T extends string>(props: SegmentedProps<T>) {
  const { label, choices, value, onChange, small = false } = props;
  const { container, onKeyDown } = useRovingKeys(choices, value, onChange);
  return (
    <div
      ref={container}
      className={cx(styles.segmented, small && styles.small)}
      role="radiogroup"
      aria-label={label}
      onKeyDown={onKeyDown}
    >
      {choices.map((choice) => (
        // biome-ignore lint/a11y/useSemanticElements: a segment is a button that is drawn as one
        <button
          key={choice.value}
          type="button"
          role="radio"
          className={styles.segment}
          aria-checked={choice.value === value}
          tabIndex={choice.value === value ? 0 : -1}
          title={choice.title}
          onClick={() => onChange(choice.value)}
        >
          {choice.label}
        </button>
      ))}
    </div>
  );
}

export interface TabsProps<T extends string> extends Omit<SegmentedProps<T>, 'small'> {
  /** Id of the tab panel that they switch. */
  readonly controls: string;
}

export function Tabs<T extends string>(props: TabsProps<T>) {
  const { label, choices, value, onChange, controls } = props;
  const { container, onKeyDown } = useRovingKeys(choices, value, onChange);
  return (
    <div ref={container} className={styles.tabs} role="tablist" aria-label={label} onKeyDown={onKeyDown}>
      {choices.map((choice) => (
        <button
          key={choice.value}
          type="button"
          role="tab"
          className={styles.tab}
          aria-selected={choice.value === value}
          aria-controls={controls}
          tabIndex={choice.value === value ? 0 : -1}
          title={choice.title}
          onClick={() => onChange(choice.value)}
        >
          {choice.label}
        </button>
      ))}
    </div>
  );
}

export function Switch(props: {
  readonly label: string;
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
}) {
  const { label, checked, onChange } = props;
  return (
    <button
      type="button"
      role="switch"
      className={styles.switch}
      aria-checked={checked}
      aria-label={label}
      title={label}
      onClick={() => onChange(!checked)}
    />
  );
}

export function Chip(props: {
  readonly selected: boolean;
  readonly onClick: () => void;
  readonly children: ReactNode;
  readonly title?: string;
}) {
  return (
    <button
      type="button"
      className={styles.chip}
      aria-pressed={props.selected}
      onClick={props.onClick}
      title={props.title}
    >
      {props.children}
    </button>
  );
}

export interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly placeholder?: string;
  readonly icon?: IconName;
  readonly mono?: boolean;
  readonly className?: string | undefined;
  readonly ref?: Ref<HTMLInputElement>;
  readonly onKeyDown?: (event: KeyboardEvent<HTMLInputElement>) => void;
  readonly after?: ReactNode;
  readonly type?: 'text' | 'number' | 'search';
}

export function Field(props: FieldProps) {
  const { label, value, onChange, placeholder, icon, mono = false, className, ref, onKeyDown, after } = props;
  return (
    <div className={cx(styles.field, mono && styles.mono, className)}>
      {icon !== undefined && <Icon name={icon} size={13} />}
      <input
        ref={ref}
        type={props.type ?? 'text'}
        aria-label={label}
        placeholder={placeholder}
        value={value}
        spellCheck={false}
        autoComplete="off"
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={onKeyDown}
      />
      {after}
    </div>
  );
}
