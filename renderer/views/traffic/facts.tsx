import type { ReactNode } from 'react';
import { Heading } from '../../components/layers.tsx';
import styles from './drawer.module.css';
import { Words } from './words.tsx';

export type Fact = readonly [name: string, value: ReactNode];

/** Names and values under a title. */
export function Facts(props: { readonly title: string; readonly rows: readonly Fact[] }) {
  return (
    <section className={styles.section}>
      <Heading>{props.title}</Heading>
      <dl className={styles.facts}>
        {props.rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd className="select">{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** A value that one could paste into a terminal or a configuration. */
export function mono(value: string): ReactNode {
  return <span className="mono">{value}</span>;
}

/** What was done beside the request: calls of filters and their answers, mirrored copies. */
export function Notes({ notes }: { readonly notes: readonly string[] }) {
  if (notes.length === 0) return null;
  return (
    <section className={styles.section} aria-label="Beside the request">
      <Heading>Beside the request</Heading>
      <ul className={styles.notes}>
        {notes.map((note, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: notes of a request only grow at the end
          <li key={index} className="select">
            <Words text={note} />
          </li>
        ))}
      </ul>
    </section>
  );
}
