import { CallbackTimer } from '../../base/clock.ts';
import type { CompileContext } from '../../config/compile-context.ts';
import type { Diagnostic } from '../../config/diagnostic.ts';
import type { MessageReader } from '../../config/reader.ts';
import { FileSource } from '../../discovery/file-source.ts';
import type { ResourceListener, ResourceSource } from '../../discovery/resource-source.ts';
import type { UpstreamCluster } from '../cluster.ts';
import type { AssignmentPolicy } from '../cluster-config.ts';
import { compileAssignment } from '../compile-endpoints.ts';
import type { EndpointSource, SourceEnvironment } from '../endpoint-source.ts';
import { upstreamEvent } from '../events.ts';
import type { EdsConfig } from './config.ts';

const ASSIGNMENT = 'envoy.config.endpoint.v3.ClusterLoadAssignment';

/** EDS: the endpoints are a resource that changes by itself. A refused version leaves the hosts as they are. */
export class EdsEndpoints implements EndpointSource, ResourceListener {
  readonly ready: Promise<void>;
  private settle: () => void = () => {};
  private readonly source: ResourceSource;
  private readonly fetchTimer: CallbackTimer;
  private readonly staleTimer: CallbackTimer;
  private failing = false;

  constructor(
    private readonly cluster: UpstreamCluster,
    private readonly config: EdsConfig,
    private readonly environment: SourceEnvironment,
  ) {
    const { clock } = environment.services;
    this.ready = new Promise((resolve) => {
      this.settle = resolve;
    });
    this.source = new FileSource(config.path, config.watchedDirectory, this);
    this.fetchTimer = new CallbackTimer(clock, () => this.settle());
    this.staleTimer = new CallbackTimer(clock, () => this.onStale());
  }

  start(): void {
    if (this.config.initialFetchTimeout > 0) this.fetchTimer.arm(this.config.initialFetchTimeout);
    this.source.start();
  }

  close(): void {
    this.source.close();
    this.fetchTimer.disarm();
    this.staleTimer.disarm();
    this.settle();
  }

  onResources(resources: readonly MessageReader[]): string {
    const { stats } = this.cluster;
    stats.updateAttempt.inc();
    if (resources.length === 0) {
      stats.updateEmpty.inc();
      stats.updateSuccess.inc();
      this.first();
      return '';
    }
    const refusal = this.take(resources);
    if (refusal === '') {
      stats.updateSuccess.inc();
      this.failing = false;
    } else {
      stats.updateRejected.inc();
      this.announce(`Filesystem config update rejected: ${refusal}`);
    }
    this.first();
    return refusal;
  }

  onFailure(reason: string): void {
    this.cluster.stats.updateAttempt.inc();
    this.cluster.stats.updateFailure.inc();
    this.announce(reason);
    this.first();
  }

  private first(): void {
    this.fetchTimer.disarm();
    this.settle();
  }

  private take(resources: readonly MessageReader[]): string {
    const wanted = this.config.serviceName;
    if (resources.length !== 1) return `Unexpected EDS resource length: ${resources.length}`;
    const [resource] = resources;
    if (resource === undefined || resource.type !== ASSIGNMENT) {
      return `Unexpected EDS resource of type ${resource?.type ?? 'none'}`;
    }
    const name = resource.string('cluster_name') ?? '';
    if (name !== wanted) return `Unexpected EDS cluster (expecting ${wanted}): ${name}`;
    const errors: Diagnostic[] = [];
    const assignment = compileAssignment(resource, contextFor(errors), 'EDS');
    if (assignment === null || errors.length > 0) return errors[0]?.message ?? 'not usable';
    this.use(assignment.policy);
    this.cluster.setEndpoints(
      assignment.endpoints.map((endpoint) => ({
        ip: endpoint.address,
        port: endpoint.port,
        hostname: endpoint.hostname,
        endpoint,
        alternatives: endpoint.additionalAddresses,
      })),
    );
    return '';
  }

  private use(policy: AssignmentPolicy): void {
    this.cluster.setAssignmentPolicy(policy);
    this.staleTimer.disarm();
    if (policy.staleAfter > 0) {
      this.cluster.stats.assignmentTimeoutReceived.inc();
      this.staleTimer.arm(policy.staleAfter);
    }
  }

  /** `endpoint_stale_after`: what is that old says nothing any more. */
  private onStale(): void {
    this.cluster.stats.assignmentStale.inc();
    this.cluster.setEndpoints([]);
  }

  private announce(reason: string): void {
    if (this.failing) return;
    this.failing = true;
    const { cluster, environment } = this;
    environment.onEvent(
      upstreamEvent({
        at: environment.services.clock.wall(),
        kind: 'endpoints-refused',
        tone: 'warn',
        text: `Endpoints of ${cluster.name} could not be taken over (${reason}): ${cluster.hosts.length === 0 ? 'it has no hosts' : 'the last ones stay in use'}.`,
        cluster: cluster.name,
        reason,
      }),
    );
  }
}

/** Resources that come by themselves see nothing of the bootstrap. */
function contextFor(errors: Diagnostic[]): CompileContext {
  return {
    report: (severity, code, reader, field, message) => {
      if (severity !== 'error') return;
      const path = field === '' ? reader.path : reader.pathOf(field);
      errors.push({ severity, code, message, path, range: reader.rangeOf(field) });
    },
    clusterNames: new Set(),
    serving: true,
    files: { read: () => new Uint8Array(), exists: () => false },
    node: { id: '', cluster: '' },
    runtime: new Map(),
  };
}
