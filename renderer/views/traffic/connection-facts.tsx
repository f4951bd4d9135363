import type { CertificateDetail, RecordDetail, TlsDetail } from '../../../proxy-core/index.ts';
import { Heading } from '../../components/layers.tsx';
import { formatTime } from '../../state/format.ts';
import { certificateState } from './certificate-state.ts';
import styles from './drawer.module.css';
import { type Fact, Facts, mono } from './facts.tsx';

/** The connections on both sides: ids, sockets, TLS, fingerprints, certificates. */
export function ConnectionFacts({ detail }: { readonly detail: RecordDetail }) {
  const { connection } = detail;
  const { upstream } = connection;
  return (
    <>
      <div className={styles.two}>
        <Facts
          title="Client connection"
          rows={[
            ['Connection', mono(`C${connection.id}`)],
            ['Listens at', mono(connection.local)],
            ...(connection.directRemote === detail.remote
              ? []
              : ([['Socket peer', mono(connection.directRemote)]] satisfies Fact[])),
            ...(connection.filterChain === ''
              ? []
              : ([['Filter chain', connection.filterChain]] satisfies Fact[])),
            ...tlsFacts(connection.tls),
            ...(connection.serverName === ''
              ? []
              : ([['SNI', mono(connection.serverName)]] satisfies Fact[])),
            ...(connection.ja3 === '' ? [] : ([['JA3', mono(connection.ja3)]] satisfies Fact[])),
            ...(connection.ja4 === '' ? [] : ([['JA4', mono(connection.ja4)]] satisfies Fact[])),
            ...(connection.terminationDetails === ''
              ? []
              : ([['Ended by', mono(connection.terminationDetails)]] satisfies Fact[])),
          ]}
        />
        <Facts
          title="Host connection"
          rows={
            upstream.id < 0 && upstream.local === ''
              ? [['Connection', upstream.failure === '' ? 'none' : mono(upstream.failure)]]
              : [
                  ['Connection', mono(`C${upstream.id}`)],
                  ['From', mono(upstream.local || '–')],
                  ['Protocol', upstream.protocol || 'TCP'],
                  ...tlsFacts(upstream.tls),
                  ...(upstream.failure === ''
                    ? []
                    : ([['Failure', mono(upstream.failure)]] satisfies Fact[])),
                ]
          }
        />
      </div>
      {certificates(detail).map(([title, certificate]) => (
        <Certificate key={title} title={title} certificate={certificate} at={detail.row.at} />
      ))}
    </>
  );
}

function tlsFacts(tls: TlsDetail | null): Fact[] {
  if (tls === null) return [['TLS', 'none, plain text']];
  return [
    ['TLS', tls.version === '' ? 'yes' : tls.version],
    ...(tls.cipher === '' ? [] : ([['Cipher', mono(tls.cipher)]] satisfies Fact[])),
    ...(tls.alpn === '' ? [] : ([['ALPN', mono(tls.alpn)]] satisfies Fact[])),
  ];
}

function certificates({ connection }: RecordDetail): (readonly [string, CertificateDetail])[] {
  const sides = [
    ['Client’s certificate', connection.tls?.peer],
    ['Listener’s certificate', connection.tls?.local],
    ['Host’s certificate', connection.upstream.tls?.peer],
    ['Certificate shown to the host', connection.upstream.tls?.local],
  ] as const;
  return sides.flatMap(([title, certificate]) =>
    certificate === null || certificate === undefined ? [] : [[title, certificate] as const],
  );
}

function Certificate(props: {
  readonly title: string;
  readonly certificate: CertificateDetail;
  readonly at: number;
}) {
  const { title, certificate, at } = props;
  const state = certificateState(certificate, at);
  const rows: Fact[] = [
    ['Subject', mono(certificate.subject || '–')],
    ['Names', mono(certificate.names.join(', ') || 'none')],
    ['Issuer', mono(certificate.issuer || '–')],
    ['Serial', mono(certificate.serial)],
    [
      'Valid',
      <span key="v" className={state.valid ? undefined : 'c-err'}>
        {day(certificate.validFrom)} to {day(certificate.validTo)}, {state.text}
      </span>,
    ],
    ['SHA-256', mono(certificate.fingerprint)],
  ];
  return (
    <details className={styles.certificate}>
      <summary>
        <Heading>{title}</Heading>
        <span className="sub sm trunc">
          {certificate.names[0] ?? certificate.subject}
          {!state.valid && <span className="c-err">, {state.text}</span>}
        </span>
      </summary>
      <dl className={styles.facts}>
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd className="select">{value}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

function day(at: number): string {
  return `${new Date(at).toISOString().slice(0, 10)} ${formatTime(at, 'minutes')}`;
}
