import { renderPrometheus } from '../stats/prometheus.ts';
import { EVERYTHING, parseStatsQuery } from '../stats/query.ts';
import { renderStatsJson, renderStatsText } from '../stats/render.ts';
import { addressText, clusters } from './clusters.ts';
import { addressJson, configDump } from './config-dump.ts';
import { helpText, indexPage } from './help.ts';
import { logging } from './logging.ts';
import { JSON_TYPE, json, OK, TEXT, text } from './response.ts';
import { certificates, HOT_RESTART_VERSION, memory, serverInfo } from './server-info.ts';
import type { AdminBackend, AdminHandler, AdminRequest, AdminResponse } from './types.ts';

/** `/stats` in the format that the query asks for. */
function stats(request: AdminRequest, backend: AdminBackend): AdminResponse {
  const parsed = parseStatsQuery(request.params);
  if (!parsed.ok) return text(parsed.message, parsed.status);
  const { query } = parsed;
  switch (query.format) {
    case 'json':
      return { status: 200, contentType: JSON_TYPE, body: renderStatsJson(backend.stats, query) };
    case 'prometheus':
      return text(renderPrometheus(backend.stats, { ...query, type: 'All' }));
    case 'html':
    case 'active-html':
      return {
        status: 200,
        contentType: 'text/html; charset=UTF-8',
        body: `<!DOCTYPE html>\n<meta charset="utf-8">\n<title>Statistics</title>\n<pre>\n${escapeHtml(
          renderStatsText(backend.stats, query),
        )}</pre>\n`,
      };
    case 'text':
      return text(renderStatsText(backend.stats, query));
  }
}

function escapeHtml(body: string): string {
  return body.replace(/[&<>]/g, (c) => `&#${c.charCodeAt(0)};`);
}

function prometheus(request: AdminRequest, backend: AdminBackend): AdminResponse {
  const parsed = parseStatsQuery(request.params);
  if (!parsed.ok) return text(parsed.message, parsed.status);
  // The type of statistic is not asked for here (as in Envoy).
  return text(renderPrometheus(backend.stats, { ...EVERYTHING, ...parsed.query, type: 'All' }));
}

function ready(backend: AdminBackend): AdminResponse {
  const { state } = backend.serverInfo();
  return text(`${state}\n`, state === 'LIVE' ? 200 : 503);
}

function listeners(request: AdminRequest, backend: AdminBackend): AdminResponse {
  const list = backend.listeners();
  if (request.params.get('format') === 'json') {
    if (list.length === 0) return json({});
    return json({
      listener_statuses: list.map((listener) => ({
        name: listener.name,
        local_address: addressJson(listener.address),
        additional_local_addresses:
          listener.additionalAddresses.length === 0
            ? undefined
            : listener.additionalAddresses.map(addressJson),
      })),
    });
  }
  let body = '';
  for (const listener of list) {
    for (const address of [listener.address, ...listener.additionalAddresses]) {
      body += `${listener.name}::${addressText(address)}\n`;
    }
  }
  return text(body);
}

function runtime(backend: AdminBackend): AdminResponse {
  const { layers, entries } = backend.runtime();
  const sorted = [...entries].sort((a, b) => (a[0] < b[0] ? -1 : 1));
  return json({
    layers,
    entries: Object.fromEntries(
      sorted.map(([key, entry]) => [key, { final_value: entry.finalValue, layer_values: entry.layerValues }]),
    ),
  });
}

const RUNTIME_USAGE =
  'usage: /runtime_modify?key1=value1&key2=value2&keyN=valueN\n' +
  '       or send the parameters as form values\n' +
  'use an empty value to remove a previously added override';

function modifyRuntime(request: AdminRequest, backend: AdminBackend): AdminResponse {
  if (request.params.size === 0) return text(RUNTIME_USAGE, 400);
  const error = backend.modifyRuntime(request.params);
  return error === null ? OK : text(error, 503);
}

function doing(action: (request: AdminRequest, backend: AdminBackend) => void): AdminHandler['handle'] {
  return (request, backend) => {
    action(request, backend);
    return OK;
  };
}

/** Names looked up while tracking was on, the most frequent last, as Envoy lists them. */
function lookupsText(lookups: ReadonlyMap<string, number> | null): string {
  if (lookups === null) {
    return 'Lookup tracking is not enabled. Use /stats/recentlookups/enable to enable.\n\ntotal: 0\n';
  }
  let total = 0;
  let body = '   Count Lookup\n';
  for (const [name, count] of [...lookups].sort((a, b) => a[1] - b[1])) {
    total += count;
    body += `${String(count).padStart(8)} ${name}\n`;
  }
  return `${body}\ntotal: ${total}\n`;
}

const STATS_USED = 'Only include stats that have been written by system since restart';
const STATS_FILTER = 'Regular expression (Google re2) for filtering stats';

/** Envoy's commands with its help texts (server/admin/admin.cc); profilers and traces of the C++ process are left out. */
const COMMANDS: readonly AdminHandler[] = [
  {
    path: '/certs',
    help: 'print certs on machine',
    handle: (_r, backend) => certificates(backend, Date.now()),
  },
  { path: '/clusters', help: 'upstream cluster status', handle: clusters },
  {
    path: '/config_dump',
    help: 'dump current Envoy configs (experimental)',
    params: [
      ['resource', 'The resource to dump'],
      [
        'mask',
        'The mask to apply. When both resource and mask are specified, the mask is applied to every element in the desired repeated field so that only a subset of fields are returned. The mask is parsed as a Protobuf::FieldMask',
      ],
      [
        'name_regex',
        'Dump only the currently loaded configurations whose names match the specified regex. Can be used with both resource and mask query parameters.',
      ],
      [
        'include_eds',
        'Dump currently loaded configuration including EDS. See the response definition for more information',
      ],
    ],
    handle: configDump,
  },
  {
    path: '/contention',
    help: 'dump current Envoy mutex contention stats (if enabled)',
    handle: () =>
      text('Mutex contention tracing is not enabled. To enable, run Envoy with flag --enable-mutex-tracing.'),
  },
  {
    path: '/drain_listeners',
    help: 'drain listeners',
    mutates: true,
    params: [
      [
        'graceful',
        'When draining listeners, enter a graceful drain period prior to closing listeners. This behaviour and duration is configurable via server options or CLI',
      ],
      [
        'skip_exit',
        'When draining listeners, do not exit after the drain period. This must be used with graceful',
      ],
      [
        'inboundonly',
        'Drains all inbound listeners. traffic_direction field in envoy_v3_api_msg_config.listener.v3.Listener is used to determine whether a listener is inbound or outbound.',
      ],
    ],
    handle: (request, backend) => {
      const graceful = request.params.has('graceful');
      const skipExit = request.params.has('skip_exit');
      if (skipExit && !graceful) return text('skip_exit requires graceful\n', 400);
      backend.drainListeners({ graceful, skipExit, inboundOnly: request.params.has('inboundonly') });
      return OK;
    },
  },
  {
    path: '/healthcheck/fail',
    help: 'cause the server to fail health checks',
    mutates: true,
    handle: doing((_r, backend) => backend.failHealthChecks(true)),
  },
  {
    path: '/healthcheck/ok',
    help: 'cause the server to pass health checks',
    mutates: true,
    handle: doing((_r, backend) => backend.failHealthChecks(false)),
  },
  {
    path: '/hot_restart_version',
    help: 'print the hot restart compatibility version',
    handle: () => text(HOT_RESTART_VERSION),
  },
  {
    path: '/init_dump',
    help: 'dump current Envoy init manager information (experimental)',
    params: [
      [
        'mask',
        'The desired component to dump unready targets. The mask is parsed as a Protobuf::FieldMask. For example, get the unready targets of all listeners with /init_dump?mask=listener`',
      ],
    ],
    handle: () => json({}),
  },
  {
    path: '/listeners',
    help: 'print listener info',
    params: [['format', 'File format to use; One of (text, json)']],
    handle: listeners,
  },
  {
    path: '/logging',
    help: 'query/change logging levels',
    mutates: true,
    params: [
      [
        'paths',
        'Change multiple logging levels by setting to <logger_name1>:<desired_level1>,<logger_name2>:<desired_level2>. If fine grain logging is enabled, use __FILE__ or a glob experision as the logger name. For example, source/common*:warning',
      ],
      [
        'level',
        "desired logging level, this will change all loggers's level; One of (, trace, debug, info, warning, error, critical, off)",
      ],
    ],
    handle: logging,
  },
  { path: '/memory', help: 'print current allocation/heap usage', handle: () => memory() },
  {
    path: '/quitquitquit',
    help: 'exit the server',
    mutates: true,
    handle: (_r, backend) => ({ ...OK, after: () => backend.quit() }),
  },
  {
    path: '/ready',
    help: 'print server state, return 200 if LIVE, otherwise return 503',
    handle: (_r, backend) => ready(backend),
  },
  {
    path: '/reopen_logs',
    help: 'reopen access logs',
    mutates: true,
    handle: doing((_r, backend) => backend.reopenLogs()),
  },
  {
    path: '/reset_counters',
    help: 'reset all counters to zero',
    mutates: true,
    handle: doing((_r, backend) => backend.stats.resetCounters()),
  },
  { path: '/runtime', help: 'print runtime values', handle: (_r, backend) => runtime(backend) },
  {
    path: '/runtime_modify',
    help: 'Adds or modifies runtime values as passed in query parameters. To delete a previously added key, use an empty string as the value. Note that deletion only applies to overrides added via this endpoint; values loaded from disk can be modified via override but not deleted. E.g. ?key1=value1&key2=value2...',
    mutates: true,
    handle: modifyRuntime,
  },
  {
    path: '/server_info',
    help: 'print server version/status information',
    handle: (_r, backend) => serverInfo(backend),
  },
  {
    path: '/stats',
    help: 'print server stats',
    params: [
      ['usedonly', STATS_USED],
      ['filter', STATS_FILTER],
      ['format', 'Format to use; One of (html, active-html, text, json)'],
      ['type', 'Stat types to include.; One of (All, Counters, Histograms, Gauges, TextReadouts)'],
      [
        'histogram_buckets',
        'Histogram bucket display mode; One of (cumulative, disjoint, detailed, summary)',
      ],
    ],
    handle: stats,
  },
  {
    path: '/stats/prometheus',
    help: 'print server stats in prometheus format',
    params: [
      ['usedonly', STATS_USED],
      ['text_readouts', 'Render text_readouts as new gaugues with value 0 (increases Prometheus data size)'],
      ['filter', STATS_FILTER],
      ['histogram_buckets', 'Histogram bucket display mode; One of (cumulative, summary)'],
    ],
    handle: prometheus,
  },
  {
    path: '/stats/recentlookups',
    help: 'Show recent stat-name lookups',
    handle: (_r, backend) => text(lookupsText(backend.stats.lookups)),
  },
  {
    path: '/stats/recentlookups/clear',
    help: 'clear list of stat-name lookups and counter',
    mutates: true,
    handle: doing((_r, backend) => backend.stats.lookups?.clear()),
  },
  {
    path: '/stats/recentlookups/disable',
    help: 'disable recording of reset stat-name lookup names',
    mutates: true,
    handle: doing((_r, backend) => backend.stats.trackLookups(false)),
  },
  {
    path: '/stats/recentlookups/enable',
    help: 'enable recording of reset stat-name lookup names',
    mutates: true,
    handle: doing((_r, backend) => backend.stats.trackLookups(true)),
  },
];

/** The table of commands, `/` and `/help` included; `more` adds to it. */
export function adminHandlers(more: readonly AdminHandler[] = []): readonly AdminHandler[] {
  const handlers: AdminHandler[] = [...COMMANDS, ...more];
  handlers.push(
    {
      path: '/',
      help: 'Admin home page',
      handle: () => ({
        status: 200,
        contentType: 'text/html; charset=UTF-8',
        body: indexPage(handlers),
      }),
    },
    {
      path: '/help',
      help: 'print out list of admin commands',
      handle: () => text(helpText(handlers)),
    },
  );
  return handlers;
}

/** Finds the command and runs it; 404 and 405 with Envoy's texts. */
export function handleAdmin(
  handlers: readonly AdminHandler[],
  request: AdminRequest,
  backend: AdminBackend,
): AdminResponse {
  const handler = handlers.find((h) => h.path === request.path);
  if (handler === undefined) return text(`invalid path. ${helpText(handlers)}`, 404);
  if (handler.mutates === true && request.method !== 'POST') {
    return { status: 405, contentType: TEXT, body: `Method ${request.method} not allowed, POST required.` };
  }
  return handler.handle(request, backend);
}
