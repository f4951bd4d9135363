import type { AttemptTiming, RecordDetail } from '../../../proxy-core/index.ts';
import { EmptyState } from '../../components/layers.tsx';
import { formatDuration } from '../../state/format.ts';
import { attemptReason, overlaps } from './attempt-words.ts';
import { isTcp } from './drawer-tabs.ts';
import { type Fact, Facts, mono, Notes } from './facts.tsx';
import { Words } from './words.tsx';

/** Each try at an upstream host, why there was one and what became of it; and what was sent beside the request. */
export function AttemptsTab({ detail }: { readonly detail: RecordDetail }) {
  const { attempts } = detail.timing;
  const tcp = isTcp(detail.row);
  return (
    <>
      {detail.redirectHops > 0 && (
        <Facts
          title="Internal redirects"
          rows={[
            [
              'Hops',
              `${detail.redirectHops}: the proxy followed the host’s redirect itself. This is where it ended.`,
            ],
          ]}
        />
      )}
      {attempts.length === 0 && (
        <EmptyState icon="info" title="No upstream was tried">
          {tcp ? (
            'The connection ended before a host was picked.'
          ) : (
            <>
              The proxy answered by itself: <code>{detail.row.details}</code>.
            </>
          )}
        </EmptyState>
      )}
      {attempts.map((attempt, index) => (
        <Facts
          // biome-ignore lint/suspicious/noArrayIndexKey: attempts are numbered
          key={index}
          title={`Attempt ${index + 1}`}
          rows={factsOf(attempt, index, attempts[index - 1], tcp)}
        />
      ))}
      <Notes notes={detail.notes} />
    </>
  );
}

function factsOf(
  attempt: AttemptTiming,
  index: number,
  before: AttemptTiming | undefined,
  tcp: boolean,
): Fact[] {
  const reason = attemptReason(attempt, index);
  const facts: Fact[] = [['Host', mono(attempt.host || 'none could be picked')]];
  if (reason !== '') facts.push(['Why', <Words key="v" text={reason} />]);
  facts.push(['Connection', connectionText(attempt)]);
  if (tcp) {
    if (attempt.failure !== '')
      facts.push([
        'Failure',
        <span key="v" className="c-err">
          {attempt.failure}
        </span>,
      ]);
  } else {
    facts.push([
      'Answer',
      attempt.status > 0 ? (
        String(attempt.status)
      ) : (
        <span key="v" className="c-err">
          {attempt.failure || 'given up'}
        </span>
      ),
    ]);
    facts.push(['First byte', `${span(attempt.sentFirst, attempt.firstByte)} after the request was sent`]);
  }
  if (attempt.poolReady !== null && attempt.poolReady > attempt.started)
    facts.push(['Waited', `${span(attempt.started, attempt.poolReady)} until it had the connection`]);
  facts.push([
    'Began',
    `${formatDuration(attempt.started / 1000)} into the ${tcp ? 'connection' : 'request'}${overlaps(attempt, before) ? ', while the one before still ran' : ''}`,
  ]);
  return facts;
}

/** Which connection, and what it took to make it. */
function connectionText(attempt: AttemptTiming): string {
  const number = attempt.connection === 0 ? '' : `number ${attempt.connection}, `;
  if (attempt.connectStarted === null) {
    return attempt.poolReady === null ? 'none was ready' : `${number}open already`;
  }
  const tls = attempt.secured === null ? '' : `, ${span(attempt.connected, attempt.secured)} for TLS`;
  return `${number}new, ${span(attempt.connectStarted, attempt.connected)} to connect${tls}`;
}

function span(from: number | null, to: number | null): string {
  return from === null || to === null ? '–' : formatDuration((to - from) / 1000);
}
