import { json } from './response.ts';
import type { AdminBackend, AdminCertificate, AdminResponse } from './types.ts';

/** Envoy's hot restart compatibility version; there is no hot restart here. */
export const HOT_RESTART_VERSION = '11.104';

export function serverInfo(backend: AdminBackend): AdminResponse {
  const info = backend.serverInfo();
  const [revision = '', version = '', status = '', type = '', crypto = ''] = info.version.split('/');
  const [major = 0, minor = 0, patch = 0] = version.split(/[.-]/).map((part) => Number(part) || 0);
  return json({
    version: info.version,
    state: info.state,
    uptime_current_epoch: `${info.uptime}s`,
    uptime_all_epochs: `${info.uptime}s`,
    hot_restart_version: HOT_RESTART_VERSION,
    command_line_options: { concurrency: 1, mode: 'Serve', ...info.commandLineOptions },
    node: {
      id: info.node.id,
      cluster: info.node.cluster,
      user_agent_name: 'envoy',
      user_agent_build_version: {
        version: { major_number: major, minor_number: minor, patch },
        metadata: {
          'revision.sha': revision,
          'revision.status': status,
          'build.type': type,
          'ssl.version': crypto,
        },
      },
      extensions: [],
      client_features: [],
      listening_addresses: [],
      dynamic_parameters: {},
    },
  });
}

/** The fields of `envoy.admin.v3.Memory` that this process can tell. */
export function memory(): AdminResponse {
  const usage = process.memoryUsage();
  return json({
    allocated: String(usage.heapUsed + usage.external),
    heap_size: String(usage.heapTotal + usage.external),
    pageheap_unmapped: '0',
    pageheap_free: String(usage.heapTotal - usage.heapUsed),
    total_thread_cache: '0',
    total_physical_bytes: String(usage.rss),
  });
}

export function certificates(backend: AdminBackend, now: number): AdminResponse {
  return json({
    certificates: backend.certificates().map((pair) => ({
      ca_cert: pair.caCert.map((c) => certificate(c, now)),
      cert_chain: pair.certChain.map((c) => certificate(c, now)),
    })),
  });
}

function certificate(c: AdminCertificate, now: number): unknown {
  const seconds = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`;
  return {
    path: c.path,
    serial_number: c.serialNumber,
    subject_alt_names: c.subjectAltNames.map((name) => ({ [name.kind]: name.value })),
    days_until_expiration: String(Math.max(0, Math.floor((c.validTo - now) / 86_400_000))),
    valid_from: seconds(c.validFrom),
    expiration_time: seconds(c.validTo),
  };
}
