import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';

/** One compression or decompression library of a filter. */
export interface CompressionLibrary {
  /** The configured name: part of the names of the statistics. */
  readonly name: string;
  /** Token of `content-encoding`. */
  readonly encoding: 'gzip' | 'br' | 'zstd';
  /** `gzip.`, `brotli.`, `zstd.` */
  readonly statPrefix: string;
  /** Most bytes out for one byte in, for decompression; 0 = no limit. */
  readonly maxRatio: number;
  /** Null when this Node cannot do it. */
  readonly create: (() => Transform) | null;
}

/** Zstandard came with Node 22.15; older ones lack it. */
interface ZstdFunctions {
  readonly createZstdCompress?: (options: object) => Transform;
  readonly createZstdDecompress?: (options: object) => Transform;
}

const { constants } = zlib;
const ZSTD = zlib as ZstdFunctions;
const COMPRESS = 'envoy.extensions.compression';

const GZIP_STRATEGIES: Readonly<Record<string, number>> = {
  FILTERED: constants.Z_FILTERED,
  FIXED: constants.Z_FIXED,
  HUFFMAN_ONLY: constants.Z_HUFFMAN_ONLY,
  RLE: constants.Z_RLE,
};

const BROTLI_MODES: Readonly<Record<string, number>> = {
  TEXT: constants.BROTLI_MODE_TEXT,
  FONT: constants.BROTLI_MODE_FONT,
};

/** Names of the zstd strategies in the order of their numbers, from 1. */
const ZSTD_STRATEGIES = [
  'FAST',
  'DFAST',
  'GREEDY',
  'LAZY',
  'LAZY2',
  'BTLAZY2',
  'BTOPT',
  'BTULTRA',
  'BTULTRA2',
];
// ZSTD_cParameter and ZSTD_EndDirective of zstd.h: types for Node 20 lack them.
const ZSTD_LEVEL = 100;
const ZSTD_STRATEGY = 107;
const ZSTD_CHECKSUM = 201;
const ZSTD_FLUSH = 1;

/** Every piece of a body leaves at once, so that streams stay streams (Envoy: Compressor::State::Flush). */
const COMPRESSORS: Readonly<
  Record<string, (reader: MessageReader) => Omit<CompressionLibrary, 'name' | 'maxRatio'>>
> = {
  [`${COMPRESS}.gzip.compressor.v3.Gzip`]: (reader) => {
    const options: zlib.ZlibOptions = {
      level: gzipLevel(reader.enumeration('compression_level')),
      strategy:
        GZIP_STRATEGIES[reader.enumeration('compression_strategy') ?? ''] ?? constants.Z_DEFAULT_STRATEGY,
      memLevel: reader.number('memory_level') ?? 5,
      windowBits: reader.number('window_bits') ?? 12,
      chunkSize: reader.number('chunk_size') ?? 4096,
      flush: constants.Z_SYNC_FLUSH,
    };
    return { encoding: 'gzip', statPrefix: 'gzip.', create: () => zlib.createGzip(options) };
  },
  [`${COMPRESS}.brotli.compressor.v3.Brotli`]: (reader) => {
    const options: zlib.BrotliOptions = {
      chunkSize: reader.number('chunk_size') ?? 4096,
      flush: constants.BROTLI_OPERATION_FLUSH,
      params: {
        [constants.BROTLI_PARAM_QUALITY]: reader.number('quality') ?? 3,
        [constants.BROTLI_PARAM_LGWIN]: reader.number('window_bits') ?? 18,
        [constants.BROTLI_PARAM_LGBLOCK]: reader.number('input_block_bits') ?? 24,
        [constants.BROTLI_PARAM_MODE]:
          BROTLI_MODES[reader.enumeration('encoder_mode') ?? ''] ?? constants.BROTLI_MODE_GENERIC,
        [constants.BROTLI_PARAM_DISABLE_LITERAL_CONTEXT_MODELING]:
          reader.bool('disable_literal_context_modeling') ?? false,
      },
    };
    return { encoding: 'br', statPrefix: 'brotli.', create: () => zlib.createBrotliCompress(options) };
  },
  [`${COMPRESS}.zstd.compressor.v3.Zstd`]: (reader) => {
    const make = ZSTD.createZstdCompress;
    if (make === undefined) return { encoding: 'zstd', statPrefix: 'zstd.', create: null };
    const strategy = ZSTD_STRATEGIES.indexOf(reader.enumeration('strategy') ?? '') + 1;
    const options = {
      chunkSize: reader.number('chunk_size') ?? 131_072,
      flush: ZSTD_FLUSH,
      params: {
        [ZSTD_LEVEL]: reader.number('compression_level') ?? 3,
        [ZSTD_CHECKSUM]: reader.bool('enable_checksum') === true ? 1 : 0,
        ...(strategy === 0 ? {} : { [ZSTD_STRATEGY]: strategy }),
      },
    };
    return { encoding: 'zstd', statPrefix: 'zstd.', create: () => make(options) };
  },
};

const DECOMPRESSORS: Readonly<Record<string, (reader: MessageReader) => Omit<CompressionLibrary, 'name'>>> = {
  [`${COMPRESS}.gzip.decompressor.v3.Gzip`]: (reader) => {
    const options: zlib.ZlibOptions = {
      windowBits: reader.number('window_bits') ?? 15,
      chunkSize: reader.number('chunk_size') ?? 4096,
      // What is cut short gives what is there.
      finishFlush: constants.Z_SYNC_FLUSH,
    };
    const maxRatio = reader.number('max_inflate_ratio') ?? 100;
    return { encoding: 'gzip', statPrefix: 'gzip.', maxRatio, create: () => zlib.createGunzip(options) };
  },
  [`${COMPRESS}.brotli.decompressor.v3.Brotli`]: (reader) => {
    const options: zlib.BrotliOptions = {
      chunkSize: reader.number('chunk_size') ?? 4096,
      finishFlush: constants.BROTLI_OPERATION_FLUSH,
      params: {
        [constants.BROTLI_DECODER_PARAM_DISABLE_RING_BUFFER_REALLOCATION]:
          reader.bool('disable_ring_buffer_reallocation') ?? false,
      },
    };
    return {
      encoding: 'br',
      statPrefix: 'brotli.',
      maxRatio: 100,
      create: () => zlib.createBrotliDecompress(options),
    };
  },
  [`${COMPRESS}.zstd.decompressor.v3.Zstd`]: (reader) => {
    const make = ZSTD.createZstdDecompress;
    const options = { chunkSize: reader.number('chunk_size') ?? 131_072 };
    return {
      encoding: 'zstd',
      statPrefix: 'zstd.',
      maxRatio: 100,
      create: make === undefined ? null : () => make(options),
    };
  },
};

function gzipLevel(level: string | undefined): number {
  if (level === 'BEST_SPEED') return 1;
  if (level === 'BEST_COMPRESSION') return 9;
  const number = /^COMPRESSION_LEVEL_(\d)$/.exec(level ?? '')?.[1];
  return number === undefined ? constants.Z_DEFAULT_COMPRESSION : Number(number);
}

/** Compiles `compressor_library`; null when it is none that is known, which has been reported. */
export function compileCompressorLibrary(
  filter: MessageReader,
  ctx: CompileContext,
): CompressionLibrary | null {
  const library = compileLibrary(filter, 'compressor_library', COMPRESSORS, ctx);
  return library === null ? null : { maxRatio: 0, ...library };
}

export function compileDecompressorLibrary(
  filter: MessageReader,
  ctx: CompileContext,
): CompressionLibrary | null {
  return compileLibrary(filter, 'decompressor_library', DECOMPRESSORS, ctx);
}

function compileLibrary<Library extends Omit<CompressionLibrary, 'name' | 'maxRatio'>>(
  filter: MessageReader,
  field: string,
  libraries: Readonly<Record<string, (reader: MessageReader) => Library>>,
  ctx: CompileContext,
): (Library & { readonly name: string }) | null {
  const extension = filter.message(field);
  const config = extension?.message('typed_config');
  if (extension === undefined || config === undefined) return null;
  const name = extension.string('name') ?? '';
  const compile = libraries[config.type];
  if (compile === undefined) {
    ctx.report(
      'error',
      'filter.compression-library',
      extension,
      'typed_config',
      `Didn't find a registered implementation for type: '${config.type}'`,
    );
    return null;
  }
  const library = compile(config);
  if (library.create === null) {
    ctx.report(
      'notice',
      'filter.zstd-missing',
      extension,
      'typed_config',
      'Zstandard needs Node 22.15 or newer: with this one bodies pass as they are.',
    );
  }
  return { ...library, name };
}
