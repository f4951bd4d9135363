import { useEffect, useState } from 'react';
import type {
  Candidate,
  Decision,
  DecisionStep,
  DecisionStepKind,
  RecordDetail,
} from '../../../proxy-core/index.ts';
import { Segmented } from '../../components/controls.tsx';
import { cx } from '../../components/cx.ts';
import { Icon } from '../../components/icon.tsx';
import { EmptyState } from '../../components/layers.tsx';
import { YamlLink } from '../../components/marks.tsx';
import { failureText } from '../../state/call-failed.ts';
import { getClient } from '../../state/client.ts';
import { formatDuration } from '../../state/format.ts';
import styles from './decision.module.css';
import drawer from './drawer.module.css';
import { Loading } from './loading.tsx';
import { Words } from './words.tsx';

const KINDS: Readonly<Record<DecisionStepKind, string>> = {
  listener: 'Listener',
  'filter-chain': 'Filter chain',
  'http-filters': 'HTTP filters',
  'virtual-host': 'Virtual host',
  route: 'Route',
  rewrite: 'Rewrite',
  headers: 'Headers',
  cluster: 'Cluster',
  'load-balancing': 'Load balancing',
  attempt: 'Attempt',
  response: 'Response',
};

/** The full reason for what happened to a request, told by the code that decided. */
export function DecisionTab({ detail }: { readonly detail: RecordDetail }) {
  const { seq, done } = detail.row;
  const [decision, setDecision] = useState<Decision | null | undefined>(undefined);
  const [failure, setFailure] = useState('');
  const [only, setOnly] = useState<'all' | 'choices'>('all');
  // biome-ignore lint/correctness/useExhaustiveDependencies: told again when the request ends
  useEffect(() => {
    let current = true;
    getClient()
      .call('records.decision', { seq })
      .then((found) => current && setDecision(found))
      .catch((error: unknown) => current && setFailure(failureText(error)));
    return () => {
      current = false;
    };
  }, [seq, done]);
  if (failure !== '') {
    return (
      <EmptyState icon="error" title="The decision could not be told">
        {failure}
      </EmptyState>
    );
  }
  if (decision === undefined) return <Loading />;
  if (decision === null) {
    return (
      <EmptyState icon="history" title="The decision is no longer known">
        The configuration that decided is kept only as long as a recorded request names it.
      </EmptyState>
    );
  }
  return <DecisionTrace decision={decision} only={only} onOnly={setOnly} />;
}

export function DecisionTrace(props: {
  readonly decision: Decision;
  readonly only: 'all' | 'choices';
  readonly onOnly: (only: 'all' | 'choices') => void;
}) {
  const { decision, only, onOnly } = props;
  const steps = only === 'all' ? decision.steps : decision.steps.filter((step) => step.candidates.length > 0);
  return (
    <>
      <div className={drawer.summary}>
        <Icon name="info" size={15} />
        <p className="grow">
          <b>{decision.headline}</b> <Words text={decision.detail} />
        </p>
        <Segmented
          small
          label="Steps"
          choices={[
            { value: 'all', label: 'All steps' },
            { value: 'choices', label: 'Only choices' },
          ]}
          value={only}
          onChange={onOnly}
        />
      </div>
      <ol className={styles.trace}>
        {steps.map((step) => (
          <Step key={decision.steps.indexOf(step)} step={step} />
        ))}
      </ol>
    </>
  );
}

function Step({ step }: { readonly step: DecisionStep }) {
  return (
    <li className={cx(styles.step, styles[step.tone])}>
      <span className={styles.rail} aria-hidden="true" />
      <div className={styles.head}>
        <span className={styles.kind}>{KINDS[step.kind]}</span>
        <span className={styles.title}>
          <b>{step.subject}</b> <Words text={step.text} />
        </span>
        <span className={cx('num', styles.at)}>
          {step.at === null ? '' : step.at === 0 ? '+0' : `+${formatDuration(step.at / 1000)}`}
        </span>
        <span className={styles.link}>{step.source !== null && <YamlLink source={step.source} />}</span>
      </div>
      {(step.candidates.length > 0 || step.notes.length > 0) && (
        <div className={styles.below}>
          {step.candidates.map((candidate) => (
            <CandidateRow
              key={`${candidate.index} ${candidate.name} ${candidate.condition}`}
              candidate={candidate}
            />
          ))}
          {step.notes.map((note) => (
            <div key={note.text} className={cx(styles.note, note.tone === 'bad' && 'c-err')}>
              <Words text={note.text} /> {note.source !== null && <YamlLink source={note.source} />}
            </div>
          ))}
        </div>
      )}
    </li>
  );
}

const RESULTS = {
  won: { icon: 'check', label: 'won', style: styles.won },
  lost: { icon: 'close', label: 'lost', style: styles.lost },
  'not-tried': { icon: 'minus', label: 'not tried', style: styles.untried },
} as const;

function CandidateRow({ candidate }: { readonly candidate: Candidate }) {
  const result = RESULTS[candidate.result];
  return (
    <div className={cx(styles.candidate, result.style)}>
      <span title={result.label} role="img" aria-label={result.label}>
        <Icon name={result.icon} size={13} />
      </span>
      <span className={styles.name}>
        {candidate.index > 0 && <span className={cx('num', styles.index)}>{candidate.index}</span>}
        {candidate.name}
      </span>
      <span className={cx('mono', styles.condition)}>{candidate.condition}</span>
      <span>
        <Words text={candidate.reason} />
      </span>
      <span className={styles.link}>
        {candidate.source !== null && <YamlLink source={candidate.source} />}
      </span>
    </div>
  );
}
