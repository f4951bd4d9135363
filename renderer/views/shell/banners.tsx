import type { ConfigState } from '../../../electron/ipc/contract.ts';
import type { ListenerState, RecorderState } from '../../../proxy-core/index.ts';
import { Button, LinkButton } from '../../components/button.tsx';
import { Banner } from '../../components/layers.tsx';
import { dismissBanner, openLayer } from '../../state/actions.ts';
import { formatCount, plural } from '../../state/format.ts';
import { configHref } from '../../state/router.ts';
import { useApp, useConfig, useCore, useRows, useUi } from '../../state/stores.ts';

/** What is wrong now, worst first. Each says what happened, what still works and what to do. */
export function Banners() {
  const connection = useApp((s) => s.connection);
  const config = useConfig((s) => s.config);
  const listeners = useCore((s) => s.core?.listeners) ?? [];
  const recorder = useRows((s) => s.recorder);
  const dismissed = useUi((s) => s.dismissed);
  const failed = listeners.filter((listener) => listener.status === 'failed');
  const rejectedId = `rejected:${config?.fileText.length ?? 0}:${config?.diagnostics[0]?.message ?? ''}`;
  return (
    <>
      {connection === 'lost' && <LostBanner />}
      {config?.status === 'rejected' && !dismissed.has(rejectedId) && (
        <RejectedBanner config={config} id={rejectedId} />
      )}
      {failed.length > 0 && <ListenerBanner failed={failed} all={listeners} />}
      {recorder !== null && recorder.records >= recorder.maxRecords && !dismissed.has('full') && (
        <FullBanner recorder={recorder} />
      )}
    </>
  );
}

function LostBanner() {
  return (
    <Banner tone="err" title="The connection to Attaché is lost.">
      The proxy may still be running; what you see is from before. Attaché tries again by itself.
    </Banner>
  );
}

function RejectedBanner({ config, id }: { readonly config: ConfigState; readonly id: string }) {
  const errors = config.diagnostics.filter((d) => d.severity === 'error');
  const first = errors[0];
  const title =
    config.runningVersion > 0
      ? `The edit of ${config.name} was rejected, v${config.runningVersion} keeps running.`
      : `${config.name} was rejected, so nothing runs.`;
  const rest = errors.length > 1 ? ` And ${plural(errors.length - 1, 'more error')}.` : '';
  return (
    <Banner
      tone="err"
      title={title}
      actions={
        <>
          {first !== undefined && (
            <LinkButton small href={configHref(first.range.line)}>
              Go to line {first.range.line}
            </LinkButton>
          )}
          <Button small variant="ghost" onClick={() => dismissBanner(id)}>
            Dismiss
          </Button>
        </>
      }
    >
      {first !== undefined && `Line ${first.range.line}: ${first.message}${rest}`}{' '}
      {config.runningVersion > 0 && 'Nothing changed for traffic.'}
    </Banner>
  );
}

function ListenerBanner(props: {
  readonly failed: readonly ListenerState[];
  readonly all: readonly ListenerState[];
}) {
  const { failed, all } = props;
  const first = failed[0];
  if (first === undefined) return null;
  const up = all.filter((listener) => listener.status === 'listening');
  const title =
    failed.length === 1
      ? `${first.name} is down: ${withoutFinalStop(first.error)}.`
      : `${failed.length} of ${all.length} listeners are down.`;
  const details =
    failed.length === 1 ? '' : failed.map((l) => `${l.name}: ${withoutFinalStop(l.error)}. `).join('');
  return (
    <Banner
      tone="err"
      title={title}
      actions={
        <LinkButton small href={configHref(first.source.line)}>
          Change its port
        </LinkButton>
      }
    >
      {details}
      {up.length > 0
        ? `${up.map((l) => l.name).join(', ')} ${up.length === 1 ? 'is' : 'are'} up.`
        : 'No listener is up, so no traffic comes in.'}{' '}
      Free {portOf(first.address)} or change it in the configuration.
    </Banner>
  );
}

function withoutFinalStop(text: string): string {
  return text.replace(/\.$/, '');
}

function portOf(address: string): string {
  const port = /:(\d+)$/.exec(address)?.[1];
  return port === undefined ? address : `port ${port}`;
}

function FullBanner({ recorder }: { readonly recorder: RecorderState }) {
  return (
    <Banner
      tone="note"
      title={`${formatCount(recorder.maxRecords)} requests are recorded.`}
      actions={
        <>
          <Button small onClick={() => openLayer('clear-records')}>
            Clear…
          </Button>
          <Button small variant="ghost" onClick={() => dismissBanner('full')}>
            Dismiss
          </Button>
        </>
      }
    >
      From now on the oldest go first. Traffic is not affected.
    </Banner>
  );
}
