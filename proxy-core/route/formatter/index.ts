/**
 * Envoy's substitution formats (`%REQ(:METHOD)%`): parsed and checked once, then read from a stream's facts.
 * Access logs, header values and local replies use it; it opens no files and keeps no state.
 */

export { flagName } from './flag-names.ts';
export { compileFormat, constantFormatter, type Formatter, formatError } from './format.ts';
export { compileJsonFormat } from './json-format.ts';
export {
  type FormatError,
  type FormatOptions,
  HEADER_FORMAT,
  LOG_FORMAT,
  type MetadataSource,
} from './operator.ts';
export { addressText } from './operators-connection.ts';
export { requestHeader, responseHeader } from './operators-headers.ts';
export { OPERATOR_NAMES } from './parse.ts';
export { type TimeFormat, timeFormat } from './strftime.ts';
export {
  compileSubstitutionFormat,
  DEFAULT_LOG_FORMAT,
  type SubstitutionFormat,
} from './substitution-format.ts';
