/**
 * What the proxy remembers and tells: statistics, access logs, records, live metrics, events and the admin
 * interface. It is told by the data path and never makes it wait.
 */

export { type AccessLogType, compileAccessLogs, defaultLogLine } from './access-log/compile.ts';
export { LogFileManager, type LogFileOptions, type LogFileSystem } from './access-log/log-file.ts';
export { adminHandlers, handleAdmin } from './admin/handlers.ts';
export { anyJson, messageJson } from './admin/message-json.ts';
export { AdminServer, type AdminServerOptions } from './admin/server.ts';
export type * from './admin/types.ts';
export { EventLog, type NewCoreEvent } from './event-log.ts';
export {
  type CompiledFilter,
  compileFilter,
  type FilterPredicate,
  type FilterSubject,
} from './filter/filter.ts';
export { type FilteredRecords, filterRecords, filterRecordsInSlices } from './filter/filter-records.ts';
export { LiveMetrics, type MetricsSource } from './metrics.ts';
export { type ChangedRows, Recorder, type RecorderOptions } from './recorder/recorder.ts';
export { RouteIds } from './route-ids.ts';
export { ServerStats, type ServerStatsSource } from './server-stats.ts';
export { compileStats, type StatsConfig } from './stats/compile.ts';
export { renderPrometheus } from './stats/prometheus.ts';
export { EVERYTHING, parseStatsQuery, type StatsQuery } from './stats/query.ts';
export { renderStatsJson, renderStatsText } from './stats/render.ts';
export { DEFAULT_FLUSH_INTERVAL, StatsStore } from './stats/store.ts';
export { type CustomTag, extractTags } from './stats/tag-extraction.ts';
export type { AccessLog, StreamRecorder } from './types.ts';
