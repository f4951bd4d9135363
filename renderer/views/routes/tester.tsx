import { type KeyboardEvent, useCallback, useEffect, useRef, useState } from 'react';
import type { Decision } from '../../../proxy-core/index.ts';
import { Button } from '../../components/button.tsx';
import { Field } from '../../components/controls.tsx';
import { Icon } from '../../components/icon.tsx';
import { EmptyState, Heading } from '../../components/layers.tsx';
import { Kbd } from '../../components/marks.tsx';
import { failureText } from '../../state/call-failed.ts';
import { getClient } from '../../state/client.ts';
import { formatCount, formatShare } from '../../state/format.ts';
import { useKeys } from '../../state/keyboard.ts';
import { setQuery, useRoute } from '../../state/router.ts';
import { useCore } from '../../state/stores.ts';
import { DecisionTrace } from '../traffic/tab-decision.tsx';
import styles from './routes.module.css';
import {
  type Bar,
  clusterBars,
  firstFields,
  hostBars,
  readFields,
  type TesterFields,
} from './tester-model.ts';

/** An answer waits for a pause in typing, milliseconds. */
const PAUSE = 200;

type Answer = { readonly decision: Decision } | { readonly failure: string };

/** Where a request would go, asked of what runs. Nothing is sent. */
export function RouteTester() {
  const { query } = useRoute();
  const core = useCore((s) => s.core);
  const [fields, setFields] = useState<TesterFields>(() => firstFields(query, core));
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [only, setOnly] = useState<'all' | 'choices'>('all');
  const url = useRef<HTMLInputElement>(null);
  const round = useRef(0);
  const input = readFields(fields);
  const problem = 'problem' in input ? input.problem : '';

  const ask = useCallback(async (asked: TesterFields) => {
    const read = readFields(asked);
    if ('problem' in read) return;
    const current = ++round.current;
    setQuery({ method: asked.method, url: asked.url, headers: asked.headers || null, draws: asked.draws });
    try {
      const decision = await getClient().call('explain', read.request);
      if (round.current === current) setAnswer({ decision });
    } catch (error) {
      if (round.current === current) setAnswer({ failure: failureText(error) });
    }
  }, []);

  const version = core?.version ?? 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another configuration may answer otherwise
  useEffect(() => {
    const timer = setTimeout(() => void ask(fields), PAUSE);
    return () => clearTimeout(timer);
  }, [ask, fields, version]);

  useEffect(() => url.current?.focus(), []);
  useKeys(
    useCallback((press) => {
      if (press.typing || press.key !== '/' || press.ctrl || press.alt) return false;
      url.current?.focus();
      url.current?.select();
      return true;
    }, []),
  );
  const change = (changes: Partial<TesterFields>) => setFields({ ...fields, ...changes });
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter') void ask(fields);
    if (event.key === 'Escape' && event.target instanceof HTMLElement) event.target.blur();
  };
  return (
    <div className={styles.tester} data-pane>
      <form className={styles.form} aria-label="Request to test" onSubmit={(event) => event.preventDefault()}>
        <Field
          mono
          className={styles.method}
          label="Method"
          value={fields.method}
          onChange={(method) => change({ method })}
          onKeyDown={onKeyDown}
        />
        <Field
          mono
          ref={url}
          className={styles.url}
          label="URL"
          value={fields.url}
          onChange={(next) => change({ url: next })}
          onKeyDown={onKeyDown}
          after={<Kbd keys="/" />}
        />
        <Field
          mono
          type="number"
          className={styles.draws}
          label="Draws"
          value={fields.draws}
          onChange={(draws) => change({ draws })}
          onKeyDown={onKeyDown}
          after={<span className="sm">draws</span>}
        />
        <Button variant="primary" disabled={problem !== ''} onClick={() => void ask(fields)}>
          Explain
          <Kbd keys="Enter" />
        </Button>
        <textarea
          className={styles.headers}
          aria-label="Headers, one name: value a line"
          placeholder="Headers, one a line: x-canary: 1"
          rows={Math.min(8, Math.max(2, fields.headers.split('\n').length))}
          spellCheck={false}
          value={fields.headers}
          onChange={(event) => change({ headers: event.target.value })}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void ask(fields);
            if (event.key === 'Escape') event.currentTarget.blur();
          }}
        />
      </form>
      {problem !== '' && (
        <p className={styles.problem} role="status">
          <Icon name="problem" size={13} />
          {problem}
        </p>
      )}
      <section aria-label="Decision" aria-live="polite">
        {answer === null ? null : 'failure' in answer ? (
          <EmptyState icon="error" title="The decision could not be told">
            {answer.failure}
          </EmptyState>
        ) : (
          <>
            <Bars title="By weight to the clusters" bars={clusterBars(answer.decision)} />
            <Bars
              title={`Hosts of ${answer.decision.outcome.cluster ?? 'the cluster'}`}
              bars={hostBars(answer.decision)}
            />
            <DecisionTrace decision={answer.decision} only={only} onOnly={setOnly} />
          </>
        )}
      </section>
    </div>
  );
}

function Bars({ title, bars }: { readonly title: string; readonly bars: readonly Bar[] }) {
  if (bars.length === 0) return null;
  return (
    <section className={styles.bars} aria-label={title}>
      <Heading>{title}</Heading>
      <ul>
        {bars.map(({ name, share, picks }) => (
          <li key={name ?? ''}>
            <span className={name === null ? 'c-err' : 'mono trunc'}>{name ?? 'no host'}</span>
            <span className={styles.track} aria-hidden="true">
              <i style={{ width: `${share * 100}%` }} />
            </span>
            <span className="num">{formatShare(share)}</span>
            <span className="num sub">{picks === null ? '' : formatCount(picks)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
