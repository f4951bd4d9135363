import type { CompileContext } from '../../../config/compile-context.ts';
import type { MessageReader } from '../../../config/reader.ts';
import { buildMethodTable, type MethodTable, readDescriptorSet } from './method-table.ts';
import type { UnescapeSpec } from './path-template.ts';
import type { PrintOptions } from './response-json.ts';

/** `envoy.extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder`, compiled. */
export interface TranscoderSettings {
  /** Null: nothing is transcoded. */
  readonly table: MethodTable | null;
  readonly print: PrintOptions;
  readonly keepRoute: boolean;
  readonly ignoredParameters: ReadonlySet<string>;
  readonly ignoreUnknownParameters: boolean;
  readonly convertStatus: boolean;
  readonly unescape: UnescapeSpec;
  readonly unescapePlus: boolean;
  readonly anyVerb: boolean;
  readonly rejectUnknownMethod: boolean;
  readonly rejectUnknownParameters: boolean;
  readonly rejectCollisions: boolean;
  readonly caseInsensitiveEnums: boolean;
  /** Bytes; 0 = the connection's buffer limit. */
  readonly maxRequest: number;
  readonly maxResponse: number;
  readonly source: MessageReader['range'];
}

export function compileTranscoder(reader: MessageReader, ctx: CompileContext): TranscoderSettings {
  const print = reader.message('print_options');
  const validation = reader.message('request_validation_options');
  const captures = reader.bool('capture_unknown_query_parameters') ?? false;
  if (captures) {
    ctx.report(
      'notice',
      'filter.transcoder-capture',
      reader,
      'capture_unknown_query_parameters',
      'Query parameters that no field takes are left out; they are not put into the extensions of an HttpBody.',
    );
  }
  const lines = print?.bool('stream_newline_delimited') ?? false;
  const events = print?.bool('stream_sse_style_delimited') ?? false;
  return {
    table: compileTable(reader, ctx),
    print: {
      whitespace: print?.bool('add_whitespace') ?? false,
      defaults: print?.bool('always_print_primitive_fields') ?? false,
      enumsAsNumbers: print?.bool('always_print_enums_as_ints') ?? false,
      protoNames: print?.bool('preserve_proto_field_names') ?? false,
      stream: lines ? 'lines' : events ? 'events' : 'array',
    },
    keepRoute: reader.bool('match_incoming_request_route') ?? false,
    ignoredParameters: new Set(reader.strings('ignored_query_parameters')),
    ignoreUnknownParameters: captures || reader.bool('ignore_unknown_query_parameters') === true,
    convertStatus: reader.bool('convert_grpc_status') ?? false,
    unescape: (reader.enumeration('url_unescape_spec') ?? 'ALL_CHARACTERS_EXCEPT_RESERVED') as UnescapeSpec,
    unescapePlus: reader.bool('query_param_unescape_plus') ?? false,
    anyVerb: reader.bool('match_unregistered_custom_verb') ?? false,
    rejectUnknownMethod: validation?.bool('reject_unknown_method') ?? false,
    rejectUnknownParameters: validation?.bool('reject_unknown_query_parameters') ?? false,
    rejectCollisions: validation?.bool('reject_binding_body_field_collisions') ?? false,
    caseInsensitiveEnums: reader.bool('case_insensitive_enum_parsing') ?? false,
    maxRequest: reader.number('max_request_body_size') ?? 0,
    maxResponse: reader.number('max_response_body_size') ?? 0,
    source: reader.range,
  };
}

function compileTable(reader: MessageReader, ctx: CompileContext): MethodTable | null {
  const services = reader.strings('services');
  const autoMapping = reader.bool('auto_mapping') ?? false;
  const file = reader.string('proto_descriptor');
  const inline = reader.bytes('proto_descriptor_bin');
  if (services.length === 0) return null;
  const fail = (field: string, message: string): null => {
    ctx.report('error', 'filter.transcoder', reader, field, message);
    return null;
  };
  if (file === undefined && inline === undefined) return fail('', 'transcoding_filter: descriptor not set');
  const field = inline === undefined ? 'proto_descriptor' : 'proto_descriptor_bin';
  const bytes = inline ?? readFile(file ?? '', ctx);
  if (bytes === null) return fail(field, `Invalid path: ${file}`);
  const registry = readDescriptorSet(bytes);
  if (registry === null) return fail(field, 'transcoding_filter: Unable to parse proto descriptor');
  try {
    const table = buildMethodTable(registry, services, autoMapping);
    return typeof table === 'string' ? fail('services', table) : table;
  } catch {
    // An annotation that is no message of its kind.
    return fail(field, 'transcoding_filter: Unable to build proto descriptor pool');
  }
}

function readFile(path: string, ctx: CompileContext): Uint8Array | null {
  try {
    return ctx.files.exists(path) ? ctx.files.read(path) : null;
  } catch {
    return null;
  }
}
