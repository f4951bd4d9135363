import { useCallback, useEffect, useMemo, useState } from 'react';
import type { BodySide, RecordDetail, RecordedMessage } from '../../../proxy-core/index.ts';
import { Button } from '../../components/button.tsx';
import { Segmented } from '../../components/controls.tsx';
import { EmptyState, Heading } from '../../components/layers.tsx';
import { failureText } from '../../state/call-failed.ts';
import { getClient } from '../../state/client.ts';
import { formatBytes } from '../../state/format.ts';
import { bytesOf, hexLines, prettyJson } from './body.ts';
import styles from './drawer.module.css';
import { isTcp } from './drawer-tabs.ts';

/** Bytes asked for at a time. */
const SLICE = 64 * 1024;

/** The head and body of one direction, as the client saw it. */
export function MessageTab({ side, detail }: { readonly side: BodySide; readonly detail: RecordDetail }) {
  const message = side === 'request' ? detail.request : detail.response;
  if (message === null) {
    return (
      <EmptyState icon="info" title="No response was sent">
        {detail.row.done ? 'The connection ended before a response began.' : 'The request is still running.'}
      </EmptyState>
    );
  }
  if (isTcp(detail.row)) {
    return <BodySection title="Bytes" first="hex" side={side} seq={detail.row.seq} message={message} />;
  }
  return (
    <>
      <section className={styles.section}>
        <Heading>Head</Heading>
        <p className="mono select">{message.startLine}</p>
        <HeaderList headers={message.headers} />
      </section>
      <BodySection side={side} seq={detail.row.seq} message={message} />
      {message.trailers.length > 0 && (
        <section className={styles.section}>
          <Heading>Trailers</Heading>
          <HeaderList headers={message.trailers} />
        </section>
      )}
    </>
  );
}

function HeaderList({ headers }: { readonly headers: RecordedMessage['headers'] }) {
  return (
    <dl className={styles.headers}>
      {headers.map(([name, value], index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a recorded head never changes
        <div key={index}>
          <dt>{name}</dt>
          <dd className="select">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

type Mode = 'pretty' | 'raw' | 'hex';

function BodySection(props: {
  readonly title?: string;
  /** How it is shown first. */
  readonly first?: Mode;
  readonly side: BodySide;
  readonly seq: number;
  readonly message: RecordedMessage;
}) {
  const { title = 'Body', first = 'pretty', side, seq, message } = props;
  const [bytes, setBytes] = useState<Uint8Array>(new Uint8Array(0));
  const [mode, setMode] = useState<Mode>(first);
  const [failure, setFailure] = useState('');
  const type = message.headers.find(([name]) => name === 'content-type')?.[1] ?? '';
  const more = useCallback(
    async (have: Uint8Array) => {
      try {
        const slice = await getClient().call('records.body', {
          seq,
          side,
          offset: have.length,
          length: SLICE,
        });
        if (slice === null) return;
        const next = bytesOf(slice.base64);
        const all = new Uint8Array(have.length + next.length);
        all.set(have);
        all.set(next, have.length);
        setBytes(all);
      } catch (error) {
        setFailure(failureText(error));
      }
    },
    [seq, side],
  );
  useEffect(() => {
    if (message.bodyKept > 0) void more(new Uint8Array(0));
  }, [message.bodyKept, more]);
  const text = useMemo(() => {
    if (mode === 'hex') return hexLines(bytes);
    const raw = new TextDecoder().decode(bytes);
    return mode === 'pretty' ? prettyJson(raw, type) : raw;
  }, [bytes, mode, type]);
  if (message.bodyLength === 0) {
    return (
      <section className={styles.section}>
        <Heading>{title}</Heading>
        <p className="sub">None.</p>
      </section>
    );
  }
  return (
    <section className={styles.section}>
      <div className="row">
        <Heading>{title}</Heading>
        <span className="sm sub">
          {formatBytes(message.bodyLength)}
          {type !== '' && `, ${type}`}
          {message.bodyKept < message.bodyLength && `, the first ${formatBytes(message.bodyKept)} are kept`}
        </span>
        <span className="grow" />
        <Segmented<Mode>
          small
          label="How the body is shown"
          choices={[
            { value: 'pretty', label: 'Pretty' },
            { value: 'raw', label: 'Raw' },
            { value: 'hex', label: 'Hex' },
          ]}
          value={mode}
          onChange={setMode}
        />
      </div>
      {failure === '' ? <pre className={styles.pre}>{text}</pre> : <p className="c-err">{failure}</p>}
      {bytes.length < message.bodyKept && (
        <Button small onClick={() => void more(bytes)}>
          Show more ({formatBytes(message.bodyKept - bytes.length)} left)
        </Button>
      )}
    </section>
  );
}
